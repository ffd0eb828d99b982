//! The ledger and the director, driven through gRPC by a stage of the test's own. The ledger is in
//! SQLite here; `tests/postgres` runs the same tests with PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod assembly;
mod audit;
mod backfills;
mod calendar;
mod cancelled;
mod claims;
mod clearing;
mod coverage;
mod cursors;
mod decisions;
mod deliverable;
mod delivery;
mod elsewhere;
mod exceptions;
mod findings;
mod forgetting;
mod found;
mod horizons;
mod janitor;
mod lab;
mod late_binding;
mod lending;
mod lists;
mod mirrors;
mod objects;
mod pages;
mod plans;
mod properties;
mod proposal_lists;
mod proposals;
mod pruning;
mod references;
mod refusals;
#[cfg(feature = "mail")]
mod reports;
mod rooms;
mod runs;
mod schedules;
mod seals;
mod secrets;
mod sessions;
mod staged;
mod store;
mod strays;
mod tasks;
mod timelines;
mod world;
