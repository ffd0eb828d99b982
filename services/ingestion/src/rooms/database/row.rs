use std::{borrow::Cow, fmt};

use chatkeep_model::{Body, Participant, RecordId, UtcTime, What, identity::Fields};

use crate::{
    rooms::companion::is_stored_name,
    xml::{Sender, is_plausible},
};

/// Begins the link that stands for a file (`tblChat.content`).
const FILE_LINK: &str = "ma-filelink:";

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

    /// What happened, in the model's words.
    pub(super) fn what(&self) -> What {
        match PostedFile::of(&self.content) {
            Some(file) => What::FileUploaded(file.to_string()),
            None => What::Said(self.body()),
        }
    }

    /// The text; beside the client's RTF, where there is any, as two forms of one message. `importance`
    /// marks an alert: renderers compare types without parameters.
    fn body(&self) -> Body {
        let importance = if self.is_alert {
            "; importance=high"
        } else {
            ""
        };
        let rtf = self.rtf.as_deref().filter(|rtf| rtf.starts_with("{\\rtf"));
        let Some(rtf) = rtf else {
            let subtype = if self.content.starts_with("{\\rtf") {
                "rtf"
            } else {
                "plain"
            };
            return Body {
                media_type: format!("text/{subtype}{importance}"),
                text: self.content.clone(),
            };
        };
        // Nobody can write a text that holds its own hash.
        let hash = RecordId::from_bytes(self.content_hash()).to_string();
        let boundary = &hash[..32];
        Body {
            media_type: format!("multipart/alternative; boundary=\"{boundary}\"{importance}"),
            text: format!(
                "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n\
                 --{boundary}\r\nContent-Type: text/rtf; charset=utf-8\r\n\r\n{rtf}\r\n--{boundary}--\r\n",
                self.content
            ),
        }
    }
}

/// A file that a text is a link to, and nothing else.
struct PostedFile<'a> {
    /// A GUID, with or without an extension.
    stored: &'a str,
    /// What the link shows, where that is something else: the file's own name.
    shown: Option<Cow<'a, str>>,
}

impl<'a> PostedFile<'a> {
    /// How a link is made behind its scheme is not documented: the last GUID in it names the stored file.
    fn of(content: &'a str) -> Option<Self> {
        let content = content.trim();
        let (link, shown) = match content.split_once(['"', '\'']) {
            Some((before, behind)) if is_anchor(before) => anchor(behind)?,
            _ => (content, Cow::Borrowed("")),
        };
        let scheme = link.get(..FILE_LINK.len())?;
        let is_more = link.contains(['"', '\'', '<', '>']) || link.contains(char::is_whitespace);
        if !scheme.eq_ignore_ascii_case(FILE_LINK) || is_more {
            return None;
        }
        let words = link.split([':', '/', '\\', '?', '&', '=', '|', ';', ',', '#']);
        let stored = words.rev().find(|word| is_stored_name(word))?;
        let is_name = !shown.is_empty() && shown != link && shown != stored;
        Some(Self {
            stored,
            shown: Some(shown).filter(|_| is_name),
        })
    }
}

impl fmt::Display for PostedFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shown {
            Some(shown) => write!(f, "{shown}, stored as {}", self.stored),
            None => f.write_str(self.stored),
        }
    }
}

/// The address of an anchor and the text that it shows, from what stands behind `<a href="`. `None` where
/// more than the anchor is there: what was said beside a link must not be lost.
fn anchor(rest: &str) -> Option<(&str, Cow<'_, str>)> {
    let (link, rest) = rest.split_once(['"', '\''])?;
    let (_, text) = rest.split_once('>')?;
    let (text, end) = text.split_once('<')?;
    let text = text.trim();
    let shown = quick_xml::escape::unescape(text).unwrap_or(Cow::Borrowed(text));
    end.eq_ignore_ascii_case("/a>").then_some((link, shown))
}

/// True for `<a href=`, however it is written.
fn is_anchor(text: &str) -> bool {
    let plain: String = text.split_whitespace().collect();
    plain.eq_ignore_ascii_case("<ahref=")
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
