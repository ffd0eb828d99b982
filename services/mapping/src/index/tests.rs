use super::*;

fn user(name: &str, mail: &str, proxies: &str, sip: &str) -> User {
    [name, mail, proxies, sip].map(str::to_owned)
}

#[test]
fn the_strongest_way_to_have_an_address_decides() {
    let users = [
        user("x@x.com", "one@x.com", "smtp:a@x.com", ""),
        user("a@x.com", "two@x.com", "", ""),
        user("y@x.com", "three@x.com", "", "a@x.com"),
    ];

    assert_eq!(
        Index::of(&users).find("a@x.com"),
        Found::Mailbox("three@x.com", Level::Sip)
    );
    assert_eq!(
        Index::of(&users[..2]).find("a@x.com"),
        Found::Mailbox("two@x.com", Level::PrincipalName)
    );
    assert_eq!(
        Index::of(&users[..1]).find("a@x.com"),
        Found::Mailbox("one@x.com", Level::Alias)
    );
}

#[test]
fn users_who_share_a_mailbox_do_not_conflict() {
    let users = [
        user("a@x.com", "team@x.com", "", "s@x.com"),
        user("b@x.com", "team@x.com", "", "s@x.com"),
        user("c@x.com", "other@x.com", "", "t@x.com"),
        user("d@x.com", "team@x.com", "", "t@x.com"),
    ];
    let index = Index::of(&users);

    assert_eq!(
        index.find("s@x.com"),
        Found::Mailbox("team@x.com", Level::Sip)
    );
    assert_eq!(index.find("t@x.com"), Found::Conflict(Level::Sip));
    let conflict = Conflict {
        address: "t@x.com".to_owned(),
        users: vec!["c@x.com".to_owned(), "d@x.com".to_owned()],
    };
    assert_eq!(index.conflicts(), [conflict]);
}

#[test]
fn a_conflict_below_the_deciding_level_is_none() {
    let users = [
        user("a@x.com", "", "smtp:s@x.com", ""),
        user("b@x.com", "", "smtp:s@x.com", ""),
        user("c@x.com", "", "", "s@x.com"),
    ];

    assert!(Index::of(&users).conflicts().is_empty());
}

#[test]
fn a_hundred_thousand_users_take_less_than_forty_megabytes() {
    let users: Vec<_> = (0..100_000)
        .map(|n| {
            user(
                &format!("person.{n}@contoso.onmicrosoft.com"),
                &format!("firstname.lastname{n}@contoso.com"),
                &format!(
                    "SMTP:firstname.lastname{n}@contoso.com;smtp:p{n}@contoso.com;\
                     sip:firstname.lastname{n}@contoso.com"
                ),
                &format!("firstname.lastname{n}@contoso.com"),
            )
        })
        .collect();

    let index = Index::of(&users);

    let bytes = index.text.capacity()
        + index.users.capacity() * size_of::<Account>()
        + index.places.allocation_size();
    assert!(bytes < 40_000_000, "{bytes} bytes");
}
