use std::time::Duration;

use super::{Connector, CoverageOptions, ItemOptions, Schedule, Size, Source, Target};

impl Connector {
    /// True when both archive the same conversations into the same mailboxes. They may differ in when runs
    /// start, how fast sources are read, how items look, how large a part is, what reports compare, and in
    /// the name. A key that nobody thought of here counts as a difference.
    pub fn archives_like(&self, other: &Self) -> bool {
        self.essence() == other.essence()
    }

    /// The connector without what decides neither who gets what nor what is left out.
    fn essence(&self) -> Self {
        let mut essence = self.clone();
        essence.id = Some(self.id());
        essence.name.clear();
        essence.item = ItemOptions::default();
        essence.schedule = Schedule::default();
        essence.coverage = CoverageOptions::default();
        for source in &mut essence.sources {
            settle(source);
        }
        *max_item(&mut essence.target) = Size::default();
        essence
    }
}

/// Sets what only says how, and how fast, a source is read. What a file that is left alone has is read by a
/// later run.
fn settle(source: &mut Source) {
    match source {
        Source::ArchivingExport(files) | Source::PersistentChatXml(files) => {
            files.quiet = Duration::ZERO;
        }
        Source::ArchivingDatabase(database) | Source::PersistentChatDatabase(database) => {
            database.page_size = 0;
            database.rows_per_second = None;
            database.connect_timeout = Duration::ZERO;
            database.statement_timeout = Duration::ZERO;
            database.retention = None;
        }
    }
}

fn max_item(target: &mut Target) -> &mut Size {
    match target {
        Target::Maildir(target) => &mut target.max_item,
        Target::Imap(target) => &mut target.max_item,
        Target::Graph(target) => &mut target.max_item,
        Target::Ews(target) => &mut target.max_item,
        Target::Discard { max_item } => max_item,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const FILE: &str = r#"
name = "Contoso"
id = "contoso"
domain = "contoso.com"

[[sources]]
type = "archiving-database"
server = "sql01"
auth = { type = "sql", user = "env:U", password = "env:P" }
scope = ["*@contoso.com"]
settle = "24h"
page_size = 100

[[sources]]
type = "persistent-chat-xml"
path = "/chat"
quiet = "60s"

[[exclude]]
name = "bots"
address = "bot@*"

[directory]
type = "csv"
path = "/directory.csv"

[mapping]
domains = ["contoso.com"]
custom = "/custom.csv"
unmapped = "hold"
hold_for = "30days"

[target]
type = "imap"
host = "mail"
user = "env:M"
password = "env:N"
login = "{mailbox}"
max_item = "10MB"

[schedule]
at = "05:00"
"#;

    fn is_alike(from: &str, to: &str) -> bool {
        assert!(FILE.contains(from), "{from}");
        let parse = |text: &str| Connector::parse(text, Path::new("/")).unwrap();
        parse(FILE).archives_like(&parse(&FILE.replacen(from, to, 1)))
    }

    #[test]
    fn whatever_decides_who_gets_what_or_what_is_left_out_is_a_difference() {
        for (from, to) in [
            ("/directory.csv", "/other.csv"),
            ("/custom.csv", "/other.csv"),
            ("custom = \"/custom.csv\"\n", ""),
            (
                "domains = [\"contoso.com\"]",
                "domains = [\"fabrikam.com\"]",
            ),
            ("unmapped = \"hold\"", "unmapped = \"mallory@contoso.com\""),
            ("hold_for = \"30days\"", "hold_for = \"1s\""),
            ("[mapping]", "[mapping]\nautomatic = false"),
            ("bot@*", "*"),
            ("[\"*@contoso.com\"]", "[\"bob@contoso.com\"]"),
            ("settle = \"24h\"", "settle = \"25h\""),
            ("server = \"sql01\"", "server = \"sql02\""),
            (
                "path = \"/chat\"",
                "path = \"/chat\"\nfrom = \"2026-01-01\"",
            ),
            ("host = \"mail\"", "host = \"mallory\""),
            ("login = \"{mailbox}\"", "login = \"{local}\""),
            ("user = \"env:M\"", "user = \"env:MALLORY\""),
            ("max_item", "folder = \"Trash\"\nmax_item"),
        ] {
            assert!(!is_alike(from, to), "{from} -> {to}");
        }
    }

    #[test]
    fn times_sizes_and_looks_are_none() {
        for (from, to) in [
            ("at = \"05:00\"", "at = \"06:00\"\nrefresh = \"2h\""),
            ("page_size = 100", "page_size = 200\nrows_per_second = 7"),
            ("quiet = \"60s\"", "quiet = \"90s\""),
            ("max_item = \"10MB\"", "max_item = \"5MB\""),
            ("[target]", "[coverage]\nunseen_runs = 3\n[target]"),
            (
                "[target]",
                "[item]\ntime_zone = \"Europe/Berlin\"\n[target]",
            ),
            ("name = \"Contoso\"", "name = \"Other\""),
            ("[schedule]", "# a remark\n[schedule]"),
        ] {
            assert!(is_alike(from, to), "{from} -> {to}");
        }
    }
}
