//! What other sites, and nobody, can have a browser do.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::system::{ADMINISTRATOR, System};

#[tokio::test]
async fn another_sites_form_changes_nothing() {
    let system = System::with_issuer().await;
    let mut browser = system.signed_in(&ADMINISTRATOR).await;
    let token = browser.form_token().await;
    let form = format!("form_token={token}");
    let mut other = system.signed_in(&["Viewer"]).await;
    let others = format!("form_token={}", other.form_token().await);

    for (headers, body) in [
        (&[][..], ""),
        (&[], "form_token="),
        (&[], others.as_str()),
        (&[("origin", "https://evil.example")], form.as_str()),
        (&[("origin", "null")], form.as_str()),
        (&[("sec-fetch-site", "cross-site")], form.as_str()),
        (&[("sec-fetch-site", "same-site")], form.as_str()),
    ] {
        let answer = browser.form("/sign-out", headers, body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?} {body}");
    }
    assert_eq!(browser.get("/api/v1/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_api_takes_a_cookie_only_from_pages_of_ours_or_with_the_sessions_token() {
    let system = System::with_issuer().await;
    let mut browser = system.signed_in(&ADMINISTRATOR).await;
    let token = browser.form_token().await;
    let origin = system.origin.clone();
    let mut revoke = async |headers: &[(&str, &str)]| {
        let kind = [("content-type", "application/json")];
        let headers = [&kind[..], headers].concat();
        let body = json!({ "subject": "nobody" }).to_string();
        let path = "/api/v1/sessions/revoke";
        browser
            .send(Method::POST, path, &headers, &body)
            .await
            .status
    };

    assert_eq!(revoke(&[]).await, StatusCode::FORBIDDEN);
    assert_eq!(
        revoke(&[("x-csrf-token", "another")]).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        revoke(&[("origin", "https://evil.example")]).await,
        StatusCode::FORBIDDEN
    );
    let foreign = [
        ("sec-fetch-site", "cross-site"),
        ("x-csrf-token", token.as_str()),
    ];
    assert_eq!(revoke(&foreign).await, StatusCode::FORBIDDEN);

    assert_eq!(revoke(&[("x-csrf-token", &token)]).await, StatusCode::OK);
    assert_eq!(revoke(&[("origin", &origin)]).await, StatusCode::OK);
    assert_eq!(
        revoke(&[("sec-fetch-site", "same-origin")]).await,
        StatusCode::OK
    );
}

#[tokio::test]
async fn every_answer_tells_the_browser_to_take_nothing_from_elsewhere() {
    let system = System::with_issuer().await;
    let mut nobody = system.browser();
    let mut viewer = system.signed_in(&["Viewer"]).await;

    let answers = [
        nobody.get("/connectors").await,
        nobody.get("/api/v1/me").await,
        nobody.get("/api/v1/openapi.json").await,
        nobody.get("/assets/console.css").await,
        nobody.get("/nowhere").await,
        nobody.get("/sign-in/callback").await,
        viewer.get("/connectors").await,
        viewer.get("/api/v1/secrets").await,
        viewer.get("/api/v1/nowhere").await,
    ];

    for answer in answers {
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{answer:?}");
        assert!(policy.contains("frame-ancestors 'none'"), "{answer:?}");
        assert!(!policy.contains("unsafe"), "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert!(["no-store", "no-cache"].contains(&answer.header("cache-control")));
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_assets() {
    let system = System::with_link();
    let mut browser = system.browser();
    for path in [
        "/assets/..%2fconnector.toml",
        "/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/assets/%2fetc%2fpasswd",
        "/assets/..%5cconnector.toml",
        "/assets/console.css%00.toml",
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_form_that_comes_too_late_is_handed_back_to_a_page_of_ours_alone() {
    let system = System::with_issuer().await;
    let mut nobody = system.browser();
    let ours = [("sec-fetch-site", "same-origin")];
    let form = "form_token=old-token&name=%3Cscript%3Etyped";

    let back = nobody.form("/connectors/new", &ours, form).await;
    let silent = nobody.form("/connectors/new", &[], form).await;
    let other = [("sec-fetch-site", "cross-site")];
    let foreign = nobody.form("/connectors/new", &other, form).await;
    let secret = nobody.form("/secrets", &ours, "value=typed").await;

    assert_eq!(back.status, StatusCode::UNAUTHORIZED);
    assert!(back.text.contains("&lt;script&gt;typed"), "{}", back.text);
    assert!(!back.text.contains("old-token"), "{}", back.text);
    for (answer, status) in [
        (silent, StatusCode::UNAUTHORIZED),
        (foreign, StatusCode::FORBIDDEN),
        (secret, StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(answer.status, status);
        assert!(!answer.text.contains("typed"), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_form_of_a_session_before_does_nothing_until_whoever_is_signed_in_says_so() {
    let system = System::with_issuer().await;
    let mut administrator = system.signed_in(&ADMINISTRATOR).await;
    let connector = crate::contoso::create(&system, &mut system.script(&ADMINISTRATOR)).await;
    let path = format!("/connectors/{connector}/pause");
    let ours = [("sec-fetch-site", "same-origin")];

    let asked = administrator
        .form(&path, &ours, "form_token=old-token")
        .await;
    let trail = administrator
        .get("/audit?action=connector.pause")
        .await
        .text;
    let denied = administrator
        .get("/api/v1/audit?action=access.denied")
        .await
        .json();
    let token = administrator.form_token().await;
    let mut viewer = system.signed_in(&["Viewer"]).await;
    let refused = viewer.form_token().await;
    let refused = format!("form_token={refused}");
    let refused = viewer.form(&path, &ours, &refused).await;

    assert_eq!(asked.status, StatusCode::FORBIDDEN);
    assert!(asked.text.contains(&token), "{}", asked.text);
    assert!(trail.contains("There is no such entry."), "{trail}");
    let told: Vec<_> = denied["entries"].as_array().unwrap().iter().collect();
    assert_eq!(told.len(), 1, "{denied}");
    assert_eq!(told[0]["outcome"], "denied");
    let detail = told[0]["detail"].to_string();
    assert!(detail.contains(&path), "{detail}");
    assert!(detail.contains("of a session before"), "{detail}");
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused.text.contains("This takes the role"),
        "{}",
        refused.text
    );
}
