//! MAPI properties as Exchange Web Services name them ("`ExtendedFieldURI`", [MS-OXWSXPROP] 2.1.5).

use super::xml::{self, Element};

/// `PR_MESSAGE_FLAGS` ([MS-OXCMSG] 2.2.1.6). Only the request that creates a message can say that it is no
/// draft.
pub(super) const FLAGS: &str =
    "<t:ExtendedFieldURI PropertyTag=\"0x0E07\" PropertyType=\"Integer\"/>";
/// `PR_CLIENT_SUBMIT_TIME` ([MS-OXOMSG] 2.2.3.11): the date sent.
pub(super) const SUBMITTED: &str =
    "<t:ExtendedFieldURI PropertyTag=\"0x0039\" PropertyType=\"SystemTime\"/>";
/// `PR_MESSAGE_DELIVERY_TIME` ([MS-OXOMSG] 2.2.3.9): the date received.
pub(super) const DELIVERED: &str =
    "<t:ExtendedFieldURI PropertyTag=\"0x0E06\" PropertyType=\"SystemTime\"/>";
/// `PR_POLICY_TAG` ([MS-OXCMSG] 2.2.1.60.2): the GUID of a retention tag.
pub(super) const TAG: &str = "<t:ExtendedFieldURI PropertyTag=\"0x3019\" PropertyType=\"Binary\"/>";
/// `PR_RETENTION_PERIOD` ([MS-OXCMSG] 2.2.1.60.3): the days of that tag.
pub(super) const PERIOD: &str =
    "<t:ExtendedFieldURI PropertyTag=\"0x301A\" PropertyType=\"Integer\"/>";
/// The numbers of the two above.
pub(super) const TAG_NUMBER: u16 = 0x3019;
pub(super) const PERIOD_NUMBER: u16 = 0x301A;
/// The seed property: every participant's address. Among the public strings, where searches look.
pub(super) const EMAIL: &str = "<t:ExtendedFieldURI DistinguishedPropertySetId=\"PublicStrings\" \
    PropertyName=\"Email\" PropertyType=\"String\"/>";
/// The Message-ID once more, as the import key: Exchange never changes it.
pub(super) const KEY: &str = "<t:ExtendedFieldURI \
    PropertySetId=\"5b0f2d6e-3a41-4c57-9d1b-7e60c2a4f813\" PropertyName=\"ChatkeepKey\" \
    PropertyType=\"String\"/>";
/// Ties what stands in the mailbox to the bytes that were rendered.
pub(super) const SEAL: &str = "<t:ExtendedFieldURI \
    PropertySetId=\"5b0f2d6e-3a41-4c57-9d1b-7e60c2a4f813\" PropertyName=\"ChatkeepSeal\" \
    PropertyType=\"String\"/>";

/// A property with its value.
pub(super) fn set(property: &str, value: &str) -> String {
    let value = xml::text(value);
    format!("<t:ExtendedProperty>{property}<t:Value>{value}</t:Value></t:ExtendedProperty>")
}

/// The value of a named property of an item.
pub(super) fn value<'a>(item: &'a Element, name: &str) -> Option<&'a str> {
    let mut properties = item.children.iter().filter(|child| {
        let field = child.child("ExtendedFieldURI");
        field.and_then(|field| field.attribute("PropertyName")) == Some(name)
    });
    properties.next()?.text_at(&["Value"])
}

/// The value of a property that has a number instead of a name: `PropertyTag` is hexadecimal or decimal
/// ([MS-OXWSXPROP] 2.1.5).
pub(super) fn tagged(item: &Element, number: u16) -> Option<&str> {
    let is_it = |tag: &str| match tag.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16) == Ok(number),
        None => tag.parse() == Ok(number),
    };
    let mut properties = item.children.iter().filter(|child| {
        let field = child.child("ExtendedFieldURI");
        let tag = field.and_then(|field| field.attribute("PropertyTag"));
        tag.is_some_and(is_it)
    });
    properties.next()?.text_at(&["Value"])
}
