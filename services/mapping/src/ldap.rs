//! The directory `ldap`: users of Active Directory, read from one domain controller.

mod answer;
mod entry;
pub(crate) mod fuzz;
mod mirror;
mod position;
mod problem;
mod refresh;
mod session;
mod wire;

pub use self::problem::LdapProblem;
pub(crate) use self::refresh::{read, sample_mailbox};
