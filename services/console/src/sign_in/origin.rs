use http::{HeaderMap, Method, header};
use reqwest::Url;

use super::SignInError;
use crate::Settings;

/// Scheme, host and port that browsers know the console by.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    text: String,
    is_secure: bool,
    is_loopback: bool,
}

/// Whether an address stays in this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_ip = |host: &str| host.parse::<std::net::IpAddr>();
    host == "localhost" || is_ip(host).is_ok_and(|ip| ip.is_loopback())
}

impl Origin {
    pub(super) fn of(settings: &Settings) -> Result<Self, SignInError> {
        let wrong = |problem| SignInError::Setting {
            key: "public_url",
            problem,
        };
        let by_default = || format!("http://{}", settings.address);
        let url = settings.public_url.clone().unwrap_or_else(by_default);
        let url = Url::parse(&url).map_err(|_| wrong("give an address like https://HOST"))?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !is_bare || !url.username().is_empty() {
            return Err(wrong("give scheme, host and port alone: https://HOST"));
        }
        let (is_secure, is_loopback) = (url.scheme() == "https", is_loopback(&url));
        // A session's cookie would be read by whoever listens.
        let is_safe = is_secure || url.scheme() == "http" && is_loopback;
        if !is_safe {
            return Err(wrong(
                "must begin with https:// unless it is a loopback address: put a proxy with TLS before the console \
                 and set its address here",
            ));
        }
        Ok(Self {
            text: url.origin().ascii_serialization(),
            is_secure,
            is_loopback,
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_secure(&self) -> bool {
        self.is_secure
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.is_loopback
    }

    /// Whether a page of ours made the request: browsers say so, and no page of another site can have them
    /// say something else (Fetch Metadata; RFC 6454, 7). `None` when the request does not say.
    pub(super) fn made(&self, headers: &HeaderMap) -> Option<bool> {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
        if let Some(site) = text("sec-fetch-site") {
            return Some(site == "same-origin");
        }
        let origin = text(header::ORIGIN.as_str())?;
        // Somebody may have typed `localhost` for the address: then the host asked for is that, too.
        let host = text(header::HOST.as_str()).unwrap_or_default();
        let is_typed = self.is_loopback
            && Url::parse(origin).is_ok_and(|origin| is_loopback(&origin))
            && origin == format!("http://{host}");
        Some(origin == self.text || is_typed)
    }
}

/// Whether a request may change something.
pub(super) fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(public_url: &str) -> Result<Origin, SignInError> {
        Origin::of(&Settings {
            public_url: Some(public_url.to_owned()),
            ..Settings::default()
        })
    }

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.insert(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_session_over_plain_http_stays_in_this_machine() {
        assert!(origin("http://chatkeep.contoso.com").is_err());
        assert!(origin("https://chatkeep.contoso.com/console").is_err());
        assert!(origin("ftp://127.0.0.1").is_err());
        assert!(!origin("http://127.0.0.1:8080").unwrap().is_secure());
        assert!(origin("https://chatkeep.contoso.com").unwrap().is_secure());
    }

    #[test]
    fn another_site_is_told_by_either_header() {
        let ours = origin("https://chatkeep.contoso.com").unwrap();
        let made = |all: &[(&'static str, &str)]| ours.made(&headers(all));

        assert_eq!(made(&[]), None);
        assert_eq!(made(&[("sec-fetch-site", "same-origin")]), Some(true));
        for site in ["cross-site", "same-site", "none"] {
            assert_eq!(made(&[("sec-fetch-site", site)]), Some(false));
        }
        assert_eq!(
            made(&[("origin", "https://chatkeep.contoso.com")]),
            Some(true)
        );
        for other in [
            "null",
            "https://evil.example",
            "http://chatkeep.contoso.com",
        ] {
            assert_eq!(
                made(&[("origin", other), ("host", "evil.example")]),
                Some(false)
            );
        }
    }

    #[test]
    fn a_name_that_was_bound_to_this_machine_by_somebody_else_is_another_site() {
        let ours = origin("http://127.0.0.1:8080").unwrap();
        let asked =
            |origin: &str, host: &str| ours.made(&headers(&[("origin", origin), ("host", host)]));

        assert_eq!(asked("http://localhost:8080", "localhost:8080"), Some(true));
        assert_eq!(
            asked("http://evil.example:8080", "evil.example:8080"),
            Some(false)
        );
    }
}
