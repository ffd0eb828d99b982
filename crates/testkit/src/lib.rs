//! Labs of real servers, and what a test needs to put them under strain. A development dependency
//! only.
//!
//! Every server lives in its own temporary folder, on free ports of the loopback interface, and stops
//! when its value is dropped.

mod acceptor;
mod active_directory;
mod azurite;
mod balancer;
mod certificates;
mod cyrus;
mod disk;
mod dovecot;
#[cfg(any(feature = "ews", feature = "tds"))]
mod encryption;
#[cfg(feature = "ews")]
pub mod ews;
#[cfg(feature = "graph")]
pub mod graph;
mod interposer;
mod issuer;
mod lab;
#[cfg(feature = "tds")]
pub mod lcscdr;
#[cfg(feature = "tds")]
pub mod lcslog;
#[cfg(feature = "tds")]
pub mod mgc;
#[cfg(feature = "openid")]
mod openid;
mod postgres;
mod proxy;
mod rabbitmq;
mod reader;
mod smtp;
#[cfg(feature = "tds")]
mod sqlserver;
mod tap;
#[cfg(feature = "tds")]
pub mod tds;
#[cfg(feature = "tds")]
mod tsql;

#[cfg(feature = "openid")]
pub use crate::openid::OpenIdProvider;
pub use crate::{
    active_directory::{Account, ActiveDirectory, Search},
    azurite::{Azurite, azurite_root},
    balancer::Balancer,
    certificates::make_certificates,
    cyrus::{Cyrus, cyrus_root},
    disk::SmallDisk,
    dovecot::{Dovecot, DovecotOptions, Fsync},
    interposer::Interposer,
    issuer::TokenIssuer,
    lab::{LabError, free_port},
    postgres::Postgres,
    proxy::{Cut, CuttingProxy, Seeded},
    rabbitmq::{RabbitMq, Shortage},
    reader::{StoredMessage, folders, read_folder},
    smtp::{Smtp, SmtpTls, TakenMail},
    tap::Tap,
};
#[cfg(feature = "tds")]
pub use crate::{sqlserver::SqlServer, tsql::SqlError};
