use std::{net::IpAddr, time::Duration};

use axum::http::HeaderValue;
use chatkeep_proto::v1::{
    CloseSessionRequest, GetSessionRequest, OpenSessionRequest, SignInSession,
    access_client::AccessClient,
};
use chatkeep_runtime::GrpcChannel;
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, header::COOKIE};
use sha2::{Digest as _, Sha256};
use tonic::{Code, Status};

use super::{
    Origin, Principal, Role,
    principal::ACTOR,
    random::{self, hash},
};
use crate::{Settings, services::Services};

/// The sessions of those who have signed in. Control keeps them, by the hash of their token; the token is
/// in the browser's cookie and nowhere else.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    access: AccessClient<GrpcChannel>,
    lifetime: i64,
    idle: i64,
    is_secure: bool,
}

/// Names of cookies; the browser takes those with the prefix only from us, over TLS, for our whole site
/// (RFC 6265bis, 4.1.3.2). Without TLS, on loopback, there is no such promise.
pub(super) fn cookie_name(name: &str, is_secure: bool) -> String {
    let prefix = if is_secure { "__Host-" } else { "" };
    format!("{prefix}{name}")
}

/// A cookie that scripts do not see and other sites' forms do not send. No time: it goes with the browser.
pub(super) fn set_cookie(name: &str, value: &str, is_secure: bool) -> Option<HeaderValue> {
    let (name, secure) = (cookie_name(name, is_secure), secure(is_secure));
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).ok()
}

/// Takes a cookie away.
pub(super) fn remove_cookie(name: &str, is_secure: bool) -> Option<HeaderValue> {
    let (name, secure) = (cookie_name(name, is_secure), secure(is_secure));
    let cookie = format!("{name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}");
    HeaderValue::from_str(&cookie).ok()
}

fn secure(is_secure: bool) -> &'static str {
    if is_secure { "; Secure" } else { "" }
}

/// The value of a cookie. Where a name comes twice, somebody else has set one of them: neither counts.
pub(super) fn cookie(headers: &HeaderMap, name: &str, is_secure: bool) -> Option<String> {
    let name = cookie_name(name, is_secure);
    let all = headers.get_all(COOKIE).into_iter();
    let all = all.filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|line| line.split(';'));
    let pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(found, _)| *found == name);
    let (_, value) = values.next()?;
    values.next().is_none().then(|| value.to_owned())
}

/// Name of the session's cookie, without prefix.
const SESSION: &str = "chatkeep-session";

/// What forms of a session bring back. It follows from the token, which no page shows.
fn form_token(token: &str) -> String {
    let digest = Sha256::new()
        .chain_update("chatkeep form\0")
        .chain_update(token);
    BASE64URL_NOPAD.encode(&digest.finalize())
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl Sessions {
    pub(super) fn new(settings: &Settings, services: &Services, origin: &Origin) -> Self {
        Self {
            access: services.access.clone(),
            lifetime: milliseconds(settings.session_lifetime),
            idle: milliseconds(settings.session_idle),
            is_secure: origin.is_secure(),
        }
    }

    /// Opens a session and returns the cookie that continues it.
    pub(super) async fn open(&self, principal: &Principal) -> Result<HeaderValue, Status> {
        let token = random::token().map_err(|_| Status::internal("no random bytes"))?;
        let actor = principal.actor();
        let request = OpenSessionRequest {
            token_sha256: hash(&token).to_vec().into(),
            subject: principal.subject.clone(),
            name: principal.name.clone(),
            roles: actor.roles.clone(),
            address: actor.address.clone(),
            lifetime: self.lifetime,
            idle: self.idle,
        };
        let mut access = self.access.clone();
        ACTOR.scope(actor, access.open_session(request)).await?;
        let cookie = set_cookie(SESSION, &token, self.is_secure);
        cookie.ok_or_else(|| Status::internal("no cookie"))
    }

    /// Who sent a request, if its cookie continues a session.
    pub(super) async fn find(
        &self,
        headers: &HeaderMap,
        address: IpAddr,
    ) -> Result<Option<Principal>, Status> {
        let Some(token) = cookie(headers, SESSION, self.is_secure) else {
            return Ok(None);
        };
        let request = GetSessionRequest {
            token_sha256: hash(&token).to_vec().into(),
        };
        let session = match self.access.clone().get_session(request).await {
            Ok(answer) => answer.into_inner().session,
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => return Err(status),
        };
        Ok(session.map(|session| principal(session, &token, address)))
    }

    /// Ends the session of a request, and returns what takes the cookie away.
    pub(super) async fn close(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, Status> {
        if let Some(token) = cookie(headers, SESSION, self.is_secure) {
            let request = CloseSessionRequest {
                token_sha256: hash(&token).to_vec().into(),
            };
            self.access.clone().close_session(request).await?;
        }
        Ok(remove_cookie(SESSION, self.is_secure))
    }
}

fn principal(session: SignInSession, token: &str, address: IpAddr) -> Principal {
    let roles = session.roles.iter().filter_map(|role| Role::parse(role));
    Principal {
        roles: roles.collect(),
        subject: session.subject,
        name: session.name,
        address,
        form_token: Some(form_token(token)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, cookie.parse().unwrap());
        }
        headers
    }

    #[test]
    fn over_tls_only_the_cookie_with_the_prefix_counts() {
        let both = headers(&["chatkeep-session=planted; __Host-chatkeep-session=ours"]);

        assert_eq!(cookie(&both, SESSION, true).as_deref(), Some("ours"));
        let planted = headers(&["chatkeep-session=planted"]);
        assert_eq!(cookie(&planted, SESSION, true), None);
    }

    #[test]
    fn a_cookie_that_comes_twice_is_none() {
        let twice = headers(&["chatkeep-session=a; x=1", "chatkeep-session=b"]);
        assert_eq!(cookie(&twice, SESSION, false), None);
    }

    #[test]
    fn scripts_and_other_sites_do_not_get_the_cookie() {
        let cookie = set_cookie(SESSION, "token", true).unwrap();
        assert_eq!(
            cookie,
            "__Host-chatkeep-session=token; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
    }

    #[test]
    fn a_forms_token_is_the_sessions_and_does_not_tell_it() {
        let token = form_token("one");
        assert_eq!(token, form_token("one"));
        assert_ne!(token, form_token("other"));
        assert!(!token.contains("one"));
    }
}
