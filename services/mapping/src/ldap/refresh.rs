//! Reads the directory: as a whole, or what has changed since it was read last.

use std::io::Write;

use chatkeep_model::connector::LdapDirectory;

use super::{
    entry::{ATTRIBUTES, Entry, ID},
    mirror::{People, Person, Scope},
    position::Position,
    problem::LdapProblem,
    session::{Session, connect},
};
use crate::{
    directory::{self, Directory},
    mirrored::{Previous, Users},
};

/// People who can be meant in a conversation. `objectCategory` is indexed and leaves out computers,
/// which are users to Active Directory, too.
const PEOPLE: &str = "(&(objectCategory=person)(objectClass=user)\
    (|(mail=*)(proxyAddresses=*)(msRTCSIP-PrimaryUserAddress=*)))";

/// Reads the users and writes their mirror. They are the same with and without `previous`: that only saves
/// reading again what is known, and only from the domain controller that said it.
pub(crate) async fn read<W: Write + Send + 'static>(
    settings: &LdapDirectory,
    previous: Option<Previous>,
    mirror: W,
) -> Result<Users<W>, LdapProblem> {
    let filter = settings.filter.as_deref().unwrap_or(PEOPLE);
    let scope = Scope::of(settings, filter);
    let known = match previous {
        Some(Previous { users, changes }) => {
            let (scope, position) = (Scope::of(settings, filter), Position::parse(&changes));
            let people = blocking(move || scope.read(users)).await?;
            people.zip(position)
        }
        None => None,
    };
    let (connection, mut session) = connect(settings).await?;
    let talk = async move {
        session.sign_in().await?;
        people(&mut session, filter, known).await
    };
    let (people, position) = connection.carry(talk).await?;
    blocking(move || {
        let mirror = scope.write(&people, mirror)?;
        let count = |is: fn(&Person) -> bool| people.values().filter(|one| is(one)).count() as u64;
        let guests = count(|one| one.user.is_none());
        let disabled = count(|one| one.user.is_some() && one.is_disabled);
        let users = people.into_values().filter_map(|one| one.user);
        Ok(Users {
            snapshot: Directory::of(users.collect(), guests).to_csv(),
            guests,
            disabled,
            mirror,
            changes: position.map_or_else(String::new, |position| position.to_text()),
        })
    })
    .await
}

/// The mailbox of somebody among the first who are found.
pub(crate) async fn sample_mailbox(
    settings: &LdapDirectory,
) -> Result<Option<String>, LdapProblem> {
    let filter = settings.filter.as_deref().unwrap_or(PEOPLE);
    let (connection, mut session) = connect(settings).await?;
    let talk = async move {
        session.sign_in().await?;
        session.page(filter, &ATTRIBUTES, Vec::new()).await
    };
    let (entries, _) = connection.carry(talk).await?;
    let mut people = entries.iter().filter_map(person);
    Ok(people.find_map(|(_, person)| directory::mailbox(&person.user?).map(str::to_owned)))
}

/// Everybody, and the position that this is true of.
async fn people(
    session: &mut Session<'_>,
    filter: &str,
    known: Option<(People, Position)>,
) -> Result<(People, Option<Position>), LdapProblem> {
    let now = Position::ask(session).await?;
    if let (Some((people, position)), Some(now)) = (known, &now)
        && let Some(first) = position.changes_until(now)
        && let Some(people) = changed(session, filter, first, people).await?
    {
        return Ok((people, Some(now.clone())));
    }
    let mut people = People::new();
    let take = |entry: &Entry| people.extend(person(entry));
    session.each(filter, &ATTRIBUTES, take).await?;
    Ok((people, now))
}

/// Everybody's id, and those in full who changed since. Whoever was deleted, or is not found by the filter
/// any more, is not among the ids: no right to see deleted objects is needed, and nobody stays who has
/// left. `None` when somebody is there who is neither known nor changed: only reading everything helps.
async fn changed(
    session: &mut Session<'_>,
    filter: &str,
    first: u64,
    mut known: People,
) -> Result<Option<People>, LdapProblem> {
    let mut ids = Vec::new();
    let take = |entry: &Entry| ids.extend(entry.id());
    session.each(filter, &[ID], take).await?;
    let mut people = People::new();
    let changes = format!("(&{filter}(uSNChanged>={first}))");
    let take = |entry: &Entry| people.extend(person(entry));
    session.each(&changes, &ATTRIBUTES, take).await?;
    for id in ids {
        if people.contains_key(&id) {
            continue;
        }
        let Some(person) = known.remove(&id) else {
            return Ok(None);
        };
        people.insert(id, person);
    }
    Ok(Some(people))
}

pub(super) fn person(entry: &Entry) -> Option<(String, Person)> {
    let id = entry.id()?;
    let person = Person {
        user: entry.user(&id),
        is_disabled: entry.is_disabled(),
    };
    Some((id, person))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LdapProblem> + Send + 'static,
) -> Result<T, LdapProblem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| LdapProblem::Broken)?
}
