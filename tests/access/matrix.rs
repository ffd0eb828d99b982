//! Every endpoint that the API describes, with every role, and with values that nobody expects.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::system::{ADMINISTRATOR, Browser, System};

/// An endpoint as the description has it.
struct Endpoint {
    method: Method,
    path: String,
    right: String,
    /// Names and places of its parameters.
    parameters: Vec<(String, String)>,
    takes_body: bool,
}

impl Endpoint {
    /// Its path with this value for every parameter in it.
    fn path_with(&self, value: &str) -> String {
        let names = self.parameters.iter().filter(|(_, place)| place == "path");
        names.fold(self.path.clone(), |path, (name, _)| {
            path.replace(&format!("{{{name}}}"), value)
        })
    }

    fn queries(&self) -> impl Iterator<Item = &str> {
        let queries = self.parameters.iter().filter(|(_, place)| place == "query");
        queries.map(|(name, _)| name.as_str())
    }
}

async fn endpoints(system: &System) -> Vec<Endpoint> {
    let document = system.browser().get("/api/v1/openapi.json").await.json();
    let mut endpoints = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            endpoints.push(Endpoint {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                right: text(&operation["x-right"]),
                parameters: parameters
                    .map(|it| (text(&it["name"]), text(&it["in"])))
                    .collect(),
                takes_body: !operation["requestBody"].is_null(),
            });
        }
    }
    assert!(endpoints.len() > 30, "{}", endpoints.len());
    endpoints
}

/// Asks for something that does not exist, so that nothing is done whatever the answer.
async fn ask(browser: &mut Browser, endpoint: &Endpoint) -> StatusCode {
    let (path, method) = (endpoint.path_with("0"), endpoint.method.clone());
    let headers = [("if-match", "\"99\"")];
    let body = json!({});
    browser
        .put_or_post(method, &path, &headers, &body)
        .await
        .status
}

#[tokio::test]
async fn each_endpoint_opens_to_the_roles_it_names_and_to_no_others() {
    let system = System::with_issuer().await;
    let cases: [(&[&str], &[&str]); 7] = [
        (&["Janitor"], &[]),
        (&["Viewer"], &["read"]),
        (&["Operator"], &["read", "operate"]),
        (&["DataConnectorAdmin"], &["read", "operate"]),
        (&["MailboxImportExport"], &["read"]),
        (&["Viewer", "MailboxImportExport"], &["read"]),
        (&ADMINISTRATOR, &["read", "operate", "administer"]),
    ];
    let mut nobody = system.browser();
    for endpoint in endpoints(&system).await {
        let name = format!("{} {}", endpoint.method, endpoint.path);
        assert_eq!(
            ask(&mut nobody, &endpoint).await,
            StatusCode::UNAUTHORIZED,
            "{name}"
        );
        for (roles, rights) in &cases {
            let status = ask(&mut system.script(roles), &endpoint).await;
            let is_refused = status == StatusCode::FORBIDDEN;
            let may = rights.contains(&endpoint.right.as_str());
            assert_eq!(is_refused, !may, "{name} with {roles:?}: {status}");
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{name} with {roles:?}");
        }
    }
}

#[tokio::test]
async fn a_session_has_the_rights_of_its_roles() {
    let system = System::with_issuer().await;
    let mut viewer = system.signed_in(&["Viewer"]).await;
    let mut administrator = system.signed_in(&ADMINISTRATOR).await;
    for endpoint in endpoints(&system).await {
        let name = format!("{} {}", endpoint.method, endpoint.path);
        let refused = ask(&mut viewer, &endpoint).await == StatusCode::FORBIDDEN;
        assert_eq!(refused, endpoint.right != "read", "{name}");
        let status = ask(&mut administrator, &endpoint).await;
        assert_ne!(status, StatusCode::FORBIDDEN, "{name}");
    }
}

#[tokio::test]
async fn no_value_breaks_an_endpoint_or_comes_back_in_its_answer() {
    let system = System::with_issuer().await;
    let mut browser = system.script(&ADMINISTRATOR);
    let long = "9".repeat(5_000);
    let values = [
        "",
        "0",
        "-1",
        "1",
        "9223372036854775807",
        "99999999999999999999",
        "%00",
        "%ff",
        "..%2f..%2fetc%2fpasswd",
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "%27%20OR%201%3D1--",
        "%F0%9F%92%A9",
        "true",
        "2026-13-45",
        "-0001-01-01",
        long.as_str(),
    ];
    let secret = "s3cret-value";
    let bodies = [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{".to_owned(),
        "\"text\"".to_owned(),
        "[".repeat(10_000),
        json!({ "connector_file": "", "source": 4_294_967_295_u32 }).to_string(),
        json!({ "connector_file": "name = \"x\"\n", "schedule": "yes" }).to_string(),
        json!({ "connector_file": format!("password = \"{secret}\""), "source": 1 }).to_string(),
        json!({ "from": "9999-12-31", "to": "-9999-01-01", "slice_days": 4_294_967_295_u32 })
            .to_string(),
        json!({ "value": { "nested": secret } }).to_string(),
        json!({ "name": "\u{0}", "subject": "\u{202e}" }).to_string(),
    ];
    for endpoint in endpoints(&system).await {
        let mut paths: Vec<_> = values.map(|value| endpoint.path_with(value)).to_vec();
        for query in endpoint.queries() {
            let path = endpoint.path_with("x");
            paths.extend(values.map(|value| format!("{path}?{query}={value}")));
        }
        for path in paths {
            let headers = [("content-type", "application/json"), ("if-match", "\"1\"")];
            let method = endpoint.method.clone();
            let answer = browser.send(method, &path, &headers, "{}").await;
            check(&endpoint, &path, &answer);
        }
        for body in bodies.iter().filter(|_| endpoint.takes_body) {
            let path = endpoint.path_with("x");
            let headers = [("content-type", "application/json"), ("if-match", "\"1\"")];
            let method = endpoint.method.clone();
            let answer = browser.send(method, &path, &headers, body).await;
            check(&endpoint, body, &answer);
            assert!(
                !answer.text.contains(secret),
                "{}: {}",
                endpoint.path,
                answer.text
            );
        }
    }
}

fn check(endpoint: &Endpoint, what: &str, answer: &crate::system::Reply) {
    let name = format!(
        "{} {} {what}: {}",
        endpoint.method, endpoint.path, answer.text
    );
    assert!(!answer.status.is_server_error(), "{} {name}", answer.status);
    if answer.status.is_client_error() && answer.status != StatusCode::URI_TOO_LONG {
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{name}"
        );
        let problem = answer.json();
        assert_eq!(problem["status"], answer.status.as_u16(), "{name}");
        assert!(!answer.text.contains("<script>"), "{name}");
    }
}

#[tokio::test]
async fn the_document_lists_every_endpoint_beside_its_right() {
    let system = System::with_link();
    let document = include_str!("../../docs/api.md");
    for endpoint in endpoints(&system).await {
        let begin = format!("| {} |", endpoint.right);
        let row = document
            .lines()
            .find(|line| line.starts_with(&begin))
            .unwrap();
        let path = endpoint.path.strip_prefix("/api/v1").unwrap();
        let entry = format!("`{} {path}`", endpoint.method);
        assert!(
            row.contains(&entry),
            "{entry} in the row of {}",
            endpoint.right
        );
    }
}
