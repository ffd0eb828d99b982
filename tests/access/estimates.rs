//! What a preview says of a whole source, beside what a run of it then counts.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    contoso::closed,
    pages::submit,
    system::{ADMINISTRATOR, Browser, System},
};

/// A connector file of one pool's exports: no conversation is there twice.
fn one_pool(system: &System, name: &str) -> String {
    let folder = system.folder.path().display();
    let file = system.connector_file();
    let (head, rest) = file.split_once("[[sources]]").unwrap();
    let (_, rest) = rest.split_once("[[exclude]]").unwrap();
    let source = format!(
        "[[sources]]\ntype = \"archiving-export\"\npath = \"{folder}/exports/sql01.contoso.com_lyncarch\"\n"
    );
    let head = head.replace("Contoso Skype for Business", name);
    format!("{head}{source}\n[[exclude]]{rest}")
}

async fn preview(browser: &mut Browser, file: &str) -> Value {
    let order = json!({ "connector_file": file, "source": 1 });
    let preview = browser.post("/api/v1/previews", &order).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.text);
    preview.json()
}

/// Stores a connector and runs it; the run's balance.
async fn run(browser: &mut Browser, file: &str) -> Value {
    let new = json!({ "connector_file": file });
    let created = browser.post("/api/v1/connectors", &new).await.json();
    let runs = format!(
        "/api/v1/connectors/{}/runs",
        created["id"].as_str().unwrap()
    );
    browser.post(&runs, &json!({})).await;
    closed(browser, &format!("{runs}/1")).await
}

#[tokio::test]
async fn a_preview_of_a_whole_source_says_what_a_run_then_counts() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let file = one_pool(&system, "One pool");

    let before = preview(&mut administrator, &file).await;
    let run = run(&mut administrator, &file).await;
    let after = preview(&mut administrator, &file).await;
    let other = one_pool(&system, "Another name");
    let other = preview(&mut administrator, &other).await;

    assert_eq!(before["source"]["complete"], true, "{before}");
    assert_eq!(before["source"]["files"], run["records"]["read"]);
    assert!(before["source"]["bytes"].as_u64().unwrap() > 0);
    assert_eq!(before["source"]["rows"], Value::Null);
    let volume = &before["volume"];
    assert_eq!(volume["items"], run["items"], "{volume} {run}");
    assert_eq!(volume["deliveries"], run["deliveries"]["imported"]);
    assert_eq!(volume["held"], run["deliveries"]["held"]);
    assert!(before["excluded"].as_u64().unwrap() > 0, "{before}");
    let bytes = |name: &str| volume[name].as_u64().unwrap();
    assert!(bytes("imported_bytes") > 0 && bytes("staged_bytes") > 0);
    // Nobody knows how fast a folder is.
    assert_eq!(before["duration"]["basis"], "none");
    assert_eq!(before["duration"]["seconds"], Value::Null);
    assert_eq!(after["volume"], before["volume"]);
    for (preview, basis) in [(&after, "connector_runs"), (&other, "system_runs")] {
        let duration = &preview["duration"];
        assert_eq!(duration["basis"], basis, "{duration}");
        assert_eq!(duration["runs"], 1);
        assert_eq!(duration["run_deliveries"], run["deliveries"]["imported"]);
        assert!(duration["seconds"].as_u64().unwrap() > 0, "{duration}");
        assert!(duration["deliveries_per_second"].as_f64().unwrap() > 0.0);
    }
}

#[tokio::test]
async fn a_new_connector_to_exchange_online_is_estimated_by_its_published_limits() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let file = one_pool(&system, "Online");
    let (begin, _) = file.split_once("[target]").unwrap();
    let target = "[target]\ntype = \"graph\"\nauth = { tenant = \"contoso.com\", \
                  client = \"00000000-0000-0000-0000-000000000000\", secret = \"env:NOBODY\" }\n";

    let preview = preview(&mut administrator, &format!("{begin}{target}")).await;

    let duration = &preview["duration"];
    assert_eq!(duration["basis"], "target_limits", "{preview}");
    assert_eq!(duration["deliveries_per_second"], json!(20.0));
    assert!(duration["seconds"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn the_wizards_review_says_how_much_there_is_and_what_nobody_knows() {
    let system = System::with_issuer().await;
    let mut browser = system.signed_in(&ADMINISTRATOR).await;
    let file = system.connector_file();
    let fields = [
        ("step", "Schedule"),
        ("file", file.as_str()),
        ("version", "0"),
        ("go", "next"),
    ];

    let review = submit(&mut browser, "/connectors/new", &fields).await;

    let begin = review.text.find("First import").unwrap();
    let card = review.text[begin..].split("</section>").next().unwrap();
    assert!(card.contains("45 files, "), "{card}");
    assert!(card.contains("6 files, "), "{card}");
    assert!(card.contains("copies for mailboxes"), "{card}");
    assert!(card.contains("How long it takes is not known"), "{card}");
}
