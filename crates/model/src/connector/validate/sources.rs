use std::{mem::discriminant, time::Duration};

use super::require;
use crate::connector::{ConnectorError, DatabaseAuth, DatabaseSource, DatabaseTls, Source};

/// Most rows of a page: more are held in memory at once than a server should have to wait for.
const LARGEST_PAGE: u32 = 100_000;

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

fn validate_database(
    database: &DatabaseSource,
    key: &impl Fn(&str) -> String,
) -> Result<(), ConnectorError> {
    let problem = "is empty; name the SQL Server, e.g. sql01.contoso.com or sql01\\INSTANCE";
    require(!database.server.trim().is_empty(), &key("server"), problem)?;
    let refused = match database.auth {
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
    require(refused.is_none(), &key("auth"), refused.unwrap_or_default())?;
    let problem = "is of no use unless tls = \"verify\"";
    let is_used = database.ca.is_none() || database.tls == DatabaseTls::Verify;
    require(is_used, &key("ca"), problem)?;
    let is_page = (1..=LARGEST_PAGE).contains(&database.page_size);
    require(is_page, &key("page_size"), "must be 1 to 100000")?;
    let is_rate = database.rows_per_second != Some(0);
    require(is_rate, &key("rows_per_second"), "must be at least 1")?;
    for (name, time) in [
        ("connect_timeout", database.connect_timeout),
        ("statement_timeout", database.statement_timeout),
    ] {
        let problem = "must be at least a second, e.g. 15s";
        require(time >= Duration::from_secs(1), &key(name), problem)?;
    }
    let problem = "has an entry that is not a pattern; use addresses with * and ?";
    require(database.scope().is_ok(), &key("scope"), problem)
}
