//! What became of a message.

use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::letter::{DATE, Letter};
use crate::{
    graph::{
        client::Client,
        listing::{Property, expand, value},
        mailbox::message,
        property, reading,
        trouble::Trouble,
    },
    trial::Point,
};

/// A message as Exchange has it now.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Looked {
    is_draft: bool,
    is_read: bool,
    received_date_time: Timestamp,
    #[serde(default)]
    internet_message_id: Option<String>,
    #[serde(default)]
    from: Option<Recipient>,
    #[serde(default)]
    sender: Option<Recipient>,
    #[serde(default)]
    single_value_extended_properties: Vec<Property>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: Address,
}

#[derive(Deserialize)]
struct Address {
    #[serde(default)]
    address: Option<String>,
}

/// What should be so: text, test, and what to do where it is not.
type Test = (&'static str, fn(&Seen<'_>) -> bool, &'static str);

/// A message as it was sent, as it stands, and the class it should have.
struct Seen<'a> {
    letter: &'a Letter,
    looked: Looked,
    class: &'a str,
}

const STOPS: &str = "an import stops at its first message; do not archive into this tenant";
const TESTS: [Test; 6] = [
    (
        "1: imported messages are no drafts",
        |seen| !seen.looked.is_draft,
        STOPS,
    ),
    (
        "1: imported messages are read",
        |seen| seen.looked.is_read,
        STOPS,
    ),
    (
        "1: imported messages have the date received that they were given",
        |seen| seen.looked.received_date_time.as_second() == DATE,
        STOPS,
    ),
    (
        "2: a sender who is not the owner is kept, without \"on behalf of\"",
        |seen| seen.is_from(seen.looked.from.as_ref()) && seen.is_from(seen.looked.sender.as_ref()),
        "Outlook shows somebody else as the sender; the transcript in the message names who wrote",
    ),
    (
        "3: the item class is kept",
        |seen| {
            let properties = &seen.looked.single_value_extended_properties;
            let class = value(properties, property::CLASS).unwrap_or_default();
            class.eq_ignore_ascii_case(seen.class)
        },
        "set class = \"IPM.Note\" in [item]",
    ),
    (
        "4: the Message-ID is kept as internetMessageId",
        |seen| seen.looked.internet_message_id.as_ref() == Some(&seen.letter.message.id),
        "items are found by ChatkeepKey all the same",
    ),
];

impl Seen<'_> {
    fn is_from(&self, recipient: Option<&Recipient>) -> bool {
        let address = recipient.and_then(|recipient| recipient.email_address.address.as_ref());
        address.is_some_and(|address| address.eq_ignore_ascii_case(&self.letter.sender))
    }
}

/// Looks at messages: letters, and the ids they stand under.
pub(super) async fn look(
    client: &Client,
    standing: &[(&Letter, String)],
    class: &str,
) -> Result<Vec<Point>, Trouble> {
    let mut seen = Vec::new();
    for (letter, id) in standing {
        let fields = "isDraft,isRead,receivedDateTime,internetMessageId,from,sender";
        let expand = expand(&[property::CLASS]);
        let path = format!("{}?$select={fields}&{expand}", message(client, id));
        let looked = client.get(&path).await?;
        seen.push(Seen {
            letter,
            looked,
            class,
        });
    }
    let tests = TESTS.iter().map(|(text, test, remedy)| {
        let wrong = seen.iter().filter(|seen| !test(seen)).count();
        let reason = || format!("{wrong} of {} are otherwise; {remedy}", seen.len());
        Point::judged(text, if wrong == 0 { Ok(()) } else { Err(reason()) })
    });
    Ok(tests.collect())
}

/// Whether a message reads as it was sent, files and all, by what `chatkeep verify` compares.
pub(super) async fn is_unaltered(
    client: &Client,
    letter: &Letter,
    id: &str,
) -> Result<bool, Trouble> {
    let read = reading::read(client, id).await?;
    let sha256 = Sha256::digest(&letter.message.bytes).into();
    Ok(read.content.is(&sha256))
}
