#![doc = include_str!("../README.md")]

mod assets;
mod error;
mod pages;
mod server;
mod services;
mod settings;

pub use crate::{
    server::{ConsoleError, start},
    services::{Channels, Services},
    settings::Settings,
};
