//! What a connector is set to.

use chatkeep_model::connector::{Directory, Source, Target, Unmapped};
use chatkeep_proto::v1::ReportResponse;
use chatkeep_report::number;
use maud::{Markup, html};

use super::Stored;
use crate::pages::{form, words};

/// Properties and schedule.
pub(super) fn card(stored: &Stored) -> Markup {
    let connector = &stored.connector;
    let summary = &stored.summary;
    let schedule = &connector.schedule;
    let every = humantime_serde::re::humantime::format_duration(schedule.every);
    html! {
        section.card aria-labelledby="properties" {
            h2 #properties { "Properties" }
            dl {
                dt { "Schedule" }
                dd { @if stored.is_scheduled { "every " (every) ", at " (schedule.at) " UTC" } @else { "by hand only" } }
                dt { "Next run" } dd { (words::when_or_none(summary.due)) }
                dt { "Covered until" } dd { (words::when_or_none(summary.covered)) }
                dt { "Target" } dd { (target(&connector.target)) }
                dt { "Directory" } dd { (directory(&connector.directory)) }
                dt { "Mapping" } dd { (mapping(stored)) }
                dt { "Held users" } dd { a href={ (stored.address()) "/held" } { "Who waits for a mailbox" } }
                @for horizon in &summary.horizons {
                    dt { "Unread rows" } dd { (words::horizon(horizon, words::now())) }
                }
                dt { "Domain" } dd { (connector.domain) }
                dt { "Id" } dd { code { (summary.connector) } }
                dt { "Version" } dd {
                    (summary.version)
                    @if let Some(changed) = summary.changed { ", " (words::when(changed.div_euclid(1_000))) }
                }
            }
        }
    }
}

/// Its sources, with what the newest run read of each.
pub(super) fn sources(stored: &Stored, last: Option<&ReportResponse>) -> Markup {
    let coverage = last.and_then(|run| run.coverage.as_ref());
    let read = |position: usize| {
        let sources = coverage.map(|coverage| &coverage.sources);
        let found = sources.and_then(|all| all.iter().find(|one| one.source as usize == position));
        found.map(|source| source.records)
    };
    html! {
        section.card aria-labelledby="sources" {
            div.head {
                h2 #sources { "Sources" }
                a.button href={ (stored.address()) "/test" } { "Test connections" }
            }
            @for (source, position) in stored.connector.sources.iter().zip(1..) {
                h3 { (position) ". " (source_name(source)) }
                p.soft { (place(source)) }
                p.small {
                    @match read(position) {
                        Some(0) => span.badge.plain { "Nothing read in the newest run" },
                        Some(records) => span.badge.good { (number(records)) " records read in the newest run" },
                        None => span.badge.plain { "Not read yet" },
                    }
                }
            }
        }
    }
}

/// The connector file, and the end of it.
pub(super) fn more(stored: &Stored) -> Markup {
    let delete = html! {
        input type="hidden" name="version" value=(stored.summary.version);
        p { "It is no longer listed and opens no run. Its runs, their logs and seals stay, and what was archived stays in the mailboxes." }
        button.danger type="submit" { "Delete " (stored.summary.name) }
    };
    html! {
        section.card aria-labelledby="more" {
            h2 #more { "More" }
            details { summary { "Connector file" } pre tabindex="0" { (stored.file) } }
            details { summary { "Delete this connector" } (form::post(&format!("{}/delete", stored.address()), &delete)) }
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

fn place(source: &Source) -> Markup {
    html! {
        @match source.database() {
            Some(database) => { (database.server) ", " (database.database) },
            None => @if let Some(files) = source.files() { code { (files.path.display()) } },
        }
    }
}

fn target(target: &Target) -> Markup {
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

fn directory(directory: &Directory) -> Markup {
    html! {
        @match directory {
            Directory::Csv { path } => { "CSV, " code { (path.display()) } },
            Directory::Graph(_) => "Microsoft 365 tenant",
            Directory::Ldap(ldap) => { "Active Directory, " (ldap.url) },
        }
    }
}

fn mapping(stored: &Stored) -> Markup {
    let mapping = &stored.connector.mapping;
    html! {
        @if mapping.automatic { "automatic" } @else { "not automatic" }
        @if mapping.custom.is_some() { ", custom mapping first" }
        @match &mapping.unmapped {
            Unmapped::Hold => "; unknown users are held",
            Unmapped::CatchAll(mailbox) => { "; unknown users go to " (mailbox) },
        }
    }
}
