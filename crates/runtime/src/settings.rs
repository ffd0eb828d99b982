//! Settings of a program: a TOML file, overridden by `CHATKEEP__SECTION__KEY` variables.

use std::path::Path;

use figment::{
    Figment,
    providers::{Env, Format as _, Toml},
};
use serde::de::DeserializeOwned;

/// The settings cannot be used. The source names the key and the file or variable.
#[derive(Debug, thiserror::Error)]
#[error("load settings")]
pub struct SettingsError {
    /// What is wrong, and where.
    source: Box<figment::Error>,
}

/// Reads `S` from `defaults` (TOML: what this program presets otherwise than its services do),
/// overridden by an optional file, overridden by the environment. Unknown keys are refused by `S`.
pub fn load<S: DeserializeOwned>(defaults: &str, file: Option<&Path>) -> Result<S, SettingsError> {
    let mut figment = Figment::from(Toml::string(defaults));
    if let Some(file) = file {
        figment = figment.merge(Toml::file_exact(file));
    }
    let settings = figment.merge(Env::prefixed("CHATKEEP__").split("__"));
    settings.extract().map_err(|source| SettingsError {
        source: Box::new(source),
    })
}
