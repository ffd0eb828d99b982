//! What a connector is set to.

use chatkeep_model::connector::{Connector, Directory, Schedule, Source, Target, Unmapped};
use chatkeep_proto::v1::{ConnectorState, ReportResponse};
use chatkeep_report::number;
use maud::{Markup, html};

use super::Stored;
use crate::{
    pages::{form, proposals, viewer, words},
    sign_in::Right,
};

/// Properties and schedule.
pub(super) fn card(stored: &Stored) -> Markup {
    let connector = &stored.connector;
    let summary = &stored.summary;
    let schedule = &connector.schedule;
    html! {
        section.card aria-labelledby="properties" {
            h2 #properties { "Properties" }
            dl {
                dt { "Schedule" }
                dd { @if stored.is_scheduled { (when(schedule)) } @else { "by hand only" } }
                dt { "Next run" } dd { (words::when_or_none(summary.due)) }
                dt { "Covered until" } dd { (words::when_or_none(summary.covered)) }
                dt { "Target" } dd { (target(&connector.target)) }
                dt { "Directory" } dd { (directory(&connector.directory)) }
                dt { "Mapping" } dd { (mapping(connector)) }
                dt { "Held users" } dd { a href={ (stored.address()) "/held" } { "Who waits for a mailbox" } }
                @for horizon in &summary.horizons {
                    dt { "Unread rows" } dd { (words::horizon(horizon, words::now())) }
                }
                dt { "Domain" } dd { (connector.domain) }
                dt { "Id" } dd { code { (summary.connector) } }
                dt { "Version" } dd {
                    (summary.version)
                    @if let Some(changed) = summary.changed { ", stored " (words::when(changed.div_euclid(1_000))) }
                }
            }
        }
    }
}

/// When runs begin.
pub(in crate::pages) fn when(schedule: &Schedule) -> String {
    let every = words::duration(schedule.every);
    let every = if every == "1 day" { "day" } else { &every };
    format!("every {every}, at {} UTC", schedule.at)
}

/// Its sources, and what became of them in the newest run.
pub(super) fn sources(stored: &Stored, last: Option<&ReportResponse>) -> Markup {
    html! {
        section.card aria-labelledby="sources" {
            div.head {
                h2 #sources { "Sources" }
                @if viewer::may(Right::Operate) {
                    a.button href={ (stored.address()) "/test" } { "Test connections" }
                }
            }
            ol.sources {
                @for source in &stored.connector.sources {
                    li { b { (source_name(source)) } div.small.soft { (place(source)) } }
                }
            }
            p.small {
                @match last {
                    Some(run) => {
                        a href={ (stored.address()) "/runs/" (run.number) } { "Run " (run.number) }
                        " read " (number(run.records.unwrap_or_default().read)) " records of them: "
                        (words::run_badge(run.state(), &run.reason))
                    },
                    None => span.badge.plain { "Not read yet" },
                }
            }
        }
    }
}

/// The connector file, and the end of it; `approval`: somebody else has to approve that.
pub(super) fn more(stored: &Stored, approval: bool) -> Markup {
    let delete = html! {
        input type="hidden" name="version" value=(stored.summary.version);
        p { "It is no longer listed and opens no run. Its runs, their logs and seals stay, and what was archived stays in the mailboxes." }
        @if approval { (proposals::reason()) }
        button.danger type="submit" { @if approval { "Propose to delete " } @else { "Delete " } (stored.summary.name) }
    };
    html! {
        section.card aria-labelledby="more" {
            h2 #more { "More" }
            details { summary { "Connector file" } pre tabindex="0" { (stored.file) } }
            @if viewer::may(Right::Administer) && stored.summary.state() != ConnectorState::Deleted {
                details { summary { "Delete this connector" } (form::post(&format!("{}/delete", stored.address()), &delete)) }
            }
        }
    }
}

/// What a type of source is called.
pub(in crate::pages) fn source_name(source: &Source) -> &'static str {
    match source {
        Source::ArchivingExport(_) => "Archiving export (.eml files)",
        Source::ArchivingDatabase(_) => "Archiving database (LcsLog)",
        Source::PersistentChatXml(_) => "Persistent chat compliance (XML)",
        Source::PersistentChatDatabase(_) => "Persistent chat database (mgc)",
    }
}

pub(in crate::pages) fn place(source: &Source) -> Markup {
    html! {
        @match source.database() {
            Some(database) => { (database.server) ", " (database.database) },
            None => @if let Some(files) = source.files() { code { (files.path.display()) } },
        }
    }
}

pub(in crate::pages) fn target(target: &Target) -> Markup {
    html! {
        @match target {
            Target::Maildir(maildir) => { "Maildir, " code { (maildir.path.display()) } },
            Target::Imap(imap) => { "IMAP, " (imap.host) },
            Target::Graph(_) => "Exchange Online",
            Target::Ews(ews) => { "Exchange Server, " (ews.url) },
            Target::Discard { .. } => "Discard (trial: nothing is stored)",
        }
    }
}

pub(in crate::pages) fn directory(directory: &Directory) -> Markup {
    html! {
        @match directory {
            Directory::Csv { path } => { "CSV, " code { (path.display()) } },
            Directory::Graph(_) => "Microsoft 365 tenant",
            Directory::Ldap(ldap) => { "Active Directory, " (ldap.url) },
        }
    }
}

pub(in crate::pages) fn mapping(connector: &Connector) -> Markup {
    let mapping = &connector.mapping;
    html! {
        @if mapping.automatic { "automatic" } @else { "not automatic" }
        @if mapping.custom.is_some() { ", custom mapping first" }
        @match &mapping.unmapped {
            Unmapped::Hold => "; unknown users are held",
            Unmapped::CatchAll(mailbox) => { "; unknown users go to " (mailbox) },
        }
    }
}
