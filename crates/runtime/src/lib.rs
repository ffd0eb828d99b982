//! What every program does around its services: settings, secrets, TLS, logs, lifecycle, gRPC channels.

mod grpc;
mod lifecycle;
mod outage;
pub mod secret;
pub mod settings;
pub mod telemetry;
pub mod tls;

pub use crate::{
    grpc::{GrpcChannel, in_process},
    lifecycle::Lifecycle,
    outage::{Outage, Outages},
};
