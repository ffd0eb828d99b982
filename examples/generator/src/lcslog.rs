//! What one pool's Archiving Server keeps of sessions, `LcsLog`: as programs were seen to query it.

use std::collections::HashMap;

use crate::{
    session::{Kind, Session, Spoken},
    sql::{self, Table, text, time},
};

/// `ContentTypeId` of what clients send.
const PLAIN: &str = "1";
const RTF: &str = "2";

/// The rows of one database.
pub(crate) struct LcsLog {
    users: Table,
    user_ids: HashMap<String, String>,
    messages: Table,
    uris: Table,
    conferences: Table,
    conference_messages: Table,
    recipients: Table,
    sessions: u32,
    rows: u32,
}

/// Where a row belongs: the session's key as literals, and how its texts are stored.
struct Place {
    time: String,
    seq: String,
    is_formatted: bool,
    /// Seconds that the pool's clock is ahead.
    ahead: i64,
}

impl LcsLog {
    pub(crate) fn new() -> Self {
        Self {
            users: Table::new("Users", "UserId, UserUri"),
            user_ids: HashMap::new(),
            messages: Table::new(
                "Messages",
                "MessageIdTime, MessageIdSeq, SessionIdTime, SessionIdSeq, FromId, ToId, ContentTypeId, \
                 Body, Toast",
            ),
            uris: Table::new("ConferenceUris", "ConferenceUriId, ConferenceUri"),
            conferences: Table::new(
                "Conferences",
                "SessionIdTime, SessionIdSeq, ConferenceStartTime, ConferenceEndTime, OrganizerId, \
                 ConferenceUriId",
            ),
            conference_messages: Table::new(
                "ConferenceMessages",
                "[Date], MessageId, SessionIdTime, SessionIdSeq, FromId, ContentTypeId, Body",
            ),
            recipients: Table::new(
                "ConferenceMessageRecipientList",
                "MessageId, UserId, SessionIdTime, SessionIdSeq",
            ),
            sessions: 0,
            rows: 0,
        }
    }

    /// Adds a session as a pool saw it whose clock is so many seconds ahead.
    pub(crate) fn add(&mut self, session: &Session, ahead: i64) {
        self.sessions += 1;
        let place = Place {
            time: time(session.start + ahead),
            seq: self.sessions.to_string(),
            // The same in every pool that archived it.
            is_formatted: session.lines.len().is_multiple_of(2),
            ahead,
        };
        match session.kind {
            Kind::PeerToPeer => self.peer_to_peer(session, &place),
            Kind::Conference => self.conference(session, &place),
        }
    }

    /// The script that fills the database of this name.
    pub(crate) fn script(&self, database: &str) -> String {
        let mut types = Table::new("ContentTypes", "ContentTypeId, ContentType");
        types.add(&[PLAIN, "N'text/plain'"]);
        types.add(&[RTF, "N'text/rtf'"]);
        let tables = [
            &self.users,
            &types,
            &self.messages,
            &self.uris,
            &self.conferences,
            &self.conference_messages,
            &self.recipients,
        ];
        sql::script(database, include_str!("../schema/LcsLog.sql"), &tables)
    }

    fn peer_to_peer(&mut self, session: &Session, place: &Place) {
        let ids = self.ids(session);
        for line in &session.lines {
            let number = self.number();
            let to = &ids[usize::from(line.speaker == 0)];
            let (content_type, body) = body(line, place);
            self.messages.add(&[
                &time(line.at + place.ahead),
                &number,
                &place.time,
                &place.seq,
                &ids[line.speaker],
                to,
                content_type,
                &body,
                "0",
            ]);
        }
    }

    /// The last one of a meeting comes when its first message was sent: exports do not tell.
    fn conference(&mut self, session: &Session, place: &Place) {
        let ids = self.ids(session);
        let end = session.lines.last().map_or(session.start, |line| line.at);
        let organizer = &session.people[0].address;
        let uri = format!(
            "sip:{organizer};gruu;opaque=app:conf:chat:id:{:X}",
            session.start
        );
        self.uris.add(&[&place.seq, &text(&uri)]);
        self.conferences.add(&[
            &place.time,
            &place.seq,
            &place.time,
            &time(end + place.ahead),
            &ids[0],
            &place.seq,
        ]);
        for (position, line) in session.lines.iter().enumerate() {
            let number = self.number();
            let (content_type, body) = body(line, place);
            self.conference_messages.add(&[
                &time(line.at + place.ahead),
                &number,
                &place.time,
                &place.seq,
                &ids[line.speaker],
                content_type,
                &body,
            ]);
            let present = ids.len() - usize::from(position == 0);
            let others = ids.iter().enumerate().take(present);
            for (_, other) in others.filter(|(other, _)| *other != line.speaker) {
                self.recipients
                    .add(&[&number, other, &place.time, &place.seq]);
            }
        }
    }

    /// `UserId` of everybody in a session; addresses stand in `Users` without `sip:`.
    fn ids(&mut self, session: &Session) -> Vec<String> {
        let addresses = session.people.iter().map(|person| &person.address);
        let ids = addresses.map(|address| {
            if let Some(id) = self.user_ids.get(address) {
                return id.clone();
            }
            let id = (self.user_ids.len() + 1).to_string();
            self.users.add(&[&id, &text(address)]);
            self.user_ids.insert(address.clone(), id.clone());
            id
        });
        ids.collect()
    }

    fn number(&mut self) -> String {
        self.rows += 1;
        self.rows.to_string()
    }
}

/// `ContentTypeId` and the literal of a body.
fn body(line: &Spoken, place: &Place) -> (&'static str, String) {
    if place.is_formatted {
        (RTF, text(&rtf(&line.text)))
    } else {
        (PLAIN, text(&line.text))
    }
}

/// A text as desktop clients format it.
fn rtf(text: &str) -> String {
    let mut rtf = "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0\\fnil Segoe UI;}}\
                   \\viewkind4\\uc1\\pard\\f0\\fs20 "
        .to_owned();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte @ (b'\\' | b'{' | b'}')) => rtf.extend(['\\', char::from(byte)]),
            Ok(byte) if byte.is_ascii() => rtf.push(char::from(byte)),
            _ => rtf.push_str(&format!("\\u{}?", unit.cast_signed())),
        }
    }
    rtf.push_str("\\par}");
    rtf
}
