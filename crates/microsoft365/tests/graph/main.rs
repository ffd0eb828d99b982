//! The client against a tenant, and the tenant as it is known from real ones.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batches;
mod changes;
mod drafts;
mod failures;
mod folders;
mod limits;
mod lookups;
mod people;
mod shapes;
mod signing_in;
mod support;
mod uploads;
