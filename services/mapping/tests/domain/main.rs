//! The service and a real LDAP server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ldap;
#[path = "../it/ledger.rs"]
mod ledger;
#[path = "../it/refreshing.rs"]
mod refreshing;
mod rogue;
#[expect(dead_code, reason = "shared with the tests that need no server")]
#[path = "../it/world.rs"]
mod world;
