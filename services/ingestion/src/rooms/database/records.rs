use chatkeep_model::{Participant, RecordId, UtcTime, What, identity::Fields};

use super::row::{ChatRow, Room};
use crate::rooms::record::{CapturedRecord, shard_of};

/// What the transcript shows as `edited a message`, and as `deleted a message`.
const REPLACED: &str = "REPLACED";
const REMOVED: &str = "REMOVED";

/// Names the records of one database's rooms.
#[derive(Clone, Debug)]
pub(super) struct Records<'a> {
    /// What tells the database from every other.
    pub(super) database: &'a str,
    pub(super) room: &'a Room,
    shard: u32,
}

impl<'a> Records<'a> {
    pub(super) fn of(database: &'a str, room: &'a Room) -> Self {
        Self {
            database,
            room,
            shard: shard_of(&room.uri),
        }
    }

    /// Identity of a row: the database, the table, the primary key.
    fn id(&self, chat: i64) -> RecordId {
        let fields = Fields::of("persistent-chat-database")
            .text(self.database)
            .text("tblChat")
            .number(self.room.number.into())
            .number(chat);
        RecordId::from_bytes(fields.digest())
    }

    /// Identity of the n-th thing that became of a row, from 1.
    fn revision_id(&self, chat: i64, revision: u32, what: &[u8]) -> RecordId {
        let fields = Fields::of("persistent-chat-revision")
            .bytes(self.id(chat).as_bytes())
            .number(revision.into())
            .bytes(what);
        RecordId::from_bytes(fields.digest())
    }

    /// The record of a row that was not captured before.
    pub(super) fn said(&self, row: &ChatRow, at: UtcTime) -> CapturedRecord {
        let id = self.id(row.chat);
        let what = row.what();
        CapturedRecord {
            id,
            sender: row.sender(),
            ..self.record(row.chat, at, what)
        }
    }

    /// The record of a row whose content is another one now.
    pub(super) fn replaced(&self, row: &ChatRow, at: UtcTime, revision: u32) -> CapturedRecord {
        let what = What::Other {
            name: REPLACED.to_owned(),
            content: row.content.clone(),
        };
        CapturedRecord {
            id: self.revision_id(row.chat, revision, &row.content_hash()),
            ordinal: revision,
            sender: row.sender(),
            is_revision: true,
            ..self.record(row.chat, at, what)
        }
    }

    /// The record of a row that is gone.
    pub(super) fn removed(
        &self,
        chat: i64,
        at: UtcTime,
        revision: u32,
        sender: Option<Participant>,
    ) -> CapturedRecord {
        let what = What::Other {
            name: REMOVED.to_owned(),
            content: format!("number {chat} of this room, which is no longer in the database"),
        };
        CapturedRecord {
            id: self.revision_id(chat, revision, REMOVED.as_bytes()),
            ordinal: revision,
            sender,
            is_revision: true,
            ..self.record(chat, at, what)
        }
    }

    /// What all records of a row have in common; its revisions stand right behind it.
    fn record(&self, chat: i64, at: UtcTime, what: What) -> CapturedRecord {
        let id = self.id(chat);
        CapturedRecord {
            shard: self.shard,
            room: self.room.uri.clone(),
            room_name: Some(self.room.name.clone()).filter(|name| !name.is_empty()),
            at,
            number: chat,
            content_id: id,
            ordinal: 0,
            id,
            sender: None,
            what,
            attachment: None,
            is_revision: false,
            audience: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        rooms::record::Sighting,
        xml::{Room as XmlRoom, RoomEvent, Sender},
    };

    // MicrosoftDocs, configure-compliance.md: 2008-06-04T20:15:40.9535482Z.
    const TICKS: i64 = 633_482_073_409_535_482;

    fn room() -> Room {
        Room {
            uri: Room::uri("Contoso.com", "8F2A7C10-0000-4000-8000-00000000012C"),
            number: 300,
            name: "Project X".to_owned(),
        }
    }

    fn row(content: &str) -> ChatRow {
        ChatRow {
            chat: 7,
            ticks: TICKS,
            user: 12,
            content: content.to_owned(),
            name: "Ann Example".to_owned(),
            uri: "sip:Ann@Contoso.com".to_owned(),
            email: "Ann.Example@contoso.com".to_owned(),
            ..ChatRow::default()
        }
    }

    fn said(row: &ChatRow) -> CapturedRecord {
        let room = room();
        Records::of("db", &room).said(row, row.at().unwrap())
    }

    #[test]
    fn a_row_is_the_record_that_the_adapter_would_have_written() {
        let event = RoomEvent {
            room: XmlRoom {
                uri: room().uri,
                name: Some("Project X".to_owned()),
            },
            kind: "CHAT".to_owned(),
            id: 7,
            content: "hello".to_owned(),
            sender: Sender::of(
                "Ann Example",
                "12",
                "ann.example@contoso.com",
                "ann@contoso.com",
            )
            .into_participant(),
            ticks: TICKS,
        };
        let shard = shard_of(&event.room.uri);
        let told = Sighting::of(event, shard, 0, 0).record;

        let found = said(&row("hello"));

        let same = CapturedRecord {
            id: told.id,
            content_id: told.content_id,
            ..found
        };
        assert_eq!(same, told);
    }

    #[test]
    fn what_became_of_a_row_stands_behind_it() {
        let room = room();
        let records = Records::of("db", &room);
        let (row, at) = (row("hello"), row("").at().unwrap());
        let first = records.said(&row, at);
        let second = records.replaced(&row, at, 1);
        let third = records.removed(row.chat, at, 2, row.sender());

        assert!(first < second && second < third);
        assert!(!first.is_revision && second.is_revision && third.is_revision);
    }

    /// `docs/formats.md`, "Identities".
    #[test]
    fn identities_are_those_that_are_published() {
        let room = room();
        let records = Records::of("6f9619ff-8b86-d011-b42d-00c04fc964ff", &room);
        let (first, second) = (row("hello"), row("replaced"));
        let at = first.at().unwrap();
        let ids = [
            records.said(&first, at),
            records.replaced(&second, at, 1),
            records.removed(7, at, 2, None),
        ];

        assert_eq!(
            ids.map(|record| record.id.to_string()),
            [
                "5da7bc0de4a5fdb2d42d11841525047493531e2a2c81f9d0c478621510f3734e",
                "463e6518e4993888f180a941e87953a29a535a8d5f1764820b9937265cc7ffa2",
                "9f921f44f1d7b489bfd0e5951eb65b77702ddbdfeb374d83bc31e4420be5f3ce",
            ]
        );
    }

    proptest! {
        #[test]
        fn every_row_of_every_database_is_a_record_of_its_own(
            one in ("[ab]", any::<i32>(), any::<i64>()),
            other in ("[ab]", any::<i32>(), any::<i64>()),
        ) {
            let id = |(database, number, chat): &(String, i32, i64)| {
                let room = Room { number: *number, ..room() };
                Records::of(database, &room).id(*chat)
            };

            prop_assert_eq!(id(&one) == id(&other), one == other);
        }
    }
}
