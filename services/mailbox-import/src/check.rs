use std::path::Path;

use chatkeep_model::{
    UtcTime,
    connector::{Connector, Target},
};
use rustix::fs::{Access, access};

use crate::{
    Settings, ews,
    ews::EwsTarget,
    graph,
    graph::GraphTarget,
    imap::{ImapError, ImapTarget, list_folder},
    maildir::MaildirTarget,
    target::{TargetError, Tenants},
};

/// Something that a check of the target found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// True where it would keep items from being imported.
    pub is_problem: bool,
    /// For the administrator.
    pub text: String,
}

/// Tests the target without changing anything: connects, signs in to a sample mailbox where one is
/// known, and says what the server can do.
pub async fn check(
    connector: &Connector,
    settings: &Settings,
    sample: Option<&str>,
) -> Result<Vec<Finding>, TargetError> {
    let findings = match &connector.target {
        Target::Discard { .. } => vec![fine("discards everything: for trials only".to_owned())],
        Target::Maildir(settings) => {
            let target = MaildirTarget::new(settings, &connector.domain)?;
            let mut findings = vec![check_writable(target.root())];
            if let Some(mailbox) = sample {
                let path = target.path_of(mailbox)?;
                findings.push(check_writable(&path));
            }
            // Neither may exist yet: then the same folder above them is looked at.
            findings.dedup();
            findings
        }
        Target::Imap(imap) => {
            check_imap(&ImapTarget::new(imap, settings.timeouts())?, sample).await?
        }
        Target::Graph(tenant) => {
            let class = &connector.item.class;
            let timeouts = settings.timeouts();
            let target = GraphTarget::new(tenant, class, timeouts, &Tenants::default())?;
            graph::check(&target, tenant, sample).await?
        }
        Target::Ews(server) => {
            let class = &connector.item.class;
            let timeouts = settings.timeouts();
            let target = EwsTarget::new(server, class, timeouts, &Tenants::default())?;
            ews::check(&target, server, sample).await?
        }
    };
    Ok(findings)
}

/// Warns where items would be older than the mailboxes keep anything (`retention`), and so be deleted soon
/// after they were imported. `oldest` is the first conversation of a source, `now` the time, both Unix
/// seconds.
pub fn outlived(connector: &Connector, oldest: i64, now: i64) -> Option<Finding> {
    let Target::Graph(target) = &connector.target else {
        return None;
    };
    let retention = i64::try_from(target.retention?.as_secs()).ok()?;
    let kept_from = now.saturating_sub(retention);
    let day = |seconds: i64| UtcTime::from_seconds(seconds).day();
    (oldest < kept_from).then(|| {
        fine(format!(
            "the oldest conversation is of {}, but the mailboxes keep nothing from before {} (retention): what              is older is deleted soon after it was imported. Put the mailboxes on hold, or leave it out with              from",
            day(oldest),
            day(kept_from)
        ))
    })
}

/// The largest part an item may have: the connector's limit, or the server's where that is lower and it
/// says so (APPENDLIMIT, RFC 7889). Many servers say so only after somebody has signed in.
pub async fn max_part_bytes(
    connector: &Connector,
    settings: &Settings,
    sample: Option<&str>,
) -> Result<u64, TargetError> {
    let limit = connector.target.max_item();
    let Target::Imap(imap) = &connector.target else {
        return Ok(limit);
    };
    let target = ImapTarget::new(imap, settings.timeouts())?;
    let connection = match sample {
        Some(mailbox) => target.sign_in(mailbox).await?,
        None => target.connect().await?,
    };
    let capabilities = connection.capabilities().iter();
    let announced = capabilities.filter_map(|name| name.strip_prefix("APPENDLIMIT="));
    let announced = announced.filter_map(|limit| limit.parse().ok()).min();
    connection.logout().await;
    Ok(announced.unwrap_or(limit).min(limit))
}

async fn check_imap(
    target: &ImapTarget,
    sample: Option<&str>,
) -> Result<Vec<Finding>, TargetError> {
    let Some(mailbox) = sample else {
        target.connect().await?.logout().await;
        return Ok(vec![fine(
            "reaches the IMAP server; no mailbox known to sign in to".to_owned(),
        )]);
    };
    let mut connection = target.sign_in(mailbox).await?;
    let mut findings = vec![fine("signs in to the sample mailbox".to_owned())];
    let can: Vec<_> = ["MULTIAPPEND", "LITERAL+", "LITERAL-", "UIDPLUS"]
        .into_iter()
        .filter(|name| connection.can(name))
        .collect();
    let slow = if connection.can("MULTIAPPEND") {
        ""
    } else {
        "; without MULTIAPPEND import is slower"
    };
    findings.push(fine(format!("the server offers {}{slow}", can.join(", "))));
    if !connection.can("UIDPLUS") {
        let text = "the server offers no UIDPLUS: extra copies are marked as deleted, and removed \
                    only while nothing else is marked";
        findings.push(fine(text.to_owned()));
    }
    let folder = target.folder(&mut connection).await;
    let folder = folder.map_err(ImapError::at_folder)?;
    let listed = list_folder(&mut connection, &folder).await;
    let listed = listed.map_err(ImapError::at_folder)?;
    findings.push(match listed {
        Some(listed) if listed.no_select => Finding {
            is_problem: true,
            text: format!("the folder {folder} cannot hold messages; choose another target.folder"),
        },
        Some(_) => fine(format!("the folder {folder} is there")),
        None => fine(format!("the folder {folder} will be created")),
    });
    connection.logout().await;
    Ok(findings)
}

/// Whether files can be made at a path, or at the nearest folder above it that exists.
fn check_writable(path: &Path) -> Finding {
    let existing = path.ancestors().find(|path| path.exists());
    let existing = existing.filter(|path| !path.as_os_str().is_empty());
    let existing = existing.unwrap_or(Path::new("."));
    let shown = existing.display();
    if !existing.is_dir() {
        let text = format!("{shown} is not a folder; remove it or change target.path");
        return Finding {
            is_problem: true,
            text,
        };
    }
    match access(existing, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => fine(format!("{shown} can be written to")),
        Err(_) => Finding {
            is_problem: true,
            text: format!("{shown} cannot be written to; change its rights or target.path"),
        },
    }
}

fn fine(text: String) -> Finding {
    Finding {
        is_problem: false,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(feature = "microsoft365"))]
    #[tokio::test]
    async fn a_target_that_is_not_built_in_is_an_error_that_names_the_feature() {
        let text = "name = \"Contoso\"\ndomain = \"contoso.com\"\n\
             [[sources]]\ntype = \"archiving-export\"\npath = \"exports\"\n\
             [directory]\ntype = \"csv\"\npath = \"directory.csv\"\n[target]\ntype = \"graph\"\n\
             auth = { tenant = \"contoso.com\", client = \"app\", secret = \"env:SECRET\" }\n";
        let connector = Connector::parse(text, Path::new("/")).unwrap();

        let checked = check(&connector, &Settings::default(), None).await;

        let Err(TargetError::Setup { source }) = checked else {
            panic!("{checked:?}");
        };
        assert!(source.to_string().contains("`microsoft365`"), "{source}");
    }

    #[tokio::test]
    async fn a_folder_that_is_above_both_root_and_mailbox_is_told_of_once() {
        let folder = tempfile::tempdir().unwrap();
        let connector = |path: &Path| {
            let text = format!(
                "name = \"Contoso\"\ndomain = \"contoso.com\"\n\
                 [[sources]]\ntype = \"archiving-export\"\npath = \"exports\"\n\
                 [directory]\ntype = \"csv\"\npath = \"directory.csv\"\n\
                 [target]\ntype = \"maildir\"\npath = \"{}\"\n",
                path.display()
            );
            Connector::parse(&text, Path::new("/")).unwrap()
        };
        let sample = Some("ann@contoso.com");

        let connector = connector(&folder.path().join("mailboxes"));
        let findings = check(&connector, &Settings::default(), sample).await;

        let findings = findings.unwrap();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].text.contains(&*folder.path().to_string_lossy()));
    }

    #[test]
    fn items_older_than_what_the_mailboxes_keep_are_warned_about() {
        let connector = |retention: &str| {
            let text = format!(
                "name = \"Contoso\"\ndomain = \"contoso.com\"\n\
                 [[sources]]\ntype = \"archiving-export\"\npath = \"exports\"\n\
                 [directory]\ntype = \"csv\"\npath = \"directory.csv\"\n[target]\ntype = \"graph\"\n{retention}\
                 auth = {{ tenant = \"contoso.com\", client = \"app\", secret = \"env:SECRET\" }}\n"
            );
            Connector::parse(&text, Path::new("/")).unwrap()
        };
        let year = 31_557_600;
        let now = 1_767_225_600;

        let seven = connector("retention = \"7y\"\n");
        let warning = outlived(&seven, now - 8 * year, now).unwrap();
        assert!(
            !warning.is_problem && warning.text.contains("2018"),
            "{}",
            warning.text
        );
        assert_eq!(outlived(&seven, now - 6 * year, now), None);
        assert_eq!(outlived(&connector(""), 0, now), None);
    }
}
