//! gRPC between processes: real sockets, real certificates.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod authority;
mod calls;
mod certificates;
mod collector;
mod service;
