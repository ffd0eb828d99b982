//! The sample's conversations by three roads: exports, compliance files, databases. The items are the same
//! up to what a road does not have. These tests also run on a real SQL Server: see `support/sample.rs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    sample::{Databases, company},
    sandbox::{Mail, Sandbox},
};

/// The company archived from its files.
fn from_files() -> Sandbox {
    let sandbox = Sandbox::copy_of(&company());
    let outcome = sandbox.archive();
    // The sample has somebody who has left.
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    outcome.assert_closed();
    sandbox
}

/// The company archived from databases.
fn from_databases(databases: &Databases) -> Sandbox {
    let sandbox = Sandbox::copy_of(&company());
    databases.connect(&sandbox);
    let outcome = sandbox.archive();
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    outcome.assert_closed();
    assert_eq!(outcome.count("records.quarantined"), 0);
    sandbox
}

/// Items of this kind, by their mailbox and what tells one from the others.
fn items(sandbox: &Sandbox, kind: &str, by: &[&str]) -> BTreeMap<(String, Vec<Vec<String>>), Mail> {
    let mut items = BTreeMap::new();
    for (mailbox, mails) in sandbox.all_mails() {
        for mail in mails {
            if header(&mail, "X-Chatkeep-Kind") != kind {
                continue;
            }
            let by = by.iter().map(|name| list(&mail, name)).collect();
            let before = items.insert((mailbox.clone(), by), mail);
            let id = before.map(|mail| header(&mail, "Message-ID"));
            assert_eq!(id, None, "{kind}: two that cannot be told apart");
        }
    }
    assert!(!items.is_empty());
    items
}

fn header(mail: &Mail, name: &str) -> String {
    mail.header(name).unwrap_or_default()
}

/// A list of addresses, sorted: exports have it in another order.
fn list(mail: &Mail, name: &str) -> Vec<String> {
    let mut list: Vec<_> = header(mail, name).split(", ").map(str::to_owned).collect();
    list.sort();
    list
}

/// What stands between a line and how it is shown from right to left.
fn plain(text: &str) -> String {
    let text = text.replace(['\u{2068}', '\u{2069}'], "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Something that was said: seconds of the day, who, what.
type Line = (i64, String, String);

fn seconds(time: &str) -> Option<i64> {
    let numbers = time.split(':').map(|number| number.parse::<i64>().ok());
    let numbers: Option<Vec<_>> = numbers.collect();
    let &[hours, minutes, seconds] = numbers?.as_slice() else {
        return None;
    };
    Some((hours * 60 + minutes) * 60 + seconds)
}

/// `2025-03-10 07:53:52 Alice Morgan: hello`, as the exporter writes it.
fn exported(line: &str) -> Option<Line> {
    let (_day, rest) = line.split_once(' ')?;
    let (time, rest) = rest.split_once(' ')?;
    let (who, what) = rest.split_once(": ")?;
    Some((seconds(time)?, who.to_owned(), what.to_owned()))
}

/// `[07:53:52 UTC] alice.morgan@contoso.com: hello`, as we write it.
fn said(line: &str) -> Option<Line> {
    let (time, rest) = line.strip_prefix('[')?.split_once(" UTC] ")?;
    let (who, what) = rest.split_once(": ").filter(|_| !rest.starts_with("* "))?;
    Some((seconds(time)?, who.to_owned(), what.to_owned()))
}

/// The lines of a transcript, their times counted from the first one.
fn lines(mail: &Mail, read: fn(&str) -> Option<Line>) -> Vec<Line> {
    let text = mail.text();
    let mut lines: Vec<_> = text.lines().filter_map(|line| read(&plain(line))).collect();
    let first = lines.first().map_or(0, |(at, _, _)| *at);
    for (at, _, _) in &mut lines {
        *at -= first;
    }
    lines
}

/// The same was said, in the same order, at the same time, by the same people. Exports name people, the
/// database has their addresses.
fn assert_same_words(told: &Mail, read: &Mail) {
    let (told, read) = (lines(told, exported), lines(read, said));
    let words = |lines: &[Line]| -> Vec<(i64, String)> {
        let words = lines.iter().map(|(at, _, what)| (*at, what.clone()));
        words.collect()
    };
    assert!(!told.is_empty());
    assert_eq!(words(&told), words(&read));
    let mut people: BTreeMap<&str, &str> = BTreeMap::new();
    for ((_, name, _), (_, address, _)) in told.iter().zip(&read) {
        let known = *people.entry(name).or_insert(address);
        assert_eq!(known, address, "{name}");
    }
    let addresses: BTreeSet<_> = people.values().collect();
    assert_eq!(addresses.len(), people.len(), "{people:?}");
}

#[test]
fn sessions_are_the_same_items_out_of_exports_and_out_of_databases() {
    let databases = Databases::filled();
    let by = ["Date", "Email", "X-Chatkeep-Conversation", "In-Reply-To"];

    let told = items(&from_files(), "p2p", &by);
    let read = items(&from_databases(&databases), "p2p", &by);

    assert_eq!(
        told.keys().collect::<Vec<_>>(),
        read.keys().collect::<Vec<_>>()
    );
    for (told, read) in told.values().zip(read.values()) {
        for name in ["From", "To", "Subject"] {
            assert_eq!(header(told, name), header(read, name));
        }
        assert_same_words(told, read);
    }
}

#[test]
fn quirk_exports_of_meetings_lack_the_uri_and_who_came_when() {
    let databases = Databases::filled();
    let by = ["Date", "Email"];

    let told = items(&from_files(), "conference", &by);
    let read = items(&from_databases(&databases), "conference", &by);

    assert_eq!(
        told.keys().collect::<Vec<_>>(),
        read.keys().collect::<Vec<_>>()
    );
    for (told, read) in told.values().zip(read.values()) {
        for name in ["From", "Subject"] {
            assert_eq!(header(told, name), header(read, name));
        }
        assert_eq!(list(told, "To"), list(read, "To"));
        assert_same_words(told, read);
        let joined = |mail: &Mail| mail.text().matches(" joined").count();
        assert_eq!((joined(told), joined(read)), (0, 1), "{}", read.text());
        let key = |mail| header(mail, "X-Chatkeep-Conversation");
        assert!(!key(told).contains("conf:chat"), "{}", key(told));
        assert_ne!(key(told), key(read));
    }
}

/// The entries of a room's day that its database knows of, with files under the names they are stored by.
fn entries(mail: &Mail) -> Vec<String> {
    let text = mail.text();
    let entries = text.lines().map(plain).filter(|line| line.starts_with('['));
    let is_known = |line: &String| {
        let is_visit = [" joined", " left"].iter().any(|end| line.ends_with(end));
        let is_download = line.contains(" downloaded the file ");
        let is_event = line.contains("] * ");
        !(is_event && (is_visit || is_download)) && !line.contains(" (back channel): ")
    };
    let stored = |line: String| match line.split_once(" uploaded the file ") {
        Some((who, file)) => {
            let stored = file.rsplit(", stored as ").next().unwrap_or(file);
            format!("{who} uploaded the file {stored}")
        }
        None => line,
    };
    entries.filter(is_known).map(stored).collect()
}

#[test]
fn quirk_databases_of_rooms_lack_who_only_listened_back_channels_and_downloads() {
    let databases = Databases::filled();
    let by = ["X-Chatkeep-Conversation"];

    let told = items(&from_files(), "room", &by);
    let read = items(&from_databases(&databases), "room", &by);

    assert!(read.len() < told.len());
    for (which, read) in &read {
        let told = &told[which];
        for name in ["Subject", "In-Reply-To"] {
            assert_eq!(header(told, name), header(read, name));
        }
        assert!(!entries(read).is_empty());
        assert_eq!(entries(told), entries(read));
    }
}

#[test]
fn databases_are_archived_once_and_go_on_with_what_is_new() {
    let databases = Databases::filled();
    let sandbox = from_databases(&databases);
    let again = sandbox.archive();
    databases.run(
        "INSERT INTO dbo.Messages (MessageIdTime, MessageIdSeq, SessionIdTime, SessionIdSeq, FromId, \
         ToId, ContentTypeId, Body, Toast) VALUES\n\
         ('2025-04-01T08:00:00.003', 1, '2025-04-01T08:00:00.000', 1, 1, 2, 1, N'late', 0);",
    );

    let window = ["--from", "2025-04-01", "--to", "2025-04-02"];
    let later = sandbox.archive_with(&window);

    assert!(again.stdout.contains("nothing new"), "{again:?}");
    assert_eq!(later.count("records.read"), 1, "{later:?}");
    assert_eq!(later.count("records.rendered"), 1);
    let check = sandbox.run(&["check", "connector.toml"]);
    assert!(
        check
            .stdout
            .contains("messages from 2025-03-10 to 2025-04-01"),
        "{check:?}"
    );
}
