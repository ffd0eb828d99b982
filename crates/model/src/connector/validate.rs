mod sources;

use super::{
    Connector, ConnectorError, Directory, Target, Unmapped, coverage,
    credential::is_web_address,
    target::{Auth, Tls},
};
use crate::address;

/// Checks what the types cannot: names, domains, addresses, sources that would archive twice.
pub(super) fn validate(connector: &Connector) -> Result<(), ConnectorError> {
    require(
        !connector.name.trim().is_empty(),
        "name",
        "is empty; give the connector a name",
    )?;
    require(
        is_domain(&connector.domain),
        "domain",
        "is not a domain name; write e.g. contoso.com",
    )?;
    if let Some(id) = &connector.id {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        require(
            !id.is_empty() && id.len() <= 64 && id.chars().all(is_plain),
            "id",
            "must be 1 to 64 of a-z, 0-9 and -",
        )?;
    }
    require(
        !connector.sources.is_empty(),
        "sources",
        "is missing; add at least one [[sources]]",
    )?;
    sources::validate(&connector.sources)?;
    for rule in &connector.exclude {
        require(
            !rule.name.is_empty(),
            "exclude.name",
            "is empty; name the rule",
        )?;
        rule.matcher()?;
    }
    for domain in &connector.mapping.domains {
        require(
            is_domain(domain),
            "mapping.domains",
            "has an entry that is not a domain name",
        )?;
    }
    if let Unmapped::CatchAll(mailbox) = &connector.mapping.unmapped {
        let problem = "must be \"hold\" or the address of a catch-all mailbox";
        require(address::is_mailable(mailbox), "mapping.unmapped", problem)?;
    }
    if let Directory::Graph(graph) = &connector.directory {
        validate_endpoint(&graph.endpoint, "directory.endpoint")?;
    }
    if let Directory::Ldap(ldap) = &connector.directory
        && let Some((key, problem)) = ldap.problem()
    {
        require(false, key, problem)?;
    }
    let zone = jiff::tz::TimeZone::get(&connector.item.time_zone);
    require(
        zone.is_ok(),
        "item.time_zone",
        "is not an IANA time zone; write e.g. UTC or Europe/Berlin",
    )?;
    validate_schedule(connector)?;
    require(
        connector.coverage.unseen_runs <= coverage::MOST_RUNS,
        "coverage.unseen_runs",
        "must be at most 100; 0 tells nobody",
    )?;
    if let Some(problem) = connector.report.problem() {
        require(false, "report.to", problem)?;
    }
    validate_target(&connector.target)
}

fn validate_schedule(connector: &Connector) -> Result<(), ConnectorError> {
    require(
        connector.schedule.time_of_day().is_some(),
        "schedule.at",
        "is not a UTC time of day; write e.g. 01:00",
    )?;
    let schedule = &connector.schedule;
    for (key, time) in [
        ("schedule.every", schedule.every),
        ("schedule.refresh", schedule.refresh),
    ] {
        let problem = "must be at least a minute, e.g. 24h";
        require(time.as_secs() >= 60, key, problem)?;
    }
    Ok(())
}

fn validate_target(target: &Target) -> Result<(), ConnectorError> {
    let problem = "is too small; an item part needs at least 64KiB";
    require(target.max_item() >= 65_536, "target.max_item", problem)?;
    if let Target::Imap(imap) = target {
        require(
            !imap.host.is_empty(),
            "target.host",
            "is empty; name the IMAP server",
        )?;
        let needs_user = matches!(imap.auth, Auth::Authzid | Auth::Master);
        require(
            !needs_user || imap.user.is_some(),
            "target.user",
            "is missing; authzid and master sign in as a service account",
        )?;
        require(
            imap.entra.is_none() || imap.auth == Auth::Xoauth2,
            "target.entra",
            "is for auth = \"xoauth2\"; the others sign in with a password",
        )?;
        require(
            imap.entra.is_none() || imap.tls != Tls::None || is_loopback(&imap.host),
            "target.tls",
            "must not be none with entra; the token could be read on the way",
        )?;
        require(
            imap.entra.is_some() != imap.password.is_some(),
            "target.password",
            "must be given, or entra with auth = \"xoauth2\"; not both",
        )?;
        let names_mailbox = imap.login.contains("{mailbox}") || imap.login.contains("{local}");
        let problem = "must contain {mailbox} or {local}, or everything would go into one mailbox";
        require(names_mailbox, "target.login", problem)?;
    }
    if let Target::Graph(graph) = target {
        validate_endpoint(&graph.endpoint, "target.endpoint")?;
        let has_level = graph.folder.split('/').any(|level| !level.is_empty());
        require(has_level, "target.folder", "is empty; name a folder")?;
        let problem = "is more than an Outlook item can hold (150MB)";
        require(graph.max_item.0 <= 150_000_000, "target.max_item", problem)?;
    }
    if let Target::Ews(ews) = target
        && let Some((key, problem)) = ews.problem()
    {
        require(false, key, problem)?;
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let address: Result<std::net::IpAddr, _> = host.parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Microsoft Graph: tokens are sent there, so it must be https, or loopback.
fn validate_endpoint(endpoint: &str, key: &str) -> Result<(), ConnectorError> {
    let problem = "must be an https address, e.g. https://graph.microsoft.com/v1.0";
    let is_plain = !endpoint.contains(['?', '#']);
    require(is_plain && is_web_address(endpoint), key, problem)
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    domain.len() <= 253 && domain.split('.').all(is_label)
}

fn require(holds: bool, key: &str, problem: &str) -> Result<(), ConnectorError> {
    if holds {
        return Ok(());
    }
    Err(ConnectorError::Invalid {
        key: key.to_owned(),
        problem: problem.to_owned(),
    })
}
