use std::{mem::discriminant, time::Duration};

use super::{is_domain, require};
use crate::connector::{
    ConnectorError, DatabaseAuth, DatabaseSource, DatabaseTls, Source, SourceKind,
};

/// Most rows of a page: more are held in memory at once than a server should have to wait for.
const LARGEST_PAGE: u32 = 100_000;

/// Hours are counted again for ten years at most: their numbers travel in one message.
const LONGEST_RECOUNT: Duration = Duration::from_hours(24 * 3_660);

/// Chat messages are read again for a day at least.
const SHORTEST_REREAD: Duration = Duration::from_hours(24);

/// Checks every source, and that no two of them have the same conversations: those of one kind are of
/// one type, or of disjoint times.
pub(super) fn validate(sources: &[Source]) -> Result<(), ConnectorError> {
    for (index, source) in sources.iter().enumerate() {
        let key = |key: &str| format!("sources.{}.{key}", index + 1);
        if let (Some(from), Some(to)) = source.days() {
            let problem = "is not after from; nothing would be archived";
            require(from < to, &key("to"), problem)?;
        }
        if let Some(database) = source.database() {
            validate_database(database, &key)?;
            validate_kind(source.kind(), database, &key)?;
        }
        for other in sources[..index].iter().filter(|other| meet(source, other)) {
            refuse_twice(source, other, &key)?;
        }
    }
    Ok(())
}

/// Refuses two sources of one time that would archive twice.
fn refuse_twice(
    source: &Source,
    other: &Source,
    key: &impl Fn(&str) -> String,
) -> Result<(), ConnectorError> {
    if source.kind() == other.kind() && discriminant(source) != discriminant(other) {
        let problem = "has the conversations of another source of another type; give them from and to \
            so that no day is in both";
        return require(false, &key("type"), problem);
    }
    if let (Some(one), Some(two)) = (source.files(), other.files()) {
        let is_within = one.path.starts_with(&two.path) || two.path.starts_with(&one.path);
        let problem = "lies in the folder of another source; its files would be read twice";
        require(
            discriminant(source) != discriminant(other) || !is_within,
            &key("path"),
            problem,
        )?;
    }
    if let (Some(one), Some(two)) = (source.database(), other.database()) {
        let problem = "is the database of another source; its rows would be read twice";
        require(one.name("") != two.name(""), &key("server"), problem)?;
    }
    Ok(())
}

/// Whether there are days that both are read for.
fn meet(one: &Source, two: &Source) -> bool {
    let begins_before_end = |one: &Source, two: &Source| {
        let (from, to) = (one.days().0, two.days().1);
        from.is_none_or(|from| to.is_none_or(|to| from < to))
    };
    begins_before_end(one, two) && begins_before_end(two, one)
}

/// Refuses keys that have no meaning for what the source has.
fn validate_kind(
    kind: SourceKind,
    database: &DatabaseSource,
    key: &impl Fn(&str) -> String,
) -> Result<(), ConnectorError> {
    let [of_sessions, of_rooms] = database.keys_of_kinds();
    let (others, problem) = match kind {
        SourceKind::Archive => (of_rooms, "is a key of persistent-chat-database"),
        SourceKind::Rooms => (of_sessions, "is a key of archiving-database"),
    };
    let other = others.first();
    require(other.is_none(), &key(other.unwrap_or(&"")), problem)?;
    let is_domain = database.domain.as_deref().is_none_or(is_domain);
    let problem = "is not a domain name; write the one in ma-chan://DOMAIN/...";
    require(is_domain, &key("domain"), problem)?;
    let reread = database.reread.unwrap_or(SHORTEST_REREAD);
    let problem = "must be at least a day: rows are committed in another order than their numbers";
    require(reread >= SHORTEST_REREAD, &key("reread"), problem)
}

fn validate_database(
    database: &DatabaseSource,
    key: &impl Fn(&str) -> String,
) -> Result<(), ConnectorError> {
    let problem = "is empty; name the SQL Server, e.g. sql01.contoso.com or sql01\\INSTANCE";
    require(!database.server.trim().is_empty(), &key("server"), problem)?;
    validate_auth(&database.auth, &key("auth"))?;
    if let Some(details) = &database.cdr {
        let is_named = details
            .server
            .as_deref()
            .is_none_or(|server| !server.trim().is_empty());
        let problem = "is empty; leave it out where LcsCDR is on the archiving database's server";
        require(is_named, &key("cdr.server"), problem)?;
        let problem = "is of no use without cdr.server: the archiving database's is used";
        let is_used = details.port.is_none() || details.server.is_some();
        require(is_used, &key("cdr.port"), problem)?;
        if let Some(auth) = &details.auth {
            validate_auth(auth, &key("cdr.auth"))?;
        }
    }
    let problem = "is of no use unless tls = \"verify\"";
    let is_used = database.ca.is_none() || database.tls == DatabaseTls::Verify;
    require(is_used, &key("ca"), problem)?;
    let is_page = (1..=LARGEST_PAGE).contains(&database.page_size);
    require(is_page, &key("page_size"), "must be 1 to 100000")?;
    let is_short = database.recount <= LONGEST_RECOUNT;
    require(is_short, &key("recount"), "must be at most ten years")?;
    let is_rate = database.rows_per_second != Some(0);
    require(is_rate, &key("rows_per_second"), "must be at least 1")?;
    for (name, time) in [
        ("connect_timeout", database.connect_timeout),
        ("statement_timeout", database.statement_timeout),
    ] {
        let problem = "must be at least a second, e.g. 15s";
        require(time >= Duration::from_secs(1), &key(name), problem)?;
    }
    if let Some(retention) = database.retention {
        let is_kept = (1..=2562).contains(&retention.days);
        require(is_kept, &key("retention.days"), "must be 1 to 2562")?;
        let is_hour = retention.purge_hour < 24;
        require(is_hour, &key("retention.purge_hour"), "must be 0 to 23")?;
    }
    let problem = "has an entry that is not a pattern; use addresses with * and ?";
    require(database.scope().is_ok(), &key("scope"), problem)
}

fn validate_auth(auth: &DatabaseAuth, key: &str) -> Result<(), ConnectorError> {
    let refused = match auth {
        DatabaseAuth::Sql { .. } => None,
        DatabaseAuth::Windows => Some(
            "cannot be windows: Kerberos and NTLM are not built in; make a login of SQL Server \
             (mixed mode) and use type = \"sql\"",
        ),
        DatabaseAuth::Entra => Some(
            "cannot be entra: the SQL Servers of Skype for Business do not know Entra ID; use type = \
             \"sql\"",
        ),
    };
    require(refused.is_none(), key, refused.unwrap_or_default())
}
