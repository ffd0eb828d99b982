//! Labs of real mail servers, and what a test needs to put them under strain. A development dependency
//! only.
//!
//! Every server lives in its own temporary folder, on free ports of the loopback interface, and stops
//! when its value is dropped.

mod cyrus;
mod disk;
mod dovecot;
mod interposer;
mod lab;
mod proxy;
mod reader;

pub use crate::{
    cyrus::{Cyrus, cyrus_root},
    disk::SmallDisk,
    dovecot::{Dovecot, DovecotOptions, Fsync},
    interposer::Interposer,
    lab::LabError,
    proxy::{Cut, CuttingProxy, Seeded},
    reader::{StoredMessage, folders, read_folder},
};
