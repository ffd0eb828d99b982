//! Mailbox import into Exchange Online and Exchange Server, as far as the test kit's are like them: one suite
//! over both, and beside it what is true of one alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../servers/bench.rs"]
mod bench;
mod canary;
mod company;
#[path = "../servers/contract.rs"]
mod contract;
mod ews;
mod faults;
mod graph;
#[expect(dead_code, reason = "shared with the tests on mail servers")]
#[path = "../servers/ledger.rs"]
mod ledger;
mod refusals;
#[expect(dead_code, reason = "shared with the tests on mail servers")]
#[path = "../servers/support.rs"]
mod support;
mod tags;

use support::Lab;

/// The targets of the contract.
fn labs() -> Vec<(&'static str, Lab)> {
    let companies = company::companies().into_iter();
    companies
        .map(|company| (company.name(), company.lab()))
        .collect()
}
