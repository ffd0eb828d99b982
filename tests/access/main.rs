//! The console's doors: who gets in, who may do what, and what other sites cannot.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/sandbox.rs"]
mod sandbox;

use chatkeep_testkit::OpenIdProvider;

#[tokio::test]
async fn starts() {
    OpenIdProvider::start().await.unwrap();
}
