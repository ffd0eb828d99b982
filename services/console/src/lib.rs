#![doc = include_str!("../README.md")]

mod api;
mod assets;
mod error;
mod estimate;
mod mappings;
mod pages;
mod server;
mod services;
mod settings;
mod sign_in;
mod stored;
mod traces;

pub use crate::{
    server::{ConsoleError, start},
    services::{Channels, Services},
    settings::Settings,
    sign_in::{Announce, Network, NotANetwork, ProxyHeader, SignInError},
};
