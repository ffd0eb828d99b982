#![doc = include_str!("../README.md")]

mod args;
mod common;
mod host;
mod parts;
mod stage;

pub use chatkeep_runtime::Services;

pub use crate::{
    host::{Host, Program, Started, run},
    parts::{Parts, PartsSettings},
    stage::{Stage, stage},
};
