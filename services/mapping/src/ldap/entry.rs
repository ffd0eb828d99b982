use std::collections::HashMap;

use data_encoding::HEXLOWER;
use ldap3::SearchEntry;

use crate::{
    directory::{self, User},
    table::normalized,
};

/// The attribute that tells users apart, whatever they are called: 16 bytes ([MS-ADA3]).
pub(super) const ID: &str = "objectGUID";

const PRINCIPAL_NAME: &str = "userPrincipalName";
const MAIL: &str = "mail";
const PROXIES: &str = "proxyAddresses";
/// The SIP address, `sip:ann@contoso.com`; also of users who may not sign in any more.
const SIP: &str = "msRTCSIP-PrimaryUserAddress";

/// Flags of the account; of those that may not sign in: `ADS_UF_ACCOUNTDISABLE` ([MS-ADTS] 2.2,
/// "userAccountControl Bits"). They are users like others: their mailboxes and past conversations are
/// there all the same.
const FLAGS: &str = "userAccountControl";
const DISABLED: u32 = 2;

/// What is asked of every user.
pub(super) const ATTRIBUTES: [&str; 6] = [ID, PRINCIPAL_NAME, MAIL, PROXIES, SIP, FLAGS];

/// An entry as the server sends it.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) dn: String,
    /// Values by attribute, in lower case and with options.
    values: HashMap<String, Vec<Vec<u8>>>,
}

/// Values that the server has kept back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct More {
    /// The attribute.
    pub(super) attribute: &'static str,
    /// The first value that is missing, from 0.
    pub(super) first: u32,
}

impl From<SearchEntry> for Entry {
    fn from(entry: SearchEntry) -> Self {
        let bytes = |values: Vec<String>| values.into_iter().map(String::into_bytes).collect();
        let texts = entry
            .attrs
            .into_iter()
            .map(|(name, values)| (name, bytes(values)));
        let all = texts.chain(entry.bin_attrs);
        Self {
            dn: entry.dn,
            values: all
                .map(|(name, values)| (name.to_ascii_lowercase(), values))
                .collect(),
        }
    }
}

impl Entry {
    /// The first value of an attribute.
    pub(super) fn first(&self, attribute: &str) -> Option<&[u8]> {
        let values = self.values.get(&attribute.to_ascii_lowercase())?;
        values.first().map(Vec::as_slice)
    }

    /// The first value of an attribute, as a text.
    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        std::str::from_utf8(self.first(attribute)?).ok()
    }

    /// The user's id, hexadecimal; `None` for what is no object of Active Directory.
    pub(super) fn id(&self) -> Option<String> {
        let id = self.first(ID).filter(|id| !id.is_empty());
        id.map(|id| HEXLOWER.encode(id))
    }

    /// The user's addresses; `None` for guests.
    pub(super) fn user(&self, id: &str) -> Option<User> {
        let name = normalized(self.text(PRINCIPAL_NAME).unwrap_or_default());
        let mail = self.text(MAIL).unwrap_or_default();
        let (proxies, sip) = (self.texts(PROXIES), self.texts(SIP));
        (!name.contains("#ext#")).then(|| directory::member(id, &name, mail, &proxies, &sip))
    }

    /// Whether the user may not sign in.
    pub(super) fn is_disabled(&self) -> bool {
        let flags = self.text(FLAGS).and_then(|flags| flags.parse().ok());
        // The number is signed on the wire.
        flags.is_some_and(|flags: i64| flags & i64::from(DISABLED) != 0)
    }

    /// All values of an attribute that are texts.
    fn texts(&self, attribute: &str) -> Vec<&str> {
        let values = self.values.get(&attribute.to_ascii_lowercase());
        let texts = values.into_iter().flatten();
        texts
            .filter_map(|value| std::str::from_utf8(value).ok())
            .collect()
    }

    /// What is left to ask for. A server hands out 1,500 values at once, or 5,000, and names those it
    /// sent: `proxyAddresses;range=0-1499`; behind the last ones stands `*` ([MS-ADTS], "Range Retrieval
    /// of Attribute Values").
    pub(super) fn more(&self) -> Option<More> {
        let missing = |attribute: &&'static str| {
            let name = format!("{};range=", attribute.to_ascii_lowercase());
            let ranges = self.values.keys().filter_map(|key| key.strip_prefix(&name));
            let last = ranges.filter_map(|range| range.split_once('-')?.1.parse::<u32>().ok());
            last.max()?.checked_add(1)
        };
        let mut attributes = ATTRIBUTES.iter();
        attributes.find_map(|attribute| missing(attribute).map(|first| More { attribute, first }))
    }

    /// Adds the values that were kept back. False when they are not those that were asked for.
    pub(super) fn add(&mut self, more: &More, part: &Self) -> bool {
        let name = more.attribute.to_ascii_lowercase();
        let begins = format!("{name};range={}-", more.first);
        let found = part.values.iter().find(|(key, _)| key.starts_with(&begins));
        let Some((range, values)) = found else {
            return false;
        };
        let is_option = |key: &String| key.starts_with(&format!("{name};range="));
        let ranges: Vec<String> = self
            .values
            .keys()
            .filter(|key| is_option(key))
            .cloned()
            .collect();
        let mut all = self.values.remove(&name).unwrap_or_default();
        for range in ranges {
            all.extend(self.values.remove(&range).unwrap_or_default());
        }
        all.extend(values.iter().cloned());
        let is_last = range.ends_with("-*");
        let name = if is_last { name } else { range.clone() };
        self.values.insert(name, all);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: &[(&str, &[&str])]) -> Entry {
        let values = |values: &[&str]| {
            values
                .iter()
                .map(|value| value.as_bytes().to_vec())
                .collect()
        };
        let named = |(name, of): &(&str, &[&str])| (name.to_ascii_lowercase(), values(of));
        Entry {
            dn: "CN=ann".to_owned(),
            values: attributes.iter().map(named).collect(),
        }
    }

    #[test]
    fn an_odd_mail_attribute_is_passed_over_and_the_user_is_not() {
        let user = entry(&[
            ("userPrincipalName", &["ann@contoso.com"]),
            ("mail", &["see assistant"]),
            (
                "proxyAddresses",
                &["SMTP:Ann.Example@contoso.com", "X500:/o=x"],
            ),
        ]);

        let user = user.user("01").unwrap();

        assert_eq!(directory::mailbox(&user), Some("ann.example@contoso.com"));
    }

    #[test]
    fn who_has_no_mail_is_known_and_has_no_mailbox() {
        let named = entry(&[
            ("userPrincipalName", &["Ann@contoso.com"]),
            (
                "msRTCSIP-PrimaryUserAddress",
                &["sip:Ann.Example@contoso.com"],
            ),
        ]);
        let nameless = entry(&[("proxyAddresses", &["SMTP:bob@contoso.com"])]);

        let (named, nameless) = (named.user("01").unwrap(), nameless.user("02").unwrap());

        assert_eq!(directory::mailbox(&named), None);
        assert!(directory::sip_addresses(&named).eq(["ann.example@contoso.com"]));
        assert!(directory::aliases(&named).eq(["ann@contoso.com"]));
        assert_eq!(directory::mailbox(&nameless), Some("bob@contoso.com"));
        assert_eq!(directory::principal_name(&nameless), "02");
    }

    #[test]
    fn guests_are_no_users() {
        let guest = entry(&[(
            "userPrincipalName",
            &["b_x.com#EXT#@contoso.onmicrosoft.com"],
        )]);

        assert_eq!(guest.user("01"), None);
    }

    #[test]
    fn more_than_1500_addresses_come_in_ranges() {
        let mut user = entry(&[
            ("userPrincipalName", &["ann@contoso.com"]),
            ("proxyAddresses", &[]),
            (
                "proxyAddresses;range=0-1",
                &["smtp:a@x.com", "smtp:b@x.com"],
            ),
        ]);
        let second = entry(&[(
            "proxyAddresses;Range=2-3",
            &["smtp:c@x.com", "smtp:d@x.com"],
        )]);
        let last = entry(&[("proxyAddresses;range=4-*", &["SMTP:e@x.com"])]);

        let more = user.more().unwrap();
        assert_eq!((more.attribute, more.first), ("proxyAddresses", 2));
        assert!(!user.add(&more, &last), "values were left out");
        assert!(user.add(&more, &second));
        let more = user.more().unwrap();
        assert_eq!(more.first, 4);
        assert!(user.add(&more, &last));

        assert_eq!(user.more(), None);
        let user = user.user("01").unwrap();
        assert_eq!(directory::aliases(&user).count(), 4);
        assert_eq!(directory::mailbox(&user), Some("e@x.com"));
    }
}
