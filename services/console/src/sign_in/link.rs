use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    SignInError,
    random::{self, hash},
};

/// Shows a link to whoever started the program, and to nobody else.
#[derive(Clone)]
pub struct Announce(Arc<dyn Fn(&str) + Send + Sync>);

impl Announce {
    /// Shows links like this, e.g. on the terminal.
    pub fn new(show: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(show))
    }
}

impl fmt::Debug for Announce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announce").finish_non_exhaustive()
    }
}

/// A link that signs in whoever opens it first: they can see what the program prints.
#[derive(Debug)]
pub(super) struct OneTimeLink {
    origin: String,
    announce: Announce,
    /// What is kept of the link that is good.
    good: Mutex<Option<[u8; 32]>>,
}

impl OneTimeLink {
    pub(super) fn new(origin: &str, announce: Announce) -> Result<Self, SignInError> {
        let link = Self {
            origin: origin.to_owned(),
            announce,
            good: Mutex::default(),
        };
        link.renew()?;
        Ok(link)
    }

    /// Shows another link; the one before is none any more.
    pub(super) fn renew(&self) -> Result<(), SignInError> {
        let token = random::token()?;
        *self.good.lock().unwrap_or_else(PoisonError::into_inner) = Some(hash(&token));
        (self.announce.0)(&format!("{}/sign-in/link/{token}", self.origin));
        Ok(())
    }

    /// Whether the token is the link's; it is none from now on.
    pub(super) fn take(&self, token: &str) -> bool {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.take_if(|good| *good == hash(token)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> (OneTimeLink, Arc<Mutex<Vec<String>>>) {
        let shown = Arc::new(Mutex::new(Vec::new()));
        let links = Arc::clone(&shown);
        let announce = Announce::new(move |link| links.lock().unwrap().push(link.to_owned()));
        let link = OneTimeLink::new("http://127.0.0.1:8080", announce).unwrap();
        (link, shown)
    }

    fn token(shown: &Mutex<Vec<String>>) -> String {
        let shown = shown.lock().unwrap();
        let last = shown.last().unwrap();
        last.rsplit('/').next().unwrap().to_owned()
    }

    #[test]
    fn a_link_signs_in_once() {
        let (link, shown) = link();
        let token = token(&shown);

        assert!(!link.take("another"));
        assert!(link.take(&token));
        assert!(!link.take(&token));
    }

    #[test]
    fn another_link_ends_the_one_before() {
        let (link, shown) = link();
        let first = token(&shown);

        link.renew().unwrap();

        assert!(!link.take(&first));
        assert!(link.take(&token(&shown)));
    }
}
