//! The custom mapping of a connector, read, replaced and tried by scripts.

use std::fs;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    approval::{self, COLLEAGUE, approve, approving, deliver_held, location, mails},
    contoso,
    script::{Script, local},
    system::{ADMINISTRATOR, Browser, Reply, System},
};

const HEADER: &str = "source_user,mailbox\n";
const NAME: &str = "Contoso Skype for Business";

/// Stores the sample's connector without its mapping; the path of its own.
async fn unmapped(system: &System, administrator: &mut Browser) -> String {
    let file = system.connector_file();
    let lines = file.lines().filter(|line| !line.starts_with("custom"));
    let file = lines.collect::<Vec<_>>().join("\n");
    let new = json!({ "connector_file": file, "schedule": false });
    let created = administrator.post("/api/v1/connectors", &new).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    created.json()["id"].as_str().unwrap().to_owned()
}

fn path(connector: &str) -> String {
    format!("/api/v1/connectors/{connector}/mapping")
}

async fn put(browser: &mut Browser, path: &str, tag: &str, csv: &str) -> Reply {
    let headers = [("content-type", "text/csv"), ("if-match", tag)];
    browser.send(Method::PUT, path, &headers, csv).await
}

/// Archives, and tells who is held.
async fn held(browser: &mut Browser, connector: &str) -> String {
    let runs = format!("/api/v1/connectors/{connector}/runs");
    browser.post(&runs, &json!({})).await;
    contoso::closed(browser, &format!("{runs}/1")).await;
    let held = browser
        .get(&format!("/api/v1/connectors/{connector}/held"))
        .await
        .json();
    held["users"][0]["source_user"].as_str().unwrap().to_owned()
}

/// Files that the console keeps.
fn kept(system: &System) -> usize {
    let folder = system.folder.path().join(".chatkeep/mappings");
    fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_mapping_that_is_uploaded_delivers_what_its_users_waited_for() {
    const MAILBOX: &str = "desk@contoso.com";
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let connector = unmapped(&system, &mut administrator).await;
    let user = held(&mut administrator, &connector).await;
    let path = path(&connector);
    let before = administrator.get(&path).await;
    let csv = format!("{}{user},{MAILBOX}\n", before.text);

    let stored = put(&mut administrator, &path, before.header("etag"), &csv).await;
    let after = administrator.get(&path).await;
    deliver_held(&mut administrator, &connector).await;

    assert_eq!(before.text, HEADER);
    assert_eq!(stored.status, StatusCode::OK, "{}", stored.text);
    assert_ne!(stored.header("etag"), before.header("etag"));
    assert_eq!(after.header("etag"), stored.header("etag"));
    assert!(after.header("content-type").starts_with("text/csv"));
    assert_eq!(after.text, csv);
    assert!(mails(&system, MAILBOX) > 0);
}

#[tokio::test]
async fn the_wrong_lines_of_an_upload_are_named_and_nothing_is_stored() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let connector = unmapped(&system, &mut administrator).await;
    let path = path(&connector);
    let csv = format!("{HEADER}a@contoso.com,b@contoso.com\nc@contoso.com,s3cret\nd@contoso.com\n");

    let refused = put(&mut administrator, &path, "\"1\"", &csv).await;
    let headless = put(
        &mut administrator,
        &path,
        "\"1\"",
        "a@contoso.com,b@contoso.com\n",
    )
    .await;
    let headers = [("content-type", "application/json"), ("if-match", "\"1\"")];
    let other = administrator.send(Method::PUT, &path, &headers, &csv).await;

    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let problem = refused.json();
    let errors = problem["errors"].as_array().unwrap();
    let lines: Vec<_> = errors.iter().map(|error| &error["line"]).collect();
    assert_eq!(lines, [&json!(3), &json!(4)], "{problem}");
    let first = errors[0]["problem"].as_str().unwrap();
    assert!(first.contains("not an e-mail address"), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("line 3"));
    assert!(!refused.text.contains("s3cret"));
    assert_eq!(headless.json()["errors"][0]["line"], 1, "{}", headless.text);
    assert_eq!(other.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let after = administrator.get(&path).await;
    assert_eq!((after.header("etag"), &*after.text), ("\"1\"", HEADER));
    assert_eq!(kept(&system), 0);
}

#[tokio::test]
async fn of_two_who_upload_a_mapping_the_second_is_told() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let connector = unmapped(&system, &mut administrator).await;
    let path = path(&connector);
    let csv = |mailbox: &str| format!("{HEADER}a@contoso.com,{mailbox}@contoso.com\n");

    let first = put(&mut administrator, &path, "\"1\"", &csv("b")).await;
    let second = put(&mut administrator, &path, "\"1\"", &csv("c")).await;
    let kind = [("content-type", "text/csv")];
    let unread = administrator
        .send(Method::PUT, &path, &kind, &csv("d"))
        .await;

    assert_eq!(first.status, StatusCode::OK, "{}", first.text);
    assert_eq!(
        second.status,
        StatusCode::PRECONDITION_FAILED,
        "{}",
        second.text
    );
    assert_eq!(unread.status, StatusCode::PRECONDITION_REQUIRED);
    assert_eq!(administrator.get(&path).await.text, csv("b"));
}

#[tokio::test]
async fn a_mapping_takes_effect_when_a_second_person_has_approved_it() {
    let system = approving().await;
    let connector = approval::create(&system).await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let path = path(&connector);
    let csv = format!("{HEADER}a@contoso.com,b@contoso.com\n");

    let asked = format!("{path}?reason=ticket%204711");
    let place = location(&put(&mut administrator, &asked, "*", &csv).await);
    let proposal = administrator.get(&place).await.json();
    let meanwhile = administrator.get(&path).await.text;
    let approved = approve(&mut system.script(&COLLEAGUE), &place).await;

    assert_eq!(proposal["reason"], "ticket 4711", "{proposal}");
    assert_eq!(meanwhile, HEADER);
    assert_eq!(approved.status, StatusCode::OK, "{}", approved.text);
    assert_eq!(administrator.get(&path).await.text, csv);
}

#[tokio::test]
async fn a_mapping_that_the_administrator_keeps_is_neither_read_nor_replaced() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let connector = contoso::create(&system, &mut administrator).await;
    let path = path(&connector);

    let read = administrator.get(&path).await;
    let replaced = put(&mut administrator, &path, "*", HEADER).await;

    for refused in [read, replaced] {
        assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
        let file = system.folder.path().join("mapping.csv");
        assert!(
            refused.text.contains(file.to_str().unwrap()),
            "{}",
            refused.text
        );
        assert!(refused.text.contains("change it there"), "{}", refused.text);
    }
    assert_eq!(kept(&system), 0);
}

#[tokio::test]
async fn who_may_only_look_neither_reads_nor_replaces_nor_tries_a_mapping() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let connector = unmapped(&system, &mut administrator).await;
    let path = path(&connector);
    for roles in [["Viewer"], ["Operator"]] {
        let mut other = system.script(&roles);
        let order = json!({ "csv": HEADER, "addresses": ["a@contoso.com"] });

        let answers = [
            other.get(&path).await,
            put(&mut other, &path, "*", HEADER).await,
            other.post(&format!("{path}/preview"), &order).await,
        ];

        for answer in answers {
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_preview_goes_by_the_mapping_that_is_sent_and_stores_nothing() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let connector = unmapped(&system, &mut administrator).await;
    let user = held(&mut administrator, &connector).await;
    let path = path(&connector);
    let preview = format!("{path}/preview");
    let csv = format!("{HEADER}x@elsewhere.com,desk@contoso.com\n{user},desk@contoso.com\n");
    let mut ask = async |more: Value| {
        let mut order = json!({ "csv": csv });
        order
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        administrator.post(&preview, &order).await
    };

    let named = ask(json!({ "addresses": ["x@elsewhere.com", "y@elsewhere.com"] })).await;
    let waiting = ask(json!({ "held": true })).await.json();
    let sample = ask(json!({ "sources": true })).await.json();
    let nobody = ask(json!({})).await;
    let wrong = ask(json!({ "csv": "nothing", "held": true })).await;

    let named = named.json();
    let found: Vec<_> = named["participants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["placement"], &one["mailbox"], &one["rule"]))
        .collect();
    let (mapped, external) = (json!("mapped"), json!("external"));
    let (desk, none) = (json!("desk@contoso.com"), json!(""));
    let (custom, domain) = (json!("custom"), json!("domain"));
    assert_eq!(
        found,
        [(&mapped, &desk, &custom), (&external, &none, &domain)]
    );
    assert_eq!(waiting["mapped"], 1, "{waiting}");
    assert!(sample["mapped"].as_u64().unwrap() > 1, "{sample}");
    assert_eq!(nobody.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(wrong.json()["errors"][0]["line"], 1, "{}", wrong.text);
    let after = administrator.get(&path).await;
    assert_eq!((after.header("etag"), &*after.text), ("\"1\"", HEADER));
    assert_eq!(kept(&system), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_replaces_a_mapping_at_a_console_and_nowhere_else() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let connector = unmapped(&system, &mut administrator).await;
    let script = Script::new(&system, &ADMINISTRATOR);
    let file = system.folder.path().join("new.csv");
    let csv = format!("{HEADER}a@contoso.com,b@contoso.com\n");
    let map = ["connectors", "map", NAME, file.to_str().unwrap()];

    fs::write(&file, format!("{HEADER}a@contoso.com,nowhere\n")).unwrap();
    let wrong = script.run(&map);
    fs::write(&file, &csv).unwrap();
    let late = script.run(&[&map[..], &["--if-version", "7"]].concat());
    let done = script.run(&map);
    let here = local(system.folder.path(), &map);

    wrong.assert_refused("line 2: mailbox is not an e-mail address");
    late.assert_refused("another version was stored since");
    done.assert_done();
    assert!(done.stdout.contains("version 2"), "{done:?}");
    assert_eq!(administrator.get(&path(&connector)).await.text, csv);
    here.assert_refused("mapping.custom");
}
