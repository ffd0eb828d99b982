//! The directory `ldap`: users of Active Directory, read from one domain controller.

mod entry;
mod mirror;
mod position;
mod problem;
mod refresh;
mod session;

pub use self::problem::LdapProblem;
pub(crate) use self::refresh::{read, sample_mailbox};
