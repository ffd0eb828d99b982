//! Ingestion from folder to batch, against a ledger of our own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod build;
mod example;
mod export;
mod ledger;
mod properties;
mod rooms;
mod runs;
mod sandbox;
mod vectors;
