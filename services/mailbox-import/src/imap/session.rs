use std::ops::Range;

use async_trait::async_trait;

use super::{
    append::{Broken, Progress, Sender, contiguous},
    connection::Connection,
    error::{ImapError, Meaning},
    folder,
    response::{Code, Fetched, Kind, Response, Status},
};
use crate::target::{
    Appended, Content, Copy, CopyKey, Gate, Mailbox, Message, Outcome, Position, Stored,
    TargetError,
};

/// A folder, selected.
pub(crate) struct Session {
    connection: Option<Connection>,
    folder: String,
    position: Position,
    /// All UIDs since the folder was selected are those of our own answered commands.
    is_clean: bool,
}

impl Session {
    pub(crate) fn new(connection: Connection, folder: String, position: Position) -> Self {
        Self {
            connection: Some(connection),
            folder,
            position,
            is_clean: position.uid_next > 0,
        }
    }

    fn connection(&mut self) -> Result<&mut Connection, TargetError> {
        self.connection.as_mut().ok_or_else(|| TargetError::Lost {
            source: "the connection was given up before".into(),
        })
    }

    /// Sends what is left to do, one step at a time, and notes what became of it.
    async fn step(
        &mut self,
        batch: &mut Batch<'_>,
        range: Range<usize>,
    ) -> Result<Vec<Range<usize>>, TargetError> {
        let folder = self.folder.clone();
        let connection = self.connection()?;
        let as_one = range.len() > 1 && connection.can("MULTIAPPEND");
        let mut sender = Sender {
            connection,
            folder: &folder,
            messages: batch.messages,
            gate: batch.gate,
        };
        let indexes: Vec<usize> = range.clone().collect();
        let mut progress = vec![Progress::NotSent; batch.messages.len()];
        let sent = if as_one {
            let mut one = Progress::NotSent;
            let sent = sender.all_in_one(range.clone(), &mut one).await;
            progress[range.clone()].fill(one);
            sent
        } else {
            sender.one_by_one(&indexes, &mut progress).await
        };
        let verdict = self.judge(batch, range, &progress, as_one).await;
        match sent {
            Ok(()) => verdict,
            Err(broken) => {
                // Whatever was begun on this connection is over: nothing may follow it.
                self.connection = None;
                self.is_clean = false;
                Err(match broken {
                    Broken::Closed(error) => error,
                    Broken::Lost(error) => error.in_session(),
                })
            }
        }
    }

    /// Turns the server's answers into outcomes; returns what to send again.
    async fn judge(
        &mut self,
        batch: &mut Batch<'_>,
        range: Range<usize>,
        progress: &[Progress],
        as_one: bool,
    ) -> Result<Vec<Range<usize>>, TargetError> {
        let mut again = Vec::new();
        let mut busy = None;
        if as_one && let Progress::Answered(status) = &progress[range.start] {
            if status.kind == Kind::Ok {
                self.note_uids(status, range.len());
                batch.outcomes[range].fill(Outcome::Stored);
                return Ok(again);
            }
            return match status.meaning() {
                Meaning::Busy(after) => Err(TargetError::Busy { after }),
                Meaning::NoFolder if !batch.was_remade => {
                    batch.was_remade = true;
                    self.make_again().await?;
                    Ok(vec![range])
                }
                // One of them is refused: halves tell which.
                _ => {
                    let middle = range.start + range.len() / 2;
                    Ok(vec![middle..range.end, range.start..middle])
                }
            };
        }
        for index in range {
            batch.outcomes[index] = match &progress[index] {
                Progress::NotSent => Outcome::NotStored,
                Progress::Sent => Outcome::Unknown,
                Progress::Answered(status) if status.kind == Kind::Ok => {
                    self.note_uids(status, 1);
                    Outcome::Stored
                }
                Progress::Answered(status) => match status.meaning() {
                    Meaning::Busy(after) => {
                        busy = Some(after);
                        Outcome::NotStored
                    }
                    Meaning::NoFolder if !batch.was_remade => {
                        again.push(index..index + 1);
                        Outcome::NotStored
                    }
                    Meaning::Message(refusal) => Outcome::Refused(refusal),
                    Meaning::NoFolder | Meaning::Login | Meaning::NotConnected => {
                        Outcome::Refused(crate::target::Refusal::Item)
                    }
                },
            };
        }
        if let Some(after) = busy {
            return Err(TargetError::Busy { after });
        }
        if !again.is_empty() {
            batch.was_remade = true;
            self.make_again().await?;
        }
        again.reverse();
        Ok(again)
    }

    /// As long as each answer continues the UIDs where the last one ended, nobody else has put
    /// anything in between: the folder then needs no listing.
    fn note_uids(&mut self, status: &Status, messages: usize) {
        let expected = self.position.uid_next;
        let continued = match &status.code {
            Code::AppendUid(code) if code.uid_validity == self.position.uid_validity => {
                contiguous(code).filter(|(first, last)| {
                    *first == expected && (last - first) as usize + 1 == messages
                })
            }
            _ => None,
        };
        match continued {
            Some((_, last)) => self.position.uid_next = last.saturating_add(1),
            None => self.is_clean = false,
        }
    }

    /// Makes the folder again after somebody has removed it.
    async fn make_again(&mut self) -> Result<(), TargetError> {
        let folder = self.folder.clone();
        let connection = self.connection()?;
        let opened = async {
            folder::make(connection, &folder).await?;
            folder::open(connection, &folder).await
        };
        self.position = opened.await.map_err(ImapError::at_folder)?;
        self.is_clean = false;
        Ok(())
    }

    async fn fetch(
        &mut self,
        command: &str,
        mut on: impl FnMut(Fetched) + Send,
    ) -> Result<(), TargetError> {
        let take = |response| {
            if let Response::Fetch(fetched) = response {
                on(fetched);
            }
        };
        let status = self.connection()?.ask(command, take).await;
        let status = status.and_then(|status| status.expect_ok("fetch messages"));
        status.map(drop).map_err(ImapError::in_session)
    }

    async fn expunge(&mut self, uids: &str) -> Result<(), TargetError> {
        let connection = self.connection()?;
        if connection.can("UIDPLUS") {
            let expunged = connection
                .run("expunge", &format!("UID EXPUNGE {uids}"))
                .await;
            return expunged.map(drop).map_err(ImapError::in_session);
        }
        // Without UIDPLUS an EXPUNGE removes whatever is marked, also by the user. So only when nothing
        // else is; otherwise the copies stay marked until the user's program expunges.
        let mut marked = Vec::new();
        let take = |response| {
            if let Response::Search(found) = response {
                marked = found;
            }
        };
        let status = connection.ask("UID SEARCH DELETED", take).await;
        status.map_err(ImapError::in_session)?;
        marked.sort_unstable();
        let marked: Vec<String> = marked.iter().map(u32::to_string).collect();
        if marked.join(",") == uids {
            let expunged = connection.run("expunge", "EXPUNGE").await;
            expunged.map_err(ImapError::in_session)?;
        }
        Ok(())
    }
}

/// What is being appended.
struct Batch<'a> {
    messages: &'a [Message],
    gate: &'a dyn Gate,
    outcomes: Vec<Outcome>,
    /// The folder was missing and was made again: once is enough.
    was_remade: bool,
}

#[async_trait]
impl Mailbox for Session {
    fn position(&self) -> Position {
        self.position
    }

    async fn append(&mut self, messages: &[Message], gate: &dyn Gate) -> Appended {
        let mut batch = Batch {
            messages,
            gate,
            outcomes: vec![Outcome::NotStored; messages.len()],
            was_remade: false,
        };
        // A stack, so that messages arrive in their order.
        let all = 0..messages.len();
        let mut todo = vec![all];
        let mut stopped = None;
        while let Some(range) = todo.pop() {
            match self.step(&mut batch, range).await {
                Ok(again) => todo.extend(again),
                Err(error) => {
                    stopped = Some(error);
                    break;
                }
            }
        }
        Appended {
            outcomes: batch.outcomes,
            stopped,
        }
    }

    async fn list(&mut self, since: Position) -> Result<Vec<Copy>, TargetError> {
        let connection = self.connection()?;
        // Lets the server tell what others have changed.
        let told = connection.run("refresh folder", "NOOP").await;
        told.map_err(ImapError::in_session)?;
        if connection.messages() == 0 {
            return Ok(Vec::new());
        }
        let is_same = since.uid_validity == self.position.uid_validity;
        let first = if is_same { since.uid_next.max(1) } else { 1 };
        let mut copies = Vec::new();
        let fields = "(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])";
        let take = |fetched: Fetched| {
            if let (Some(uid), Some(header)) = (fetched.uid, fetched.body)
                // `n:*` with nothing new names the last message.
                && uid >= first
                && let Some(id) = message_id(&header)
            {
                copies.push(Copy {
                    key: CopyKey::Uid(uid),
                    id,
                    is_whole: true,
                });
            }
        };
        self.fetch(&format!("UID FETCH {first}:* {fields}"), take)
            .await?;
        copies.sort_by_key(|copy| match copy.key {
            CopyKey::Uid(uid) => uid,
            CopyKey::Id(_) | CopyKey::File(_) => 0,
        });
        Ok(copies)
    }

    fn is_proven_clean(&self) -> bool {
        self.is_clean
    }

    async fn read(&mut self, copy: &Copy) -> Result<Stored, TargetError> {
        let lost = |source: &'static str| TargetError::Lost {
            source: source.into(),
        };
        let CopyKey::Uid(wanted) = copy.key else {
            return Err(lost("not a message of this folder"));
        };
        let mut found = None;
        let take = |fetched: Fetched| {
            if let (Some(uid), Some(bytes)) = (fetched.uid, fetched.body)
                && uid == wanted
            {
                found = Some(Stored {
                    content: Content::Bytes(bytes),
                    date: fetched.date.unwrap_or_default(),
                    seen: fetched.seen,
                });
            }
        };
        let command = format!("UID FETCH {wanted} (UID FLAGS INTERNALDATE BODY.PEEK[])");
        self.fetch(&command, take).await?;
        found.ok_or_else(|| lost("the message is gone"))
    }

    async fn remove(&mut self, copies: &[Copy]) -> Result<(), TargetError> {
        let mut uids: Vec<u32> = copies
            .iter()
            .filter_map(|copy| match copy.key {
                CopyKey::Uid(uid) => Some(uid),
                CopyKey::Id(_) | CopyKey::File(_) => None,
            })
            .collect();
        uids.sort_unstable();
        // Command lines have a limit of some 8,000 characters (RFC 7162 4).
        for some in uids.chunks(500) {
            let some: Vec<String> = some.iter().map(u32::to_string).collect();
            let set = some.join(",");
            let mark = format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)");
            let marked = self.connection()?.run("mark as deleted", &mark).await;
            marked.map_err(ImapError::in_session)?;
            self.expunge(&set).await?;
        }
        Ok(())
    }

    async fn close(self: Box<Self>) {
        if let Some(connection) = self.connection {
            connection.logout().await;
        }
    }
}

/// The Message-ID in a header that holds nothing else.
fn message_id(header: &[u8]) -> Option<String> {
    let header = std::str::from_utf8(header).ok()?;
    let start = header.find('<')?;
    let end = start + header[start..].find('>')?;
    Some(header[start..=end].to_owned())
}
