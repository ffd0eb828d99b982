//! Sessions of people who have signed in. Their tokens never come here: a stolen ledger opens no session.

use chatkeep_proto::v1::{
    Actor, ListSessionsRequest, ListSessionsResponse, OpenSessionRequest, SignInSession,
};
use serde_json::{Value, json};

use crate::{
    audit::Deed,
    database::{Connection, DatabaseError, Row, query},
    error::{During as _, LedgerError},
    ledger::Ledger,
};

/// Milliseconds after which a use of a session is noted again.
const NOTED: i64 = 60_000;
/// Length of a SHA-256 in bytes.
const HASH: usize = 32;
/// Sessions per list when nothing is said, and at most.
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1_000;

const COLUMNS: &str = "token, subject, name, roles, opened, seen, expires, address";

impl Ledger {
    /// Stores a session, as a deed of who has signed in.
    pub(crate) async fn open_session(
        &self,
        request: OpenSessionRequest,
    ) -> Result<SignInSession, LedgerError> {
        check(&request)?;
        let now = self.clock.now();
        let ends = now.saturating_add(request.lifetime);
        let session = SignInSession {
            token_sha256: request.token_sha256,
            subject: request.subject,
            name: request.name,
            roles: request.roles,
            opened: now,
            seen: now,
            expires: now.saturating_add(request.idle).min(ends),
            address: request.address,
        };
        let mut tx = self.database.begin().await?;
        if find(&mut tx, &session.token_sha256).await?.is_some() {
            return Err(LedgerError::Exists("session"));
        }
        insert(&mut tx, &session, (request.idle, ends)).await?;
        let actor = Actor {
            subject: session.subject.clone(),
            name: session.name.clone(),
            roles: session.roles.clone(),
            address: session.address.clone(),
        };
        let deed = Deed::of(Some(actor), "session.open");
        self.note(&mut tx, &deed, &json!({})).await?;
        tx.commit().await.during("open session")?;
        Ok(session)
    }

    /// A session that has not ended; notes that it is used.
    pub(crate) async fn get_session(&self, token: &[u8]) -> Result<SignInSession, LedgerError> {
        let now = self.clock.now();
        let mut conn = self.database.read().await?;
        let session = find(&mut conn, token).await?;
        drop(conn);
        let unknown = LedgerError::Unknown("session");
        let session = session
            .filter(|session| session.expires > now)
            .ok_or(unknown)?;
        // A session of shorter idleness would end although it is used.
        let unused = (session.expires - session.seen) / 2;
        if now - session.seen < NOTED.min(unused) {
            return Ok(session);
        }
        self.touch(session, now).await
    }

    async fn touch(&self, session: SignInSession, now: i64) -> Result<SignInSession, LedgerError> {
        let mut tx = self.database.begin().await?;
        // Not one that was closed or revoked meanwhile.
        let update = query(
            "UPDATE sign_ins SET seen = $1, \
             expires = CASE WHEN $1 + idle < ends THEN $1 + idle ELSE ends END \
             WHERE token = $2 RETURNING expires",
        );
        let update = update.bind(now).bind(&session.token_sha256[..]);
        let row = update.fetch_optional(&mut tx).await.during("use session")?;
        let row = row.ok_or(LedgerError::Unknown("session"))?;
        let expires = row.int(0).during("use session")?;
        tx.commit().await.during("use session")?;
        Ok(SignInSession {
            seen: now,
            expires,
            ..session
        })
    }

    /// Ends a session, if there is one.
    pub(crate) async fn close_session(&self, deed: &Deed, token: &[u8]) -> Result<(), LedgerError> {
        let mut tx = self.database.begin().await?;
        let delete = query("DELETE FROM sign_ins WHERE token = $1 RETURNING subject");
        let row = delete.bind(token).fetch_optional(&mut tx).await;
        let Some(row) = row.during("close session")? else {
            return Ok(());
        };
        let subject = row.text(0).during("close session")?;
        self.note(&mut tx, &deed.about(&subject), &json!({}))
            .await?;
        tx.commit().await.during("close session")
    }

    /// Sessions that have not ended, the last opened first.
    pub(crate) async fn list_sessions(
        &self,
        request: ListSessionsRequest,
    ) -> Result<ListSessionsResponse, LedgerError> {
        let limit = match request.limit {
            0 => PAGE,
            limit => limit.min(LARGEST_PAGE),
        };
        let filter = if request.subject.is_empty() {
            ""
        } else {
            "AND subject = $3"
        };
        let mut conn = self.database.read().await?;
        let mut statement = query(format!(
            "SELECT {COLUMNS} FROM sign_ins WHERE expires > $1 {filter} \
             ORDER BY opened DESC LIMIT $2"
        ));
        statement = statement.bind(self.clock.now()).bind(i64::from(limit));
        if !request.subject.is_empty() {
            statement = statement.bind(&request.subject);
        }
        let rows = statement.fetch(&mut conn).await.during("list sessions")?;
        let sessions: Result<_, _> = rows.iter().map(read).collect();
        Ok(ListSessionsResponse {
            sessions: sessions.during("list sessions")?,
        })
    }

    /// Ends every session of somebody; returns how many.
    pub(crate) async fn revoke_sessions(
        &self,
        deed: &Deed,
        subject: &str,
    ) -> Result<u64, LedgerError> {
        let mut tx = self.database.begin().await?;
        let delete = query("DELETE FROM sign_ins WHERE subject = $1").bind(subject);
        let ended = delete.execute(&mut tx).await.during("revoke sessions")?;
        self.note(&mut tx, deed, &json!({ "sessions": ended }))
            .await?;
        tx.commit().await.during("revoke sessions")?;
        Ok(ended)
    }

    /// Deletes what is left of sessions that have ended.
    pub(crate) async fn forget_ended_sessions(&self) -> Result<(), LedgerError> {
        let mut tx = self.database.begin().await?;
        let delete = query("DELETE FROM sign_ins WHERE expires <= $1").bind(self.clock.now());
        let deleted = delete.execute(&mut tx).await;
        deleted.during("delete ended sessions")?;
        tx.commit().await.during("delete ended sessions")
    }
}

fn check(request: &OpenSessionRequest) -> Result<(), LedgerError> {
    if request.token_sha256.len() != HASH {
        return Err(LedgerError::Malformed("token"));
    }
    if request.subject.is_empty() {
        return Err(LedgerError::Malformed("subject"));
    }
    if request.lifetime <= 0 || request.idle <= 0 {
        return Err(LedgerError::Malformed("lifetime"));
    }
    Ok(())
}

async fn insert(
    conn: &mut Connection,
    session: &SignInSession,
    (idle, ends): (i64, i64),
) -> Result<(), LedgerError> {
    let roles = Value::from(session.roles.clone()).to_string();
    let insert = query(
        "INSERT INTO sign_ins (token, subject, name, roles, address, opened, seen, idle, ends, \
         expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&session.token_sha256[..])
    .bind(&session.subject)
    .bind(&session.name)
    .bind(&roles)
    .bind(&session.address)
    .bind(session.opened)
    .bind(session.seen)
    .bind(idle)
    .bind(ends)
    .bind(session.expires);
    insert.execute(conn).await.during("open session").map(drop)
}

async fn find(conn: &mut Connection, token: &[u8]) -> Result<Option<SignInSession>, LedgerError> {
    let statement = query(format!("SELECT {COLUMNS} FROM sign_ins WHERE token = $1"));
    let row = statement.bind(token).fetch_optional(conn).await;
    let session = row.during("find session")?.as_ref().map(read).transpose();
    session.during("find session")
}

fn read(row: &Row) -> Result<SignInSession, DatabaseError> {
    // Roles that cannot be read are none.
    let roles = serde_json::from_str(&row.text(3)?).unwrap_or_default();
    Ok(SignInSession {
        token_sha256: row.bytes(0)?.into(),
        subject: row.text(1)?,
        name: row.text(2)?,
        roles,
        opened: row.int(4)?,
        seen: row.int(5)?,
        expires: row.int(6)?,
        address: row.text(7)?,
    })
}
