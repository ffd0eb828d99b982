//! What scripts look at through a server: connections before anything is stored, and an item's traces.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    thread,
};

use chatkeep_testkit::{OpenIdProvider, Tap, free_port};

use crate::{
    script::{Script, local},
    system::{ADMINISTRATOR, System},
};

const NAME: &str = "Contoso Skype for Business";
const SECRET: &str = "s3cret-of-a-script";

/// A server that takes mail of everybody.
fn mail_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            serve(client.unwrap());
        }
    });
    address
}

fn serve(mut client: TcpStream) {
    let lines = BufReader::new(client.try_clone().unwrap()).lines();
    // Whoever has gone is not told.
    drop(client.write_all(b"220 here\r\n"));
    for line in lines.map_while(Result::ok) {
        let is_last = line.starts_with("QUIT");
        let answer: &[u8] = if is_last {
            b"221 bye\r\n"
        } else {
            b"250 done\r\n"
        };
        drop(client.write_all(answer));
        if is_last {
            return;
        }
    }
}

async fn reporting(mail: &SocketAddr) -> System {
    let port = mail.port().to_string();
    let settings = [
        ("CHATKEEP__CONTROL__SECRETS_KEY", "env:LEDGER_KEY"),
        ("LEDGER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ("CHATKEEP__CONTROL__SMTP__HOST", "127.0.0.1"),
        ("CHATKEEP__CONTROL__SMTP__PORT", &port),
        ("CHATKEEP__CONTROL__SMTP__TLS", "none"),
        ("CHATKEEP__CONTROL__SMTP__FROM", "chatkeep@contoso.com"),
    ];
    System::start(Some(OpenIdProvider::start().await.unwrap()), &settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_asks_the_server_for_its_mail_and_sends_it_references_instead_of_secrets() {
    let mail = mail_server();
    let system = reporting(&mail).await;
    let tap = Tap::start(
        system
            .origin
            .strip_prefix("http://")
            .unwrap()
            .parse()
            .unwrap(),
    )
    .unwrap();
    let mut script = Script::new(&system, &ADMINISTRATOR);
    script
        .run_with(&["secrets", "set", "archive"], SECRET)
        .assert_done();
    script.options[1] = format!("http://{}", tap.address());
    let password = system.folder.path().join("password");
    fs::write(&password, SECRET).unwrap();
    let file = system.folder.path().join("connector.toml");
    let text = fs::read_to_string(&file).unwrap();
    let (rest, _) = text.split_once("[target]").unwrap();
    let text = format!(
        "{rest}[target]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nauth = \"master\"\n\
         user = \"secret:archive\"\npassword = \"file:password\"\n\n[report]\nto = [\"compliance@contoso.com\"]\n",
        free_port().unwrap()
    );
    fs::write(&file, text).unwrap();

    let checked = script.run(&["check", file.to_str().unwrap()]);

    let line = format!("report     {mail} takes mail for 1 recipients\n");
    assert!(checked.stdout.contains(&line), "{checked:?}");
    assert!(checked.stdout.contains("directory  "), "{checked:?}");
    // Nobody is at the target.
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let passed = String::from_utf8_lossy(&tap.seen()).into_owned();
    for place in ["sources", "directory", "target", "report"] {
        let asked = format!("/api/v1/checks/{place}");
        assert!(passed.contains(&asked), "{passed}");
    }
    assert!(passed.contains("secret:archive"), "{passed}");
    assert!(!passed.contains(SECRET), "{passed}");
    assert!(!format!("{checked:?}").contains(SECRET), "{checked:?}");
}

/// The ids that follow these words.
fn traces<'a>(text: &'a str, words: &str) -> Vec<&'a str> {
    let mut ids: Vec<_> = text.split(words).skip(1).map(|rest| &rest[..32]).collect();
    ids.sort_unstable();
    ids
}

/// Notes of everything in the ledger that it was traced, as it is where something is.
fn trace(folder: &Path) {
    let ledger = rusqlite::Connection::open(folder.join(".chatkeep/ledger.sqlite")).unwrap();
    let noted = ledger.execute_batch(
        "UPDATE batches SET rendered_in = lower(hex(randomblob(16))), planned_in = lower(hex(randomblob(16)));
         DELETE FROM leases;
         INSERT INTO leases (shard, taken, trace) \
         SELECT shard, 1, lower(hex(randomblob(16))) FROM mailboxes GROUP BY shard;",
    );
    noted.unwrap();
}

/// The sample, archived, its ledger changed, and what the API finds of Alice's first item.
async fn archived(change: fn(&Path)) -> (System, serde_json::Value) {
    let mut system = System::with_issuer().await;
    let script = Script::new(&system, &ADMINISTRATOR);
    let file = system.folder.path().join("connector.toml");
    let put = ["connectors", "put", "--manual", file.to_str().unwrap()];
    script.run(&put).assert_done();
    let run = script.run(&["connectors", "run", NAME]);
    assert_eq!(run.code, Some(2), "{run:?}");
    system.again(change);
    let mut administrator = system.signed_in(&ADMINISTRATOR).await;
    let range = "from=2025-03-01T00:00:00Z&to=2025-04-01T00:00:00Z";
    let search = format!("/api/v1/items/search?user=alice.morgan@contoso.com&{range}");
    let mut found = administrator.get(&search).await.json();
    (system, found["items"][0].take())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_items_traces_are_those_that_api_page_and_ledger_tell() {
    let (system, found) = archived(trace).await;
    let script = Script::new(&system, &ADMINISTRATOR);
    let mut administrator = system.signed_in(&ADMINISTRATOR).await;
    let item = found["item"].as_str().unwrap();

    let told = script.run(&["item", item, "-c", NAME]);

    told.assert_done();
    let api = format!("/api/v1/items?message_id={item}");
    let api = administrator.get(&api).await.json();
    let page = administrator.get(&format!("/items?id={item}")).await.text;
    let made = traces(&told.stdout, "\ntrace      ");
    let settled = traces(&told.stdout, " in trace ");
    assert!(made.len() == 2 && !settled.is_empty(), "{told:?}");
    let ids = |all: &str, place: &str| {
        let all = api[all].as_array().unwrap().iter();
        let ids = all.filter_map(|one| one.pointer(place)?.as_str());
        let mut ids: Vec<_> = ids.map(str::to_owned).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(made, ids("traces", "/id"), "{told:?}");
    assert_eq!(settled, ids("copies", "/trace/id"), "{told:?}");
    for id in made.iter().chain(&settled) {
        assert!(page.contains(id), "{id} {page}");
    }
    let folder = system.stop();
    let here = local(folder.path(), &["item", item, "-c", "connector.toml"]);
    assert_eq!(told.result(), here.result());
}

/// Makes of everything what was settled long before the oldest trace that is known.
fn age(folder: &Path) {
    trace(folder);
    let ledger = rusqlite::Connection::open(folder.join(".chatkeep/ledger.sqlite")).unwrap();
    let aged =
        "UPDATE deliveries SET settled = 1000 WHERE settled > 0; UPDATE leases SET taken = 2000";
    ledger.execute_batch(aged).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_whose_traces_are_forgotten_says_how_long_they_are_kept() {
    let (system, found) = archived(age).await;
    let script = Script::new(&system, &ADMINISTRATOR);
    let mut administrator = system.signed_in(&ADMINISTRATOR).await;
    let item = found["item"].as_str().unwrap();

    let told = script.run(&["item", item, "-c", NAME]);
    let page = administrator.get(&format!("/items?id={item}")).await.text;

    told.assert_done();
    let words = " in a trace that is not known any more: traces are kept 30days";
    assert!(told.stdout.contains(words), "{told:?}");
    assert!(
        page.contains("not known any more: traces are kept 30 days"),
        "{page}"
    );
    assert_eq!(found["copy"]["traces_kept"], 30 * 24 * 3600);
    let folder = system.stop();
    let here = local(folder.path(), &["item", item, "-c", "connector.toml"]);
    assert_eq!(told.result(), here.result());
}
