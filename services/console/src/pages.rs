//! What a browser asks for: one module per page.

pub(crate) mod connectors;
mod layout;
pub(crate) mod problem;
