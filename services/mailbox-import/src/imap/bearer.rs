//! Tokens of Entra ID for Exchange Online.

use chatkeep_microsoft365::{AuthError, GraphError, Tokens, http, remedy};
use chatkeep_model::connector::Credential;
use chatkeep_runtime::secret::Secret;

use crate::target::{TargetError, Timeouts};

/// What an administrator grants the application, of `Office 365 Exchange Online`.
const PERMISSION: &str = "IMAP.AccessAsApp";
/// Exchange Online of the public cloud.
const PUBLIC: &str = "outlook.office365.com";
/// Exchange Online of national clouds; each takes tokens for its own name.
const NATIONAL: [&str; 3] = [
    "outlook.office365.us",
    "outlook-dod.office365.us",
    "partner.outlook.cn",
];

/// Gets tokens, and keeps them as long as they are good.
pub(crate) struct Bearer {
    tokens: Tokens,
    client: String,
    scope: String,
}

/// There is no token.
#[derive(Debug, thiserror::Error)]
#[error("get a token for Exchange Online{}", advice(remedy.as_deref()))]
struct NoToken {
    source: GraphError,
    remedy: Option<String>,
}

fn advice(remedy: Option<&str>) -> String {
    remedy.map_or_else(String::new, |remedy| format!("; {remedy}"))
}

impl Bearer {
    /// Reads the credential; sends nothing yet.
    pub(crate) fn new(
        credential: &Credential,
        host: &str,
        timeouts: Timeouts,
    ) -> Result<Self, TargetError> {
        let timeouts = chatkeep_microsoft365::Timeouts {
            connect: timeouts.connect,
            answer: timeouts.answer,
        };
        let client = credential.client.clone();
        let tokens = http(timeouts).and_then(|http| Tokens::new(credential, http));
        Ok(Self {
            tokens: tokens.map_err(|error| refused(error, &client))?,
            client,
            scope: scope(host),
        })
    }

    /// A token for any mailbox that the application may open.
    pub(crate) async fn token(&self) -> Result<Secret, TargetError> {
        let token = self.tokens.bearer(&self.scope).await;
        token.map_err(|error| refused(error, &self.client))
    }

    /// Asks for another one the next time.
    pub(crate) async fn forget(&self, token: &Secret) {
        self.tokens.forget(&self.scope, token).await;
    }
}

fn scope(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    let name = NATIONAL.into_iter().find(|name| *name == host);
    format!("https://{}/.default", name.unwrap_or(PUBLIC))
}

fn refused(error: AuthError, client: &str) -> TargetError {
    let is_outage = matches!(error, AuthError::Unreachable);
    let error = GraphError::Auth(error);
    let source = NoToken {
        remedy: remedy(&error, PERMISSION, client),
        source: error,
    };
    let source = source.into();
    if is_outage {
        TargetError::Unreachable { source }
    } else {
        TargetError::Setup { source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_for_the_cloud_that_the_mailboxes_are_in() {
        let public = "https://outlook.office365.com/.default";

        assert_eq!(scope("outlook.office365.com"), public);
        assert_eq!(scope("127.0.0.1"), public);
        assert_eq!(
            scope("Outlook.Office365.US"),
            "https://outlook.office365.us/.default"
        );
    }
}
