use std::{collections::BTreeMap, fs};

use chatkeep_model::{Content, Kind};
use chatkeep_proto::v1::Blob;

use crate::{
    build::{CONFERENCE, P2P, mail},
    sandbox::Sandbox,
};

#[tokio::test]
async fn an_exported_tree_becomes_conversations() {
    let mut sandbox = Sandbox::export();
    sandbox.write("sql01_rtc/2016/a.eml", P2P);
    sandbox.write("sql01_rtc/2016/b.EML", CONFERENCE);
    sandbox.write("sql01_rtc/readme.txt", "x");

    let ran = sandbox.archive().await;

    assert_eq!((ran.listed.files, ran.listed.foreign), (2, 1));
    assert_eq!(ran.captured.records_read, 2);
    let [p2p, conference] = &ran.conversations[..] else {
        panic!("two conversations");
    };
    assert_eq!(p2p.kind, Kind::PeerToPeer);
    assert_eq!(
        p2p.key.as_str(),
        "p2p:ann@contoso.com,bob@contoso.com@2016-10-14T14:22:49Z"
    );
    let Content::Transcript(transcript) = &p2p.content else {
        panic!("a transcript");
    };
    assert!(transcript.html.as_ref().unwrap().contains("Grüße 😀"));
    assert_eq!(conference.kind, Kind::Conference);
    assert_eq!(conference.subject.as_deref(), Some("Budget 2017"));
    assert_eq!(conference.participants.len(), 4);
    assert_eq!(conference.attachments[0].name, "Budget 2017.txt");
}

#[tokio::test]
async fn attachments_lie_in_staging_byte_for_byte() {
    let mut sandbox = Sandbox::export();
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    sandbox.write("a.eml", mail().file("slides.pptx", bytes.clone()).bytes());

    let ran = sandbox.archive().await;

    let attachment = &ran.conversations[0].attachments[0];
    let blob = Blob {
        key: attachment.key.clone(),
        sha256: attachment.sha256.to_vec().into(),
        size: attachment.size,
    };
    assert_eq!(sandbox.staging.get(&blob).await.unwrap(), bytes);
}

#[tokio::test]
async fn the_copy_of_another_pool_is_a_duplicate() {
    let mut sandbox = Sandbox::export();
    sandbox.write("pool1/a.eml", mail().bytes());
    sandbox.write("pool2/same.eml", mail().bytes());
    let second = "Fri, 14 Oct 2016 14:22:51 +0000";
    sandbox.write("pool3/two-seconds-later.eml", mail().date(second).bytes());
    let third = "Fri, 14 Oct 2016 14:23:51 +0000";
    sandbox.write("pool3/another-session.eml", mail().date(third).bytes());

    let ran = sandbox.archive().await;

    assert_eq!(ran.captured.records_read, 4);
    assert_eq!(ran.captured.duplicates.len(), 2);
    assert_eq!(ran.conversations.len(), 2);
}

#[tokio::test]
async fn a_copy_with_other_attachments_is_no_duplicate() {
    let mut sandbox = Sandbox::export();
    sandbox.write("pool1/a.eml", mail().bytes());
    sandbox.write("pool2/a.eml", mail().file("x.txt", "x").bytes());

    let ran = sandbox.archive().await;

    assert_eq!(ran.conversations.len(), 2);
}

#[tokio::test]
async fn a_copy_with_more_messages_is_a_revision() {
    let mut sandbox = Sandbox::export();
    sandbox.write("pool1/a.eml", mail().bytes());
    let first = sandbox.archive().await;
    let longer = mail().html("<div>one</div>\n<div>two</div>\n<div>three</div>");
    sandbox.write("pool2/a.eml", longer.bytes());

    let second = sandbox.archive().await;

    assert_eq!(
        second.conversations[0].supersedes,
        Some(first.conversations[0].id)
    );
}

#[tokio::test]
async fn what_was_captured_is_not_read_again() {
    let mut sandbox = Sandbox::export();
    sandbox.write("a.eml", mail().bytes());
    sandbox.archive().await;

    let again = sandbox.archive().await;
    let file = fs::File::options()
        .append(true)
        .open(sandbox.path("a.eml"))
        .unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    let touched = sandbox.archive().await;

    assert_eq!((again.listed.files, again.listed.unchanged), (0, 1));
    assert_eq!(touched.listed.files, 1);
    assert_eq!(touched.captured.records_read, 0);
    assert_eq!(touched.captured.files[0].modified, 0);
    assert!(touched.captured.files[0].item.is_some());
}

#[tokio::test]
async fn a_file_that_changed_is_a_revision_of_itself() {
    let mut sandbox = Sandbox::export();
    sandbox.write("a.eml", mail().bytes());
    let first = sandbox.archive().await;

    sandbox.write("a.eml", mail().html("<div>all new</div>").bytes());
    let changed = sandbox.archive().await;
    sandbox.write("a.eml", mail().html("<div>and again</div>").bytes());
    let again = sandbox.archive().await;

    let item = |ran: &crate::sandbox::Ran| ran.conversations[0].id;
    assert_eq!(changed.conversations[0].supersedes, Some(item(&first)));
    assert_eq!(again.conversations[0].supersedes, Some(item(&changed)));
}

#[tokio::test]
async fn a_file_that_was_only_carried_otherwise_is_a_duplicate_of_itself() {
    let mut sandbox = Sandbox::export();
    sandbox.write("a.eml", mail().bytes());
    let first = sandbox.archive().await;

    let mut other = mail();
    other.line_break = "\n";
    sandbox.write("a.eml", other.bytes());
    let again = sandbox.archive().await;

    assert_eq!(again.captured.duplicates.len(), 1);
    assert_eq!(
        again.captured.files[0].item.as_deref(),
        Some(&first.conversations[0].id.as_bytes()[..])
    );
}

#[tokio::test]
async fn damaged_files_are_kept_with_a_reason_and_not_read_again() {
    let mut sandbox = Sandbox::export();
    let whole = mail().bytes();
    let cut = &whole[..whole.len() - 30];
    sandbox.write("cut.eml", cut);
    sandbox.write("empty.eml", "");
    sandbox.write("header.eml", "From: a@b.c\r\nTo: d@e.f\r\n");
    sandbox.write("no-date.eml", "From: a@b.c\nTo: d@e.f\n\nhello\n");
    sandbox.write("whole.eml", &whole);

    let ran = sandbox.archive().await;
    let again = sandbox.archive().await;

    let quarantined = ran.captured.quarantined.iter();
    let reasons: Vec<_> = quarantined
        .map(|one| (&*one.source, &*one.reason))
        .collect();
    assert_eq!(
        reasons,
        [
            ("cut.eml", "file breaks off before its closing boundary"),
            ("empty.eml", "file is empty"),
            ("header.eml", "file breaks off in its header"),
            ("no-date.eml", "no date"),
        ]
    );
    let original = ran.captured.quarantined[0].original.clone().unwrap();
    assert_eq!(sandbox.staging.get(&original).await.unwrap(), cut);
    assert_eq!((ran.captured.records_read, ran.conversations.len()), (5, 1));
    assert_eq!(again.listed.unchanged, 5);
}

#[tokio::test]
async fn conversations_without_two_participants_left_are_excluded_by_rule() {
    let mut sandbox = Sandbox::export().exclude("bots", "*@apps.contoso.com");
    let bot = mail().between("ann@contoso.com", "bot@APPS.contoso.com");
    sandbox.write("bot.eml", bot.bytes());
    let mut three = bot;
    three.to.push("bob@contoso.com".to_owned());
    sandbox.write("three.eml", three.bytes());

    let ran = sandbox.archive().await;

    assert_eq!(ran.captured.excluded[0].rule, "bots");
    assert_eq!(ran.captured.excluded[0].records, 1);
    assert_eq!(ran.conversations.len(), 1);
    assert_eq!(ran.captured.files.len(), 2);
}

#[tokio::test]
async fn more_files_than_one_task_takes_become_several() {
    let mut sandbox = Sandbox::export();
    for number in 0..230 {
        let html = format!("<div>message {number}</div>");
        sandbox.write(&format!("{number:03}.eml"), mail().html(&html).bytes());
    }

    let ran = sandbox.archive().await;

    assert_eq!((ran.listed.files, ran.captured.records_read), (230, 230));
    assert_eq!(ran.conversations.len(), 230);
}

#[tokio::test]
async fn every_claim_names_the_entry_of_the_listing_that_holds_the_record() {
    let mut sandbox = Sandbox::export();
    for number in 0..230 {
        let html = format!("<div>message {number}</div>");
        sandbox.write(&format!("{number:03}.eml"), mail().html(&html).bytes());
    }

    let ran = sandbox.archive().await;

    let state = sandbox.ledger.state();
    let claims = state.claims.values();
    let claimed = claims.map(|claim| (claim.entry, claim.session.clone().unwrap().item));
    let claimed: BTreeMap<_, _> = claimed.collect();
    let files = ran.captured.files.into_iter();
    let listed: BTreeMap<_, _> = (0..).zip(files.map(|file| file.item.unwrap())).collect();
    assert_eq!(claimed, listed);
}
