//! An Exchange Server, as far as Chatkeep asks one: folders and items of Exchange Web Services, on the
//! loopback interface. **For tests only.**
//!
//! Names, namespaces and the order of elements are those of the published schema (`types.xsd`,
//! `messages.xsd`): what is out of order is refused with `ErrorSchemaValidation`, as Exchange does. What
//! nobody has seen on a real server yet is listed in `docs/exchange.md`.

mod faults;
mod find;
mod folders;
mod items;
mod mailbox;
mod node;
mod reply;
mod schema;
mod server;
mod shown;
mod state;

pub use self::{
    faults::{Fault, Operation},
    mailbox::StoredItem,
    server::ExchangeServer,
};
