use std::collections::HashMap;

use data_encoding::HEXLOWER;
use ldap3::SearchEntry;

use super::{answer::LARGEST, problem::LdapProblem};
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

/// Values of one attribute, at most. Active Directory keeps them in one record of a page of its database: 3,937
/// in one of 8 KB if nothing else stood there, 1,200 in practice (`TechNet` Wiki, "Active Directory:
/// Non-Linked Multi-Valued Attribute Size Limits"); pages have four times that since Windows Server 2025.
pub(super) const MOST_VALUES: usize = 50_000;

/// What is asked of every user.
pub(super) const ATTRIBUTES: [&str; 6] = [ID, PRINCIPAL_NAME, MAIL, PROXIES, SIP, FLAGS];

/// An entry as the server sends it.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) dn: String,
    /// Values by attribute, in lower case and with options.
    values: HashMap<String, Vec<Vec<u8>>>,
}

/// Values of an attribute that came together, and are not all.
pub(super) struct Part {
    attribute: &'static str,
    /// The first one's number, from 0.
    first: u32,
    /// The last one's number; `None` when none is behind it.
    last: Option<u32>,
    values: Vec<Vec<u8>>,
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

    /// Takes out values that came under the name of a range; `None` for an attribute that came whole. A server
    /// hands out 1,500 values at once, or 5,000, and names those it sent: `proxyAddresses;range=0-1499`; behind
    /// the last ones stands `*` ([MS-ADTS], "Range Retrieval of Attribute Values").
    pub(super) fn part(&mut self, attribute: &'static str) -> Result<Option<Part>, LdapProblem> {
        let name = format!("{};range=", attribute.to_ascii_lowercase());
        let key = self.values.keys().find(|key| key.starts_with(&name));
        let Some((key, values)) = key.cloned().and_then(|key| self.values.remove_entry(&key))
        else {
            return Ok(None);
        };
        let range = key[name.len()..].split_once('-');
        let (first, last) = range.ok_or(LdapProblem::Malformed)?;
        let number = |text: &str| text.parse().map_err(|_| LdapProblem::Malformed);
        Ok(Some(Part {
            attribute,
            first: number(first)?,
            last: (last != "*").then(|| number(last)).transpose()?,
            values,
        }))
    }

    /// Puts a part to those before it, of which it has to be the next: so many values came already. Gives how
    /// many there are then; `None` when none is kept back any more.
    pub(super) fn add(&mut self, part: Part, before: u32) -> Result<Option<u32>, LdapProblem> {
        let attribute = part.attribute;
        if part.first != before {
            return Err(LdapProblem::Standstill { attribute });
        }
        let next = match part.last {
            Some(last) if last < before || part.values.is_empty() => {
                return Err(LdapProblem::Standstill { attribute });
            }
            Some(last) => Some(last.saturating_add(1)),
            None => None,
        };
        let all = self.values.entry(attribute.to_ascii_lowercase());
        let all = all.or_default();
        all.extend(part.values);
        let values = all.len().max(next.unwrap_or_default() as usize);
        if values > MOST_VALUES || all.iter().map(Vec::len).sum::<usize>() > LARGEST {
            return Err(LdapProblem::TooMany { attribute, values });
        }
        Ok(next)
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

    /// What comes of parts that are asked for one behind the other.
    fn gathered(
        parts: impl IntoIterator<Item = Entry>,
    ) -> Result<(Entry, Option<u32>), LdapProblem> {
        let mut user = entry(&[("userPrincipalName", &["ann@contoso.com"])]);
        let mut next = Some(0);
        for mut part in parts {
            let part = part.part(PROXIES)?.unwrap();
            next = user.add(part, next.unwrap())?;
        }
        Ok((user, next))
    }

    #[test]
    fn more_than_1500_addresses_come_in_ranges() {
        let first = entry(&[
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

        let (user, next) = gathered([first, second, last]).unwrap();

        assert_eq!(next, None);
        let user = user.user("01").unwrap();
        assert_eq!(directory::aliases(&user).count(), 4);
        assert_eq!(directory::mailbox(&user), Some("e@x.com"));
    }

    #[test]
    fn a_range_that_is_the_only_one_is_read() {
        let only = entry(&[("proxyAddresses;range=0-*", &["SMTP:e@x.com"])]);

        let (user, next) = gathered([only]).unwrap();

        assert_eq!(next, None);
        let user = user.user("01").unwrap();
        assert_eq!(directory::mailbox(&user), Some("e@x.com"));
    }

    #[test]
    fn ranges_that_leave_values_out_or_end_in_nothing_are_refused() {
        let first = || {
            entry(&[(
                "proxyAddresses;range=0-1",
                &["smtp:a@x.com", "smtp:b@x.com"],
            )])
        };
        let behind = |range: &str, values: &[&str]| {
            let name = format!("proxyAddresses;range={range}");
            gathered([first(), entry(&[(&name, values)])]).map(|(_, next)| next)
        };
        let one: &[&str] = &["smtp:c@x.com"];

        for (range, values) in [("3-4", one), ("2-1", one), ("2-3", &[])] {
            let told = behind(range, values);
            assert!(
                matches!(told, Err(LdapProblem::Standstill { .. })),
                "{range}"
            );
        }
        for odd in ["2", "2-", "2-4294967296", "-1-3", "x-*"] {
            assert!(
                matches!(behind(odd, one), Err(LdapProblem::Malformed)),
                "{odd}"
            );
        }
    }

    #[test]
    fn more_values_than_any_user_has_are_refused() {
        let announced = entry(&[("proxyAddresses;range=0-4294967295", &["smtp:a@x.com"])]);
        let many = vec!["smtp:a@x.com"; MOST_VALUES + 1];
        let sent = entry(&[("proxyAddresses;range=0-1", &many)]);
        let long = "a".repeat(LARGEST + 1);
        let long = entry(&[("proxyAddresses;range=0-0", &[&long])]);

        for part in [announced, sent, long] {
            let told = gathered([part]).err().unwrap();
            assert!(matches!(told, LdapProblem::TooMany { .. }), "{told}");
            assert!(!told.is_outage());
        }
    }
}
