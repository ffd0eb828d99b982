//! Who has signed in, and which secrets there are.

mod keyring;
pub(crate) mod places;
mod references;
mod secrets;
mod sessions;
mod unlisted;

pub(crate) use self::{keyring::Keyring, unlisted::Unlisted};
pub use self::{
    keyring::KeyringError,
    references::{NotAReference, Reference},
};
