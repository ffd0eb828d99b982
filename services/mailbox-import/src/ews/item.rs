//! Turns a rendered message into the item that a request creates.

use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{property, xml};
use crate::{
    exchange::{Marks, fields::Fields, mime},
    target::{Message, seal},
};

/// The `Message` element of a message, whose bytes are ours ([MS-OXWSMSG] 2.2.4.1; the order is the
/// schema's). `None` where they are not MIME.
pub(super) fn element(message: &Message, marks: &Marks) -> Option<String> {
    let mail = mime::read(&message.bytes)?;
    let digest = Fields::of_mail(&mail, &mail.files, message, &marks.class).digest();
    let seal = seal(&Sha256::digest(&message.bytes).into(), &digest);
    let properties = [
        // MSGFLAG_READ; without MSGFLAG_UNSENT the message is no draft.
        property::set(property::FLAGS, "1"),
        property::set(property::SUBMITTED, &utc(mail.date.unwrap_or(message.date))),
        property::set(property::DELIVERED, &utc(message.date)),
        property::set(property::KEY, &message.id),
        property::set(property::SEAL, &HEXLOWER.encode(&seal)),
        property::set(property::EMAIL, &mail.email),
        tag(marks),
    ]
    .concat();
    Some(format!(
        "<t:Message><t:MimeContent CharacterSet=\"UTF-8\">{}</t:MimeContent><t:ItemClass>{}</t:ItemClass>\
         {properties}<t:IsRead>true</t:IsRead></t:Message>",
        BASE64.encode(&message.bytes),
        xml::text(&marks.class)
    ))
}

fn tag(marks: &Marks) -> String {
    let Some(tag) = marks.tag else {
        return String::new();
    };
    let id = property::set(property::TAG, &BASE64.encode(&tag.id.bytes()));
    id + &property::set(property::PERIOD, &tag.days.to_string())
}

/// A time as the schema writes it; seconds since 1970.
pub(super) fn utc(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
