use std::{fs, path::Path};

use crate::sandbox::Sandbox;

fn copy(sandbox: &Sandbox, folder: &Path, to: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let to = format!("{to}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            copy(sandbox, &path, &format!("{to}/"));
        } else {
            sandbox.write(&to, fs::read(path).unwrap());
        }
    }
}

#[tokio::test]
async fn everything_in_the_example_is_captured() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/contoso");
    let mut export = Sandbox::export();
    copy(&export, &example.join("exports"), "");
    let mut rooms = Sandbox::rooms();
    copy(&rooms, &example.join("compliance"), "");

    let mails = export.archive().await;
    let events = rooms.archive().await;

    for ran in [&mails, &events] {
        assert_eq!(ran.captured.quarantined, []);
        assert!(!ran.conversations.is_empty());
    }
    assert!(mails.listed.files > 20 && events.listed.files > 1);
    let attached = events
        .conversations
        .iter()
        .map(|room| room.attachments.len());
    assert!(attached.sum::<usize>() > 0);
}
