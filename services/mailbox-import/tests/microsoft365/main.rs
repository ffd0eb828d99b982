//! Mailbox import into Exchange Online and Exchange Server, as far as the test kit's are like them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../servers/bench.rs"]
mod bench;
mod canary;
mod check;
#[path = "../servers/contract.rs"]
mod contract;
mod ews;
mod faults;
mod large;
#[expect(dead_code, reason = "shared with the tests on mail servers")]
#[path = "../servers/ledger.rs"]
mod ledger;
mod refusals;
#[expect(dead_code, reason = "shared with the tests on mail servers")]
#[path = "../servers/support.rs"]
mod support;
mod tags;
mod tenant;
mod trial;

use support::Lab;

/// The targets of the contract.
fn labs() -> Vec<(&'static str, Lab)> {
    vec![
        ("graph", tenant::Office::open().lab()),
        ("ews", ews::Site::open().lab()),
    ]
}
