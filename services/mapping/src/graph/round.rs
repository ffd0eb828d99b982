//! A round of changes, page by page.

use std::time::Duration;

use bytes::Bytes;
use chatkeep_microsoft365::{Graph, GraphError, Request, Response};
use chatkeep_model::connector::GraphDirectory;
use chatkeep_staging::sorting::Sorter;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{
    GraphDirectoryError, blocking,
    person::{Change, Told},
};
use crate::{check::TenantProbe, directory};

/// What is read of a user; only changes of these are told later.
pub(super) const SELECT: &str =
    "id,userPrincipalName,mail,proxyAddresses,imAddresses,userType,accountEnabled";
/// The most users on a page that Graph gives.
const PAGE: u32 = 999;
/// Statuses that say that a link is not known any more.
const FORGOTTEN: [u16; 3] = [400, 404, 410];
/// A token that nobody has given out.
const UNKNOWN_TOKEN: &str = "chatkeep-canary";
/// How often a page is asked for.
const ATTEMPTS: u32 = 8;
/// Longest pause, also where Graph asks for a longer one: then the refresh is tried again later.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// Everything a round told.
pub(super) struct Round {
    pub(super) changes: Sorter<Change>,
    /// Where the next one begins.
    pub(super) next: String,
}

#[derive(Deserialize)]
struct Page {
    value: Vec<Told>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    end: Option<String>,
}

/// Everybody.
pub(super) async fn whole(
    graph: &Graph,
    settings: &GraphDirectory,
    shutdown: &CancellationToken,
) -> Result<Round, GraphDirectoryError> {
    let round = pages(graph, first_page(), shutdown).await?;
    round.map_err(|source| GraphDirectoryError::ask(source, &settings.auth))
}

/// What changed since a round ended. `None` where Graph does not know that any more: 410, or a link that is
/// none (any longer).
pub(super) async fn since(
    graph: &Graph,
    settings: &GraphDirectory,
    link: &str,
    shutdown: &CancellationToken,
) -> Result<Option<Round>, GraphDirectoryError> {
    match pages(graph, link.to_owned(), shutdown).await? {
        Ok(round) => Ok(Some(round)),
        Err(GraphError::Refused { status, .. }) if FORGOTTEN.contains(&status) => Ok(None),
        Err(source) => Err(GraphDirectoryError::ask(source, &settings.auth)),
    }
}

/// The mailbox of somebody on the first page of users.
pub(super) async fn sample_mailbox(
    graph: &Graph,
    settings: &GraphDirectory,
) -> Result<Option<String>, GraphDirectoryError> {
    let ask = async {
        let path = format!("users?$select={SELECT}&$top={PAGE}");
        let answer = ask(graph, &path, &CancellationToken::new()).await?;
        answer.json::<Page>()
    };
    let page = ask.await;
    let page = page.map_err(|source| GraphDirectoryError::ask(source, &settings.auth))?;
    let people = page.value.into_iter();
    let people = people.filter_map(|told| told.into_change(0).apply(None));
    let mut people = people.filter(|person| !person.is_guest());
    Ok(people.find_map(|person| directory::mailbox(&person.row()).map(str::to_owned)))
}

/// What a tenant answers about changes: to the first page of a round, and to a token that was never given
/// out.
pub(super) async fn probe(
    graph: &Graph,
    settings: &GraphDirectory,
) -> Result<TenantProbe, GraphDirectoryError> {
    let shutdown = CancellationToken::new();
    let first = async {
        let answer = ask(graph, &first_page(), &shutdown).await?;
        answer.json::<Page>()
    };
    let first = first.await;
    let first = first.map_err(|source| GraphDirectoryError::ask(source, &settings.auth))?;
    let unknown = format!("users/delta?$deltatoken={UNKNOWN_TOKEN}");
    let refusal = match ask(graph, &unknown, &shutdown).await {
        Ok(_) => None,
        Err(GraphError::Refused { status, .. }) => Some(status),
        Err(source) => return Err(GraphDirectoryError::ask(source, &settings.auth)),
    };
    Ok(TenantProbe {
        users: first.value.len() as u64,
        is_all: first.next.is_none(),
        refusal,
        is_understood: refusal.is_some_and(|status| FORGOTTEN.contains(&status)),
    })
}

/// The first page of everybody.
fn first_page() -> String {
    format!("users/delta?$select={SELECT}&$top={PAGE}")
}

async fn pages(
    graph: &Graph,
    first: String,
    shutdown: &CancellationToken,
) -> Result<Result<Round, GraphError>, GraphDirectoryError> {
    let mut changes = Sorter::new();
    let mut told = 0;
    let mut link = first;
    loop {
        if shutdown.is_cancelled() {
            return Err(GraphDirectoryError::Stopped);
        }
        let answer = match ask(graph, &link, shutdown).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error)),
        };
        let page = blocking(move || take(&answer.body, changes, told)).await?;
        let Some((links, sorter, count)) = page else {
            return Ok(Err(GraphError::Invalid));
        };
        (changes, told) = (sorter, count);
        match links {
            (_, Some(next)) => return Ok(Ok(Round { changes, next })),
            (Some(next), None) => link = next,
            (None, None) => return Ok(Err(GraphError::Invalid)),
        }
    }
}

type Taken = ((Option<String>, Option<String>), Sorter<Change>, u64);

/// Adds what a page tells. `None` when it is no page.
fn take(
    body: &Bytes,
    mut changes: Sorter<Change>,
    mut told: u64,
) -> Result<Option<Taken>, GraphDirectoryError> {
    let Ok(page) = serde_json::from_slice::<Page>(body) else {
        return Ok(None);
    };
    for user in page.value {
        told += 1;
        changes.push(user.into_change(told))?;
    }
    Ok(Some(((page.next, page.end), changes, told)))
}

/// Asks for a page, and again after a pause where Graph is busy: who gave up would have to begin with the
/// first page. A pause ends when the service is to stop, and so does asking.
async fn ask(
    graph: &Graph,
    link: &str,
    shutdown: &CancellationToken,
) -> Result<Response, GraphError> {
    let mut attempt = 1;
    loop {
        let error = match graph.send(Request::get(link)).await {
            Err(error) if error.is_temporary() && attempt < ATTEMPTS => error,
            answer => return answer,
        };
        let pause = pause(error.after(), attempt);
        if pause > LONGEST_PAUSE {
            return Err(error);
        }
        let sleep = tokio::time::sleep(pause);
        if shutdown.run_until_cancelled(sleep).await.is_none() {
            return Err(error);
        }
        attempt += 1;
    }
}

/// As long as Graph says, else longer and longer.
fn pause(after: Option<Duration>, attempt: u32) -> Duration {
    let seconds = 1 << attempt.saturating_sub(1).min(6);
    after.unwrap_or(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_those_of_graph_or_grow_to_a_minute() {
        let own = Some(Duration::from_secs(7));
        let growing: Vec<_> = (1..8)
            .map(|attempt| pause(None, attempt).as_secs())
            .collect();

        assert_eq!(pause(own, 5), Duration::from_secs(7));
        assert_eq!(growing, [1, 2, 4, 8, 16, 32, 64]);
    }
}
