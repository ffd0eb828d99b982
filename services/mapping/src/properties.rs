//! What must hold for any directory.

use std::{fmt::Write as _, io::Cursor, path::Path, sync::Arc};

use chatkeep_model::connector::Connector;
use proptest::{collection::vec, option, prelude::*};

use crate::{
    custom::CustomMapping,
    directory::Directory,
    fuzz,
    index::Index,
    resolve::{Placement, Resolver, Rule, Rules},
};

/// Few addresses, so that users share them.
fn any_address() -> impl Strategy<Value = String> {
    let local = prop::sample::select(vec!["ann", "bob", "eve", "jörg", "+49"]);
    let domain = prop::sample::select(vec!["contoso.com", "fabrikam.com"]);
    (local, domain).prop_map(|(local, domain)| format!("{local}@{domain}"))
}

type Row = (
    String,
    Option<String>,
    Vec<(String, String)>,
    Option<String>,
);

fn any_row() -> impl Strategy<Value = Row> {
    let scheme = prop::sample::select(vec!["SMTP", "smtp", "sip"]).prop_map(str::to_owned);
    (
        any_address(),
        option::of(any_address()),
        vec((scheme, any_address()), 0..3),
        option::of(any_address()),
    )
}

fn any_custom() -> impl Strategy<Value = Vec<(String, String)>> {
    let rows = prop::collection::btree_map(any_address(), any_address(), 0..3);
    rows.prop_map(|rows| rows.into_iter().collect())
}

fn csv(rows: &[Row], in_case: impl Fn(&str) -> String) -> String {
    let mut text = "userPrincipalName,mail,proxyAddresses,sipAddress\n".to_owned();
    for (name, mail, proxies, sip) in rows {
        let proxies = proxies
            .iter()
            .map(|(scheme, address)| format!("{scheme}:{}", in_case(address)));
        let proxies: Vec<_> = proxies.collect();
        let mail = mail.as_deref().unwrap_or_default();
        let sip = sip.as_deref().unwrap_or_default();
        let fields = [
            in_case(name),
            in_case(mail),
            proxies.join(";"),
            in_case(sip),
        ];
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    text
}

fn directory(text: String) -> Directory {
    Directory::read(Path::new("directory"), Cursor::new(text.into_bytes())).unwrap()
}

fn resolver(rows: &[Row], custom: &[(String, String)]) -> Resolver {
    let connector = "name='c'\ndomain='contoso.com'\n[[sources]]\ntype='archiving-export'\n\
         path='e'\n[directory]\ntype='csv'\npath='d'\n[target]\ntype='discard'\n";
    let connector = Connector::parse(connector, Path::new("/")).unwrap();
    let mut text = "source_user,mailbox\n".to_owned();
    for (user, mailbox) in custom {
        writeln!(text, "{user},{mailbox}").unwrap();
    }
    let custom = CustomMapping::read(Path::new("mapping"), Cursor::new(text.into_bytes()));
    Resolver {
        rules: Rules::of(&connector),
        directory: Arc::new(Index::of(directory(csv(rows, str::to_owned)).users()).unwrap()),
        custom: Arc::new(custom.unwrap()),
    }
}

proptest! {
    #[test]
    fn order_and_case_of_the_rows_do_not_matter(
        rows in vec(any_row(), 0..8),
        seed in any::<u64>(),
    ) {
        let mut shuffled = rows.clone();
        shuffled.sort_by_key(|row| (row.0.len() as u64 ^ seed).wrapping_mul(0x9E37_79B9));
        shuffled.reverse();
        shuffled.rotate_left(usize::try_from(seed % 8).unwrap() % rows.len().max(1));

        let plain = directory(csv(&rows, str::to_owned));
        let shouted = directory(csv(&shuffled, str::to_uppercase));

        prop_assert_eq!(plain.to_csv(), shouted.to_csv());
    }

    #[test]
    fn the_custom_mapping_always_wins(
        rows in vec(any_row(), 0..8),
        custom in any_custom(),
        email in any_address(),
    ) {
        let resolver = resolver(&rows, &custom);

        for (user, mailbox) in &custom {
            let placement = resolver.resolve(&format!("sip:{}", user.to_uppercase()), &email);
            prop_assert_eq!(placement, Placement::Mapped(mailbox, Rule::Custom));
        }
    }

    #[test]
    fn nobody_gets_somebody_else_s_mail(
        rows in vec(any_row(), 0..8),
        address in any_address(),
    ) {
        let resolver = resolver(&rows, &[]);
        let has = |row: &&Row| {
            let (name, mail, proxies, sip) = row;
            *name == address
                || mail.as_ref() == Some(&address)
                || sip.as_ref() == Some(&address)
                || proxies.iter().any(|(_, proxy)| *proxy == address)
        };
        let owners: Vec<_> = rows.iter().filter(has).collect();

        match resolver.resolve(&address, "") {
            Placement::Mapped(mailbox, _) => {
                let is_owners = |(name, mail, proxies, _): &Row| {
                    let proxies = proxies.iter().filter(|(scheme, _)| scheme == "SMTP");
                    let mut mailboxes = mail.iter().chain([name]).chain(proxies.map(|(_, p)| p));
                    mailboxes.any(|it| it == mailbox)
                };
                prop_assert!(owners.iter().any(|owner| is_owners(owner)));
            }
            Placement::Conflict(_) => prop_assert!(owners.len() > 1),
            Placement::Held | Placement::External => prop_assert!(owners.is_empty()),
        }
    }

    #[test]
    fn asking_twice_gives_one_mailbox(
        rows in vec(any_row(), 0..8),
        address in any_address(),
        email in any_address(),
    ) {
        let forwards = resolver(&rows, &[]);
        let backwards: Vec<_> = rows.into_iter().rev().collect();
        let backwards = resolver(&backwards, &[]);

        prop_assert_eq!(forwards.resolve(&address, &email), backwards.resolve(&address, &email));
    }

    #[test]
    fn any_bytes_are_an_error_or_a_snapshot_that_reads_as_itself(
        noise in vec(any::<u8>(), 0..200),
        rows in "[a-c@:;,\"#\\n sipSMTP<>.]{0,120}",
    ) {
        fuzz::directory(&noise);
        fuzz::directory(format!("userPrincipalName,mail,proxyAddresses,sipAddress\n{rows}").as_bytes());
        fuzz::custom_mapping(&noise);
        fuzz::custom_mapping(format!("source_user,mailbox\n{rows}").as_bytes());
    }
}
