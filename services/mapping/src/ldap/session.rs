use std::{os::unix::net::UnixStream, panic::AssertUnwindSafe};

use chatkeep_model::connector::LdapDirectory;
use chatkeep_runtime::secret;
use futures::FutureExt as _;
use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, Scope, SearchEntry, SearchResult, StdStream,
    controls::{Control, ControlType, MakeCritical as _, PagedResults},
};

use super::{
    entry::{ATTRIBUTES, Entry, Part},
    problem::LdapProblem,
    wire::{self, Wire},
};

/// Any object: for those that are named.
const ANY: &str = "(objectClass=*)";

/// Where to look.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// At one object; at the server itself where the name is empty.
    At(&'a str),
    /// Everywhere below an object.
    Below(&'a str),
}

/// A connection that somebody is signed in on.
pub(super) struct Session<'a> {
    ldap: Ldap,
    settings: &'a LdapDirectory,
}

/// What carries requests and answers of a session.
pub(super) struct Connection {
    library: LdapConnAsync,
    wire: Wire,
}

/// Connects, protected as the connector wants it.
pub(super) async fn connect(
    settings: &LdapDirectory,
) -> Result<(Connection, Session<'_>), LdapProblem> {
    let (wire, end) = wire::open(settings).await?;
    over(wire, end, settings).await
}

/// Begins a session on a connection, with the library's end of it.
pub(super) async fn over(
    wire: Wire,
    end: UnixStream,
    settings: &LdapDirectory,
) -> Result<(Connection, Session<'_>), LdapProblem> {
    let options = LdapConnSettings::new().set_std_stream(StdStream::Unix(end));
    let connected = LdapConnAsync::with_settings(options, "ldapi:///").await;
    let (library, ldap) =
        connected.map_err(|error| LdapProblem::of("connect to the domain controller", error))?;
    Ok((Connection { library, wire }, Session { ldap, settings }))
}

impl Connection {
    /// Carries the session until whoever holds it is done. If the connection ends before, they hear of it.
    pub(super) async fn carry<T>(
        self,
        talk: impl Future<Output = Result<T, LdapProblem>>,
    ) -> Result<T, LdapProblem> {
        let all = async { tokio::join!(talk, self.library.drive(), self.wire.carry()) };
        // The library is for answers that are as they should be.
        let ended = AssertUnwindSafe(all).catch_unwind().await;
        let (told, _driven, carried) = ended.map_err(|_| LdapProblem::Broken)?;
        told.map_err(|error| match carried {
            // It broke off because of what the server has sent.
            Err(LdapProblem::Malformed) => LdapProblem::Malformed,
            _ => error,
        })
    }
}

impl Session<'_> {
    /// Signs in as the account of the settings.
    pub(super) async fn sign_in(&mut self) -> Result<(), LdapProblem> {
        let read = |key, reference| {
            secret::read(reference).map_err(|source| LdapProblem::Secret { key, source })
        };
        let user = read("user", &self.settings.user)?;
        let password = read("password", &self.settings.password)?;
        if password.expose().is_empty() {
            return Err(LdapProblem::NoPassword);
        }
        self.bind(user.expose(), password.expose()).await
    }

    /// Signs in as somebody.
    pub(super) async fn bind(&mut self, user: &str, password: &str) -> Result<(), LdapProblem> {
        let ldap = self.ldap.with_timeout(self.settings.timeout);
        let bound = ldap.simple_bind(user, password).await;
        let bound = bound.map_err(|error| LdapProblem::of("sign in", error))?;
        LdapProblem::expect_success("sign in", &bound)
    }

    /// What the server says of itself ([MS-ADTS], "rootDSE Attributes").
    pub(super) async fn root(&mut self, attributes: &[&str]) -> Result<Entry, LdapProblem> {
        let found = self.search(Place::At(""), ANY, attributes, None).await?;
        LdapProblem::expect_success("ask the server what it is", &found.1)?;
        Ok(one(found))
    }

    /// An attribute of one object; `None` when it cannot be seen.
    pub(super) async fn object(
        &mut self,
        dn: &str,
        attribute: &str,
    ) -> Result<Option<Entry>, LdapProblem> {
        let found = self.search(Place::At(dn), ANY, &[attribute], None).await?;
        Ok((found.1.rc == 0).then(|| one(found)))
    }

    /// Hands out everything below the base that the filter finds, page by page: a page is all that is
    /// held in memory.
    pub(super) async fn each(
        &mut self,
        filter: &str,
        attributes: &[&str],
        mut take: impl FnMut(&Entry) + Send,
    ) -> Result<(), LdapProblem> {
        let mut cookie = Vec::new();
        loop {
            let (entries, next) = self.page(filter, attributes, cookie).await?;
            entries.iter().for_each(&mut take);
            if next.is_empty() {
                return Ok(());
            }
            cookie = next;
        }
    }

    /// A page, and where the next one begins. Other servers that are referred to are not asked: they may
    /// be anybody.
    pub(super) async fn page(
        &mut self,
        filter: &str,
        attributes: &[&str],
        cookie: Vec<u8>,
    ) -> Result<(Vec<Entry>, Vec<u8>), LdapProblem> {
        let settings = self.settings;
        let page = PagedResults {
            size: i32::try_from(settings.page_size).unwrap_or(i32::MAX),
            cookie,
        };
        let place = Place::Below(&settings.base);
        let found = self.search(place, filter, attributes, Some(page));
        let SearchResult(found, result) = found.await?;
        LdapProblem::expect_success("read users", &result)?;
        let mut entries = Vec::with_capacity(found.len());
        for entry in found {
            let entry = Entry::from(SearchEntry::construct(entry));
            entries.push(self.complete(entry).await?);
        }
        Ok((entries, next_page(&result.ctrls)))
    }

    /// Asks for the values that were kept back.
    async fn complete(&mut self, mut entry: Entry) -> Result<Entry, LdapProblem> {
        for attribute in ATTRIBUTES {
            let mut part = entry.part(attribute)?;
            let mut before = 0;
            while let Some(found) = part {
                let Some(next) = entry.add(found, before)? else {
                    break;
                };
                part = Some(self.behind(&entry.dn, attribute, next).await?);
                before = next;
            }
        }
        Ok(entry)
    }

    /// Values of an attribute from a number on.
    async fn behind(
        &mut self,
        dn: &str,
        attribute: &'static str,
        first: u32,
    ) -> Result<Part, LdapProblem> {
        let range = format!("{attribute};range={first}-*");
        let found = self.search(Place::At(dn), ANY, &[&range], None).await?;
        LdapProblem::expect_success("read the rest of a user", &found.1)?;
        one(found).part(attribute)?.ok_or(LdapProblem::Lost)
    }

    async fn search(
        &mut self,
        place: Place<'_>,
        filter: &str,
        attributes: &[&str],
        page: Option<PagedResults>,
    ) -> Result<SearchResult, LdapProblem> {
        let (base, scope) = match place {
            Place::At(name) => (name, Scope::Base),
            Place::Below(name) => (name, Scope::Subtree),
        };
        let ldap = self.ldap.with_timeout(self.settings.timeout);
        if let Some(page) = page {
            ldap.with_controls(page.critical());
        }
        let found = ldap.search(base, scope, filter, attributes.to_vec()).await;
        found.map_err(|error| LdapProblem::of("read users", error))
    }
}

/// The only entry of an answer; an empty one where there is none.
fn one(SearchResult(entries, _): SearchResult) -> Entry {
    let first = entries.into_iter().next();
    first.map_or_else(Entry::default, |entry| SearchEntry::construct(entry).into())
}

/// Where the next page begins; empty behind the last one.
fn next_page(controls: &[Control]) -> Vec<u8> {
    let page = controls.iter().find_map(|Control(kind, control)| {
        matches!(kind, Some(ControlType::PagedResults)).then(|| control.parse::<PagedResults>())
    });
    page.map_or_else(Vec::new, |page| page.cookie)
}
