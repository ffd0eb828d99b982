//! Staging in Azure Blob Storage, on Azurite.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/contract.rs"]
mod contract;
mod identity;
mod outages;
mod requests;
mod secrecy;
mod world;

use crate::world::InContainer;

contract!(InContainer::new());
