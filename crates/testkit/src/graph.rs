//! A tenant of Microsoft 365, as far as Chatkeep asks one: Entra ID's token endpoint and Microsoft Graph's
//! users and mail, on the loopback interface. **For tests only.**
//!
//! The shapes are those of Microsoft's published metadata (a test checks every body against them). What
//! the metadata does not say is pinned by a test each, named after it, which says where it is known from;
//! what nobody has seen on a real tenant yet is listed in `docs/microsoft-365.md`.

mod attachments;
mod batch;
mod call;
mod counters;
mod create;
mod delta;
mod faults;
mod filter;
mod folders;
mod json;
mod mailbox;
mod messages;
mod mime;
mod options;
mod people;
mod perform;
mod permissions;
mod properties;
mod quirk;
mod route;
mod server;
mod sign_in;
mod state;
mod tenant;
mod throttle;
mod uploads;
mod users;

pub use self::{
    counters::Counts,
    faults::{Fault, Faults},
    mailbox::{Contact, StoredAttachment, StoredMessage},
    options::{Limits, Options},
    people::Person,
    permissions::Role,
    properties::property_id,
    quirk::Quirk,
    route::Kind,
    server::Recorded,
    tenant::Tenant,
};
