//! What `chatkeep check --tenant-canary` finds out about a tenant.

use std::time::Duration;

use chatkeep_mailbox_import::{
    Point, Settings, Verdict,
    target::{OpenGate, TargetError},
    tenant_canary,
};
use chatkeep_testkit::graph::{Fault, Kind, Limits, Options, Quirk, Role};

use super::Office;
use crate::support::{ANN, BOB, Lab};

const CANARY: &str = "Chatkeep canary";

async fn points(office: &Office, mailbox: &str) -> Vec<Point> {
    let connector = office.lab().connector;
    let points = tenant_canary(&connector, &Settings::default(), mailbox).await;
    points.unwrap()
}

/// An office where Ann has an address that is nobody's principal name.
fn office(options: Options) -> Office {
    let office = Office::with(options);
    let alias = "smtp:ann.alias@contoso.com".to_owned();
    office.tenant.change(ANN, |ann| ann.proxies.push(alias));
    office
}

fn texts(points: &[Point], verdict: Verdict) -> Vec<&str> {
    let points = points.iter().filter(|point| point.verdict == verdict);
    points.map(|point| point.text.as_str()).collect()
}

fn assert_nothing_is_left(office: &Office, folders: &[String]) {
    assert_eq!(office.tenant.messages(ANN), []);
    assert_eq!(office.tenant.folders(ANN), folders);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_as_it_should_be_passes_and_nothing_is_left_behind() {
    let office = office(Options::default());
    let folders = office.tenant.folders(ANN);

    let points = points(&office, ANN).await;

    assert_eq!(texts(&points, Verdict::Failed), [""; 0]);
    assert_eq!(texts(&points, Verdict::NotTried), [""; 0]);
    assert_eq!(texts(&points, Verdict::Passed).len(), 14, "{points:?}");
    assert_eq!(texts(&points, Verdict::ToLookAt).len(), 4);
    assert_nothing_is_left(&office, &folders);
    let counts = office.tenant.counts();
    assert_eq!(counts.of(Kind::CreateMessage), 5);
    assert_eq!(counts.of(Kind::Upload), 1);
    assert_eq!(counts.throttled, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_point_fails_where_the_tenant_is_otherwise() {
    let cases: [(Quirk, &[&str]); 12] = [
        (Quirk::MakesDrafts, &["1: imported messages are no drafts"]),
        (Quirk::MakesUnread, &["1: imported messages are read"]),
        (
            Quirk::ReceivesNow,
            &[
                "1: imported messages have the date",
                "kept as chatkeep verify",
                "5: ",
            ],
        ),
        (Quirk::SendsOnBehalf, &["2: a sender"]),
        (
            Quirk::ChangesClass,
            &["3: the item class", "kept as chatkeep verify", "5: "],
        ),
        (Quirk::RenamesMessages, &["4: the Message-ID"]),
        (
            Quirk::DropsNamedProperties,
            &[
                "kept as chatkeep verify",
                "4, 9: messages are found by ChatkeepKey",
                "5: ",
            ],
        ),
        (Quirk::RewritesText, &["kept as chatkeep verify", "5: "]),
        (Quirk::IgnoresFilters, &["9: messages are found by when"]),
        (Quirk::UploadsToDraftsOnly, &["5: a file of more than 3 MB"]),
        (Quirk::DeletesSoftly, &["extra copies are removed for good"]),
        (Quirk::RefusesAliasesOtherwise, &["10: a mailbox is found"]),
    ];
    for (quirk, expected) in cases {
        let office = office(Options {
            quirks: vec![quirk],
            ..Options::default()
        });

        let points = points(&office, ANN).await;

        let failed = texts(&points, Verdict::Failed);
        assert_eq!(failed.len(), expected.len(), "{quirk:?}: {failed:?}");
        for words in expected {
            assert!(
                failed.iter().any(|text| text.contains(words)),
                "{quirk:?}: {failed:?}"
            );
        }
        let folders = office.tenant.folders(ANN);
        assert!(
            !folders.contains(&CANARY.to_owned()),
            "{quirk:?}: {folders:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_than_4_requests_at_a_time_are_noticed_and_waited_for() {
    let office = office(Options {
        limits: Limits {
            concurrent: 3,
            ..Limits::default()
        },
        latency: Duration::from_millis(200),
        ..Options::default()
    });
    let folders = office.tenant.folders(ANN);

    let points = points(&office, ANN).await;

    let failed = texts(&points, Verdict::Failed);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(
        failed[0].starts_with("6: 4 messages at a time"),
        "{failed:?}"
    );
    assert_nothing_is_left(&office, &folders);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_is_removed_when_every_message_is_refused() {
    let office = office(Options::default());
    let folders = office.tenant.folders(ANN);
    office.tenant.set_room(ANN, Some(100));

    let points = points(&office, ANN).await;

    let failed = texts(&points, Verdict::Failed);
    assert_eq!(failed.len(), 1, "{points:?}");
    assert!(failed[0].contains("507 ErrorQuotaExceeded"), "{failed:?}");
    assert!(texts(&points, Verdict::NotTried)[0].contains("there is nothing to look at"));
    assert_nothing_is_left(&office, &folders);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_a_killed_canary_left_behind_is_removed_and_any_other_is_not() {
    let office = office(Options::default());
    let folders = office.tenant.folders(ANN);
    // Neither can be removed, as if the process had been killed.
    for kind in [Kind::PermanentlyDeleteFolder, Kind::DeleteFolder] {
        for nth in 1..=5 {
            office
                .tenant
                .faults()
                .at(kind, nth, Fault::DropBeforeCommit);
        }
    }
    let killed = points(&office, ANN).await;
    let left = office.tenant.folders(ANN);
    office.tenant.faults().clear();

    let again = points(&office, ANN).await;

    assert!(texts(&killed, Verdict::Failed)[0].contains("remove it by hand"));
    assert!(left.contains(&CANARY.to_owned()), "{left:?}");
    assert_eq!(texts(&again, Verdict::Failed), [""; 0]);
    assert_nothing_is_left(&office, &folders);

    let office = Office::open();
    let lab = Lab::of(&format!("{}\nfolder = \"{CANARY}\"", office.target()));
    drop(
        lab.open(BOB)
            .await
            .append(&crate::support::messages(1), &OpenGate)
            .await,
    );
    let refused = points(&office, BOB).await;
    assert!(
        refused[0].text.contains("something else in it"),
        "{refused:?}"
    );
    assert_eq!(office.tenant.messages(BOB).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_may_not_do_is_named() {
    let office = Office::open();
    office.tenant.deny(ANN, true);
    let denied = points(&office, ANN).await;
    assert_eq!(denied.len(), 1);
    assert!(
        denied[0].text.contains("New-ManagementRoleAssignment"),
        "{denied:?}"
    );

    let without_users = office_with_mail_only();
    let points = points(&without_users, ANN).await;
    let not_tried = texts(&points, Verdict::NotTried);
    assert_eq!(not_tried.len(), 1, "{points:?}");
    assert!(not_tried[0].contains("User.Read.All"), "{not_tried:?}");
}

fn office_with_mail_only() -> Office {
    office(Options {
        roles: vec![Role::MailReadWrite],
        ..Options::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other_target_is_an_error_that_says_so() {
    let lab = Lab::maildir();

    let refused = tenant_canary(&lab.connector, &Settings::default(), ANN).await;

    let Err(TargetError::Setup { source }) = refused else {
        panic!("{refused:?}");
    };
    assert!(source.to_string().contains("maildir"), "{source}");
}
