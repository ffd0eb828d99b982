//! A user, as Graph tells it, as the mirror keeps it, and as the snapshot has it.

use chatkeep_staging::sorting::Sortable;
use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};

use crate::directory::{self, User};

/// A user in the mirror: what Graph last said of each property.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) id: String,
    name: String,
    mail: String,
    proxies: Vec<String>,
    sip: Vec<String>,
    is_guest: bool,
    is_disabled: bool,
}

/// What changed of a user; what is `None` did not. Sorted by user, then as it was told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) id: String,
    sequence: u64,
    is_removed: bool,
    name: Option<String>,
    mail: Option<String>,
    proxies: Option<Vec<String>>,
    sip: Option<Vec<String>>,
    is_guest: Option<bool>,
    is_disabled: Option<bool>,
}

impl Sortable for Change {
    fn weight(&self) -> usize {
        let lists = [&self.proxies, &self.sip].into_iter().flatten().flatten();
        let texts = lists.chain(&self.name).chain(&self.mail).chain([&self.id]);
        texts.map(|text| text.len() + size_of::<String>()).sum()
    }
}

/// A user as Graph tells it. A property that is `null` is told: it is empty now.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    id: String,
    #[serde(rename = "@removed")]
    removed: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "told")]
    user_principal_name: Option<String>,
    #[serde(default, deserialize_with = "told")]
    mail: Option<String>,
    #[serde(default, deserialize_with = "told")]
    proxy_addresses: Option<Vec<String>>,
    #[serde(default, deserialize_with = "told")]
    im_addresses: Option<Vec<String>>,
    #[serde(default, deserialize_with = "told")]
    user_type: Option<String>,
    account_enabled: Option<bool>,
}

/// `null` is nothing, but told.
fn told<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<T>, D::Error> {
    Ok(Some(Option::<T>::deserialize(value)?.unwrap_or_default()))
}

impl Told {
    /// `sequence` counts what was told in a round: of one user, the last is what holds.
    pub(super) fn into_change(self, sequence: u64) -> Change {
        Change {
            id: self.id,
            sequence,
            is_removed: self.removed.is_some(),
            name: self.user_principal_name,
            mail: self.mail,
            proxies: self.proxy_addresses,
            sip: self.im_addresses,
            is_guest: self.user_type.map(|kind| kind == "Guest"),
            is_disabled: self.account_enabled.map(|is_enabled| !is_enabled),
        }
    }
}

impl Change {
    /// What the user is afterwards; `None` for one who is gone.
    ///
    /// Graph may leave out what did not change, also where nobody asked for that, so what is not told
    /// stays as it was.
    pub(super) fn apply(self, person: Option<Person>) -> Option<Person> {
        if self.is_removed {
            return None;
        }
        let old = person.unwrap_or_default();
        Some(Person {
            id: self.id,
            name: self.name.unwrap_or(old.name),
            mail: self.mail.unwrap_or(old.mail),
            proxies: self.proxies.unwrap_or(old.proxies),
            sip: self.sip.unwrap_or(old.sip),
            is_guest: self.is_guest.unwrap_or(old.is_guest),
            is_disabled: self.is_disabled.unwrap_or(old.is_disabled),
        })
    }
}

impl Person {
    /// Invited from elsewhere: the mailbox is elsewhere too.
    pub(super) fn is_guest(&self) -> bool {
        self.is_guest || self.name.to_ascii_uppercase().contains("#EXT#")
    }

    pub(super) fn is_disabled(&self) -> bool {
        self.is_disabled
    }

    /// The row in the snapshot.
    pub(super) fn row(&self) -> User {
        directory::member(&self.id, &self.name, &self.mail, &self.proxies, &self.sip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &str, person: Option<Person>) -> Option<Person> {
        let told: Told = serde_json::from_str(json).unwrap();
        told.into_change(1).apply(person)
    }

    fn ann() -> Person {
        let json = r#"{"id":"1","userPrincipalName":"Ann@contoso.com","mail":"Ann.Example@contoso.com",
            "proxyAddresses":["SMTP:Ann.Example@contoso.com","smtp:a@contoso.com","X500:/o=x"],
            "imAddresses":["ann@contoso.com"],"userType":"Member","accountEnabled":true}"#;
        told(json, None).unwrap()
    }

    #[test]
    fn a_user_becomes_the_row_that_a_file_would_have() {
        let row = ann().row();

        assert_eq!(row[0], "ann@contoso.com");
        assert_eq!(row[2], "SMTP:ann.example@contoso.com;smtp:a@contoso.com");
        assert_eq!(directory::mailbox(&row), Some("ann.example@contoso.com"));
        assert!(directory::sip_addresses(&row).eq(["ann@contoso.com"]));
    }

    #[test]
    fn what_is_not_told_stays_and_what_is_null_is_empty() {
        let renamed = told(r#"{"id":"1","mail":"b@contoso.com"}"#, Some(ann())).unwrap();
        let emptied = told(r#"{"id":"1","mail":null}"#, Some(ann())).unwrap();

        assert_eq!(renamed.row()[1], "b@contoso.com");
        assert_eq!(renamed.row()[3], "ann@contoso.com");
        assert_eq!(emptied.row()[1], "");
    }

    #[test]
    fn who_is_removed_is_gone_and_may_come_back() {
        let removed = r#"{"id":"1","@removed":{"reason":"changed"}}"#;
        let back = r#"{"id":"1","userPrincipalName":"ann@contoso.com"}"#;

        assert_eq!(told(removed, Some(ann())), None);
        let back = told(back, None).unwrap();
        assert_eq!(back.row()[3], "", "nothing of before is left");
    }

    #[test]
    fn guests_are_known_by_type_and_by_name() {
        let by_type = told(
            r#"{"id":"1","userPrincipalName":"b@x.com","userType":"Guest"}"#,
            None,
        );
        let by_name = told(
            r#"{"id":"1","userPrincipalName":"b_x.com#EXT#@contoso.onmicrosoft.com","userType":"Member"}"#,
            None,
        );

        assert!(by_type.unwrap().is_guest());
        assert!(by_name.unwrap().is_guest());
        assert!(!ann().is_guest());
    }

    #[test]
    fn an_x500_name_is_nobodys_mailbox_wherever_it_stands() {
        let json = r#"{"id":"1","userPrincipalName":"eve@contoso.com","mail":"/o=x/cn=eve@contoso.com",
            "proxyAddresses":["SMTP:/o=x/cn=eve@contoso.com","X500:/o=ExchangeLabs/cn=4f-eve"]}"#;

        let row = told(json, None).unwrap().row();

        assert_eq!(directory::mailbox(&row), None);
        assert!(directory::aliases(&row).eq(["eve@contoso.com"]));
    }

    #[test]
    fn who_has_no_address_has_no_mailbox_though_the_name_looks_like_one() {
        let json = r#"{"id":"ace08ec9-aa11-4ada-9145-addf0398233e","userPrincipalName":"eve@contoso.com"}"#;

        let row = told(json, None).unwrap().row();

        assert_eq!(directory::mailbox(&row), None);
        assert!(directory::aliases(&row).eq(["eve@contoso.com"]));
        assert_eq!(
            directory::principal_name(&row),
            "ace08ec9-aa11-4ada-9145-addf0398233e"
        );
    }
}
