//! Signing out, here and at the issuer.

use chatkeep_testkit::OpenIdProvider;
use reqwest::{Method, StatusCode};

use crate::system::{Browser, Reply, System};

const PUBLIC: &str = "https://chatkeep.contoso.com";

async fn sign_out(browser: &mut Browser) -> Reply {
    let form = format!("form_token={}", browser.form_token().await);
    browser.form("/sign-out", &[], &form).await
}

/// Where the page sends the browser.
fn refresh(page: &Reply) -> String {
    let refresh = page.header("refresh").strip_prefix("0; url=");
    refresh.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn who_signs_out_is_signed_out_at_the_issuer_and_comes_back() {
    let system = System::with_issuer().await;
    system.provider().open_exit();
    let mut viewer = system.signed_in(&["Viewer"]).await;
    let mut kept = viewer.clone();

    let page = sign_out(&mut viewer).await;

    // The session has ended whatever the issuer does.
    assert_eq!(page.status, StatusCode::OK);
    let me = kept.get("/api/v1/me").await;
    assert_eq!(me.status, StatusCode::UNAUTHORIZED);
    let exit = refresh(&page);
    let begin = format!(
        "{}/sign-out?tenant=1&client_id=",
        system.provider().issuer()
    );
    assert!(exit.starts_with(&begin), "{exit}");
    assert!(page.text.contains("Sign out at the issuer"));
    let back = system.browser().get(&exit).await;
    assert_eq!(
        system.provider().signed_out(),
        [OpenIdProvider::CLIENT.to_owned()]
    );
    let back = back.header("location").to_owned();
    assert_eq!(back, format!("{}/signed-out", system.origin));
    let last = system.browser().get(&back).await;
    assert_eq!(last.status, StatusCode::OK);
    assert_eq!(last.header("refresh"), "");
}

#[tokio::test]
async fn an_issuer_without_a_way_out_leaves_it_at_the_session_here() {
    let system = System::with_issuer().await;
    let mut viewer = system.signed_in(&["Viewer"]).await;

    let page = sign_out(&mut viewer).await;

    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("refresh"), "");
    assert!(page.text.contains("Sign in again"));
    let me = viewer.get("/api/v1/me").await;
    assert_eq!(me.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_issuer_that_is_gone_keeps_nobody_signed_in() {
    let mut system = System::with_issuer().await;
    system.provider().open_exit();
    let mut viewer = system.signed_in(&["Viewer"]).await;
    let form = format!("form_token={}", viewer.form_token().await);
    system.again(|_| ());
    let mut again = system.browser();
    again.cookies.clone_from(&viewer.cookies);
    viewer = again;
    drop(system.provider.take());

    let page = viewer.form("/sign-out", &[], &form).await;

    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("refresh"), "");
    let me = viewer.get("/api/v1/me").await;
    assert_eq!(me.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn browsers_come_back_by_tls_alone_where_that_is_how_they_came() {
    let provider = OpenIdProvider::start().await.unwrap();
    let public = [("CHATKEEP__CONSOLE__PUBLIC_URL", PUBLIC)];
    let secure = System::start(Some(provider), &public);
    let plain = System::with_issuer().await;

    for path in ["/sign-in", "/assets/console.css", "/api/v1/me", "/nothing"] {
        let answer = secure.browser().send(Method::GET, path, &[], "").await;
        let told = answer.header("strict-transport-security");
        assert_eq!(told, "max-age=31536000", "{path}");
        let answer = plain.browser().get(path).await;
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
    }
}
