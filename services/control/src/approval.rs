//! Changes of connectors that a second person has to approve: proposed by one, decided by another, each in
//! one transaction with the entry of the audit trail. What is proposed is a row beside the connectors;
//! nothing else in the ledger looks at it before it is approved.

mod decide;
mod list;
mod person;
mod propose;
mod rows;
mod settings;

pub use self::settings::ApprovalSettings;
pub(crate) use self::{propose::Change, rows::waiting_of};
