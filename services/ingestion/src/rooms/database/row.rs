use chatkeep_model::{Participant, UtcTime, identity::Fields};

use crate::xml::{Sender, is_plausible};

/// A room as `tblNode` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// `ma-chan://{domain}/{nodeGuid}`: the URI the compliance adapter writes.
    pub(super) uri: String,
    /// `nodeID`, which `tblChat` calls `channelId`.
    pub(super) number: i32,
    /// `nodeName`.
    pub(super) name: String,
}

impl Room {
    /// The URI of a room whose `nodeGuid` is this one.
    pub(super) fn uri(domain: &str, guid: &str) -> String {
        format!(
            "ma-chan://{}/{}",
            domain.to_lowercase(),
            guid.to_lowercase()
        )
    }
}

/// A row of `tblChat`, with what `tblPrincipal` says of its `userId`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ChatRow {
    /// `chatId`: counts within the room.
    pub(super) chat: i64,
    /// `chatDate`: .NET ticks, 100 ns since 0001-01-01 UTC.
    pub(super) ticks: i64,
    /// `userId`.
    pub(super) user: i32,
    /// `isAlert`.
    pub(super) is_alert: bool,
    /// `content`: the text.
    pub(super) content: String,
    /// `rtf`: the text as the client formatted it.
    pub(super) rtf: Option<String>,
    /// `prinDisplayName`.
    pub(super) name: String,
    /// `prinUri`.
    pub(super) uri: String,
    /// `prinEmail`.
    pub(super) email: String,
}

impl ChatRow {
    /// When; `None` for what nobody can have sent then.
    pub(super) fn at(&self) -> Option<UtcTime> {
        let ticks = Some(self.ticks).filter(|ticks| is_plausible(*ticks));
        ticks.and_then(UtcTime::from_ticks)
    }

    /// Who, in the adapter's order of preference; somebody without a principal is `user {userId}`.
    pub(super) fn sender(&self) -> Option<Participant> {
        let id = self.user.to_string();
        Sender::of(&self.name, &id, &self.email, &self.uri).into_participant()
    }

    /// SHA-256 over the row's own columns: another one is another content.
    pub(super) fn content_hash(&self) -> [u8; 32] {
        let fields = Fields::of("persistent-chat-content")
            .number(self.ticks)
            .number(self.user.into())
            .number(self.is_alert.into())
            .text(&self.content);
        match &self.rtf {
            Some(rtf) => fields.text(rtf).digest(),
            None => fields.digest(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(content: &str) -> ChatRow {
        ChatRow {
            chat: 7,
            // MicrosoftDocs, configure-compliance.md: 2008-06-04T20:15:40.9535482Z.
            ticks: 633_482_073_409_535_482,
            user: 12,
            content: content.to_owned(),
            name: "Ann Example".to_owned(),
            uri: "sip:Ann@Contoso.com".to_owned(),
            email: "Ann.Example@contoso.com".to_owned(),
            ..ChatRow::default()
        }
    }

    #[test]
    fn ticks_are_read_as_the_adapter_writes_them() {
        let at = row("hello").at().unwrap();

        assert_eq!(at.to_string(), "2008-06-04T20:15:40.9535482Z");
        assert_eq!(
            ChatRow {
                ticks: 0,
                ..row("")
            }
            .at(),
            None
        );
        assert_eq!(
            ChatRow {
                ticks: i64::MAX,
                ..row("")
            }
            .at(),
            None
        );
    }

    #[test]
    fn a_room_is_called_by_its_guid_in_lower_case() {
        let uri = Room::uri("Contoso.com", "8F2A7C10-0000-4000-8000-00000000012C");

        assert_eq!(
            uri,
            "ma-chan://contoso.com/8f2a7c10-0000-4000-8000-00000000012c"
        );
    }

    #[test]
    fn principals_that_are_unknown_keep_their_number() {
        let orphan = ChatRow {
            name: String::new(),
            uri: String::new(),
            email: String::new(),
            ..row("hello")
        };

        let sender = orphan.sender().unwrap();

        assert_eq!((sender.address.as_str(), sender.name), ("user 12", None));
    }

    #[test]
    fn addresses_are_compared_in_lower_case_and_mail_is_evidence() {
        let sender = row("hello").sender().unwrap();

        assert_eq!(sender.address, "ann@contoso.com");
        assert_eq!(sender.name.as_deref(), Some("Ann Example"));
        assert_eq!(sender.email.as_deref(), Some("ann.example@contoso.com"));
    }

    proptest! {
        #[test]
        fn any_change_of_a_row_is_noticed(
            content in "\\PC*", other in "\\PC*", alert in any::<bool>(), ticks in any::<i64>(),
        ) {
            let one = row(&content);
            let two = ChatRow { content: other, is_alert: alert, ticks, ..one.clone() };

            prop_assert_eq!(one.content_hash() == two.content_hash(), one == two);
        }
    }
}
