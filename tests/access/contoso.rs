//! The sample company, archived by nothing but the API.

use std::{process::Command, time::Duration};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::system::{ADMINISTRATOR, Browser, System};

/// Stores the sample's connector; its id.
pub(crate) async fn create(system: &System, administrator: &mut Browser) -> String {
    let new = json!({ "connector_file": system.connector_file() });
    let created = administrator.post("/api/v1/connectors", &new).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    created.json()["id"].as_str().unwrap().to_owned()
}

/// Waits until a run has closed.
pub(crate) async fn closed(browser: &mut Browser, run: &str) -> Value {
    loop {
        let progress = browser.get(&format!("{run}/progress")).await.json();
        if progress["state"] != "running" {
            return browser.get(run).await.json();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_run_that_was_asked_for_twice_is_opened_once_and_its_log_is_that_of_the_command_line() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let connector = create(&system, &mut administrator).await;
    let mut operator = system.script(&["Operator"]);
    let runs = format!("/api/v1/connectors/{connector}/runs");
    let key = [("idempotency-key", "1")];

    let first = operator
        .put_or_post(Method::POST, &runs, &key, &json!({}))
        .await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text);
    let run = format!("{runs}/{}", first.json()["number"]);
    let events = operator.get(&format!("{run}/progress/events")).await;
    let balance = closed(&mut operator, &run).await;
    let again = operator
        .put_or_post(Method::POST, &runs, &key, &json!({}))
        .await;

    assert_eq!(again.text, first.text);
    let other = json!({ "from": "2025-03-10" });
    let other = operator
        .put_or_post(Method::POST, &runs, &key, &other)
        .await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(events.text.contains("event: progress"), "{}", events.text);
    assert_eq!(balance["records"]["closes"], true, "{balance}");
    assert_eq!(balance["deliveries"]["closes"], true);
    assert!(balance["deliveries"]["imported"].as_u64().unwrap() > 0);
    assert_eq!(
        operator.get(&runs).await.json()["runs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let csv = operator.get(&format!("{run}/log.csv")).await;
    let json = operator.get(&format!("{run}/log.json")).await;
    assert!(csv.header("content-disposition").starts_with("attachment"));

    let folder = system.stop();
    let log = |format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatkeep"));
        let command = command
            .current_dir(folder.path())
            .args(["log", "1", "--format", format]);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(csv.text, log("csv"));
    assert_eq!(json.text, log("json"));
}

#[tokio::test]
async fn of_two_who_change_a_connector_the_second_is_told() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let connector = create(&system, &mut administrator).await;
    let path = format!("/api/v1/connectors/{connector}");
    let read = administrator.get(&path).await;
    let tag = read.header("etag").to_owned();
    let changed = system
        .connector_file()
        .replace("unmapped = \"hold\"", "unmapped = \"catch@contoso.com\"");
    let new = json!({ "connector_file": changed });
    let mut put = async |tag: Option<&str>| {
        let headers: Vec<_> = tag.iter().map(|tag| ("if-match", *tag)).collect();
        administrator
            .put_or_post(Method::PUT, &path, &headers, &new)
            .await
    };

    assert_eq!(put(None).await.status, StatusCode::PRECONDITION_REQUIRED);
    let stored = put(Some(&tag)).await;
    assert_eq!(stored.status, StatusCode::OK, "{}", stored.text);
    assert_ne!(stored.header("etag"), tag);
    let late = json!({ "connector_file": system.connector_file() });
    let headers = [("if-match", tag.as_str())];
    let late = administrator
        .put_or_post(Method::PUT, &path, &headers, &late)
        .await;
    assert_eq!(
        late.status,
        StatusCode::PRECONDITION_FAILED,
        "{}",
        late.text
    );
    assert_eq!(
        administrator.get(&path).await.json()["connector_file"],
        changed
    );
}

#[tokio::test]
async fn a_connector_is_created_once_copied_paused_and_deleted() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let connector = create(&system, &mut administrator).await;
    let path = format!("/api/v1/connectors/{connector}");

    let again = json!({ "connector_file": system.connector_file() });
    let again = administrator.post("/api/v1/connectors", &again).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let relative =
        json!({ "connector_file": system.connector_file().replace("path = \"/", "path = \"") });
    let relative = administrator.post("/api/v1/connectors", &relative).await;
    assert!(
        relative.text.contains("paths must be absolute"),
        "{}",
        relative.text
    );

    let copy = administrator
        .post(&format!("{path}/clone"), &json!({ "name": "Copy" }))
        .await;
    assert_eq!(copy.status, StatusCode::CREATED, "{}", copy.text);
    assert_eq!(copy.json()["schedule"], false);

    let paused = administrator
        .post(&format!("{path}/pause"), &json!({}))
        .await;
    assert_eq!(paused.status, StatusCode::NO_CONTENT);
    assert_eq!(administrator.get(&path).await.json()["state"], "paused");
    administrator
        .post(&format!("{path}/resume"), &json!({}))
        .await;

    let tag = administrator.get(&path).await.header("etag").to_owned();
    let headers = [("if-match", tag.as_str())];
    let deleted = administrator
        .put_or_post(Method::DELETE, &path, &headers, &json!({}))
        .await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.text);
    let left = administrator.get("/api/v1/connectors").await.json();
    assert_eq!(left["connectors"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_preview_shows_what_would_be_archived_and_that_it_was_shown_is_known() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let check = json!({ "connector_file": system.connector_file() });
    let order = json!({ "connector_file": system.connector_file(), "source": 1 });

    let sources = administrator
        .post("/api/v1/checks/sources", &check)
        .await
        .json();
    let directory = administrator
        .post("/api/v1/checks/directory", &check)
        .await
        .json();
    let target = administrator
        .post("/api/v1/checks/target", &check)
        .await
        .json();
    let preview = administrator.post("/api/v1/previews", &order).await.json();

    assert_eq!(sources["sources"].as_array().unwrap().len(), 2);
    assert_eq!(sources["sources"][0]["problem"], Value::Null);
    assert!(directory["users"].as_u64().unwrap() > 0);
    assert!(target["max_part_bytes"].as_u64().unwrap() > 0, "{target}");
    assert_eq!(preview["items"].as_array().unwrap().len(), 3);
    let message = preview["items"][0]["parts"][0]["message"].as_str().unwrap();
    assert!(message.contains("X-Chatkeep-"), "{message}");
    assert!(
        preview["mapping"]["hit_rate"].as_f64().unwrap() > 0.5,
        "{preview}"
    );
    let audit = administrator
        .get("/api/v1/audit?newest_first=true")
        .await
        .json();
    assert_eq!(audit["entries"][0]["action"], "content.preview");
}

#[tokio::test]
async fn an_item_is_found_by_its_user_and_by_its_message_id() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let connector = create(&system, &mut administrator).await;
    let runs = format!("/api/v1/connectors/{connector}/runs");
    administrator.post(&runs, &json!({})).await;
    closed(&mut administrator, &format!("{runs}/1")).await;
    let user = "alice.morgan@contoso.com";

    let range = "from=2025-03-01T00:00:00Z&to=2025-04-01T00:00:00Z";
    let search = format!("/api/v1/items/search?user={user}&{range}");
    let found = administrator.get(&search).await.json();

    let item = &found["items"][0];
    assert_eq!(item["copy"]["placement"], "mapped", "{found}");
    assert_eq!(item["copy"]["state"], "imported");
    assert_eq!(item["connector"].as_str().unwrap(), connector);
    let id = item["item"].as_str().unwrap();
    let trace = format!("/api/v1/items?message_id={id}");
    let trace = administrator.get(&trace).await.json();
    assert_eq!(trace["run"], 1, "{trace}");
    let copies = trace["copies"].as_array().unwrap();
    assert!(copies.iter().any(|copy| copy["mailbox"] == user), "{trace}");
}

#[tokio::test]
async fn who_signed_in_what_was_done_and_what_was_refused_is_in_the_audit_trail() {
    let system = System::with_issuer().await;
    let mut administrator = system.signed_in(&ADMINISTRATOR).await;
    create(&system, &mut administrator).await;
    let mut viewer = system.script(&["Viewer"]);
    viewer.get("/api/v1/secrets").await;
    let mut stranger = system.browser();
    stranger.bearer = Some("nonsense".to_owned());
    stranger.get("/api/v1/me").await;

    let trail = administrator.get("/api/v1/audit").await.json();
    let deeds = trail["entries"].as_array().unwrap().iter();
    let deeds = deeds.map(|it| {
        let text = |name: &str| it[name].as_str().unwrap();
        (text("action"), text("subject"), text("outcome"))
    });
    let deeds: Vec<_> = deeds.collect();

    let name = ADMINISTRATOR.join("+");
    assert_eq!(
        deeds,
        [
            ("session.open", name.as_str(), "done"),
            ("connector.create", name.as_str(), "done"),
            ("access.denied", "Viewer", "denied"),
            ("sign-in.denied", "unknown", "denied"),
        ]
    );
    assert!(!trail.to_string().contains("nonsense"));
    let export = administrator.get("/api/v1/audit/export").await.text;
    assert_eq!(export.lines().count(), 5, "{export}");
    let file = system.folder.path().join("audit.jsonl");
    std::fs::write(&file, export).unwrap();
    let mut verify = Command::new(env!("CARGO_BIN_EXE_chatkeep"));
    let verify = verify.current_dir(system.folder.path());
    let verified = verify
        .args(["audit", "verify", "--from"])
        .arg(file)
        .output();
    assert!(verified.unwrap().status.success());
}

#[tokio::test]
async fn a_secret_goes_in_and_never_comes_out() {
    let key = [
        ("CHATKEEP__CONTROL__SECRETS_KEY", "env:CHATKEEP_TEST_KEY"),
        (
            "CHATKEEP_TEST_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ),
    ];
    let provider = chatkeep_testkit::OpenIdProvider::start().await.unwrap();
    let system = System::start(Some(provider), &key);
    let mut administrator = system.script(&ADMINISTRATOR);
    let secret = json!({ "value": "s3cret-value" });

    let path = "/api/v1/secrets/imap";
    let put = administrator
        .put_or_post(Method::PUT, path, &[], &secret)
        .await;

    assert_eq!(put.status, StatusCode::NO_CONTENT, "{}", put.text);
    let list = administrator.get("/api/v1/secrets").await;
    assert_eq!(list.json()["secrets"][0]["name"], "imap");
    let trail = administrator.get("/api/v1/audit").await;
    for answer in [put, list, trail] {
        assert!(!answer.text.contains("s3cret-value"), "{}", answer.text);
    }
}

#[tokio::test]
async fn those_who_wait_are_told_by_the_api_and_their_page_turns() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let connector = create(&system, &mut administrator).await;
    let runs = format!("/api/v1/connectors/{connector}/runs");
    administrator.post(&runs, &json!({})).await;
    let run = closed(&mut administrator, &format!("{runs}/1")).await;
    let list = format!("/api/v1/connectors/{connector}/held");

    let (mut users, mut cursor, mut items) = (Vec::new(), String::new(), 0);
    loop {
        let page = format!("{list}?limit=1&cursor={cursor}");
        let page = administrator.get(&page).await.json();
        for user in page["users"].as_array().unwrap() {
            users.push(user["source_user"].as_str().unwrap().to_owned());
            items += user["items"].as_u64().unwrap();
        }
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }

    assert_eq!(json!(items), run["deliveries"]["held"]);
    assert!(users.is_sorted() && !users.is_empty(), "{users:?}");
    let mut browser = system.signed_in(&ADMINISTRATOR).await;
    let page = format!("/connectors/{connector}/held");
    let first = browser.get(&page).await;
    let last = users.last().unwrap();
    assert!(first.text.contains(last.as_str()));
    let behind = browser.get(&format!("{page}?after={last}")).await;
    assert_eq!(behind.status, StatusCode::OK);
    assert!(behind.text.contains("First users"), "{}", behind.text);
    assert!(!behind.text.contains(&format!("value=\"{last}\"")));
}
