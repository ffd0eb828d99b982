//! The console that control serves.

use std::{collections::BTreeMap, time::Duration};

use chatkeep_testkit::OpenIdProvider;
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{COOKIE, LOCATION, SET_COOKIE},
    redirect,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    cluster::Cluster,
    grpc::connector_file,
    sandbox::Sandbox,
    servers::Servers,
    system::{ConsoleForm, Form, servers_with_tls},
    work::{sessions, wait_until},
};

/// The two that together change connectors.
const ROLES: [&str; 2] = ["DataConnectorAdmin", "Mailbox Import Export"];

/// Each of its requests is a connection of its own: the balancer sends it to the next control.
fn http() -> Client {
    let http = Client::builder()
        .pool_max_idle_per_host(0)
        .redirect(redirect::Policy::none());
    http.build().unwrap()
}

/// A script that asks the API with a token of the issuer.
pub(crate) struct Script {
    http: Client,
    origin: String,
    token: String,
}

impl Script {
    /// Of an administrator.
    pub(crate) fn new(cluster: &Cluster, provider: &OpenIdProvider) -> Self {
        let claims = json!({ "roles": ROLES, "sub": "ada", "name": "Ada" });
        Self {
            http: http(),
            origin: format!("http://{}/api/v1", cluster.to_console.address()),
            token: provider.access_token(&claims),
        }
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, String) {
        let url = format!("{}{path}", self.origin);
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    async fn get(&self, path: &str) -> String {
        let (status, text) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        text
    }

    async fn get_json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).await).unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, text) = self.ask(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Opens a run and waits until it has closed; its path.
    async fn archive(&self, connector: &str) -> String {
        let runs = format!("/connectors/{connector}/runs");
        let opened = self.post(&runs, &json!({})).await;
        let run = format!("{runs}/{}", opened["number"]);
        while self.get_json(&format!("{run}/progress")).await["state"] == "running" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        run
    }
}

/// A browser in which an administrator has signed in.
struct Browser {
    http: Client,
    origin: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Goes to the issuer and back.
    async fn sign_in(cluster: &Cluster, provider: &OpenIdProvider) -> Self {
        provider.sign_in_as(json!({ "roles": ROLES, "sub": "ada", "name": "Ada" }));
        let mut browser = Self {
            http: http(),
            origin: format!("http://{}", cluster.to_console.address()),
            cookies: BTreeMap::new(),
        };
        let away = browser.get(&format!("{}/sign-in", browser.origin)).await;
        let issuer = browser.http.get(location(&away)).send().await.unwrap();
        browser.get(&location(&issuer)).await;
        browser
    }

    async fn get(&mut self, url: &str) -> Response {
        self.send(self.http.get(url)).await
    }

    /// Sends a form of a page.
    async fn form(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let me = self.get(&format!("{}/api/v1/me", self.origin)).await;
        let me: Value = serde_json::from_str(&me.text().await.unwrap()).unwrap();
        let token = me["form_token"].as_str().unwrap();
        let fields = [&[("form_token", token)], fields].concat();
        let request = self.http.post(format!("{}{path}", self.origin));
        self.send(request.form(&fields)).await
    }

    async fn send(&mut self, request: RequestBuilder) -> Response {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let answer = request.header(COOKIE, cookies.join("; ")).send().await;
        let answer = answer.unwrap();
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

fn location(answer: &Response) -> String {
    answer.headers()[LOCATION].to_str().unwrap().to_owned()
}

pub(crate) fn with_console(form: Form, provider: &OpenIdProvider) -> Form {
    let issuer = provider.issuer().trim_start_matches("http://");
    let console = ConsoleForm {
        issuer: issuer.parse().unwrap(),
        client: OpenIdProvider::CLIENT,
        secret: OpenIdProvider::SECRET,
        has_mappings: false,
    };
    Form {
        console: Some(console),
        ..form
    }
}

#[test]
fn a_connector_is_made_and_archived_by_the_api_of_any_of_several_controls() {
    let runtime = Runtime::new().unwrap();
    let provider = runtime.block_on(OpenIdProvider::start()).unwrap();
    let form = Form {
        controls: 2,
        ..Form::default()
    };
    let form = with_console(form, &provider);
    let mut cluster = Cluster::start(&Servers::shared(), form, sessions(10));
    let script = Script::new(&cluster, &provider);
    let file = json!({ "connector_file": connector_file(&cluster) });

    let (run, log) = runtime.block_on(async {
        let created = script.post("/connectors", &file).await;
        let run = script.archive(created["id"].as_str().unwrap()).await;
        let log = script.get(&format!("{run}/log.csv")).await;
        (run, log)
    });
    cluster.of("control").next().unwrap().kill();
    let (balance, same_log, trail) = runtime.block_on(async {
        let balance = script.get_json(&run).await;
        let log = script.get(&format!("{run}/log.csv")).await;
        let trail = script.get_json("/audit?subject=ada").await;
        (balance, log, trail)
    });

    assert_eq!(balance["deliveries"]["imported"], 20, "{balance}");
    assert_eq!(balance["deliveries"]["closes"], true);
    assert_eq!(cluster.sandbox().mails("ann@contoso.com").len(), 10);
    assert_eq!(log, same_log);
    assert_eq!(log, cluster.run(&["log", "1", "--format", "csv"]).stdout);
    let entries = trail["entries"].as_array().unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| &entry["action"]).collect();
    for action in ["connector.create", "run.open", "log.download"] {
        assert!(actions.contains(&&json!(action)), "{actions:?}");
    }
    let verified = cluster.run(&["audit", "verify"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn the_console_asks_every_stage_and_shows_them_a_certificate() {
    let runtime = Runtime::new().unwrap();
    let provider = runtime.block_on(OpenIdProvider::start()).unwrap();
    let form = Form {
        tls: true,
        ..Form::default()
    };
    let form = with_console(form, &provider);
    let mut cluster = Cluster::start(&servers_with_tls(), form, sessions(5));
    let script = Script::new(&cluster, &provider);
    let file = connector_file(&cluster);

    let (preview, target) = runtime.block_on(async {
        // Ingestion reads, mapping resolves, conversion renders.
        let order = json!({ "connector_file": file, "source": 1 });
        let preview = script.post("/previews", &order).await;
        let order = json!({ "connector_file": file, "mailbox": "ann@contoso.com" });
        let target = script.post("/checks/target", &order).await;
        (preview, target)
    });
    let console = format!("http://{}", cluster.to_console.address());
    let checked = cluster.sandbox().run(&["selfcheck", "--console", &console]);
    cluster.kill("conversion");
    let unmeasured = runtime.block_on(async {
        let order = json!({ "connector_file": file, "source": 1 });
        script.post("/previews", &order).await
    });
    cluster.kill("ingestion");
    let away = runtime.block_on(async {
        let file = json!({ "connector_file": file });
        script
            .ask(Method::POST, "/checks/sources", Some(&file))
            .await
    });

    assert_eq!(preview["conversations"], 5, "{preview}");
    assert_eq!(preview["mapping"]["mapped"], 2, "{preview}");
    assert_eq!(preview["items"].as_array().unwrap().len(), 3);
    assert_eq!(target["max_part_bytes"], 25_000_000, "{target}");
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert_eq!(away.0, StatusCode::SERVICE_UNAVAILABLE, "{}", away.1);
    // What a sample would show is not known, and the rest is shown.
    assert_eq!(unmeasured["conversations"], 5, "{unmeasured}");
    assert_eq!(unmeasured["mapping"]["mapped"], 2, "{unmeasured}");
    assert_eq!(unmeasured["volume"]["items"], Value::Null, "{unmeasured}");
    assert_ne!(preview["volume"]["items"], Value::Null, "{preview}");
    // Nobody takes control from its balancer because a stage is away.
    let control = cluster.of("control").next().unwrap();
    assert_eq!(control.get("/readyz").unwrap().0, 200);
}

#[test]
fn an_item_links_to_its_traces() {
    let runtime = Runtime::new().unwrap();
    let provider = runtime.block_on(OpenIdProvider::start()).unwrap();
    let form = with_console(Form::default(), &provider);
    let cluster = Cluster::start(&Servers::shared(), form, sessions(1));
    assert_eq!(cluster.archive().code, Some(0));
    let mail = cluster.sandbox().mails("ann@contoso.com").remove(0);
    let id = mail.header("Message-ID").unwrap();
    let id = id.trim_matches(['<', '>']);

    let (item, page) = runtime.block_on(async {
        let script = Script::new(&cluster, &provider);
        let item = script.get_json(&format!("/items?message_id={id}")).await;
        let mut browser = Browser::sign_in(&cluster, &provider).await;
        let page = format!("{}/items?id={id}", browser.origin);
        (item, browser.get(&page).await.text().await.unwrap())
    });

    let traces = item["traces"].as_array().unwrap().iter();
    let copies = item["copies"].as_array().unwrap().iter();
    let all = traces.chain(copies.map(|copy| &copy["trace"]));
    let all: Vec<_> = all.collect();
    let of: Vec<_> = all.iter().map(|trace| &trace["of"]).collect();
    assert_eq!(of, ["rendered", "planned", "settled", "settled"]);
    for trace in all {
        let id = trace["id"].as_str().unwrap();
        let link = format!("https://traces.contoso.com/{id}");
        assert_eq!(trace["link"], link, "{item}");
        assert!(page.contains(&format!("href=\"{link}\"")), "{page}");
    }
}

/// A page maps Dora, who is held, to Bob's mailbox; what it answers.
fn map_dora(has_mappings: bool) -> (Cluster, StatusCode, String) {
    let runtime = Runtime::new().unwrap();
    let provider = runtime.block_on(OpenIdProvider::start()).unwrap();
    let form = Form {
        controls: 2,
        ..Form::default()
    };
    let mut form = with_console(form, &provider);
    if let Some(console) = &mut form.console {
        console.has_mappings = has_mappings;
    }
    let sandbox = Sandbox::new();
    sandbox.session("a", 0, &[("ann", "hello"), ("dora", "hi")]);
    let cluster = Cluster::start(&Servers::shared(), form, sandbox);
    let script = Script::new(&cluster, &provider);
    let file = json!({ "connector_file": connector_file(&cluster) });

    let (status, page) = runtime.block_on(async {
        let created = script.post("/connectors", &file).await;
        let connector = created["id"].as_str().unwrap();
        script.archive(connector).await;
        let mut browser = Browser::sign_in(&cluster, &provider).await;
        let fields = [
            ("user.0", "dora@contoso.com"),
            ("mailbox.0", "bob@contoso.com"),
        ];
        let path = format!("/connectors/{connector}/held");
        let answer = browser.form(&path, &fields).await;
        (answer.status(), answer.text().await.unwrap())
    });
    (cluster, status, page)
}

#[test]
fn a_mapping_that_one_control_stored_is_read_by_mapping() {
    let (cluster, status, page) = map_dora(true);

    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    wait_until("what Dora was held for is in Bob's mailbox", || {
        cluster.sandbox().mails("bob@contoso.com").len() == 1
    });
}

#[test]
fn where_controls_and_mapping_share_no_folder_a_mapping_is_refused_with_what_to_do() {
    let (cluster, status, page) = map_dora(false);

    assert_eq!(status, StatusCode::CONFLICT, "{page}");
    assert!(page.contains("set console.mappings"), "{page}");
    assert!(cluster.sandbox().mails("bob@contoso.com").is_empty());
}
