//! What stops a run, with one line that says what to do.

use super::{Rooms, morning};

#[test]
fn a_rebuilt_database_stops_the_run_and_is_read_once_it_is_accepted() {
    let rooms = Rooms::new();
    rooms.mgc.say(rooms.room, rooms.ann, morning(1), "before");
    rooms.archive();
    rooms.mgc.rebuild();
    let room = rooms.mgc.room("Project X");
    let ann = rooms.mgc.person("sip:ann@contoso.com", "Ann Archer", None);
    rooms.mgc.say(room, ann, morning(1), "after");

    let refused = rooms.sandbox.archive();

    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("it was rebuilt"),
        "{}",
        refused.stderr
    );
    assert_eq!(rooms.sandbox.mails("ann@contoso.com").len(), 1);
    let identity = refused.stderr.split("identity = \"").nth(1).unwrap();
    let identity = identity.split('"').next().unwrap();
    rooms.sandbox.run(&["cancel", "2", "-c", "connector.toml"]);
    rooms.write_connector(&format!("identity = '{identity}'"));

    let accepted = rooms.archive();

    assert_eq!(accepted.count("records.rendered"), 1, "{accepted:?}");
    assert_eq!(rooms.sandbox.mails("ann@contoso.com").len(), 2);
}

#[test]
fn a_database_restored_from_an_older_backup_stops_the_run() {
    let rooms = Rooms::new();
    for second in 0..3 {
        rooms
            .mgc
            .say(rooms.room, rooms.ann, morning(1) + second, "hello");
    }
    rooms.archive();
    rooms.mgc.count_back(rooms.room, 2);

    let refused = rooms.sandbox.archive();

    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("restored from an older backup"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_column_that_is_missing_is_named_and_an_optional_one_is_not_missed() {
    for (table, column) in [
        ("tblChat", "channelId"),
        ("tblChat", "chatId"),
        ("tblChat", "chatDate"),
        ("tblChat", "userId"),
        ("tblChat", "content"),
        ("tblNode", "nodeID"),
        ("tblNode", "nodeGuid"),
        ("tblNode", "nodeName"),
        ("tblNode", "nodeType"),
        ("tblLastChatId", "nodeID"),
        ("tblLastChatId", "lastChatID"),
        ("tblPrincipal", "prinID"),
        ("tblPrincipal", "prinUri"),
    ] {
        let rooms = Rooms::new();
        rooms.mgc.drop_column(table, column);

        let refused = rooms.sandbox.archive();

        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(
            refused.stderr.contains(&format!("dbo.{table}.{column}")),
            "{}",
            refused.stderr
        );
    }
    let rooms = Rooms::new();
    for (table, column) in [
        ("tblChat", "rtf"),
        ("tblChat", "isAlert"),
        ("tblPrincipal", "prinDisplayName"),
        ("tblPrincipal", "prinEmail"),
    ] {
        rooms.mgc.drop_column(table, column);
    }
    rooms.mgc.say(rooms.room, rooms.ann, morning(1), "hello");

    rooms.archive();

    assert!(
        rooms.sandbox.mails("ann@contoso.com")[0]
            .text()
            .contains("ann@contoso.com: hello")
    );
}

#[test]
fn a_wrong_password_is_said_in_one_line() {
    let rooms = Rooms::new();
    rooms.sandbox.write("login/password", "wrong");

    let refused = rooms.sandbox.archive();

    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("login refused (error 18456)"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("wrong"), "{}", refused.stderr);
}
