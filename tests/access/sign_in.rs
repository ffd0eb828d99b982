use chatkeep_testkit::OpenIdProvider;
use reqwest::StatusCode;
use serde_json::json;

use crate::system::{ADMINISTRATOR, System, serve};

#[tokio::test]
async fn a_link_signs_in_once() {
    let system = System::with_link();
    let (mut first, mut second) = (system.browser(), system.browser());
    let link = system.link.clone().unwrap();

    assert_eq!(first.get(&link).await.header("location"), "/");
    assert_eq!(second.get(&link).await.status, StatusCode::FORBIDDEN);

    let me = first.get("/api/v1/me").await.json();
    assert_eq!(me["rights"], json!(["read", "operate", "administer"]));
    assert_eq!(
        second.get("/api/v1/me").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_new_link_is_printed_for_who_asks_and_ends_the_one_before() {
    let mut system = System::with_link();
    let first = system.link.clone().unwrap();

    let asked = system.browser().form("/sign-in/link", &[], "").await;
    system.read_line();

    assert_eq!(asked.status, StatusCode::SEE_OTHER);
    assert!(!asked.text.contains("link/"), "{}", asked.text);
    let mut browser = system.browser();
    assert_eq!(browser.get(&first).await.status, StatusCode::FORBIDDEN);
    let second = system.link.clone().unwrap();
    assert_eq!(browser.get(&second).await.status, StatusCode::SEE_OTHER);
}

#[test]
fn without_an_issuer_nobody_is_served_beyond_this_machine() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut proxied = serve(folder.path(), "127.0.0.1:0");
    proxied.env(
        "CHATKEEP__CONSOLE__PUBLIC_URL",
        "https://chatkeep.contoso.com",
    );

    for mut command in [serve(folder.path(), "0.0.0.0:0"), proxied] {
        let ended = command.output().unwrap();

        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success());
        assert!(said.contains("set console.issuer"), "{said}");
    }
}

#[tokio::test]
async fn the_issuer_signs_in_and_its_roles_count() {
    let system = System::with_issuer().await;

    let mut viewer = system.signed_in(&["Viewer"]).await;
    let mut administrator = system.signed_in(&ADMINISTRATOR).await;

    assert_eq!(viewer.get("/connectors").await.status, StatusCode::OK);
    let me = viewer.get("/api/v1/me").await.json();
    assert_eq!(
        (&me["name"], &me["rights"]),
        (&json!("Ann Archer"), &json!(["read"]))
    );
    assert_eq!(
        viewer.get("/api/v1/sessions").await.status,
        StatusCode::FORBIDDEN
    );
    let sessions = administrator.get("/api/v1/sessions").await.json();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn who_has_not_signed_in_is_sent_to_sign_in_and_then_where_they_wanted() {
    let system = System::with_issuer().await;
    system.provider().sign_in_as(json!({ "roles": ["Viewer"] }));
    let mut browser = system.browser();

    let sent = browser.get("/connectors").await;
    let to = sent
        .header("location")
        .strip_prefix("/sign-in?to=")
        .unwrap();

    assert_eq!(browser.travel(to).await.header("location"), "/connectors");
    // Anywhere else is not ours.
    let mut other = system.browser();
    let elsewhere = other.travel("%2F%2Fevil.example").await;
    assert_eq!(elsewhere.header("location"), "/");
}

#[tokio::test]
async fn an_id_token_that_is_not_the_answer_to_our_question_signs_nobody_in() {
    let system = System::with_issuer().await;
    for claims in [
        json!({ "nonce": "another" }),
        json!({ "aud": "another" }),
        json!({ "iss": "https://evil.example" }),
        json!({ "exp": 1_000 }),
        json!({ "azp": "another" }),
    ] {
        system.provider().sign_in_as(claims.clone());
        let mut browser = system.browser();

        let back = browser.travel("/").await;

        assert_eq!(back.status, StatusCode::FORBIDDEN, "{claims}");
        assert!(browser.cookies.is_empty(), "{claims}");
    }
}

#[tokio::test]
async fn another_browser_cannot_come_back_and_none_comes_back_twice() {
    let system = System::with_issuer().await;
    system.provider().sign_in_as(json!({ "roles": ["Viewer"] }));
    let mut browser = system.browser();
    let back = browser.depart("/").await;

    // Who is lured to the address that somebody else came back with.
    assert_eq!(
        system.browser().get(&back).await.status,
        StatusCode::FORBIDDEN
    );
    let mut third = system.browser();
    third.depart("/").await;
    assert_eq!(third.get(&back).await.status, StatusCode::FORBIDDEN);

    let mut copy = browser.clone();
    assert_eq!(browser.get(&back).await.status, StatusCode::SEE_OTHER);
    assert_eq!(copy.get(&back).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn who_has_no_role_is_turned_away() {
    let system = System::with_issuer().await;
    system
        .provider()
        .sign_in_as(json!({ "roles": ["Janitor"] }));
    let mut browser = system.browser();

    let back = browser.travel("/").await;

    assert_eq!(back.status, StatusCode::FORBIDDEN);
    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn a_token_that_the_issuer_did_not_make_for_us_opens_nothing() {
    let system = System::with_issuer().await;
    let provider = system.provider();
    let roles = json!({ "roles": ADMINISTRATOR });
    let with = |claim: &str, value: serde_json::Value| {
        let mut claims = roles.clone();
        claims[claim] = value;
        provider.access_token(&claims)
    };
    let mut browser = system.browser();
    for token in [
        provider.forged_token(&roles),
        with("aud", json!("another")),
        with("iss", json!("https://evil.example")),
        with("exp", json!(1_000)),
        with("nonce", json!("of an ID token")),
        "eyJhbGciOiJub25lIn0.e30.".to_owned(),
        "nonsense".to_owned(),
    ] {
        browser.bearer = Some(token);
        let answer = browser.get("/api/v1/me").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    browser.bearer = Some(provider.access_token(&roles));
    assert_eq!(browser.get("/api/v1/me").await.status, StatusCode::OK);
    // Pages are for browsers: a token opens none.
    assert_eq!(
        browser.get("/connectors").await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn who_tries_tokens_is_put_off() {
    let system = System::with_issuer().await;
    let mut browser = system.browser();
    browser.bearer = Some("nonsense".to_owned());

    for _ in 0..10 {
        assert_eq!(
            browser.get("/api/v1/me").await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    let answer = browser.get("/api/v1/me").await;

    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header("retry-after"), "60");
}

#[tokio::test]
async fn a_key_that_the_issuer_changed_is_found_and_the_old_one_is_good_no_longer() {
    let system = System::with_issuer().await;
    let provider: &OpenIdProvider = system.provider();
    let mut before = system.script(&["Viewer"]);
    assert_eq!(before.get("/api/v1/me").await.status, StatusCode::OK);
    provider.change_key("second");
    let mut after = system.script(&["Viewer"]);

    let mut tries = 0;
    while after.get("/api/v1/me").await.status != StatusCode::OK {
        tries += 1;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }

    assert!(tries < 9, "{tries}");
    // Unknown keys do not have the issuer asked each time.
    assert_eq!(provider.asked_for_keys(), 2);
    assert_eq!(
        before.get("/api/v1/me").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_session_that_was_revoked_or_left_is_none() {
    let system = System::with_issuer().await;
    let mut viewer = system.signed_in(&["Viewer"]).await;
    let mut operator = system.signed_in(&["Operator"]).await;
    let mut administrator = system.signed_in(&ADMINISTRATOR).await;

    let whose = json!({ "subject": "Viewer" });
    let revoked = administrator.post("/api/v1/sessions/revoke", &whose).await;
    assert_eq!(revoked.json()["sessions"], 1);
    assert_eq!(
        viewer.get("/api/v1/me").await.status,
        StatusCode::UNAUTHORIZED
    );

    let mut kept = operator.clone();
    let token = operator.form_token().await;
    let form = format!("form_token={token}");
    assert_eq!(
        operator.form("/sign-out", &[], &form).await.status,
        StatusCode::OK
    );
    assert!(operator.cookies.is_empty());
    assert_eq!(
        kept.get("/api/v1/me").await.status,
        StatusCode::UNAUTHORIZED
    );
}
