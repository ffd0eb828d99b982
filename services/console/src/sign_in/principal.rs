use std::net::IpAddr;

use axum::{extract::FromRequestParts, http::request::Parts};
use chatkeep_proto::v1::Actor;
use maud::{Markup, html};
use tonic::metadata::BinaryMetadataValue;

use super::{guard::Refusal, random};

/// A role that the issuer gives to a user. The last two are the ones that Microsoft 365 asks for before a
/// data connector can be created ("Set up a connector to archive Skype for Business data in Microsoft 365").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Sees everything but content.
    Viewer,
    /// Starts, stops and repeats what is set up.
    Operator,
    /// Operates connectors; with `MailboxImportExport` it changes them.
    DataConnectorAdmin,
    /// May have something put into other people's mailboxes.
    MailboxImportExport,
}

/// What a route takes. Each one has those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
    /// To look at connectors, runs and logs: every role has it.
    Read,
    /// To start, stop and repeat runs, and to look items up: *Operator* or *Data Connector Admin*.
    Operate,
    /// To change connectors, secrets and sessions, and to see content in previews: *Data Connector Admin*
    /// and *Mailbox Import Export*, both.
    Administer,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [
        Self::Viewer,
        Self::Operator,
        Self::DataConnectorAdmin,
        Self::MailboxImportExport,
    ];

    /// As people write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Viewer => "Viewer",
            Self::Operator => "Operator",
            Self::DataConnectorAdmin => "Data Connector Admin",
            Self::MailboxImportExport => "Mailbox Import Export",
        }
    }

    /// Reads a role, whatever stands between its words: the value of an app role in Entra ID has no spaces.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = |text: &str| {
            let letters = text.chars().filter(char::is_ascii_alphanumeric);
            letters.collect::<String>().to_ascii_lowercase()
        };
        let wanted = plain(text);
        Self::ALL
            .into_iter()
            .find(|role| plain(role.name()) == wanted)
    }
}

impl Right {
    /// As the API's description writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Administer => "administer",
        }
    }

    /// Which roles give it, for people.
    pub(crate) fn roles(self) -> &'static str {
        match self {
            Self::Read => "any role",
            Self::Operate => "Operator or Data Connector Admin",
            Self::Administer => "Data Connector Admin and Mailbox Import Export",
        }
    }
}

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    /// What tells them apart for all time.
    pub(crate) subject: String,
    /// How they are called; may be empty.
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
    /// The address their request came from.
    pub(crate) address: IpAddr,
    /// What a form must bring back; `None` where a bearer token was sent instead of a cookie.
    pub(crate) form_token: Option<String>,
}

/// The name of the field that brings a form's token back.
pub(crate) const FORM_TOKEN: &str = "form_token";

impl Principal {
    /// Whether their roles give a right.
    pub(crate) fn may(&self, right: Right) -> bool {
        let has = |role| self.roles.contains(&role);
        match right {
            Right::Read => !self.roles.is_empty(),
            Right::Operate => has(Role::Operator) || has(Role::DataConnectorAdmin),
            Right::Administer => has(Role::DataConnectorAdmin) && has(Role::MailboxImportExport),
        }
    }

    /// The hidden field that every form of a page must have.
    pub(crate) fn form_field(&self) -> Markup {
        let token = self.form_token.as_deref().unwrap_or_default();
        html! { input type="hidden" name=(FORM_TOKEN) value=(token); }
    }

    /// Whether a form, or a script's header, brings back what this session's pages gave it.
    pub(crate) fn is_form_token(&self, token: &str) -> bool {
        let own = self.form_token.as_deref();
        own.is_some_and(|own| random::is_equal(own, token))
    }

    pub(super) fn actor(&self) -> Actor {
        let roles = self.roles.iter().map(|role| role.name().to_owned());
        Actor {
            subject: self.subject.clone(),
            name: self.name.clone(),
            roles: roles.collect(),
            address: self.address.to_string(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let principal = parts.extensions.get::<Self>();
        principal.cloned().ok_or(Refusal::Unknown)
    }
}

tokio::task_local! {
    /// Whose request is being answered; set by the guard for the time of the answer.
    pub(crate) static ACTOR: Actor;
}

/// What a call to another service says about who makes it, while a request is being answered.
pub(crate) fn actor_metadata() -> Option<BinaryMetadataValue> {
    ACTOR.try_with(Actor::to_metadata).ok()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn principal(roles: &[Role]) -> Principal {
        Principal {
            subject: "1".to_owned(),
            name: String::new(),
            roles: roles.to_vec(),
            address: Ipv4Addr::LOCALHOST.into(),
            form_token: None,
        }
    }

    #[test]
    fn connectors_are_changed_by_who_has_both_roles_alone() {
        let one = principal(&[Role::DataConnectorAdmin]);
        let other = principal(&[Role::MailboxImportExport]);
        let both = principal(&[Role::MailboxImportExport, Role::DataConnectorAdmin]);

        assert!(!one.may(Right::Administer) && one.may(Right::Operate));
        assert!(!other.may(Right::Operate) && other.may(Right::Read));
        assert!(both.may(Right::Administer));
        assert!(!principal(&[Role::Viewer, Role::Operator]).may(Right::Administer));
        assert!(!principal(&[]).may(Right::Read));
    }

    #[test]
    fn a_role_is_known_with_and_without_spaces() {
        for text in [
            "Data Connector Admin",
            "DataConnectorAdmin",
            "data-connector.admin",
        ] {
            assert_eq!(Role::parse(text), Some(Role::DataConnectorAdmin));
        }
        assert_eq!(Role::parse("Admin"), None);
        assert_eq!(Role::parse(""), None);
    }

    #[test]
    fn who_has_no_session_has_no_form_token() {
        assert!(!principal(&Role::ALL).is_form_token(""));
    }
}
