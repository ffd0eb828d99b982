//! What every program does around its services: settings, secrets, TLS, logs, metrics, traces, lifecycle,
//! gRPC channels.

#[cfg(feature = "network")]
mod admin;
mod grpc;
mod lifecycle;
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
    outage::{Outage, Outages},
};

#[cfg(feature = "network")]
pub use crate::{
    admin::{AdminError, AdminSettings, serve_admin},
    grpc::{
        Credentials, CredentialsError, GrpcSettings, Network, RemoteError, ServeError, Services,
        Transport,
    },
    readiness::Readiness,
};
