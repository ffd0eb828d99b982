//! What keeps a database from being archived is said in one clear line, and nothing is passed over.

use chatkeep_testkit::tds::{DateTime, Fault, When};

use crate::world::World;

const DAY: i64 = 86_400;

/// A world with a conversation, and what archiving and checking it say.
fn said(change: impl Fn(&World)) -> (World, [String; 2]) {
    let world = World::new(1);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    change(&world);
    let check = world.sandbox.run(&["check", "connector.toml"]);
    let archive = world.archive();
    assert_eq!(check.code, Some(1), "{check:?}");
    assert_eq!(archive.code, Some(1), "{archive:?}");
    assert!(world.mails().is_empty());
    (world, [check.stdout, archive.stderr])
}

/// Both say this in one line.
fn assert_said(texts: &[String; 2], words: &str) {
    for text in texts {
        let lines = text.lines().filter(|line| line.contains(words));
        assert_eq!(lines.count(), 1, "{words}: {text}");
    }
}

#[test]
fn a_wrong_password() {
    let (_world, texts) = said(|world| world.sandbox.write("password", "wrong\n"));

    assert_said(
        &texts,
        "login refused (error 18456); check auth.user and auth.password",
    );
    assert!(!texts.concat().contains("wrong"), "{texts:?}");
}

#[test]
fn a_database_that_is_not_there() {
    let (_world, texts) = said(|world| world.connect("tls = \"none\"\ndatabase = \"Other\"\n"));

    assert_said(&texts, "not there, or not for this login (error 4060)");
}

#[test]
fn a_server_that_is_not_there() {
    let (_world, texts) = said(|world| {
        let keys = "server = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n".to_owned();
        world.write_connector(&[keys]);
    });

    assert_said(&texts, "connect to SQL Server 127.0.0.1:9");
}

#[test]
fn a_server_that_says_nothing() {
    let (_world, texts) = said(|world| {
        world.connect("tls = \"none\"\nconnect_timeout = \"1s\"\n");
        world.pools[0]
            .server
            .faults()
            .set(When::Always, Fault::Mute);
    });

    assert_said(&texts, "did not let us in within 1 s");
}

#[test]
fn a_server_without_tls_where_tls_is_wanted() {
    let (_world, texts) = said(|world| world.connect(""));

    assert_said(&texts, "SQL Server 127.0.0.1");
}

#[test]
fn a_login_without_rights() {
    let (_world, texts) = said(|world| {
        let denied = Fault::Error {
            number: 229,
            class: 14,
            message: "The SELECT permission was denied on the object 'Messages'.".to_owned(),
        };
        let faults = world.pools[0].server.faults();
        faults.set_at("messages", When::Always, denied);
    });

    assert_said(
        &texts,
        "the login may not read it (error 229); grant it SELECT",
    );
}

#[test]
fn each_mandatory_column_in_turn() {
    for (table, column) in [
        ("Users", "UserUri"),
        ("Messages", "Body"),
        ("ConferenceMessages", "Date"),
    ] {
        let (_world, texts) = said(|world| world.pools[0].database.drop_column(table, column));

        assert_said(&texts, &format!("the database lacks dbo.{table}.{column}"));
    }
}

#[test]
fn quirk_a_rebuilt_database_stops_the_run_until_somebody_accepts_it() {
    let world = World::new(1);
    world.chat(0, 0, &[(1, "ann", "granite")]);
    world.archive_all();
    let made = DateTime::default();
    world.pools[0].database.set_identity(Some([9; 16]), made);
    world.chat(0, DAY, &[(DAY + 1, "bob", "marble")]);

    let stopped = world.archive();

    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    let told = format!("{}{}", stopped.stdout, stopped.stderr);
    assert!(
        told.contains("failed: read database: it was rebuilt"),
        "{told}"
    );
    assert_eq!(world.how_often("ann@contoso.com", "marble"), 0);
    world.sandbox.run(&["cancel", "2", "-c", "connector.toml"]);
    let identity = "identity = \"09090909-0909-0909-0909-090909090909\"\nfrom = \"2025-03-11\"\n";
    world.connect(&format!("tls = \"none\"\n{identity}"));
    world.archive_all();
    for words in ["granite", "marble"] {
        assert_eq!(world.how_often("ann@contoso.com", words), 1, "{words}");
    }
}

#[test]
fn windows_accounts_are_refused_with_the_reason() {
    let world = World::new(1);
    world.sandbox.edit_connector(
        r#"auth = { type = "sql", user = "file:user", password = "file:password" }"#,
        r#"auth = { type = "windows" }"#,
    );

    let refused = world.archive();

    assert_eq!(refused.code, Some(1));
    assert!(
        refused
            .stderr
            .contains("Kerberos and NTLM are not built in"),
        "{refused:?}"
    );
}
