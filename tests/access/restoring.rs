//! Connectors that were deleted, and come back by a page.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    approval::{COLLEAGUE, approve, approving, create},
    contoso,
    pages::submit,
    system::{ADMINISTRATOR, Browser, System},
};

/// The fold of the list, behind what is in use.
async fn fold(browser: &mut Browser) -> String {
    let page = browser.get("/connectors").await.text;
    let begin = page.find("Deleted connectors (").map(|at| &page[at..]);
    begin.unwrap_or_default().to_owned()
}

/// Deletes a connector by the API.
async fn delete(browser: &mut Browser, connector: &str) -> String {
    let path = format!("/api/v1/connectors/{connector}?reason=by%20mistake");
    let any = [("if-match", "*")];
    let deleted = browser
        .put_or_post(Method::DELETE, &path, &any, &json!({}))
        .await;
    deleted.header("location").to_owned()
}

/// The version that a page's form would restore.
fn version(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"version\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_deleted_connector_is_listed_with_who_deleted_it_and_restored_by_those_who_may_delete() {
    let system = System::with_issuer().await;
    let mut administrator = system.signed_in(&ADMINISTRATOR).await;
    let mut script = system.script(&ADMINISTRATOR);
    let connector = contoso::create(&system, &mut script).await;
    let none = fold(&mut administrator).await;
    delete(&mut script, &connector).await;
    let path = format!("/connectors/{connector}/restore");

    for (roles, sees_who, may_restore) in [
        (&["Viewer"][..], false, false),
        (&["MailboxImportExport"], false, false),
        (&["Operator"], true, false),
        (&["DataConnectorAdmin"], true, false),
        (&ADMINISTRATOR, true, true),
    ] {
        let mut browser = system.signed_in(roles).await;
        let listed = fold(&mut browser).await;
        let page = browser.get(&format!("/connectors/{connector}")).await.text;
        assert!(listed.contains(&connector), "{roles:?}: {listed}");
        for shown in [&listed, &page] {
            let who = shown.contains(&ADMINISTRATOR.join("+"));
            assert_eq!(who, sees_who, "{roles:?}: {shown}");
            let restores = shown.contains(&path) && shown.contains(">Restore Contoso");
            assert_eq!(restores, may_restore, "{roles:?}: {shown}");
        }
        assert!(page.contains("This connector was deleted"), "{page}");
        assert!(!page.contains("Delete this connector"), "{page}");
        assert!(!page.contains(&format!("{connector}/edit\"")), "{page}");
        if !may_restore {
            let fields = [("version", "2")];
            let refused = submit(&mut browser, &path, &fields).await.status;
            assert_eq!(refused, StatusCode::FORBIDDEN, "{roles:?}");
        }
    }
    assert!(none.is_empty(), "{none}");
    let stored = script.get(&format!("/api/v1/connectors/{connector}")).await;
    assert_eq!(stored.json()["state"], "deleted");
}

#[tokio::test]
async fn what_is_restored_is_what_was_deleted_and_only_what_was_seen() {
    let system = System::with_issuer().await;
    let mut browser = system.signed_in(&ADMINISTRATOR).await;
    let mut script = system.script(&ADMINISTRATOR);
    let connector = contoso::create(&system, &mut script).await;
    let stored = format!("/api/v1/connectors/{connector}");
    let before = script.get(&stored).await.json();
    delete(&mut script, &connector).await;
    let path = format!("/connectors/{connector}/restore");
    let seen = version(&fold(&mut browser).await);

    let stale = submit(&mut browser, &path, &[("version", "1")]).await;
    let strange = browser.form(&path, &[], &format!("version={seen}")).await;
    let deleted = script.get(&stored).await.json();
    let fields = [("version", seen.as_str()), ("is_scheduled", "true")];
    let restored = submit(&mut browser, &path, &fields).await;
    let again = submit(&mut browser, &path, &fields).await;
    let after = script.get(&stored).await.json();
    let page = browser.get(restored.header("location")).await.text;
    let trail = "/api/v1/audit?action=connector.restore";
    let trail = script.get(trail).await.json();

    assert_eq!(
        stale.status,
        StatusCode::PRECONDITION_FAILED,
        "{}",
        stale.text
    );
    assert_eq!(strange.status, StatusCode::FORBIDDEN, "without its token");
    assert_eq!(deleted["state"], "deleted");
    assert_eq!(restored.status, StatusCode::SEE_OTHER, "{}", restored.text);
    assert!(page.contains("Restored."), "{page}");
    assert_eq!(again.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(after["connector_file"], before["connector_file"]);
    assert_eq!(after["state"], "scheduled", "{after}");
    assert_eq!(trail["entries"].as_array().unwrap().len(), 1, "{trail}");
    assert_eq!(trail["entries"][0]["outcome"], "done");
    assert!(fold(&mut browser).await.is_empty());
}

#[tokio::test]
async fn restoring_takes_two_where_changes_do() {
    let system = approving().await;
    let connector = create(&system).await;
    let mut script = system.script(&ADMINISTRATOR);
    let mut colleague = system.script(&COLLEAGUE);
    let deletion = delete(&mut script, &connector).await;
    approve(&mut colleague, &deletion).await;
    let mut browser = system.signed_in(&ADMINISTRATOR).await;
    let path = format!("/connectors/{connector}/restore");
    let stored = format!("/api/v1/connectors/{connector}");

    let listed = fold(&mut browser).await;
    let seen = version(&listed);
    let fields = [("version", seen.as_str()), ("reason", "it is needed")];
    let proposed = submit(&mut browser, &path, &fields).await;
    let place = proposed.header("location").split('?').next().unwrap();
    let place = format!("/api/v1{place}");
    let waiting = script.get(&place).await.json();
    let meanwhile = script.get(&stored).await.json();
    let approved = approve(&mut colleague, &place).await;
    let after = script.get(&stored).await.json();

    assert!(listed.contains("Propose to restore"), "{listed}");
    assert_eq!(waiting["reason"], "it is needed", "{waiting}");
    assert_eq!(meanwhile["state"], "deleted", "{meanwhile}");
    assert_eq!(approved.status, StatusCode::OK, "{}", approved.text);
    assert_eq!(after["state"], "manual", "{after}");
}
