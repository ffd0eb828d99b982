//! Where a secret may be sent: whoever may name it in a connector file does not know it for that, and must not
//! have it sent to a server of their own.
//!
//! The first use of a secret, by a connector or for a look, says where it goes. From then on it goes there alone,
//! unless whoever entered it says otherwise: they know it. Places are kept when a connector is changed, or lets go of the
//! secret; else both together would be a way around. What was allowed to somebody who knew one secret says nothing
//! about another one that somebody else enters under its name.
//!
//! What the services read themselves nobody has entered: for that there is [a list](super::unlisted).

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
    /// A secret for a look at what a connector file names, in the name of whoever looks; nothing of one that the
    /// service reads itself, if it may. The audit trail says where it goes before anybody has it.
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
        let reference = reference_of(&name);
        let places = connector.reference_places().remove(&reference);
        let unnamed = LedgerError::Forbidden("the connector file does not name the secret");
        let places = places.ok_or(unnamed)?;
        let mut tx = self.database.begin().await?;
        secrets::lock(&mut tx).await?;
        let own = Own::default();
        let secret = if let Some(name) = reference.strip_prefix(STORED) {
            let secret = self.open_secret(&mut tx, name).await?;
            refuse_elsewhere(&mut tx, deed, (name, &places), own).await?;
            // Else one that no connector names yet could be had sent to one server after the other.
            if !is_author(&mut tx, deed, name).await? {
                remember(&mut tx, name, &places).await?;
            }
            secret
        } else {
            self.refuse_unlisted(&mut tx, (&reference, &places), own)
                .await?;
            String::new()
        };
        let deed = deed.to(&connector.id()).about(&name);
        let detail = json!({ "places": places });
        self.note(&mut tx, &deed, &detail).await?;
        tx.commit().await.during("lend secret")?;
        Ok(secret)
    }

    /// Lets a connector be stored that sends no secret elsewhere, and remembers where it sends them. `key` is its
    /// own, `before` what it was, and whether it was in use.
    pub(crate) async fn bind(
        &self,
        conn: &mut Connection,
        deed: &Deed,
        (key, connector): (i64, &Connector),
        before: Option<(&Connector, bool)>,
    ) -> Result<(), LedgerError> {
        let is_in_use = before.is_some_and(|(_, is_in_use)| is_in_use);
        let before = before.map(|(before, _)| before.reference_places());
        let before = before.unwrap_or_default();
        let after = connector.reference_places();
        if !before.is_empty() || !after.is_empty() {
            secrets::lock(conn).await?;
        }
        for (reference, places) in &after {
            let own = Own {
                key,
                before: before.get(reference),
                is_in_use,
            };
            match reference.strip_prefix(STORED) {
                Some(name) => refuse_elsewhere(conn, deed, (name, places), own).await?,
                None => self.refuse_unlisted(conn, (reference, places), own).await?,
            }
        }
        // One that was deleted may have been so for longer than the secret is there.
        for (reference, places) in before.iter().filter(|_| is_in_use).chain(&after) {
            if let Some(name) = reference.strip_prefix(STORED) {
                remember(conn, name, places).await?;
            }
        }
        Ok(())
    }
}

/// How a connector file refers to a secret of control's.
pub(super) const STORED: &str = "secret:";

/// How a connector file writes what is asked for: by its reference, or by the name of a secret of control's. Those
/// have no colon.
fn reference_of(name: &str) -> String {
    if name.contains(':') {
        return name.to_owned();
    }
    format!("{STORED}{name}")
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

/// Whether a secret, whoever asks, must not go to one of these places.
pub(super) async fn is_elsewhere(
    conn: &mut Connection,
    name: &str,
    places: &BTreeSet<String>,
) -> Result<bool, LedgerError> {
    // Mostly it is, and no connector's file has to be read: this is asked for every task.
    if places.is_subset(&remembered(conn, name).await?) {
        return Ok(false);
    }
    let author = secrets::author(conn, name).await?.unwrap_or_default();
    let known = known(conn, (name, &author), Own::default()).await?;
    Ok(!known.is_empty() && !places.is_subset(&known))
}

/// Lets a secret that somebody new has entered go where the connectors in use send it, which whoever enters one can
/// see, and nowhere else.
pub(super) async fn begin(conn: &mut Connection, name: &str) -> Result<(), LedgerError> {
    forget(conn, name).await?;
    let places = named(conn, &reference_of(name), 0, false).await?;
    remember(conn, name, &places).await
}

/// Forgets where a secret went: it is none any more.
pub(super) async fn forget(conn: &mut Connection, name: &str) -> Result<(), LedgerError> {
    let delete = query("DELETE FROM secret_places WHERE name = $1").bind(name);
    let deleted = delete.execute(conn).await;
    deleted.during("forget places of secret").map(drop)
}

/// A connector that is being stored: its key, the places it named before, and whether it was in use.
#[derive(Clone, Copy, Default)]
pub(super) struct Own<'a> {
    pub(super) key: i64,
    pub(super) before: Option<&'a BTreeSet<String>>,
    pub(super) is_in_use: bool,
}

/// Refuses to send a secret where nobody who knew it has sent it. One that was never sent goes where it is
/// sent first.
async fn refuse_elsewhere(
    conn: &mut Connection,
    deed: &Deed,
    (name, places): (&str, &BTreeSet<String>),
    own: Own<'_>,
) -> Result<(), LedgerError> {
    // Of a secret that is not stored nothing can be given away.
    let Some(author) = secrets::author(conn, name).await? else {
        return Ok(());
    };
    let known = known(conn, (name, &author), own).await?;
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

/// Where a secret has gone: what was remembered, and what connectors in use say. Deleted ones count where nobody
/// knows who has entered it: that was an older program, which did not remember.
async fn known(
    conn: &mut Connection,
    (name, author): (&str, &str),
    own: Own<'_>,
) -> Result<BTreeSet<String>, LedgerError> {
    let mut known = remembered(conn, name).await?;
    let do_deleted_count = author.is_empty();
    if own.is_in_use || do_deleted_count {
        known.extend(own.before.into_iter().flatten().cloned());
    }
    known.extend(named(conn, &reference_of(name), own.key, do_deleted_count).await?);
    Ok(known)
}

/// Where a secret was allowed to go.
async fn remembered(conn: &mut Connection, name: &str) -> Result<BTreeSet<String>, LedgerError> {
    let rows = query("SELECT place FROM secret_places WHERE name = $1").bind(name);
    let rows = rows.fetch(conn).await.during("read places of secret")?;
    let places: Result<_, _> = rows.iter().map(|row| row.text(0)).collect();
    places.during("read places of secret")
}

/// Where connectors but one send what is referred to so, with those that were deleted or without them.
pub(super) async fn named(
    conn: &mut Connection,
    reference: &str,
    but: i64,
    do_deleted_count: bool,
) -> Result<BTreeSet<String>, LedgerError> {
    const IN_USE: &str = "SELECT file FROM connectors WHERE id <> $1 AND deleted IS NULL";
    const ALL: &str = "SELECT file FROM connectors WHERE id <> $1";

    let files = query(if do_deleted_count { ALL } else { IN_USE });
    let files = files.bind(but).fetch(conn).await;
    let mut named = BTreeSet::new();
    for row in files.during("read connectors")? {
        let file = row.text(0).during("read connectors")?;
        // One that this program cannot read sends nothing anywhere.
        let places = parse(&file).map(|file| file.reference_places().remove(reference));
        named.extend(places.ok().flatten().unwrap_or_default());
    }
    Ok(named)
}
