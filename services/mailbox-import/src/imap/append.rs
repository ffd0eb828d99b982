//! How messages go out: many in one command, many commands in a row, or one after the other.

use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;
use chatkeep_pipeline::crash_point;
use jiff::Timestamp;

use super::{
    auth::Quoted,
    connection::Connection,
    error::ImapError,
    response::{AppendUid, Response, Status},
};
use crate::target::{Gate, Message, TargetError};

/// Commands on their way without an answer (RFC 3501 5.5 allows any number; servers buffer some).
const WINDOW_COMMANDS: usize = 64;
/// Bytes on their way without an answer.
const WINDOW_BYTES: usize = 4 << 20;
/// Largest literal that LITERAL- lets out unasked (RFC 7888).
const SMALL_LITERAL: usize = 4096;
const CRLF: Bytes = Bytes::from_static(b"\r\n");

/// Why a step ended before its end.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The connection did not hold.
    Lost(ImapError),
    /// The gate was closed.
    Closed(TargetError),
}

impl From<ImapError> for Broken {
    fn from(error: ImapError) -> Self {
        Self::Lost(error)
    }
}

/// How far a message got.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    /// Its last bytes were not sent: it does not stand.
    NotSent,
    /// Its last bytes went out; no answer yet.
    Sent,
    /// The server's answer.
    Answered(Status),
}

/// Sends messages to one folder over one connection.
pub(crate) struct Sender<'a> {
    pub(crate) connection: &'a mut Connection,
    pub(crate) folder: &'a str,
    pub(crate) messages: &'a [Message],
    pub(crate) gate: &'a dyn Gate,
}

impl Sender<'_> {
    /// Stores a range of messages by one command, all or none of them (RFC 3502).
    pub(crate) async fn all_in_one(
        &mut self,
        range: Range<usize>,
        progress: &mut Progress,
    ) -> Result<(), Broken> {
        let tag = self.connection.tag();
        let mut pending = VecDeque::new();
        let mut command = format!("{tag} APPEND {}", Quoted(self.folder));
        let last = range.end.saturating_sub(1);
        for (index, message) in self.messages[range.clone()].iter().enumerate() {
            let line = std::mem::take(&mut command);
            if let Some(refusal) = self.announce(&tag, line, message, &mut pending).await? {
                *progress = Progress::Answered(refusal);
                return Ok(());
            }
            if range.start + index == last {
                // The command takes effect with its last bytes: all others may go out before.
                self.connection.send(std::mem::take(&mut pending)).await?;
                self.gate.pass().await.map_err(Broken::Closed)?;
            }
            pending.push_back(message.bytes.clone());
        }
        pending.push_back(CRLF);
        *progress = Progress::Sent;
        self.connection.send(pending).await?;
        crash_point("sent");
        let status = self.answer(&tag).await?;
        *progress = Progress::Answered(status);
        Ok(())
    }

    /// Stores messages by one command each, answers awaited a window at a time.
    pub(crate) async fn one_by_one(
        &mut self,
        indexes: &[usize],
        progress: &mut [Progress],
    ) -> Result<(), Broken> {
        let mut waiting: Vec<(String, usize)> = Vec::new();
        let mut bytes = 0;
        for &index in indexes {
            let message = &self.messages[index];
            let is_full = waiting.len() >= WINDOW_COMMANDS || bytes >= WINDOW_BYTES;
            if is_full || !self.goes_unasked(message.bytes.len()) {
                self.answers(&mut waiting, progress).await?;
                bytes = 0;
            }
            let tag = self.connection.tag();
            let mut pending = VecDeque::new();
            let line = format!("{tag} APPEND {}", Quoted(self.folder));
            if let Some(refusal) = self.announce(&tag, line, message, &mut pending).await? {
                progress[index] = Progress::Answered(refusal);
                continue;
            }
            self.gate.pass().await.map_err(Broken::Closed)?;
            pending.extend([message.bytes.clone(), CRLF]);
            progress[index] = Progress::Sent;
            self.connection.send(pending).await?;
            bytes += message.bytes.len();
            waiting.push((tag, index));
        }
        crash_point("sent");
        self.answers(&mut waiting, progress).await
    }

    /// Puts the line before a message into `pending`; where the server wants to be asked, sends it and
    /// waits for its consent. A refusal ends the command.
    async fn announce(
        &mut self,
        tag: &str,
        command: String,
        message: &Message,
        pending: &mut VecDeque<Bytes>,
    ) -> Result<Option<Status>, ImapError> {
        let size = message.bytes.len();
        let unasked = self.goes_unasked(size);
        let plus = if unasked { "+" } else { "" };
        let date = internal_date(message.date);
        pending.push_back(format!("{command} (\\Seen) \"{date}\" {{{size}{plus}}}\r\n").into());
        if unasked {
            return Ok(None);
        }
        self.connection.send(std::mem::take(pending)).await?;
        loop {
            match self.connection.receive().await? {
                Response::Continue => return Ok(None),
                Response::Tagged { tag: ended, status } if ended == tag => return Ok(Some(status)),
                _ => {}
            }
        }
    }

    fn goes_unasked(&self, size: usize) -> bool {
        self.connection.can("LITERAL+")
            || (size <= SMALL_LITERAL && self.connection.can("LITERAL-"))
    }

    async fn answer(&mut self, tag: &str) -> Result<Status, ImapError> {
        loop {
            if let Response::Tagged { tag: ended, status } = self.connection.receive().await?
                && ended == tag
            {
                return Ok(status);
            }
        }
    }

    async fn answers(
        &mut self,
        waiting: &mut Vec<(String, usize)>,
        progress: &mut [Progress],
    ) -> Result<(), Broken> {
        while !waiting.is_empty() {
            if let Response::Tagged { tag, status } = self.connection.receive().await?
                && let Some(position) = waiting.iter().position(|(waits, _)| *waits == tag)
            {
                let (_, index) = waiting.remove(position);
                progress[index] = Progress::Answered(status);
            }
        }
        Ok(())
    }
}

/// The number of UIDs, when they follow each other.
pub(crate) fn contiguous(code: &AppendUid) -> Option<(u32, u32)> {
    let (first, mut end) = *code.uids.first()?;
    for (next, last) in &code.uids[1..] {
        if *next != end.checked_add(1)? {
            return None;
        }
        end = *last;
    }
    (first <= end).then_some((first, end))
}

fn internal_date(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%d-%b-%Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_dates_are_in_utc() {
        assert_eq!(internal_date(1_551_693_600), "04-Mar-2019 10:00:00 +0000");
    }

    #[test]
    fn uids_with_a_gap_are_not_contiguous() {
        let code = |uids: &[(u32, u32)]| AppendUid {
            uid_validity: 1,
            uids: uids.to_vec(),
        };

        assert_eq!(contiguous(&code(&[(5, 7), (8, 8)])), Some((5, 8)));
        assert_eq!(contiguous(&code(&[(5, 7), (9, 9)])), None);
    }
}
