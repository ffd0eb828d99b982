//! The real program, serving.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use chatkeep_testkit::OpenIdProvider;
use reqwest::{
    Client, Method, StatusCode,
    header::{HeaderMap, HeaderValue, SET_COOKIE},
    redirect,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The two roles that together change connectors.
pub(crate) const ADMINISTRATOR: [&str; 2] = ["DataConnectorAdmin", "Mailbox Import Export"];

/// A console, and the sample company beside it.
pub(crate) struct System {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) folder: TempDir,
    pub(crate) origin: String,
    /// The last link that it printed.
    pub(crate) link: Option<String>,
    pub(crate) provider: Option<OpenIdProvider>,
    /// What it is told beside that, as variables.
    pub(crate) settings: Vec<(String, String)>,
}

impl Drop for System {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl System {
    /// Without an issuer.
    pub(crate) fn with_link() -> Self {
        Self::start(None, &[])
    }

    /// With an issuer.
    pub(crate) async fn with_issuer() -> Self {
        let provider = OpenIdProvider::start().await.unwrap();
        Self::start(Some(provider), &[])
    }

    pub(crate) fn start(provider: Option<OpenIdProvider>, more: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        copy(&sample(), folder.path());
        let settings: Vec<_> = more
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let mut command = command(folder.path(), provider.as_ref());
        command.envs(settings.iter().cloned());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut system = Self {
            child,
            stdout,
            folder,
            origin: String::new(),
            link: None,
            provider,
            settings,
        };
        while system.origin.is_empty() {
            system.read_line();
        }
        system
    }

    /// Starts it anew, after something was done to its folder.
    pub(crate) fn again(&mut self, between: impl FnOnce(&Path)) {
        self.terminate();
        between(self.folder.path());
        let mut command = command(self.folder.path(), self.provider.as_ref());
        command.envs(self.settings.iter().cloned());
        self.child = command.spawn().unwrap();
        self.stdout = BufReader::new(self.child.stdout.take().unwrap());
        self.origin.clear();
        while self.origin.is_empty() {
            self.read_line();
        }
    }

    /// Takes up what the program prints next.
    pub(crate) fn read_line(&mut self) {
        let mut line = String::new();
        assert!(
            self.stdout.read_line(&mut line).unwrap() > 0,
            "it has ended"
        );
        let word = |begin: &str| line.split_whitespace().find(|word| word.starts_with(begin));
        if let Some(link) = line
            .contains("sign-in/link")
            .then(|| word("http"))
            .flatten()
        {
            self.link = Some(link.to_owned());
        } else if line.starts_with("serving") {
            self.origin = word("http").unwrap().to_owned();
        }
    }

    /// Stops it as an administrator does.
    pub(crate) fn stop(mut self) -> TempDir {
        self.terminate();
        std::mem::replace(&mut self.folder, TempDir::new().unwrap())
    }

    fn terminate(&mut self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success());
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn provider(&self) -> &OpenIdProvider {
        self.provider.as_ref().unwrap()
    }

    /// A browser that nobody has signed in with.
    pub(crate) fn browser(&self) -> Browser {
        let http = Client::builder().redirect(redirect::Policy::none());
        Browser {
            http: http.no_proxy().build().unwrap(),
            origin: self.origin.clone(),
            cookies: BTreeMap::new(),
            bearer: None,
        }
    }

    /// A script with these roles.
    pub(crate) fn script(&self, roles: &[&str]) -> Browser {
        let claims = json!({ "roles": roles, "sub": roles.join("+") });
        let token = self.provider().access_token(&claims);
        Browser {
            bearer: Some(token),
            ..self.browser()
        }
    }

    /// A browser of somebody with these roles, after the way to the issuer and back.
    pub(crate) async fn signed_in(&self, roles: &[&str]) -> Browser {
        let claims = json!({ "roles": roles, "sub": roles.join("+"), "name": "Ann Archer" });
        self.provider().sign_in_as(claims);
        let mut browser = self.browser();
        let back = browser.travel("/connectors").await;
        assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.text);
        assert_eq!(back.header("location"), "/connectors");
        browser
    }

    /// The sample's connector file, paths absolute.
    pub(crate) fn connector_file(&self) -> String {
        let folder = self.folder.path().display();
        let text = fs::read_to_string(self.folder.path().join("connector.toml")).unwrap();
        let text = text.replace("path = \"", &format!("path = \"{folder}/"));
        text.replace("custom   = \"", &format!("custom = \"{folder}/"))
    }
}

/// `chatkeep serve` in a folder, with an issuer if there is one.
fn command(folder: &Path, provider: Option<&OpenIdProvider>) -> Command {
    let mut command = serve(folder, "127.0.0.1:0");
    command.stdout(Stdio::piped());
    if let Some(provider) = provider {
        let secret = folder.join("secret");
        fs::write(&secret, OpenIdProvider::SECRET).unwrap();
        command
            .env("CHATKEEP__CONSOLE__ISSUER", provider.issuer())
            .env("CHATKEEP__CONSOLE__CLIENT_ID", OpenIdProvider::CLIENT)
            .env(
                "CHATKEEP__CONSOLE__CLIENT_SECRET",
                format!("file:{}", secret.display()),
            );
    }
    command
}

/// `chatkeep serve` in a folder.
pub(crate) fn serve(folder: &Path, listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatkeep"));
    command
        .current_dir(folder)
        .args(["serve", "--listen", listen, "--data-dir", ".chatkeep"])
        .env("CHATKEEP__CONTROL__FENCE", "1s");
    command
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/contoso")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, source) = (entry.file_name(), entry.path());
        if name == ".chatkeep" || name == "mailboxes" {
            continue;
        }
        if source.is_dir() {
            copy(&source, &to.join(name));
        } else {
            fs::copy(source, to.join(name)).unwrap();
        }
    }
}

/// Who asks: its cookies, or its token.
#[derive(Clone)]
pub(crate) struct Browser {
    http: Client,
    origin: String,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) bearer: Option<String>,
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap<HeaderValue>,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        let read = serde_json::from_str(&self.text);
        read.unwrap_or_else(|_| panic!("{} {}", self.status, self.text))
    }
}

impl Browser {
    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], "").await
    }

    /// Sends JSON as a script of the console's own pages does.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Reply {
        self.put_or_post(Method::POST, path, &[], body).await
    }

    pub(crate) async fn put_or_post(
        &mut self,
        method: Method,
        path: &str,
        more: &[(&str, &str)],
        body: &Value,
    ) -> Reply {
        let own = [
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/json"),
        ];
        let headers = [&own[..], more].concat();
        self.send(method, path, &headers, &body.to_string()).await
    }

    /// Sends a form.
    pub(crate) async fn form(&mut self, path: &str, more: &[(&str, &str)], body: &str) -> Reply {
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let headers = [&kind[..], more].concat();
        self.send(Method::POST, path, &headers, body).await
    }

    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.origin)
        };
        let mut request = self.http.request(method, url).body(body.to_owned());
        if let Some(token) = &self.bearer {
            request = request.bearer_auth(token);
        }
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Reply {
            status,
            headers,
            text: answer.text().await.unwrap(),
        }
    }

    /// Goes to the issuer; where it sends back to.
    pub(crate) async fn depart(&mut self, to: &str) -> String {
        let away = self.get(&format!("/sign-in?to={to}")).await;
        assert_eq!(away.status, StatusCode::SEE_OTHER, "{}", away.text);
        let issuer = away.header("location").to_owned();
        let mut other = Self {
            cookies: BTreeMap::new(),
            ..self.clone()
        };
        other.get(&issuer).await.header("location").to_owned()
    }

    /// Goes to the issuer and back.
    pub(crate) async fn travel(&mut self, to: &str) -> Reply {
        let back = self.depart(to).await;
        self.get(&back).await
    }

    /// What a script sends to prove that it runs in a page of ours.
    pub(crate) async fn form_token(&mut self) -> String {
        let me = self.get("/api/v1/me").await.json();
        me["form_token"].as_str().unwrap().to_owned()
    }
}
