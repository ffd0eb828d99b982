//! Where a request comes from, when proxies are in front.

use chatkeep_testkit::OpenIdProvider;
use reqwest::{Method, StatusCode};

use crate::system::{ADMINISTRATOR, Browser, System};

const TRUSTED: &str = "CHATKEEP__CONSOLE__TRUSTED_PROXIES";

/// A console that trusts these proxies.
async fn behind(proxies: &str) -> System {
    let provider = OpenIdProvider::start().await.unwrap();
    System::start(Some(provider), &[(TRUSTED, proxies)])
}

async fn try_token(browser: &mut Browser, named: &str) -> StatusCode {
    browser.bearer = Some("nonsense".to_owned());
    let headers = [("x-forwarded-for", named)];
    let answer = browser.send(Method::GET, "/api/v1/me", &headers, "").await;
    answer.status
}

/// The addresses of who was denied, as the audit trail has them. Asked with a session: those are not put off.
async fn denied(administrator: &mut Browser) -> Vec<String> {
    let path = "/api/v1/audit?action=sign-in.denied&limit=1000";
    let entries = administrator.get(path).await.json();
    let entries = entries["entries"].as_array().unwrap().iter();
    let addresses = entries.map(|entry| entry["address"].as_str().unwrap().to_owned());
    addresses.collect()
}

#[tokio::test]
async fn behind_a_proxy_one_client_is_put_off_and_others_are_not() {
    let system = behind("[\"127.0.0.0/8\"]").await;
    let mut administrator = system.signed_in(&ADMINISTRATOR).await;
    let mut browser = system.browser();

    for number in 0..10 {
        // What a client puts in front does not make it another one.
        let named = format!("198.51.100.{number}, 203.0.113.9");
        let status = try_token(&mut browser, &named).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }

    let again = try_token(&mut browser, "198.51.100.77, 203.0.113.9").await;
    assert_eq!(again, StatusCode::TOO_MANY_REQUESTS);
    let other = try_token(&mut browser, "203.0.113.10").await;
    assert_eq!(other, StatusCode::UNAUTHORIZED);
    let addresses = denied(&mut administrator).await;
    assert_eq!(addresses.len(), 11);
    assert_eq!(addresses[..10], ["203.0.113.9"; 10]);
    assert_eq!(addresses[10], "203.0.113.10");
}

#[tokio::test]
async fn without_trusted_proxies_nobody_becomes_another_by_a_header() {
    let system = System::with_issuer().await;
    let mut administrator = system.signed_in(&ADMINISTRATOR).await;
    let mut browser = system.browser();

    for number in 0..10 {
        let named = format!("203.0.113.{number}");
        try_token(&mut browser, &named).await;
    }

    let other = try_token(&mut browser, "203.0.113.99").await;
    assert_eq!(other, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(denied(&mut administrator).await, ["127.0.0.1"; 10]);
}

#[tokio::test]
async fn a_link_signs_in_nobody_whom_a_proxy_brings_from_elsewhere() {
    let system = System::start(None, &[(TRUSTED, "[\"127.0.0.1\"]")]);
    let link = system.link.clone().unwrap();
    let mut browser = system.browser();

    let headers = [("x-forwarded-for", "127.0.0.1, 203.0.113.9")];
    let refused = browser.send(Method::GET, &link, &headers, "").await;

    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(browser.get(&link).await.status, StatusCode::SEE_OTHER);
}
