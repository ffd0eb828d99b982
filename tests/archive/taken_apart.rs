//! Tasks that fail again and again are taken apart, down to what is at fault: nothing is lost on the way,
//! nothing counted or rendered twice.

use std::{fs, os::unix::fs::symlink};

use crate::sandbox::{Outcome, Sandbox, session};

/// A file that opens like any other and fails when it is read.
fn unreadable(sandbox: &Sandbox, name: &str) {
    symlink("/proc/self/mem", sandbox.path(name)).unwrap();
}

fn records(outcome: &Outcome) -> [u64; 4] {
    outcome.assert_closed();
    let parts = ["read", "rendered", "duplicates", "quarantined"];
    parts.map(|part| outcome.count(&format!("records.{part}")))
}

/// Events of a room: what Ann said, and a file she put into it.
fn room() -> String {
    let event = |kind: &str, content: &str, id: u32| {
        // From 2026-09-14T08:00:00Z on, in .NET ticks.
        let ticks = 639_249_696_000_000_000 + u64::from(id) * 10_000_000;
        format!(
            "<Message type=\"{kind}\" content=\"{content}\" id=\"{id}\"><Sender UserName=\"Ann\" id=\"1\" email=\"\" \
             internal=\"true\" uri=\"sip:ann@contoso.com\"/><DateTimeUTC since1970=\"0\" string=\"\" \
             long=\"{ticks}\"/></Message>"
        )
    };
    let said = event("CHAT", "the numbers", 1);
    let uploaded = event("FILEUPLOAD", STORED, 2);
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Conversations><Conversation><Channel \
         uri=\"ma-chan://contoso.com/1\" name=\"Room\"/><Messages>{said}{uploaded}</Messages></Conversation>\
         </Conversations>"
    )
}

/// The name under which the room's file is stored.
const STORED: &str = "0988239a-bb66-4616-90a4-b07771a2097c.txt";

/// Where staging keeps attachments: as a file, none can be stored.
const ATTACHMENTS: &str = ".chatkeep/staging/attachment";

#[test]
fn of_equal_files_in_both_halves_of_a_failing_capture_one_is_rendered() {
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("bob", "hi")]);
    unreadable(&sandbox, "exports/b.eml");
    sandbox.session("c", 0, &[("ann", "hello"), ("bob", "hi")]);

    let outcome = sandbox.archive();

    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert_eq!(records(&outcome), [3, 1, 1, 1]);
    assert_eq!(sandbox.mails("ann@contoso.com").len(), 1);
}

#[test]
fn what_was_quarantined_because_its_capture_failed_is_captured_when_the_cause_is_gone() {
    let sandbox = Sandbox::new();
    sandbox.write("compliance/room.xml", room());
    sandbox.write(&format!("compliance/{STORED}"), "hello");
    sandbox.write(ATTACHMENTS, "");
    let failed = sandbox.archive();
    assert_eq!(records(&failed), [1, 0, 0, 1], "{failed:?}");
    fs::remove_file(sandbox.path(ATTACHMENTS)).unwrap();

    let outcome = sandbox.archive();

    assert_eq!(records(&outcome), [2, 2, 0, 0], "{outcome:?}");
    assert!(
        sandbox.mails("ann@contoso.com")[0]
            .text()
            .contains("the numbers")
    );
}

#[test]
fn a_copy_is_captured_when_the_one_that_came_first_is_quarantined() {
    let sandbox = Sandbox::new();
    sandbox.write("compliance/pool1/room.xml", room());
    sandbox.write(&format!("compliance/pool1/{STORED}"), "hello");
    sandbox.write("compliance/pool2/room.xml", room());
    sandbox.write(ATTACHMENTS, "");

    let outcome = sandbox.archive();

    outcome.assert_closed();
    assert_eq!(outcome.count("records.rendered"), 2, "{outcome:?}");
    let mails = sandbox.mails("ann@contoso.com");
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text().contains("the numbers"));
}

#[test]
fn a_copy_of_a_conversation_that_could_not_be_rendered_is_captured() {
    // SHA-256 of the attachment: other bytes of its length, where staging has it already.
    const HELLO: &str =
        "attachment/2c/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let sandbox = Sandbox::new();
    let plain = session(0, &[("ann", "hello"), ("bob", "hi")]);
    let file = "--MIME_Boundary\r\nContent-Type: application/octet-stream\r\nContent-Disposition: \
        attachment; filename=\"hello.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n\
        --MIME_Boundary--";
    let eml = plain.replace("--MIME_Boundary--", file);
    sandbox.write("exports/pool1/a.eml", &eml);
    let blocked = sandbox.path(".chatkeep/staging").join(HELLO);
    fs::create_dir_all(blocked.parent().unwrap()).unwrap();
    fs::write(&blocked, "jello").unwrap();
    let failed = sandbox.archive();
    assert_eq!(records(&failed), [1, 0, 0, 1], "{failed:?}");
    fs::remove_file(&blocked).unwrap();
    sandbox.write("exports/pool2/a.eml", &eml);

    let outcome = sandbox.archive();

    assert_eq!(records(&outcome), [1, 1, 0, 0], "{outcome:?}");
    assert_eq!(sandbox.mails("ann@contoso.com").len(), 1);
}
