//! Databases of Skype for Business: how they are reached, asked and told apart. What is in them is the
//! business of the modules of each kind.
//!
//! TDS is spoken by `tiberius`. It logs rows; `runtime` keeps it quiet.

mod connect;
mod connection;
mod error;
mod identity;
mod instance;
mod moment;
mod row;
mod schema;
mod statements;

pub(crate) mod archiving;

pub use self::error::DatabaseError;
pub(crate) use self::{
    connection::{Connection, Parameter},
    identity::Identity,
    moment::Moment,
    row::Row,
    schema::{Schema, Table},
};

/// The statements that every kind of database is asked.
#[cfg(test)]
pub(crate) fn shared_statements() -> Vec<String> {
    [
        statements::SESSION,
        statements::IDENTITY,
        statements::COLUMNS,
    ]
    .map(str::to_owned)
    .to_vec()
}
