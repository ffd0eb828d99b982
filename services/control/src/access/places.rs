//! Where a secret may be sent: whoever may name it in a connector file does not know it for that, and must not
//! have it sent to a server of their own.
//!
//! The first use of a secret, by a connector or for a look, says where it goes. From then on it goes there alone,
//! unless whoever entered it says otherwise: they know it. Places are kept when a connector is changed, or lets go of the
//! secret; else both together would be a way around.

use std::collections::BTreeSet;

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::LendSecretRequest;
use serde_json::json;

use super::secrets;
use crate::{
    audit::Deed,
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::{Ledger, parse},
};

impl Ledger {
    /// A secret for a look at what a connector file names, in the name of whoever looks. The audit trail says
    /// where it goes before anybody has it.
    pub(crate) async fn lend_secret(
        &self,
        deed: &Deed,
        request: LendSecretRequest,
    ) -> Result<String, LedgerError> {
        let LendSecretRequest {
            connector_file,
            name,
        } = request;
        let connector = parse(&connector_file)?;
        let places = connector.secret_places().remove(&name);
        let unnamed = LedgerError::Forbidden("the connector file does not name the secret");
        let places = places.ok_or(unnamed)?;
        let mut tx = self.database.begin().await?;
        secrets::lock(&mut tx).await?;
        let secret = self.open_secret(&mut tx, &name).await?;
        refuse_elsewhere(&mut tx, deed, (&name, &places), None).await?;
        // Else one that no connector names yet could be had sent to one server after the other.
        if !is_author(&mut tx, deed, &name).await? {
            remember(&mut tx, &name, &places).await?;
        }
        let deed = deed.to(&connector.id()).about(&name);
        let detail = json!({ "places": places });
        self.note(&mut tx, &deed, &detail).await?;
        tx.commit().await.during("lend secret")?;
        Ok(secret)
    }
}

/// Lets a connector be stored that sends no secret elsewhere, and remembers where it sends them. `key` is its
/// own, `before` what it was.
pub(crate) async fn bind(
    conn: &mut Connection,
    deed: &Deed,
    (key, connector): (i64, &Connector),
    before: Option<&Connector>,
) -> Result<(), LedgerError> {
    let before = before.map(Connector::secret_places).unwrap_or_default();
    let after = connector.secret_places();
    if !before.is_empty() || !after.is_empty() {
        secrets::lock(conn).await?;
    }
    for (name, places) in &after {
        let own = (key, before.get(name));
        refuse_elsewhere(conn, deed, (name, places), Some(own)).await?;
    }
    for (name, places) in before.iter().chain(&after) {
        remember(conn, name, places).await?;
    }
    Ok(())
}

async fn remember(
    conn: &mut Connection,
    name: &str,
    places: &BTreeSet<String>,
) -> Result<(), LedgerError> {
    for place in places {
        let insert =
            query("INSERT INTO secret_places (name, place) VALUES ($1, $2) ON CONFLICT DO NOTHING");
        let stored = insert.bind(name).bind(place).execute(conn).await;
        stored.during("store places of secret")?;
    }
    Ok(())
}

/// Whether whoever asks has entered the secret, and knows it.
async fn is_author(conn: &mut Connection, deed: &Deed, name: &str) -> Result<bool, LedgerError> {
    let author = secrets::author(conn, name).await?;
    Ok(author.is_some_and(|author| deed.is_by(&author)))
}

/// Forgets where a secret went: it is none any more.
pub(super) async fn forget(conn: &mut Connection, name: &str) -> Result<(), LedgerError> {
    let delete = query("DELETE FROM secret_places WHERE name = $1").bind(name);
    let deleted = delete.execute(conn).await;
    deleted.during("forget places of secret").map(drop)
}

/// A connector that is being stored: its key, and the places it named before.
type Own<'a> = (i64, Option<&'a BTreeSet<String>>);

/// Refuses to send a secret where nobody who knew it has sent it. One that was never sent goes where it is
/// sent first.
async fn refuse_elsewhere(
    conn: &mut Connection,
    deed: &Deed,
    (name, places): (&str, &BTreeSet<String>),
    own: Option<Own<'_>>,
) -> Result<(), LedgerError> {
    // Of a secret that is not stored nothing can be given away.
    let Some(author) = secrets::author(conn, name).await? else {
        return Ok(());
    };
    let known = known(conn, name, own).await?;
    let other = places.iter().find(|place| !known.contains(*place));
    let Some(other) = other.filter(|_| !known.is_empty() && !deed.is_by(&author)) else {
        return Ok(());
    };
    let known: Vec<_> = known.into_iter().collect();
    Err(LedgerError::Refused {
        key: format!("secret:{name}"),
        problem: format!(
            "is for {}, not for {other}; enter it again under Secrets, or store the one for {other} under \
             another name",
            known.join(" and ")
        ),
    })
}

/// Where a secret has gone: what was remembered, and what connectors say that were stored by an older program.
/// Deleted ones count: who deletes one must not free its secret.
async fn known(
    conn: &mut Connection,
    name: &str,
    own: Option<Own<'_>>,
) -> Result<BTreeSet<String>, LedgerError> {
    let (key, before) = own.unwrap_or_default();
    let remembered = query("SELECT place FROM secret_places WHERE name = $1").bind(name);
    let remembered = remembered.fetch(conn).await;
    let remembered = remembered.during("read places of secret")?;
    let remembered: Result<Vec<_>, _> = remembered.iter().map(|row| row.text(0)).collect();
    let mut known: BTreeSet<_> = before.cloned().unwrap_or_default();
    known.extend(remembered.during("read places of secret")?);
    let files = query("SELECT file FROM connectors WHERE id <> $1").bind(key);
    for row in files.fetch(conn).await.during("read connectors")? {
        let file = row.text(0).during("read connectors")?;
        // One that this program cannot read sends nothing anywhere.
        let places = parse(&file).map(|file| file.secret_places().remove(name));
        known.extend(places.ok().flatten().unwrap_or_default());
    }
    Ok(known)
}
