use std::{fs, sync::Arc, time::Duration};

use anyhow::Context as _;
use reqwest::{Certificate, Method, Url, redirect};

use super::{Server, call::Call, credential::Credential};

/// How long a connection may take, and how long nothing may come: a look into sources takes its time.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_mins(2);

/// Asks the API.
#[derive(Clone, Debug)]
pub(crate) struct Client(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) http: reqwest::Client,
    pub(super) credential: Credential,
    pub(super) patience: Duration,
    url: Url,
}

impl Client {
    pub(super) fn new(server: &Server, patience: Duration) -> anyhow::Result<Self> {
        let url = Url::parse(&server.url).context("--server: give an address like https://HOST")?;
        // The token opens everything that its owner may do.
        anyhow::ensure!(
            url.scheme() == "https" || is_loopback(&url) || server.plaintext,
            "--server: the address must begin with https://, or add --plaintext where something else encrypts"
        );
        let has_host = url.has_host() && !url.cannot_be_a_base();
        anyhow::ensure!(has_host, "--server: give an address like https://HOST");
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            // Nobody else is shown the token.
            .redirect(redirect::Policy::none());
        if let Some(file) = &server.ca {
            let shown = file.display();
            let pem = fs::read(file).with_context(|| format!("--ca: read {shown}"))?;
            let authorities = Certificate::from_pem_bundle(&pem);
            let authorities = authorities.with_context(|| format!("--ca: read {shown}"))?;
            anyhow::ensure!(
                !authorities.is_empty(),
                "--ca: {shown} holds no certificate"
            );
            http = http.tls_certs_only(authorities);
        }
        if is_loopback(&url) {
            http = http.no_proxy();
        }
        Ok(Self(Arc::new(Inner {
            http: http.build().context("prepare HTTPS")?,
            credential: server.credential.clone(),
            patience,
            url,
        })))
    }

    /// Reads something, by the path below `/api/v1`.
    pub(super) fn get(&self, path: &[&str]) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(super) fn call(&self, method: Method, path: &[&str]) -> Call<'_> {
        Call::new(&self.0, method, self.0.address(path))
    }
}

impl Inner {
    fn address(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(["api", "v1"].iter().chain(path));
        }
        url
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(url: &str, plaintext: bool) -> anyhow::Result<Client> {
        let server = Server {
            url: url.to_owned(),
            credential: Credential::new(None),
            ca: None,
            plaintext,
        };
        Client::new(&server, Duration::ZERO)
    }

    #[test]
    fn a_token_is_sent_in_the_clear_to_this_machine_alone() {
        assert!(client("https://chatkeep.contoso.com", false).is_ok());
        assert!(client("http://127.0.0.1:8080", false).is_ok());
        assert!(client("http://[::1]:8080", false).is_ok());
        assert!(client("http://localhost", false).is_ok());
        assert!(client("http://chatkeep.contoso.com", false).is_err());
        assert!(client("http://chatkeep.contoso.com", true).is_ok());
        assert!(client("chatkeep.contoso.com", false).is_err());
    }

    #[test]
    fn a_name_is_one_segment_of_the_path_whatever_is_in_it() {
        let client = client("https://contoso.com/chat/", false).unwrap();

        let url = client.0.address(&["secrets", "a/../b?c"]);

        assert_eq!(
            url.as_str(),
            "https://contoso.com/chat/api/v1/secrets/a%2F..%2Fb%3Fc"
        );
    }
}
