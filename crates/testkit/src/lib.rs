//! Labs of real servers, and what a test needs to put them under strain. A development dependency
//! only.
//!
//! Every server lives in its own temporary folder, on free ports of the loopback interface, and stops
//! when its value is dropped.

mod azurite;
mod cyrus;
mod dovecot;
mod issuer;
mod lab;
mod proxy;
mod reader;

pub use crate::{
    azurite::{Azurite, azurite_root},
    cyrus::{Cyrus, cyrus_root},
    dovecot::{Dovecot, DovecotOptions, Fsync},
    issuer::TokenIssuer,
    lab::LabError,
    proxy::{Cut, CuttingProxy, Seeded},
    reader::{StoredMessage, folders, read_folder},
};
