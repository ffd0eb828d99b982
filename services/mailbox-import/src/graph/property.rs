//! MAPI properties as Graph names them ("singleValueLegacyExtendedProperty resource type").

/// `PR_MESSAGE_FLAGS` ([MS-OXCMSG] 2.2.1.6). Only the request that creates a message can say that it is no
/// draft.
pub(super) const FLAGS: &str = "Integer 0x0E07";
/// `PR_CLIENT_SUBMIT_TIME` ([MS-OXOMSG] 2.2.3.11): the date sent.
pub(super) const SUBMITTED: &str = "SystemTime 0x0039";
/// `PR_MESSAGE_DELIVERY_TIME` ([MS-OXOMSG] 2.2.3.9): the date received.
pub(super) const DELIVERED: &str = "SystemTime 0x0E06";
/// `PR_MESSAGE_CLASS` ([MS-OXCMSG] 2.2.1.3).
pub(super) const CLASS: &str = "String 0x001A";
/// `PR_INTERNET_MESSAGE_ID` ([MS-OXOMSG] 2.2.1.12).
pub(super) const MESSAGE_ID: &str = "String 0x1035";
/// `PR_INTERNET_REFERENCES` ([MS-OXOMSG] 2.2.1.26).
pub(super) const REFERENCES: &str = "String 0x1039";
/// `PR_IN_REPLY_TO_ID` ([MS-OXOMSG] 2.2.1.13).
pub(super) const IN_REPLY_TO: &str = "String 0x1042";
/// `PR_POLICY_TAG` ([MS-OXCMSG] 2.2.1.60.2): the GUID of a retention tag.
pub(super) const TAG: &str = "Binary 0x3019";
/// `PR_RETENTION_PERIOD` ([MS-OXCMSG] 2.2.1.60.3): the days of that tag.
pub(super) const PERIOD: &str = "Integer 0x301A";
/// The seed property: every participant's address. Among the public strings, where searches look.
pub(super) const EMAIL: &str = "String {00020329-0000-0000-C000-000000000046} Name Email";
/// The Message-ID once more, as the import key: Exchange never changes it.
pub(super) const KEY: &str = "String {5b0f2d6e-3a41-4c57-9d1b-7e60c2a4f813} Name ChatkeepKey";
/// Ties what stands in the mailbox to the bytes that were rendered.
pub(super) const SEAL: &str = "String {5b0f2d6e-3a41-4c57-9d1b-7e60c2a4f813} Name ChatkeepSeal";
/// How many files the whole message has, where they come in requests of their own.
pub(super) const FILES: &str = "Integer {5b0f2d6e-3a41-4c57-9d1b-7e60c2a4f813} Name ChatkeepFiles";

/// A header field of the message, among the internet headers.
pub(super) fn header(name: &str) -> String {
    format!("String {{00020386-0000-0000-C000-000000000046}} Name {name}")
}

/// Whether Graph means a property by this id: it answers with its own spelling of what it was asked,
/// `String 0x1a` for `String 0x001A`.
pub(super) fn is(id: &str, property: &str) -> bool {
    plain(id) == plain(property)
}

fn plain(id: &str) -> String {
    let id = id.to_ascii_lowercase();
    match id.split_once(" 0x") {
        Some((kind, tag)) => format!("{kind} 0x{}", tag.trim_start_matches('0')),
        None => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphs_own_spelling_of_an_id_is_understood() {
        assert!(is("String 0x1a", CLASS));
        assert!(is("SystemTime 0xe06", DELIVERED));
        assert!(is(
            "string {00020329-0000-0000-c000-000000000046} name email",
            EMAIL
        ));
        assert!(!is("String 0x1b", CLASS));
        assert!(!is(KEY, SEAL));
    }
}
