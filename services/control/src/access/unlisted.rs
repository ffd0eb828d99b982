//! What connector files name that the services read themselves: it is named where the settings list it, and else goes
//! where connectors in use send it already.

use std::collections::BTreeSet;

use chatkeep_model::connector::{WORKLOAD_IDENTITY, is_of_microsoft};

use super::{
    places::{Own, STORED, named},
    secrets::in_use,
};
use crate::{database::Connection, error::LedgerError, ledger::Ledger};

impl Ledger {
    /// Refuses to have read what no setting lists, and sent where no connector in use sends it.
    pub(super) async fn refuse_unlisted(
        &self,
        conn: &mut Connection,
        (reference, places): (&str, &BTreeSet<String>),
        own: Own<'_>,
    ) -> Result<(), LedgerError> {
        if self.may_send(reference, places) {
            return Ok(());
        }
        let mut known = named(conn, reference, own.key, false).await?;
        if own.is_in_use {
            known.extend(own.before.into_iter().flatten().cloned());
        }
        if places.is_subset(&known) {
            return Ok(());
        }
        Err(LedgerError::Refused {
            key: reference.to_owned(),
            problem: format!(
                "is not in control.references, the list of what connector files may name, and {} is not \
                 where a connector in use sends it; store the secret under Secrets and name it secret:NAME, \
                 or have it listed",
                places.iter().cloned().collect::<Vec<_>>().join(" and ")
            ),
        })
    }

    /// What connectors in use name although it is not listed: it goes on being sent, and whoever runs the services
    /// may not know of it.
    pub(crate) async fn unlisted(&self) -> Result<Vec<Unlisted>, LedgerError> {
        let mut conn = self.database.read().await?;
        let mut unlisted = Vec::new();
        for (connector, file) in in_use(&mut conn).await? {
            for (reference, places) in file.reference_places() {
                if !reference.starts_with(STORED) && !self.may_send(&reference, &places) {
                    unlisted.push(Unlisted {
                        connector: connector.clone(),
                        reference,
                        places,
                    });
                }
            }
        }
        Ok(unlisted)
    }

    /// Whether any connector file may have the services send this there.
    fn may_send(&self, reference: &str, places: &BTreeSet<String>) -> bool {
        // The identity is the service's own, and its tokens are good at Microsoft's alone.
        let is_at_home =
            reference == WORKLOAD_IDENTITY && places.iter().all(|place| is_of_microsoft(place));
        is_at_home || self.is_listed(reference)
    }
}

/// Something that a connector in use names although it is not listed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unlisted {
    /// The connector's id.
    pub(crate) connector: String,
    pub(crate) reference: String,
    pub(crate) places: BTreeSet<String>,
}

#[cfg(test)]
mod tests {
    use chatkeep_proto::v1::PutConnectorRequest;

    use super::*;
    use crate::{access::Reference, audit::Deed, ledger::alone};

    const CONNECTOR: &str = "name = 'mail'\nid = 'mail'\ndomain = 'b.c'\n[[sources]]\n\
        type = 'archiving-export'\npath = '/e'\n[directory]\ntype = 'csv'\npath = '/d.csv'\n\
        [target]\ntype = 'imap'\nhost = 'mail'\nauth = 'master'\nuser = 'env:USER'\n\
        password = 'env:PASSWORD'\n";

    #[tokio::test]
    async fn what_connectors_in_use_name_without_being_listed_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, _) = alone::with_run(folder.path(), None).await;
        let request = PutConnectorRequest {
            connector_file: CONNECTOR.to_owned(),
            ..PutConnectorRequest::default()
        };
        let deed = Deed::of(None, "connector.create");
        ledger.put_connector(&deed, request).await.unwrap();

        let without = ledger.unlisted().await.unwrap();
        let listed = Reference::try_from("env:USER".to_owned()).unwrap();
        let ledger = alone::listing(ledger, vec![listed]);
        let with = ledger.unlisted().await.unwrap();

        assert_eq!(without, []);
        let expected = Unlisted {
            connector: "mail".to_owned(),
            reference: "env:PASSWORD".to_owned(),
            places: BTreeSet::from(["imaps mail".to_owned()]),
        };
        assert_eq!(with, [expected]);
    }
}
