//! Secrets that people enter: encrypted in the ledger, given out to stages and to nobody else.

use std::collections::BTreeMap;

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{ListSecretsResponse, PutSecretRequest, SecretRequest, StoredSecret};
use serde_json::json;

use super::{keyring::Sealed, places};
use crate::{
    audit::Deed,
    database::{Connection, DatabaseError, Row, query},
    error::{During as _, LedgerError},
    ledger::{
        Ledger, parse, run,
        task::{self, TaskState},
    },
};

/// Stands for the list of secrets where a connector's key is asked for.
const SECRETS: i64 = -2;
/// Longest name, and longest secret, in bytes.
const LONGEST_NAME: usize = 100;
const LONGEST: usize = 64 << 10;

/// What is said where no key was given.
const NO_KEY: &str = "control has no key for secrets; set control.secrets_key";

impl Ledger {
    /// Stores a secret, or replaces it. Returns whether it is new.
    pub(crate) async fn put_secret(
        &self,
        deed: &Deed,
        request: PutSecretRequest,
    ) -> Result<bool, LedgerError> {
        let PutSecretRequest { name, value } = request;
        check_name(&name)?;
        if value.is_empty() || value.len() > LONGEST {
            return Err(LedgerError::Malformed("secret"));
        }
        let sealed = self.keyring.seal(&name, &value);
        let sealed = sealed.ok_or(LedgerError::Closed(NO_KEY))?;
        let mut tx = self.database.begin().await?;
        lock(&mut tx).await?;
        let author = author(&mut tx, &name).await?;
        let is_new = author.is_none();
        // Who overwrites a secret has it sent where they want while it is theirs. The next one may be another's.
        if author.is_none_or(|author| !deed.is_by(&author)) {
            places::begin(&mut tx, &name).await?;
        }
        store(&mut tx, &name, (&sealed, self.clock.now())).await?;
        sign(&mut tx, &name, deed).await?;
        self.note(&mut tx, deed, &json!({ "is_new": is_new }))
            .await?;
        tx.commit().await.during("store secret")?;
        Ok(is_new)
    }

    /// Names and times of the secrets, and who uses them.
    pub(crate) async fn list_secrets(&self) -> Result<ListSecretsResponse, LedgerError> {
        let mut conn = self.database.read().await?;
        let users = users(&mut conn).await?;
        let rows = query("SELECT name, changed FROM secrets ORDER BY name");
        let rows = rows.fetch(&mut conn).await.during("list secrets")?;
        let secrets = rows.iter().map(|row| {
            let name = row.text(0)?;
            Ok(StoredSecret {
                connectors: users.get(&name).cloned().unwrap_or_default(),
                name,
                changed: row.int(1)?,
            })
        });
        let secrets: Result<_, DatabaseError> = secrets.collect();
        Ok(ListSecretsResponse {
            secrets: secrets.during("list secrets")?,
            has_key: self.keyring.current().is_some(),
        })
    }

    /// Deletes a secret that no connector names.
    pub(crate) async fn delete_secret(&self, deed: &Deed, name: &str) -> Result<(), LedgerError> {
        let mut tx = self.database.begin().await?;
        lock(&mut tx).await?;
        if users(&mut tx).await?.contains_key(name) {
            let problem = "a connector names the secret; change its file first";
            return Err(LedgerError::Closed(problem));
        }
        let delete = query("DELETE FROM secrets WHERE name = $1").bind(name);
        let deleted = delete.execute(&mut tx).await.during("delete secret")?;
        if deleted == 0 {
            return Err(LedgerError::Unknown("secret"));
        }
        places::forget(&mut tx, name).await?;
        self.note(&mut tx, deed, &json!({})).await?;
        tx.commit().await.during("delete secret")
    }

    /// A secret for a stage that works on a task whose run names it. A run that was opened while it went
    /// elsewhere waits for one that goes there.
    pub(crate) async fn secret(&self, request: SecretRequest) -> Result<String, LedgerError> {
        let SecretRequest { task, name } = request;
        let mut conn = self.database.read().await?;
        let task = task::find(&mut conn, &task).await?;
        if task.state != TaskState::Open {
            return Err(LedgerError::Closed("task is closed"));
        }
        let run = run::find(&mut conn, task.run).await?;
        let places = parse(&run.file)?.secret_places().remove(&name);
        let unnamed = LedgerError::Forbidden("the task's connector does not name the secret");
        let places = places.ok_or(unnamed)?;
        // Read before the places are, and behind them: one that is entered meanwhile may have others.
        let secret = self.open_secret(&mut conn, &name).await?;
        let is_elsewhere = places::is_elsewhere(&mut conn, &name, &places).await?;
        if is_elsewhere || self.open_secret(&mut conn, &name).await? != secret {
            return Err(LedgerError::Unknown("secret for the run's servers"));
        }
        Ok(secret)
    }

    /// A secret in the clear.
    pub(super) async fn open_secret(
        &self,
        conn: &mut Connection,
        name: &str,
    ) -> Result<String, LedgerError> {
        let sealed = find(conn, name).await?;
        let sealed = sealed.ok_or(LedgerError::Unknown("secret"))?;
        let secret = self.keyring.open(name, &sealed);
        secret.ok_or(LedgerError::Unknown("the key of the secret"))
    }

    /// Encrypts with the newest key what an older one encrypted. Returns how many secrets no key reads.
    pub(crate) async fn renew_secrets(&self) -> Result<usize, LedgerError> {
        let mut tx = self.database.begin().await?;
        lock(&mut tx).await?;
        let rows = query("SELECT name, changed, key, nonce, ciphertext FROM secrets ORDER BY name");
        let rows = rows.fetch(&mut tx).await.during("read secrets")?;
        let mut unread = 0;
        for row in rows {
            let columns = || Ok((row.text(0)?, row.int(1)?, sealed(&row, 2)?));
            let (name, changed, sealed) = columns().during("read secrets")?;
            let Some(secret) = self.keyring.open(&name, &sealed) else {
                unread += 1;
                continue;
            };
            let is_old = self.keyring.current() != Some(&*sealed.key);
            if let Some(sealed) = self.keyring.seal(&name, &secret).filter(|_| is_old) {
                store(&mut tx, &name, (&sealed, changed)).await?;
            }
        }
        tx.commit().await.during("renew secrets")?;
        Ok(unread)
    }
}

/// Waits for whoever changes secrets, or where they may go.
pub(super) async fn lock(conn: &mut Connection) -> Result<(), LedgerError> {
    conn.lock(SECRETS).await.during("wait for secrets")
}

fn check_name(name: &str) -> Result<(), LedgerError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
        return Err(LedgerError::Malformed("name"));
    }
    Ok(())
}

async fn store(
    conn: &mut Connection,
    name: &str,
    (sealed, changed): (&Sealed, i64),
) -> Result<(), LedgerError> {
    let upsert = query(
        "INSERT INTO secrets (name, key, nonce, ciphertext, changed) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (name) DO UPDATE SET key = excluded.key, nonce = excluded.nonce, \
         ciphertext = excluded.ciphertext, changed = excluded.changed",
    )
    .bind(name)
    .bind(&sealed.key)
    .bind(&sealed.nonce[..])
    .bind(&sealed.ciphertext[..])
    .bind(changed);
    upsert.execute(conn).await.during("store secret").map(drop)
}

/// Notes who has entered a secret.
async fn sign(conn: &mut Connection, name: &str, deed: &Deed) -> Result<(), LedgerError> {
    let update = query("UPDATE secrets SET author = $1 WHERE name = $2");
    let update = update.bind(deed.subject()).bind(name);
    update.execute(conn).await.during("store secret").map(drop)
}

/// Who has entered a secret, if it is stored.
pub(super) async fn author(
    conn: &mut Connection,
    name: &str,
) -> Result<Option<String>, LedgerError> {
    let statement = query("SELECT author FROM secrets WHERE name = $1").bind(name);
    let row = statement.fetch_optional(conn).await;
    let row = row.during("read secret")?;
    row.map(|row| row.text(0)).transpose().during("read secret")
}

async fn find(conn: &mut Connection, name: &str) -> Result<Option<Sealed>, LedgerError> {
    let statement = query("SELECT key, nonce, ciphertext FROM secrets WHERE name = $1");
    let row = statement.bind(name).fetch_optional(conn).await;
    let row = row.during("read secret")?;
    row.map(|row| sealed(&row, 0))
        .transpose()
        .during("read secret")
}

fn sealed(row: &Row, first: usize) -> Result<Sealed, DatabaseError> {
    Ok(Sealed {
        key: row.text(first)?,
        nonce: row.bytes(first + 1)?,
        ciphertext: row.bytes(first + 2)?,
    })
}

/// Ids of the connectors in use that name a secret, by its name.
async fn users(conn: &mut Connection) -> Result<BTreeMap<String, Vec<String>>, LedgerError> {
    let mut users = BTreeMap::<_, Vec<String>>::new();
    for (connector, file) in in_use(conn).await? {
        for name in file.stored_secrets() {
            users.entry(name).or_default().push(connector.clone());
        }
    }
    Ok(users)
}

/// Ids and files of the connectors in use. One that this program cannot read uses nothing that it can give, and is
/// left out.
pub(super) async fn in_use(conn: &mut Connection) -> Result<Vec<(String, Connector)>, LedgerError> {
    let rows = query("SELECT name_id, file FROM connectors WHERE deleted IS NULL ORDER BY name_id");
    let rows = rows.fetch(conn).await.during("read connectors")?;
    let mut connectors = Vec::new();
    for row in rows {
        let columns = || Ok((row.text(0)?, row.text(1)?));
        let (connector, file) = columns().during("read connectors")?;
        connectors.extend(parse(&file).ok().map(|file| (connector, file)));
    }
    Ok(connectors)
}
