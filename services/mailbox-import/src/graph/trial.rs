//! Synthetic messages in a real tenant: what the list in `docs/microsoft-365.md` ("How it is tested") leaves
//! open, as far as a program can see it.

mod alias;
mod letter;
mod looking;
mod own_folder;

use std::{collections::BTreeSet, time::Duration};

use chatkeep_microsoft365::GraphError;
use chatkeep_model::connector::{self, Connector};
use futures::future::join_all;

use self::letter::{Letter, Stationery};
use super::{
    GraphTarget,
    budget::CONCURRENT,
    check,
    client::{Client, PATIENCE},
    item::Item,
    listing,
    sending::{Created, creation},
    trouble::Trouble,
    upload,
};
use crate::{
    exchange::{Marks, folder::position},
    target::{OpenGate, TargetError},
    trial::Point,
};

/// A mailbox that was throttled is waited for so long.
const RECOVERY: Duration = Duration::from_mins(2);
/// Where the filter by time should find nothing: a day ahead, in seconds.
const AHEAD: u32 = 86_400;

/// Tries everything, and removes what it made.
pub(crate) async fn trial(
    target: &GraphTarget,
    settings: &connector::GraphTarget,
    connector: &Connector,
    mailbox: &str,
) -> Result<Vec<Point>, TargetError> {
    let client = match check::let_in(target, settings, mailbox).await? {
        Ok(client) => client,
        Err(finding) => return Ok(vec![Point::failed(finding.text)]),
    };
    let folder = match own_folder::make(&client).await {
        Ok(Some(folder)) => folder,
        Ok(None) => {
            return Ok(vec![Point::failed(format!(
                "the mailbox has a folder {} with something else in it: have its owner rename it",
                own_folder::NAME
            ))]);
        }
        Err(trouble @ Trouble::Refused { status: 403, .. }) => {
            return Ok(vec![Point::failed(format!(
                "the application may look into the mailbox, but not write: it needs {}: {}",
                check::PERMISSION,
                trouble.said()
            ))]);
        }
        Err(trouble) => return Err(trouble.at_folder()),
    };
    let stationery = Stationery {
        stamp: client.tenant().time(),
        domain: &connector.domain,
        mailbox,
    };
    let trial = Trial {
        client: &client,
        folder: &folder,
        marks: &target.form.marks,
        stationery: &stationery,
    };
    let mut points = trial.run().await;
    points.push(alias::try_one(target, &client).await);
    let removed = own_folder::remove(&client, &folder).await;
    points.push(Point::judged(
        &format!("the folder {} is removed again", own_folder::NAME),
        removed.map_err(|trouble| format!("{}; remove it by hand", trouble.said())),
    ));
    points.extend(by_eye(mailbox, &target.form.folder));
    Ok(points)
}

/// Messages in the folder of a trial.
struct Trial<'a> {
    client: &'a Client,
    folder: &'a str,
    marks: &'a Marks,
    stationery: &'a Stationery<'a>,
}

impl Trial<'_> {
    async fn run(&self) -> Vec<Point> {
        let letters: Vec<_> = (1..=CONCURRENT)
            .filter_map(|number| u8::try_from(number).ok())
            .map(|number| self.stationery.small(number))
            .collect();
        let created = join_all(letters.iter().map(|letter| self.create(letter))).await;
        let mut standing = Vec::new();
        let mut together = Ok(());
        for (letter, created) in letters.iter().zip(created) {
            match created {
                Ok((id, _)) => standing.push((letter, id)),
                Err(trouble) => together = Err(trouble.said()),
            }
        }
        let text = format!("6: {CONCURRENT} messages at a time are taken by one mailbox");
        let mut points = vec![Point::judged(&text, together)];
        // The rest is worth waiting for.
        drop(self.client.admitted(0, RECOVERY).await);
        if standing.is_empty() {
            let text = "1 to 5, 9: no message could be created, there is nothing to look at";
            points.push(Point::not_tried(text));
            return points;
        }
        points.extend(self.look(&standing).await);
        points.extend(self.find(&standing).await);
        points.push(self.upload().await);
        points.push(self.remove(&standing[0].1).await);
        points
    }

    /// Creates a message as an import does. Returns its id, and what is left to send.
    async fn create(&self, letter: &Letter) -> Result<(String, Item), Trouble> {
        let item = Item::of(&letter.message, self.marks);
        let item = item.ok_or(Trouble::Setup(GraphError::Invalid))?;
        self.client.admitted(item.create.len(), PATIENCE).await?;
        let answer = self.client.send(creation(self.client, self.folder, &item));
        let created = answer.await?.json::<Created>();
        let created = created.map_err(|source| Trouble::Doubtful {
            after: None,
            source,
        })?;
        Ok((created.id, item))
    }

    async fn look(&self, standing: &[(&Letter, String)]) -> Vec<Point> {
        let looked = looking::look(self.client, standing, &self.marks.class).await;
        let mut points = looked.unwrap_or_else(|trouble| {
            let text = format!("1 to 4: messages can be read back: {}", trouble.said());
            vec![Point::failed(text)]
        });
        let mut unaltered = Ok(());
        for (letter, id) in standing {
            unaltered = unaltered.and(self.unaltered(letter, id).await);
        }
        let text = "subject, text and recipients are kept as chatkeep verify compares them";
        points.push(Point::judged(text, unaltered));
        points
    }

    async fn unaltered(&self, letter: &Letter, id: &str) -> Result<(), String> {
        let altered = "chatkeep verify would call such items altered";
        match looking::is_unaltered(self.client, letter, id).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(altered.to_owned()),
            Err(trouble) => Err(trouble.said()),
        }
    }

    /// As the look-up after a lost answer finds messages: by time and key, in one request.
    async fn find(&self, standing: &[(&Letter, String)]) -> Vec<Point> {
        let since = position(self.folder, self.client.tenant().time()).uid_next;
        let found = listing::keys(self.client, self.folder, since).await;
        let later = listing::keys(self.client, self.folder, since.saturating_add(AHEAD)).await;
        let (found, later) = match (found, later) {
            (Ok(found), Ok(later)) => (found, later),
            (Err(trouble), _) | (_, Err(trouble)) => {
                let text = "9: $filter on createdDateTime and $expand of properties go together";
                return vec![Point::judged(text, Err(trouble.said()))];
            }
        };
        let ids: BTreeSet<_> = found.iter().map(|(id, _)| id).collect();
        let is_found = standing.iter().all(|(_, id)| ids.contains(id));
        let by_time = match (is_found, later.is_empty()) {
            (true, true) => Ok(()),
            (false, _) => Err("some are not found, and would be sent again".to_owned()),
            (true, false) => Err("those of another time are found, too".to_owned()),
        };
        let keys: BTreeSet<_> = found.iter().filter_map(|(_, key)| key.as_ref()).collect();
        let has_key = |(letter, _): &(&Letter, String)| keys.contains(&letter.message.id);
        let by_key = if standing.iter().all(has_key) {
            Ok(())
        } else {
            Err("the key of some is lost; they are found by internetMessageId alone".to_owned())
        };
        vec![
            Point::judged("9: messages are found by when they were created", by_time),
            Point::judged("4, 9: messages are found by ChatkeepKey", by_key),
        ]
    }

    async fn upload(&self) -> Point {
        let text = "5: a file of more than 3 MB is added to a message that is no draft";
        Point::judged(text, self.uploaded().await)
    }

    async fn uploaded(&self) -> Result<(), String> {
        let letter = self.stationery.large(9);
        let (id, item) = self
            .create(&letter)
            .await
            .map_err(|trouble| trouble.said())?;
        let remedy = "set max_item = \"2500KB\" in [target]";
        let added = upload::all(self.client, &id, &item.later, &OpenGate).await;
        added.map_err(|interrupted| format!("{}; {remedy}", interrupted.said()))?;
        self.unaltered(&letter, &id).await
    }

    async fn remove(&self, id: &str) -> Point {
        let text = "extra copies are removed for good by permanentDelete";
        let removed = self.client.remove(id).await;
        let removed = match removed {
            Ok(()) => self.is_gone(id).await,
            Err(trouble) => Err(trouble.said()),
        };
        Point::judged(text, removed)
    }

    async fn is_gone(&self, id: &str) -> Result<(), String> {
        let path = format!("{}?$select=id", super::mailbox::message(self.client, id));
        match self.client.get::<serde::de::IgnoredAny>(&path).await {
            Err(trouble) if trouble.is_missing() => Ok(()),
            Err(trouble) => Err(trouble.said()),
            Ok(_) => Err("the message is still there, perhaps among the deleted items".to_owned()),
        }
    }
}

/// What no program can see, and where to look.
fn by_eye(mailbox: &str, folder: &str) -> Vec<Point> {
    let texts = [
        format!(
            "2, 3: after a first run, in Outlook on the web, in new Outlook and on a telephone: the items in \
             {folder} of {mailbox} open, and show whoever opened the conversation as the sender, without \
             \"on behalf of\". Otherwise class = \"IPM.Note\" in [item]"
        ),
        "6: the pace that is really let through: the time that the first large run takes"
            .to_owned(),
        format!(
            "7: now, with the owner of {mailbox}: no notification of a new message came, on no device; no \
             inbox rule moved, copied or forwarded one: look into Inbox, Deleted Items, Sent Items"
        ),
        format!(
            "8: after a first run with old conversations: Start-ManagedFolderAssistant -Identity {mailbox}, \
             and a day later count what is left in {folder}"
        ),
    ];
    texts.into_iter().map(Point::to_look_at).collect()
}
