use std::time::Duration;

use reqwest::{Client, Url};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use super::{claims::TokenError, issuer::fetch, signature::Key};

/// Keys are asked for again after this time: one that the issuer has withdrawn is good no longer.
const LAST: Duration = Duration::from_hours(1);
/// A key that is not known may be a new one: the issuer is asked, but not more often than this, whatever
/// tokens come.
const PAUSE: Duration = Duration::from_secs(5);

/// The issuer's public keys.
#[derive(Debug, Default)]
pub(super) struct Keys(Mutex<Option<Held>>);

#[derive(Debug)]
struct Held {
    keys: Vec<Key>,
    since: Instant,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

impl Held {
    /// The key of this id; of a token without one, the only key there is.
    fn find(&self, kid: Option<&str>) -> Option<Key> {
        let found = match (kid, &self.keys[..]) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        found.cloned()
    }
}

impl Keys {
    /// The key of this id, asked for where it is not known.
    pub(super) async fn find(
        &self,
        http: &Client,
        address: &Url,
        kid: Option<&str>,
    ) -> Result<Key, TokenError> {
        let mut held = self.0.lock().await;
        if let Some(held) = held.as_ref() {
            let age = held.since.elapsed();
            let found = held.find(kid).filter(|_| age < LAST);
            if let Some(key) = found {
                return Ok(key);
            }
            if age < PAUSE {
                return Err(TokenError::Key);
            }
        }
        let set: KeySet = fetch(http.get(address.clone())).await?;
        // Of kinds of keys that are none of ours there may be any.
        let keys = set.keys.into_iter();
        let keys = keys.filter_map(|key| serde_json::from_value(key).ok());
        let fresh = Held {
            keys: keys.collect(),
            since: Instant::now(),
        };
        let found = fresh.find(kid);
        *held = Some(fresh);
        found.ok_or(TokenError::Key)
    }
}
