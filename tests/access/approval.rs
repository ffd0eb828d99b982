//! Changes that take two people.

use std::{fs, path::Path, process::Command, time::Duration};

use chatkeep_testkit::OpenIdProvider;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    contoso,
    pages::submit,
    system::{ADMINISTRATOR, Browser, Reply, System},
};

/// Another person with the same roles: whoever has them in another order has another subject here.
pub(crate) const COLLEAGUE: [&str; 2] = ["Mailbox Import Export", "DataConnectorAdmin"];

pub(crate) async fn approving() -> System {
    let provider = OpenIdProvider::start().await.unwrap();
    let required = [("CHATKEEP__CONTROL__APPROVAL__REQUIRED", "true")];
    System::start(Some(provider), &required)
}

/// Where a proposal is that was answered with.
pub(crate) fn location(reply: &Reply) -> String {
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.text);
    let place = reply.header("location").to_owned();
    assert!(place.starts_with("/api/v1/proposals/"), "{place}");
    place
}

pub(crate) async fn approve(browser: &mut Browser, place: &str) -> Reply {
    let path = format!("{place}/approve");
    browser.post(&path, &json!({ "reason": "agreed" })).await
}

/// A connector without custom mapping, as two people store it.
pub(crate) async fn create(system: &System) -> String {
    let file = system.connector_file();
    let lines = file.lines().filter(|line| !line.starts_with("custom"));
    let file = lines.collect::<Vec<_>>().join("\n");
    let new = json!({ "connector_file": file });
    let mut administrator = system.script(&ADMINISTRATOR);
    let proposed = administrator.post("/api/v1/connectors", &new).await;
    let place = location(&proposed);
    let approved = approve(&mut system.script(&COLLEAGUE), &place).await;
    assert_eq!(approved.status, StatusCode::OK, "{}", approved.text);
    approved.json()["connector"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_one_proposes_another_with_the_same_roles_approves() {
    let system = approving().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let mut colleague = system.script(&COLLEAGUE);
    let mut operator = system.script(&["Operator"]);
    let new = json!({ "connector_file": system.connector_file(), "reason": "ticket 4711" });

    let place = location(&administrator.post("/api/v1/connectors", &new).await);
    let waits = operator.get(&place).await.json();
    let list = operator.get("/api/v1/proposals?waiting=true").await.json();
    let connectors = operator.get("/api/v1/connectors").await.json();
    let own = approve(&mut administrator, &place).await;
    let others = approve(&mut operator, &place).await;
    let approved = approve(&mut colleague, &place).await;
    let again = approve(&mut colleague, &place).await;

    assert_eq!(waits["kind"], "create", "{waits}");
    assert_eq!(
        (&waits["state"], &waits["reason"]),
        (&json!("waiting"), &json!("ticket 4711"))
    );
    assert_eq!(
        (&list["waiting"], &list["required"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(connectors["connectors"], json!([]));
    assert_eq!(own.status, StatusCode::FORBIDDEN, "{}", own.text);
    assert!(own.text.contains("another person"), "{}", own.text);
    assert_eq!(others.status, StatusCode::FORBIDDEN);
    assert_eq!(approved.json()["version"], 1, "{}", approved.text);
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(operator.get(&place).await.json()["state"], "approved");
}

#[tokio::test]
async fn a_connector_is_changed_and_deleted_by_two_and_scheduled_by_one() {
    let system = approving().await;
    let connector = create(&system).await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let mut colleague = system.script(&COLLEAGUE);
    let path = format!("/api/v1/connectors/{connector}");
    let any = [("if-match", "*")];
    let file = administrator.get(&path).await.json()["connector_file"].clone();
    let file = file.as_str().unwrap().to_owned();

    let scheduled = json!({ "connector_file": file, "schedule": true });
    let scheduled = administrator
        .put_or_post(Method::PUT, &path, &any, &scheduled)
        .await;
    let catching = file.replace("\"hold\"", "\"catch@contoso.com\"");
    let catching = json!({ "connector_file": catching });
    let changed = administrator
        .put_or_post(Method::PUT, &path, &any, &catching)
        .await;
    let place = location(&changed);
    let change = administrator.get(&place).await.json();
    let meanwhile = administrator.get(&path).await.json();
    approve(&mut colleague, &place).await;
    let after = administrator.get(&path).await.json();
    let said = format!("{path}?reason=left%20the%20bank");
    let deleted = administrator
        .put_or_post(Method::DELETE, &said, &any, &json!({}))
        .await;
    let place = location(&deleted);
    let deletion = administrator.get(&place).await.json();
    let copy = json!({ "name": "Second", "reason": "a trial" });
    let copied = format!("{path}/clone");
    let copied = administrator.post(&copied, &copy).await;
    let copy = administrator.get(&location(&copied)).await.json();
    let kept = administrator.get("/api/v1/connectors").await.json();
    approve(&mut colleague, &place).await;
    let left = administrator.get("/api/v1/connectors").await.json();

    assert_eq!(scheduled.status, StatusCode::OK, "{}", scheduled.text);
    let unmapped =
        json!({ "key": "mapping.unmapped", "before": "hold", "after": "catch@contoso.com" });
    assert!(
        change["changes"].as_array().unwrap().contains(&unmapped),
        "{change}"
    );
    assert_eq!(meanwhile["proposals"], 1);
    assert_eq!(deletion["reason"], "left the bank", "{deletion}");
    assert_eq!(copy["reason"], "a trial", "{copy}");
    assert!(!meanwhile.to_string().contains("catch@contoso.com"));
    assert!(after.to_string().contains("catch@contoso.com"), "{after}");
    assert_eq!(kept["connectors"].as_array().unwrap().len(), 1);
    assert_eq!(left["connectors"], json!([]));
}

#[tokio::test]
async fn the_wizard_proposes_and_says_so() {
    let system = approving().await;
    let mut browser = system.signed_in(&ADMINISTRATOR).await;
    let file = system.connector_file();
    let draft = |step, go| {
        [
            ("step", step),
            ("file", file.as_str()),
            ("version", "0"),
            ("go", go),
        ]
    };

    let review = submit(&mut browser, "/connectors/new", &draft("Schedule", "next")).await;
    let fields = [&draft("Review", "save")[..], &[("reason", "ticket 4711")]].concat();
    let saved = submit(&mut browser, "/connectors/new", &fields).await;
    let page = browser.get(saved.header("location")).await.text;
    let list = browser.get("/proposals").await.text;
    let connectors = browser.get("/connectors").await.text;
    let trail = browser.get("/audit").await.text;

    assert!(review.text.contains(">Propose<"), "{}", review.text);
    assert!(!review.text.contains("Save and finish"));
    assert!(review.text.contains("name=\"reason\""));
    assert_eq!(
        saved.header("location"),
        "/proposals/1?done=proposed",
        "{}",
        saved.text
    );
    assert!(
        page.contains("ticket 4711") && page.contains("Waiting for somebody else"),
        "{page}"
    );
    assert!(!page.contains(">Approve<"), "{page}");
    assert!(list.contains("Change 1"), "{list}");
    assert!(connectors.contains("One change"), "{connectors}");
    assert!(
        list.contains("href=\"/proposals\" aria-current=\"page\""),
        "{list}"
    );
    assert!(
        trail.contains("<a href=\"/proposals\">Changes</a>"),
        "{trail}"
    );
}

#[tokio::test]
async fn no_page_speaks_of_changes_where_nothing_ever_had_to_be_approved() {
    let system = System::with_issuer().await;
    let mut browser = system.signed_in(&ADMINISTRATOR).await;

    for page in ["/connectors", "/audit", "/secrets"] {
        let page = browser.get(page).await.text;
        assert!(page.contains("aria-label=\"Main\""), "{page}");
        assert!(!page.contains("/proposals"), "{page}");
    }
}

#[tokio::test]
async fn what_was_proposed_is_found_when_nothing_has_to_be_approved_any_more() {
    let mut system = approving().await;
    let new = json!({ "connector_file": system.connector_file() });
    let mut administrator = system.script(&ADMINISTRATOR);
    location(&administrator.post("/api/v1/connectors", &new).await);

    // It starts without the setting.
    system.settings.clear();
    system.again(|_| ());

    let mut browser = system.signed_in(&ADMINISTRATOR).await;
    let trail = browser.get("/audit").await.text;
    let list = browser.get("/proposals").await.text;
    assert!(
        trail.contains("<a href=\"/proposals\">Changes</a>"),
        "{trail}"
    );
    assert!(list.contains("Nothing has to be approved here"), "{list}");
    assert!(list.contains("Change 1"), "{list}");
}

/// Messages in a mailbox.
pub(crate) fn mails(system: &System, mailbox: &str) -> usize {
    fn count(folder: &Path) -> usize {
        let entries = fs::read_dir(folder).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        let is_mail = folder.ends_with("new") || folder.ends_with("cur");
        let counts = paths.map(|path| {
            if path.is_dir() {
                count(&path)
            } else {
                usize::from(is_mail)
            }
        });
        counts.sum()
    }
    count(&system.folder.path().join("mailboxes").join(mailbox))
}

/// Delivers what is held, and waits for the end of that.
pub(crate) async fn deliver_held(operator: &mut Browser, connector: &str) {
    let path = format!("/api/v1/connectors/{connector}");
    let opened = operator
        .post(&format!("{path}/deliver-held"), &json!({}))
        .await;
    assert_eq!(opened.status, StatusCode::ACCEPTED, "{}", opened.text);
    let progress = format!("{path}/runs/{}/progress", opened.json()["number"]);
    while operator.get(&progress).await.json()["state"] == "running" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_held_users_mail_arrives_when_the_mapping_was_approved_and_not_before() {
    const MAILBOX: &str = "desk@contoso.com";
    let system = approving().await;
    let connector = create(&system).await;
    let mut operator = system.script(&["Operator"]);
    let runs = format!("/api/v1/connectors/{connector}/runs");
    operator.post(&runs, &json!({})).await;
    contoso::closed(&mut operator, &format!("{runs}/1")).await;
    let held = operator
        .get(&format!("{runs}/1/exceptions?kind=held"))
        .await;
    let held: Value = held.json()["exceptions"][0].clone();
    let user = held["source_user"].as_str().unwrap();
    let mut administrator = system.signed_in(&ADMINISTRATOR).await;
    let mut colleague = system.signed_in(&COLLEAGUE).await;
    let version = administrator
        .get(&format!("/api/v1/connectors/{connector}"))
        .await;
    let version = version.header("etag").trim_matches('"').to_owned();

    let page = format!("/connectors/{connector}/held");
    let fields = [
        ("user.0", user),
        ("mailbox.0", MAILBOX),
        ("version", &*version),
    ];
    let mapped = submit(&mut administrator, &page, &fields).await;
    let proposal = mapped
        .header("location")
        .split('?')
        .next()
        .unwrap()
        .to_owned();
    let own = submit(&mut administrator, &format!("{proposal}/approve"), &[]).await;
    deliver_held(&mut operator, &connector).await;
    let before = mails(&system, MAILBOX);
    let shown = colleague.get(&proposal).await.text;
    let badge = colleague
        .get(&format!("/connectors/{connector}"))
        .await
        .text;
    let approved = submit(&mut colleague, &format!("{proposal}/approve"), &[]).await;
    deliver_held(&mut operator, &connector).await;

    assert_eq!(mapped.status, StatusCode::SEE_OTHER, "{}", mapped.text);
    assert_eq!(own.status, StatusCode::FORBIDDEN, "{}", own.text);
    assert_eq!(before, 0);
    assert!(shown.contains(&format!("{user},{MAILBOX}")), "{shown}");
    assert!(shown.contains(">Approve<"), "{shown}");
    assert!(badge.contains("Change waits for approval"), "{badge}");
    assert_eq!(approved.status, StatusCode::SEE_OTHER, "{}", approved.text);
    assert!(mails(&system, MAILBOX) > 0);
}

#[tokio::test]
async fn the_command_line_shows_what_waits_and_goes_round_nobody() {
    let system = approving().await;
    let new = json!({ "connector_file": system.connector_file(), "reason": "ticket 4711" });
    let proposed = system
        .script(&ADMINISTRATOR)
        .post("/api/v1/connectors", &new)
        .await;
    location(&proposed);
    let folder = system.stop();
    let chatkeep = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatkeep"));
        let command = command
            .current_dir(folder.path())
            .env("CHATKEEP__CONTROL__APPROVAL__REQUIRED", "true")
            .args(arguments);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout) + &text(output.stderr),
        )
    };

    let (_, list) = chatkeep(&["changes", "list"]);
    let (_, change) = chatkeep(&["changes", "show", "1"]);
    let approved = chatkeep(&["changes", "approve", "1"]);
    let archived = chatkeep(&["archive", "connector.toml"]);

    assert!(
        list.contains("waiting") && list.contains("create"),
        "{list}"
    );
    assert!(change.contains("ticket 4711"), "{change}");
    assert!(change.contains("mapping.unmapped\t-\thold"), "{change}");
    assert_eq!(approved.0, Some(1));
    assert!(approved.1.contains("who has signed in"), "{}", approved.1);
    assert_eq!(archived.0, Some(1));
    assert!(archived.1.contains("has to be approved"), "{}", archived.1);
    assert!(!folder.path().join("mailboxes").exists());
}
