//! Secrets that control keeps, for commands that look at sources, directory and target in this process.

use anyhow::Context as _;
use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{LendSecretRequest, PutSecretRequest};

use crate::{
    commands::{answer, ask},
    place::Place,
    system::System,
};

/// A connector with its secrets, and what they are.
pub(crate) struct Lent {
    pub(crate) connector: Connector,
    secrets: Vec<(String, String)>,
}

impl Lent {
    /// Asks control for the secrets that the connector file of a place names as `secret:NAME`. Where it names
    /// none nobody is asked.
    pub(crate) async fn of(place: &Place) -> anyhow::Result<Self> {
        let names = place.connector.stored_secrets();
        let mut lent = Self {
            connector: place.connector.clone(),
            secrets: Vec::new(),
        };
        if names.is_empty() {
            return Ok(lent);
        }
        if let Some(folder) = place.site.without_ledger() {
            anyhow::bail!(
                "read secret:{}: control keeps it, and there is no ledger in {}",
                names.join(", secret:"),
                folder.display()
            );
        }
        let connector_file = place.connector.to_toml()?;
        lent.secrets = ask(&place.site, async |system| {
            let mut secrets = Vec::new();
            for name in names {
                let request = LendSecretRequest {
                    connector_file: connector_file.clone(),
                    name: name.clone(),
                };
                let secret = system.ledger.clone().lend_secret(request).await;
                let secret = secret.map_err(answer);
                let secret = secret.with_context(|| format!("read secret:{name}"))?;
                secrets.push((name, secret.into_inner().value));
            }
            anyhow::Ok(secrets)
        })
        .await?;
        for (name, value) in &lent.secrets {
            lent.connector.fill_in(name, value);
        }
        Ok(lent)
    }

    /// Stores the secrets in a ledger that is thrown away, for stages that work with it.
    pub(crate) async fn store(&self, system: &System) -> anyhow::Result<()> {
        for (name, value) in &self.secrets {
            let request = PutSecretRequest {
                name: name.clone(),
                value: value.clone(),
            };
            let stored = system.access.clone().put_secret(request).await;
            stored.map_err(answer)?;
        }
        Ok(())
    }
}
