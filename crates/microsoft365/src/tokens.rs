use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chatkeep_model::connector::Credential;
use chatkeep_runtime::secret::Secret;
use reqwest::Client;
use tokio::time::Instant;

use crate::{AuthError, exchange::Exchange};

/// A token is renewed so long before it ends.
const EARLY: Duration = Duration::from_mins(5);
/// Where renewing fails, the token is good for a while yet: pause until the next attempt.
const PAUSE: Duration = Duration::from_secs(10);

/// The tokens of one application.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    exchange: Exchange,
    slots: Mutex<HashMap<String, Slot>>,
}

/// The token of one scope. Whoever renews it keeps the others waiting.
type Slot = Arc<tokio::sync::Mutex<Option<Held>>>;

struct Held {
    token: Secret,
    renew: Instant,
    ends: Instant,
}

impl Tokens {
    /// Reads the credential; a secret or certificate that cannot be read or used is an error right away.
    pub fn new(credential: &Credential, http: Client) -> Result<Self, AuthError> {
        Ok(Self(Arc::new(Inner {
            exchange: Exchange::new(credential, http)?,
            slots: Mutex::default(),
        })))
    }

    /// A token for `scope`, e.g. `https://graph.microsoft.com/.default`. One that is held already is
    /// given out until shortly before it ends; who waits while it is renewed gets the new one.
    pub async fn bearer(&self, scope: &str) -> Result<Secret, AuthError> {
        let slot = self.slot(scope);
        let mut held = slot.lock().await;
        let now = Instant::now();
        if let Some(held) = held.as_ref().filter(|held| now < held.renew) {
            return Ok(held.token.clone());
        }
        match self.0.exchange.token(scope).await {
            Ok((token, lasts)) => {
                // Counted from before it was asked for: it cannot end earlier than we think.
                let ends = now + lasts;
                let renew = ends - EARLY.min(lasts / 5);
                *held = Some(Held {
                    token: token.clone(),
                    renew,
                    ends,
                });
                Ok(token)
            }
            Err(AuthError::Unreachable) => match held.as_mut().filter(|held| now < held.ends) {
                Some(held) => {
                    held.renew = now + PAUSE;
                    Ok(held.token.clone())
                }
                None => Err(AuthError::Unreachable),
            },
            Err(refused) => Err(refused),
        }
    }

    /// Forgets the token of a scope because the service refused it. One that came in the meantime stays.
    pub async fn forget(&self, scope: &str, refused: &Secret) {
        let slot = self.slot(scope);
        let mut held = slot.lock().await;
        if held.as_ref().is_some_and(|held| held.token == *refused) {
            *held = None;
        }
    }

    /// The client that tokens are asked for with.
    pub(crate) fn http(&self) -> &Client {
        &self.0.exchange.http
    }

    fn slot(&self, scope: &str) -> Slot {
        let mut slots = self.0.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(scope.to_owned()).or_default())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}
