//! Who is allowed to do what: signing in, sessions, roles, and what keeps other sites out.
//!
//! A request comes through [`guard::authenticate`], which finds out whose it is; a route says with
//! [`guard::needs`] which right it takes. Every call to another service that is made for a request carries
//! its [`Principal`] to the audit trail.

mod callback;
mod claims;
mod error;
mod form;
pub(crate) mod guard;
mod issuer;
mod keys;
mod link;
mod origin;
mod principal;
mod proxies;
mod random;
mod routes;
mod session;
mod signature;
mod throttle;

use std::sync::Arc;

use crate::{Settings, services::Services};

pub use self::{
    error::SignInError,
    link::Announce,
    proxies::{Network, NotANetwork, ProxyHeader},
};
pub(crate) use self::{
    form::Form,
    principal::{Principal, Right, Role, actor_metadata},
    routes::routes,
};

use self::{
    issuer::Issuer, link::OneTimeLink, origin::Origin, proxies::Proxies, session::Sessions,
    throttle::Throttle,
};

/// What signing in takes.
#[derive(Clone)]
pub(crate) struct SignIn(Arc<Inner>);

struct Inner {
    origin: Origin,
    proxies: Proxies,
    way: Way,
    sessions: Sessions,
    throttle: Throttle,
    services: Services,
}

/// How somebody proves who they are.
enum Way {
    /// By a link that the program prints.
    Link(OneTimeLink),
    /// By an issuer of tokens.
    Issuer(Box<Issuer>),
}

/// Whether the console may be served there at all, and users could sign in.
pub(crate) fn check(settings: &Settings) -> Result<(), SignInError> {
    let has_issuer = settings.issuer.is_some();
    if !has_issuer && !settings.address.ip().is_loopback() {
        return Err(SignInError::NotLoopback);
    }
    let origin = Origin::of(settings)?;
    if has_issuer {
        return Issuer::new(settings, &origin).map(drop);
    }
    // What is in front of a loopback address may not be in this machine.
    if !origin.is_loopback() {
        return Err(SignInError::NotLoopback);
    }
    Ok(())
}

impl SignIn {
    /// Reads what the settings name; asks nobody yet. Without an issuer, prints the first link.
    pub(crate) fn new(
        settings: &Settings,
        services: &Services,
        announce: Announce,
    ) -> Result<Self, SignInError> {
        let origin = Origin::of(settings)?;
        let way = if settings.issuer.is_some() {
            Way::Issuer(Box::new(Issuer::new(settings, &origin)?))
        } else {
            Way::Link(OneTimeLink::new(origin.text(), announce)?)
        };
        Ok(Self(Arc::new(Inner {
            sessions: Sessions::new(settings, services, &origin),
            origin,
            proxies: Proxies::new(&settings.trusted_proxies, settings.proxy_header),
            way,
            throttle: Throttle::default(),
            services: services.clone(),
        })))
    }

    /// Whether browsers reach the console by TLS alone.
    pub(crate) fn is_secure(&self) -> bool {
        self.0.origin.is_secure()
    }
}
