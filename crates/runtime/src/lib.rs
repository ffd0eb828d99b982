//! What every program does around its services: settings, secrets, logs, lifecycle, gRPC channels.

mod grpc;
mod lifecycle;
mod outage;
pub mod secret;
pub mod settings;
pub mod telemetry;

pub use crate::{
    grpc::{GrpcChannel, LARGEST_MESSAGE, in_process},
    lifecycle::{GRACE, Lifecycle},
    outage::{Outage, Outages},
};

#[cfg(feature = "network")]
pub use crate::grpc::{
    Credentials, CredentialsError, GrpcSettings, RemoteError, ServeError, Transport, remote, serve,
};
