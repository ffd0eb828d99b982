#![doc = include_str!("../README.md")]

mod api;
mod assets;
mod error;
mod pages;
mod server;
mod services;
mod settings;
mod sign_in;

pub use crate::{
    server::{ConsoleError, start},
    services::{Channels, Services},
    settings::Settings,
    sign_in::{Announce, Network, NotANetwork, ProxyHeader, SignInError},
};
