//! The folder in a mailbox: its name on this server, made and selected.

use super::{
    auth::Quoted,
    connection::Connection,
    error::ImapError,
    response::{Code, Kind, Listed, Response, Status},
    utf7,
};
use crate::target::Position;

/// What a server calls its folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Naming {
    prefix: String,
    delimiter: Option<char>,
    /// Whether INBOX can have folders in it.
    inbox_has_folders: bool,
}

impl Naming {
    /// Asks the server.
    pub(crate) async fn ask(connection: &mut Connection) -> Result<Self, ImapError> {
        let mut naming = Self {
            prefix: String::new(),
            delimiter: None,
            inbox_has_folders: true,
        };
        if connection.can("NAMESPACE") {
            let namespace = |response| {
                if let Response::Namespace(prefix, delimiter) = response {
                    naming.prefix = prefix;
                    naming.delimiter = delimiter;
                }
            };
            connection.ask("NAMESPACE", namespace).await?;
        }
        let listed = list(connection, "INBOX").await?;
        if let Some(inbox) = listed {
            naming.delimiter = naming.delimiter.or(inbox.delimiter);
            naming.inbox_has_folders = !inbox.no_inferiors;
        }
        Ok(naming)
    }

    /// The server's name for the connector's folder. `Inbox/` stands for the server's INBOX; where
    /// INBOX can have no folders in it, they stand beside it.
    pub(crate) fn of(&self, folder: &str) -> Result<String, ImapError> {
        let delimiter = self.delimiter.unwrap_or('/');
        let mut levels = folder.split('/').filter(|level| !level.is_empty());
        let mut name = String::new();
        let mut rest = levels.clone();
        if rest
            .next()
            .is_some_and(|first| first.eq_ignore_ascii_case("inbox"))
        {
            levels.next();
            let is_inside = self.inbox_has_folders || levels.clone().next().is_none();
            let inbox = format!("INBOX{delimiter}");
            let has_prefix = self.prefix.to_ascii_uppercase().starts_with(&inbox);
            match (is_inside, has_prefix) {
                (_, true) | (false, false) => name.push_str(&self.prefix),
                (true, false) => name.push_str(&inbox),
            }
        } else {
            name.push_str(&self.prefix);
        }
        let mut is_first = true;
        for level in levels {
            if level.contains(delimiter) {
                return Err(ImapError::Name(delimiter));
            }
            if !is_first {
                name.push(delimiter);
            }
            is_first = false;
            name.push_str(&utf7::encode(level));
        }
        if is_first && name.ends_with(delimiter) {
            name.pop();
        }
        Ok(name)
    }
}

/// The listing of one folder; `None` where there is none.
pub(crate) async fn list(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<Listed>, ImapError> {
    let mut found = None;
    let take = |response| {
        if let Response::List(listed) = response {
            found = Some(listed);
        }
    };
    connection
        .ask(&format!("LIST \"\" {}", Quoted(name)), take)
        .await?;
    Ok(found)
}

/// Selects the folder, making it first where it is missing.
pub(crate) async fn open(connection: &mut Connection, name: &str) -> Result<Position, ImapError> {
    if let Ok(position) = select(connection, name).await? {
        return Ok(position);
    }
    make(connection, name).await?;
    match select(connection, name).await? {
        Ok(position) => Ok(position),
        Err(status) => Err(ImapError::Refused {
            command: "select folder",
            status: Box::new(status),
        }),
    }
}

/// Makes the folder. A refusal counts only where the folder is not there: servers differ in how they
/// say that it exists.
pub(crate) async fn make(connection: &mut Connection, name: &str) -> Result<(), ImapError> {
    let status = connection
        .ask(&format!("CREATE {}", Quoted(name)), |_| {})
        .await?;
    if status.kind != Kind::Ok {
        let listed = list(connection, name).await?;
        if listed.is_none_or(|listed| listed.no_select) {
            status.expect_ok("create folder")?;
        }
    }
    // Mail programs show subscribed folders; one that cannot be subscribed to can still be filled.
    connection
        .ask(&format!("SUBSCRIBE {}", Quoted(name)), |_| {})
        .await?;
    Ok(())
}

/// Selects the folder: a server stores into a selected folder cheaper than into another one.
async fn select(
    connection: &mut Connection,
    name: &str,
) -> Result<Result<Position, Status>, ImapError> {
    let mut position = Position::default();
    let take = |response| {
        if let Response::Untagged(status) = response {
            match status.code {
                Code::UidValidity(number) => position.uid_validity = number,
                Code::UidNext(number) => position.uid_next = number,
                _ => {}
            }
        }
    };
    let status = connection
        .ask(&format!("SELECT {}", Quoted(name)), take)
        .await?;
    Ok(match status.kind {
        Kind::Ok => Ok(position),
        Kind::No | Kind::Bad => Err(status),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(prefix: &str, delimiter: char, inbox_has_folders: bool) -> Naming {
        Naming {
            prefix: prefix.to_owned(),
            delimiter: Some(delimiter),
            inbox_has_folders,
        }
    }

    #[test]
    fn the_folder_stands_in_the_servers_inbox() {
        let folder = "Inbox/Skype for Business";

        let name = |naming: Naming| naming.of(folder).unwrap();

        assert_eq!(name(naming("", '/', true)), "INBOX/Skype for Business");
        assert_eq!(
            name(naming("INBOX.", '.', true)),
            "INBOX.Skype for Business"
        );
        assert_eq!(name(naming("", '/', false)), "Skype for Business");
    }

    #[test]
    fn other_folders_stand_in_the_users_namespace() {
        assert_eq!(
            naming("INBOX.", '.', true).of("Archiv/Gespräche").unwrap(),
            "INBOX.Archiv.Gespr&AOQ-che"
        );
        assert_eq!(naming("", '/', true).of("Inbox").unwrap(), "INBOX");
        assert_eq!(naming("INBOX.", '.', true).of("inbox").unwrap(), "INBOX");
    }

    #[test]
    fn a_name_cannot_smuggle_in_a_level() {
        naming("", '.', true).of("Inbox/v1.0").unwrap_err();
    }
}
