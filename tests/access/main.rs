//! The console's doors: who gets in, who may do what, and what other sites cannot; and its API.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contoso;
mod foreign;
mod matrix;
mod pages;
mod script;
mod scripts;
mod scripts_refused;
mod sign_in;
mod system;
mod tls;
mod weight;
