//! Rows of Ann's, Bob's and Cem's.

use std::sync::atomic::Ordering;

use chatkeep_testkit::{
    lcslog::{Conference, ConferenceMessage, Message, Session, body},
    tds::DateTime,
};

use super::{MORNING, Pool, World};

impl World {
    /// Ann and Bob in one pool's database: `(second, sender, text)`.
    pub(crate) fn chat(&self, pool: usize, session: i64, lines: &[(i64, &str, &str)]) {
        for (second, sender, text) in lines {
            let message = self.message(pool, session, (*second, sender, text));
            self.pools[pool].database.add(message);
        }
    }

    /// A message of Ann's or Bob's to the other one, with a number of its own.
    pub(crate) fn message(
        &self,
        pool: usize,
        session: i64,
        (second, sender, text): (i64, &str, &str),
    ) -> Message {
        let Pool { database, next, .. } = &self.pools[pool];
        let other = if sender == "ann" { "bob" } else { "ann" };
        Message {
            time: time(second),
            seq: next.fetch_add(1, Ordering::Relaxed),
            session: session_of(session),
            from: database.user(&address(sender)),
            to: database.user(&address(other)),
            content_type: 1,
            body: body(text),
            toast: false,
        }
    }

    /// A conference in the first pool's database: `(second, sender, text, others)`.
    pub(crate) fn meeting(&self, session: i64, lines: &[(i64, &str, &str, &[&str])]) {
        let Pool { database, next, .. } = &self.pools[0];
        database.add_conference(Conference {
            session: session_of(session),
            uri: Some(format!(
                "sip:ann@contoso.com;gruu;opaque=app:conf:chat:id:{session}"
            )),
            start: None,
            end: None,
            organizer: Some(database.user(&address("ann"))),
        });
        for (second, sender, text, others) in lines {
            let recipients = others.iter().map(|other| database.user(&address(other)));
            database.add_conference_message(ConferenceMessage {
                id: next.fetch_add(1, Ordering::Relaxed).into(),
                time: time(*second),
                session: session_of(session),
                from: database.user(&address(sender)),
                content_type: 1,
                body: body(text),
                recipients: recipients.collect(),
            });
        }
    }
}

pub(crate) fn session_of(session: i64) -> Session {
    Session {
        time: time(session),
        seq: i32::try_from(session % 1_000).unwrap(),
    }
}

/// So many seconds after eight in the morning.
pub(crate) fn time(second: i64) -> DateTime {
    DateTime::from_unix_milliseconds((MORNING + second) * 1_000)
}

/// As `Users` has it: without `sip:`, in any case.
pub(crate) fn address(name: &str) -> String {
    format!("{}@Contoso.com", name.to_uppercase())
}
