//! The tests of `tests/it` with the ledger in PostgreSQL, and what only PostgreSQL makes possible or can
//! do to a ledger.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
#[path = "../it/assembly.rs"]
mod assembly;
#[path = "../it/audit.rs"]
mod audit;
#[path = "../it/backfills.rs"]
mod backfills;
#[path = "../it/calendar.rs"]
mod calendar;
#[path = "../it/cancelled.rs"]
mod cancelled;
mod chain;
#[path = "../it/claims.rs"]
mod claims;
#[path = "../it/clearing.rs"]
mod clearing;
#[path = "../it/coverage.rs"]
mod coverage;
#[path = "../it/cursors.rs"]
mod cursors;
#[path = "../it/decisions.rs"]
mod decisions;
#[path = "../it/deliverable.rs"]
mod deliverable;
#[path = "../it/delivery.rs"]
mod delivery;
mod effort;
#[path = "../it/exceptions.rs"]
mod exceptions;
#[path = "../it/findings.rs"]
mod findings;
#[path = "../it/forgetting.rs"]
mod forgetting;
#[path = "../it/found.rs"]
mod found;
#[path = "../it/horizons.rs"]
mod horizons;
#[path = "../it/janitor.rs"]
mod janitor;
#[path = "../it/lab.rs"]
mod lab;
#[path = "../it/late_binding.rs"]
mod late_binding;
#[path = "../it/lists.rs"]
mod lists;
#[cfg(feature = "cluster")]
mod measured;
#[path = "../it/mirrors.rs"]
mod mirrors;
#[path = "../it/objects.rs"]
mod objects;
mod outages;
#[path = "../it/pages.rs"]
mod pages;
#[path = "../it/plans.rs"]
mod plans;
#[path = "../it/properties.rs"]
mod properties;
#[path = "../it/proposal_lists.rs"]
mod proposal_lists;
#[path = "../it/proposals.rs"]
mod proposals;
#[path = "../it/pruning.rs"]
mod pruning;
mod races;
#[path = "../it/refusals.rs"]
mod refusals;
mod replica;
mod replicas;
#[cfg(feature = "mail")]
#[path = "../it/reports.rs"]
mod reports;
#[path = "../it/rooms.rs"]
mod rooms;
#[path = "../it/runs.rs"]
mod runs;
#[path = "../it/schedules.rs"]
mod schedules;
#[path = "../it/seals.rs"]
mod seals;
#[path = "../it/secrets.rs"]
mod secrets;
#[path = "../it/sessions.rs"]
mod sessions;
mod slots;
#[path = "../it/staged.rs"]
mod staged;
mod stages;
mod store;
#[path = "../it/strays.rs"]
mod strays;
#[path = "../it/tasks.rs"]
mod tasks;
#[path = "../it/timelines.rs"]
mod timelines;
#[path = "../it/world.rs"]
mod world;
