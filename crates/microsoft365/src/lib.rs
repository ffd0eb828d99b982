#![doc = include_str!("../README.md")]

mod assertion;
mod connect;
mod error;
mod exchange;
mod failure;
mod graph;
mod remedy;
mod request;
mod tokens;

pub use reqwest::Url;

pub use crate::{
    connect::{Timeouts, connect, http},
    error::{AuthError, GraphError},
    graph::Graph,
    remedy::remedy,
    request::{Request, Response},
    tokens::Tokens,
};
