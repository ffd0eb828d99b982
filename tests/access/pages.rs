//! What pages show and what their forms do.

use chatkeep_testkit::OpenIdProvider;
use reqwest::StatusCode;
use serde_json::json;

use crate::{
    contoso,
    system::{ADMINISTRATOR, Browser, Reply, System},
};

/// Sends a form of a page.
pub(crate) async fn submit(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Reply {
    let token = browser.form_token().await;
    let fields = [&[("form_token", token.as_str())], fields].concat();
    let mut address = reqwest::Url::parse("http://form").unwrap();
    address.query_pairs_mut().extend_pairs(fields);
    browser.form(path, &[], address.query().unwrap()).await
}

#[tokio::test]
async fn a_secret_that_is_entered_is_listed_and_never_shown_until_it_is_deleted() {
    let key = [
        ("CHATKEEP__CONTROL__SECRETS_KEY", "env:CHATKEEP_TEST_KEY"),
        (
            "CHATKEEP_TEST_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ),
    ];
    let provider = OpenIdProvider::start().await.unwrap();
    let system = System::start(Some(provider), &key);
    let mut browser = system.signed_in(&ADMINISTRATOR).await;
    let secret = [("name", "imap"), ("value", " s3cret-value ")];

    let stored = submit(&mut browser, "/secrets", &secret).await;
    let listed = browser.get("/secrets?done=stored").await.text;
    let refused = submit(&mut browser, "/secrets", &[("name", "a b"), ("value", "x")]).await;
    let trail = browser.get("/audit?action=secret.put").await.text;
    let deleted = submit(&mut browser, "/secrets/delete", &[("name", "imap")]).await;
    let left = browser.get("/secrets").await.text;

    assert_eq!(stored.status, StatusCode::SEE_OTHER);
    assert!(listed.contains("<code>imap</code>"), "{listed}");
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(trail.contains("secret.put"), "{trail}");
    assert_eq!(deleted.status, StatusCode::SEE_OTHER);
    assert!(left.contains("There are none."), "{left}");
    for page in [listed, trail, left] {
        assert!(!page.contains("s3cret-value"), "{page}");
    }
}

#[tokio::test]
async fn without_a_key_the_page_of_secrets_says_how_to_give_one() {
    let system = System::with_issuer().await;
    let mut browser = system.signed_in(&ADMINISTRATOR).await;

    let page = browser.get("/secrets").await.text;
    let refused = submit(&mut browser, "/secrets", &[("name", "a"), ("value", "x")]).await;

    assert!(page.contains("control.secrets_key"), "{page}");
    assert!(!page.contains("name=\"value\""), "{page}");
    assert_eq!(refused.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_audit_trail_is_shown_by_who_did_what_and_when() {
    let system = System::with_issuer().await;
    let mut browser = system.signed_in(&ADMINISTRATOR).await;
    let connector = contoso::create(&system, &mut system.script(&ADMINISTRATOR)).await;
    let mut operator = system.script(&["Operator"]);
    let runs = format!("/api/v1/connectors/{connector}/runs");
    operator.post(&runs, &json!({})).await;

    let mut shown = async |query: &str| browser.get(&format!("/audit?{query}")).await.text;

    let all = shown("").await;
    assert!(
        all.contains("connector.create") && all.contains("run.open"),
        "{all}"
    );
    let operator = shown("subject=Operator").await;
    assert!(!operator.contains("connector.create") && operator.contains("run.open"));
    let action = shown("action=connector.create").await;
    assert!(action.contains("connector.create") && !action.contains("run.open"));
    let nothing = shown("to=2020-01-01").await;
    assert!(nothing.contains("There is no such entry."), "{nothing}");
    let wrong = browser.get("/audit?from=tomorrow").await.status;
    assert_eq!(wrong, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_users_items_are_found_by_days_and_lead_to_their_way() {
    let system = System::with_issuer().await;
    let mut browser = system.signed_in(&ADMINISTRATOR).await;
    let mut script = system.script(&ADMINISTRATOR);
    let connector = contoso::create(&system, &mut script).await;
    let runs = format!("/api/v1/connectors/{connector}/runs");
    script.post(&runs, &json!({})).await;
    contoso::closed(&mut script, &format!("{runs}/1")).await;

    let of = "/items?user=alice.morgan%40contoso.com";
    let found = browser
        .get(&format!("{of}&from=2025-03-01&to=2025-03-31"))
        .await
        .text;
    let before = browser
        .get(&format!("{of}&from=2020-03-01&to=2020-03-31"))
        .await
        .text;
    let begin = found.find("/items?id=").unwrap();
    let way = found[begin..].split('"').next().unwrap().to_owned();
    let way = browser.get(&way).await.text;

    assert!(found.contains("imported"), "{found}");
    assert!(before.contains("There are none in these days."), "{before}");
    assert!(way.contains("alice.morgan@contoso.com"), "{way}");
}
