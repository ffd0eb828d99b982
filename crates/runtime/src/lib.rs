//! What every program does around its services: settings, secrets, TLS, logs, metrics, traces, lifecycle,
//! memory, gRPC channels.

#[cfg(feature = "network")]
mod about;
#[cfg(feature = "network")]
mod admin;
#[cfg(feature = "network")]
mod ask;
mod grpc;
mod lifecycle;
mod memory;
mod outage;
#[cfg(feature = "network")]
mod readiness;
pub mod secret;
pub mod settings;
pub mod telemetry;
pub mod tls;
pub mod trace;

pub use crate::{
    grpc::{GrpcChannel, LARGEST_MESSAGE, in_process, with_metadata},
    lifecycle::{GRACE, Lifecycle},
    memory::share_freed_memory,
    outage::{Outage, Outages},
};

#[cfg(feature = "network")]
pub use crate::{
    about::{About, NoAnswer},
    admin::{AdminError, AdminSettings, serve_admin},
    ask::{Answer, AskError, ask},
    grpc::{
        Credentials, CredentialsError, GrpcSettings, Network, RemoteError, ServeError, Services,
        Transport, check_health,
    },
    readiness::Readiness,
};
