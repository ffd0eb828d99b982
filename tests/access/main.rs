//! The console's doors: who gets in, who may do what, and what other sites cannot; and its API.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod approval;
mod conformance;
mod contoso;
mod estimates;
mod foreign;
mod lending;
mod mappings;
mod matrix;
mod pages;
mod proxies;
mod restoring;
mod script;
mod scripts;
mod scripts_approval;
mod scripts_looking;
mod scripts_refused;
mod sign_in;
mod sign_out;
mod system;
mod tls;
mod weight;
