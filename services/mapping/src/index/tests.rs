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
        Index::of(&users).unwrap().find("a@x.com"),
        Found::Mailbox("three@x.com", Level::Sip)
    );
    assert_eq!(
        Index::of(&users[..2]).unwrap().find("a@x.com"),
        Found::Mailbox("two@x.com", Level::PrincipalName)
    );
    assert_eq!(
        Index::of(&users[..1]).unwrap().find("a@x.com"),
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
    let index = Index::of(&users).unwrap();

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

    assert!(Index::of(&users).unwrap().conflicts().is_empty());
}

#[test]
fn a_directory_that_has_no_room_is_an_error_and_not_one_without_users() {
    let users = [
        user("a@x.com", "", "", ""),
        user("b@x.com", "b@x.com", "smtp:c@x.com", ""),
    ];
    let of = |room| {
        let mut builder = Builder::with_room(room);
        for user in &users {
            builder.add(user);
        }
        builder.build().map(|index| index.len())
    };
    let read = |room| {
        let csv = "userPrincipalName,mail,proxyAddresses,sipAddress\n\
                   a@x.com,,,\nb@x.com,c@x.com,,\n";
        Index::read_into(Builder::with_room(room), Path::new("d"), csv.as_bytes())
    };

    assert_eq!(of(21), Ok(2));
    assert_eq!(of(20), Err(Full));
    assert_eq!(of(1), Err(Full));
    assert_eq!(read(21).unwrap().len(), 2);
    let told = read(20).err().unwrap().to_string();
    assert!(
        told.starts_with("d: more than 4 GiB of addresses"),
        "{told}"
    );
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

    let index = Index::of(&users).unwrap();

    let bytes = index.text.capacity()
        + index.users.capacity() * size_of::<Account>()
        + index.places.allocation_size();
    assert!(bytes < 40_000_000, "{bytes} bytes");
}
