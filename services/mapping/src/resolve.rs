//! Whose mailbox a participant's copy belongs to. Pure.

use std::sync::Arc;

use chatkeep_model::{
    address,
    connector::{Connector, Unmapped},
};

use crate::{
    custom::CustomMapping,
    index::{Found, Index, Level},
    table::normalized,
};

/// Where a participant's copy goes, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement<'a> {
    /// Into this mailbox.
    Mapped(&'a str, Rule),
    /// Nowhere yet: ours, but no mailbox known.
    Held,
    /// Nowhere: not ours.
    External,
    /// Nowhere yet: users with different mailboxes have the address.
    Conflict(Level),
}

/// What decided that a participant has a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The custom mapping.
    Custom,
    /// The directory.
    Directory(Level),
    /// The mailbox for everybody of ours who has none.
    CatchAll,
}

/// The mapping part of a connector.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    automatic: bool,
    domains: Vec<String>,
    catch_all: Option<String>,
}

impl Rules {
    pub(crate) fn of(connector: &Connector) -> Self {
        Self {
            automatic: connector.mapping.automatic,
            domains: connector.domains(),
            catch_all: match &connector.mapping.unmapped {
                Unmapped::Hold => None,
                Unmapped::CatchAll(mailbox) => Some(mailbox.clone()),
            },
        }
    }
}

/// Resolves participants under one directory and one custom mapping.
pub(crate) struct Resolver {
    pub(crate) rules: Rules,
    pub(crate) directory: Arc<Index>,
    pub(crate) custom: Arc<CustomMapping>,
}

impl Resolver {
    /// Finds the place of a participant known by an address and perhaps the source's own e-mail
    /// evidence, both in any form. The custom mapping wins; then the directory is asked for the address,
    /// then for the evidence.
    pub(crate) fn resolve(&self, address: &str, email: &str) -> Placement<'_> {
        let address = normalized(address);
        let email = normalized(email);
        let identities = [&*address, &*email];
        let custom = identities.iter().find_map(|it| self.custom.mailbox(it));
        if let Some(mailbox) = custom {
            return Placement::Mapped(mailbox, Rule::Custom);
        }
        let mut is_user = false;
        if self.rules.automatic {
            for identity in identities {
                match self.directory.find(identity) {
                    Found::Mailbox(mailbox, level) => {
                        return Placement::Mapped(mailbox, Rule::Directory(level));
                    }
                    Found::Conflict(level) => return Placement::Conflict(level),
                    Found::NoMailbox => is_user = true,
                    Found::Nobody => {}
                }
            }
        }
        if is_user || identities.iter().any(|it| self.is_ours(it)) {
            self.unmapped()
        } else {
            Placement::External
        }
    }

    fn unmapped(&self) -> Placement<'_> {
        let catch_all = self.rules.catch_all.as_deref();
        catch_all.map_or(Placement::Held, |mailbox| {
            Placement::Mapped(mailbox, Rule::CatchAll)
        })
    }

    /// True for somebody of ours: a person in one of our domains. Conferences and applications have
    /// parameters behind the domain, telephones begin with `+`.
    fn is_ours(&self, address: &str) -> bool {
        let domain = address::domain(address).unwrap_or_default();
        let is_our_domain = self.rules.domains.iter().any(|ours| ours == domain);
        is_our_domain && !address.starts_with('+')
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Cursor, path::Path};

    use super::*;
    use crate::directory::Directory;

    const DIRECTORY: &str = "userPrincipalName,displayName,mail,proxyAddresses,sipAddress\n\
        ann@contoso.com,Ann,Ann.Example@contoso.com,smtp:ann.maiden@contoso.com,sip:ann.sip@contoso.com\n\
        bob@contoso.com,Bob,bob@contoso.com,,sip:shared@contoso.com\n\
        eve@contoso.com,Eve,eve@contoso.com,,sip:shared@contoso.com\n\
        4711,Machine,,smtp:machine@contoso.com,\n\
        kim@contoso.com,Kim,kim@subsidiary.org,,sip:kim@subsidiary.org\n";

    fn resolver(mapping: &str, custom: &str) -> Resolver {
        let connector = format!(
            "name='c'\ndomain='contoso.com'\n[[sources]]\ntype='archiving-export'\npath='e'\n\
             [directory]\ntype='csv'\npath='d'\n[mapping]\n{mapping}\n[target]\ntype='discard'\n"
        );
        let connector = Connector::parse(&connector, Path::new("/")).unwrap();
        let custom = Cursor::new(format!("source_user,mailbox\n{custom}").into_bytes());
        let directory = Directory::read(Path::new("d"), Cursor::new(DIRECTORY)).unwrap();
        Resolver {
            rules: Rules::of(&connector),
            directory: Arc::new(Index::of(directory.users()).unwrap()),
            custom: Arc::new(CustomMapping::read(Path::new("m"), custom).unwrap()),
        }
    }

    fn place(resolver: &Resolver, address: &str) -> String {
        match resolver.resolve(address, "") {
            Placement::Mapped(mailbox, _) => mailbox.to_owned(),
            Placement::Held => "held".to_owned(),
            Placement::External => "external".to_owned(),
            Placement::Conflict(_) => "conflict".to_owned(),
        }
    }

    #[test]
    fn every_address_of_a_user_leads_to_the_mailbox() {
        let resolver = resolver("", "");

        for address in [
            "sip:Ann.SIP@contoso.com",
            "ann@contoso.com",
            "ANN.MAIDEN@contoso.com",
            "<ann.example@contoso.com>",
        ] {
            assert_eq!(place(&resolver, address), "ann.example@contoso.com");
        }
    }

    #[test]
    fn who_is_not_in_the_directory_is_held_when_ours_and_external_otherwise() {
        let resolver = resolver("", "");

        for (address, expected) in [
            ("sip:leaver@contoso.com", "held"),
            ("bob@fabrikam.com", "external"),
            ("bob@eu.contoso.com", "external"),
            ("4f8a@anonymous.invalid", "external"),
            ("+4989123456", "external"),
            ("tel:+4989123456", "external"),
            ("sip:+4989123456@contoso.com;user=phone", "external"),
            ("ann@contoso.com;gruu;opaque=app:conf:chat:id:1", "external"),
            ("contoso.com", "external"),
            ("", "external"),
        ] {
            assert_eq!(place(&resolver, address), expected, "{address}");
        }
    }

    #[test]
    fn a_user_without_a_mailbox_is_held() {
        assert_eq!(place(&resolver("", ""), "machine@contoso.com"), "held");
    }

    #[test]
    fn a_user_of_a_domain_that_is_not_ours_is_mapped_all_the_same() {
        assert_eq!(
            place(&resolver("", ""), "kim@subsidiary.org"),
            "kim@subsidiary.org"
        );
    }

    #[test]
    fn a_shared_address_is_a_conflict_until_the_custom_mapping_decides() {
        let without = resolver("unmapped='all@contoso.com'", "");
        let with = resolver("", "shared@contoso.com,bob@contoso.com\n");

        assert_eq!(place(&without, "shared@contoso.com"), "conflict");
        assert_eq!(place(&with, "SIP:shared@contoso.com"), "bob@contoso.com");
    }

    #[test]
    fn the_catch_all_mailbox_gets_ours_and_nobody_else() {
        let resolver = resolver("unmapped='All@contoso.com'", "");

        assert_eq!(place(&resolver, "leaver@contoso.com"), "all@contoso.com");
        assert_eq!(place(&resolver, "bob@fabrikam.com"), "external");
    }

    #[test]
    fn the_custom_mapping_may_name_a_partner() {
        let resolver = resolver("", "Dana@fabrikam.com,partners@contoso.com\n");

        assert_eq!(
            place(&resolver, "dana@fabrikam.com"),
            "partners@contoso.com"
        );
    }

    #[test]
    fn without_automatic_mapping_only_the_custom_mapping_counts() {
        let resolver = resolver("automatic=false", "bob@contoso.com,bob@contoso.com\n");

        assert_eq!(place(&resolver, "ann@contoso.com"), "held");
        assert_eq!(place(&resolver, "bob@contoso.com"), "bob@contoso.com");
    }

    #[test]
    fn the_source_s_own_evidence_is_asked_last() {
        let resolver = resolver("", "");

        let by_email = resolver.resolve("old.name@sip.contoso.net", "Ann@contoso.com");
        let by_address = resolver.resolve("bob@contoso.com", "ann@contoso.com");
        let leaver = resolver.resolve("old.name@sip.contoso.net", "gone@contoso.com");

        let name = Rule::Directory(Level::PrincipalName);
        assert_eq!(by_email, Placement::Mapped("ann.example@contoso.com", name));
        assert_eq!(
            by_address,
            Placement::Mapped("bob@contoso.com", Rule::Directory(Level::Primary))
        );
        assert_eq!(leaver, Placement::Held);
    }
}
