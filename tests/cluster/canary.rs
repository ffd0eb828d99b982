//! Nothing of what people wrote, of who they are, or of what lets us in gets into what the system tells about
//! itself: logs, traces, metrics, work messages, problems, last words.

use std::{
    fs,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use chatkeep_testkit::{
    Azurite, Dovecot, DovecotOptions, Interposer, OpenIdProvider, RabbitMq, Tap,
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::{
    cluster::Cluster,
    console::{Script, with_console},
    grpc::connector_file,
    poison::{CONVERT, HELLO, with_attachment},
    running::Running,
    sandbox::{Sandbox, session_at},
    servers::Servers,
    system::Form,
    traces::Collector,
    work::{open_tasks, wait_until},
};

/// Stands in everything that must not be told, and nowhere else.
const CANARY: &str = "canary";
const ANN: &str = "canaryann@contoso.com";
const DIRECTORY: &str = "userPrincipalName,displayName,mail,proxyAddresses,sipAddress
canaryann@contoso.com,Canaryname Archer,canaryann@contoso.com,SMTP:canaryann@contoso.com,sip:canaryann@contoso.com
bob@contoso.com,Bob Canaryname,bob@contoso.com,SMTP:bob@contoso.com,sip:bob@contoso.com
";

/// Keys of control, which lets the connector file name where the mail server's password is.
const CONTROL: &str = "linger = \"200ms\"\nfence = \"1s\"\nreferences = [\"file:/*\"]\n";

/// A session of Ann and somebody, full of canaries.
fn add_session(sandbox: &Sandbox, minute: usize, other: &str) {
    let lines = [(ANN, "canarytext of Ann"), (other, "canarytext again")];
    let text = session_at(minute, ANN, other, &lines);
    let text = text.replace("Subject: ", "Subject: canarysubject ");
    sandbox.write(&format!("exports/canaryfile{minute}.eml"), text);
}

/// A company of which everything secret is a canary: healthy sessions, and what cannot be read, rendered or
/// placed.
fn company(port: u16) -> Sandbox {
    let target = format!(
        "[target]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
         password = \"file:password\"\n"
    );
    let sandbox = Sandbox::into_target(&target);
    sandbox.write("password", Dovecot::PASSWORD);
    sandbox.write("directory.csv", DIRECTORY);
    for minute in 0..10 {
        add_session(&sandbox, minute, "bob@contoso.com");
    }
    // Ours and unknown, and not ours.
    add_session(&sandbox, 20, "canaryheld@contoso.com");
    add_session(&sandbox, 21, "canaryguest@fabrikam.com");
    let poison = with_attachment().replace("ann@", "canaryann@");
    let poison = poison.replace("hello.bin", "canaryattachment.bin");
    sandbox.write("exports/canarypoison.eml", poison);
    let unreadable = "From: canaryann@contoso.com\r\nDate: canarydate\r\n\r\ncanarytext";
    sandbox.write("exports/canarybad.eml", unreadable);
    sandbox.write("compliance/canaryroom.xml", "<Messages><canarytext");
    sandbox
}

/// Everything the system told about itself so far.
#[derive(Default)]
struct Told(Vec<(String, String)>);

impl Told {
    fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    /// Neither canaries nor what lets us in.
    fn assert_clean(&self, secrets: &[String]) {
        for (place, text) in &self.0 {
            let lower = text.to_lowercase();
            let found = secrets.iter().map(|secret| secret.to_lowercase());
            for word in found.chain([CANARY.to_owned()]) {
                if let Some(at) = lower.find(&word) {
                    let around = at.saturating_sub(200)..(at + 200).min(lower.len());
                    let around = String::from_utf8_lossy(&lower.as_bytes()[around]);
                    panic!("{place} tells {word}: {around}");
                }
            }
        }
    }
}

/// Lets the servers refuse what they can, and say canaries with it: Bob's mailbox is full, and the first
/// message of all is throttled.
fn refusing(dovecot: &Dovecot) -> Interposer {
    let throttled = AtomicBool::new(false);
    let interposer = Interposer::start(dovecot.address(), move |user, line| {
        if !line.contains(" APPEND ") {
            return None;
        }
        if !throttled.swap(true, Ordering::SeqCst) {
            let words =
                "NO Request is throttled. Suggested Backoff Time: 300 milliseconds, canaryreply";
            return Some(words.to_owned());
        }
        let is_full = user.starts_with("bob");
        is_full.then(|| "NO [OVERQUOTA] canaryreply: bob has canarytext".to_owned())
    });
    interposer.unwrap()
}

/// Archives a company with a poisoned conversation.
fn archive_poisoned(cluster: &mut Cluster) -> (Option<i32>, String) {
    cluster.kill("conversion");
    let archiving = Running::start(&mut cluster.command(&["archive", "connector.toml"]));
    wait_until("batches wait for conversion", || {
        open_tasks(cluster, CONVERT) > 0
    });
    let azurite = cluster.servers.azurite();
    azurite.overwrite(&cluster.name, HELLO, b"jello").unwrap();
    drop(azurite);
    cluster.start_again("conversion");
    archiving.end()
}

/// Asks the API for what it must refuse.
fn problems(runtime: &Runtime, cluster: &Cluster, provider: &OpenIdProvider) -> Vec<String> {
    let script = Script::new(cluster, provider);
    let file = connector_file(cluster);
    let wrong_type = file.replace("type = \"imap\"", "type = \"pop3\"");
    let asked = [
        (Method::GET, "/items?message_id=canaryid", None),
        (Method::GET, "/connectors/canaryconnector", None),
        (
            Method::POST,
            "/connectors",
            Some(json!({ "connector_file": wrong_type })),
        ),
        (
            Method::POST,
            "/checks/target",
            Some(json!({ "connector_file": file, "mailbox": ANN })),
        ),
    ];
    let mut bodies = Vec::new();
    for (method, path, body) in asked {
        let answer = runtime.block_on(script.ask(method, path, body.as_ref()));
        assert_ne!(answer.0, StatusCode::OK, "{path}: {}", answer.1);
        bodies.push(answer.1);
    }
    bodies
}

/// What lets the programs in, and must not be told either.
fn secrets(cluster: &Cluster) -> Vec<String> {
    let sas = Azurite::sas();
    let signature = sas.split("sig=").nth(1).unwrap().split('&').next().unwrap();
    let password = fs::read_to_string(cluster.servers.postgres().password_file()).unwrap();
    let broker = RabbitMq::PASSWORD.to_owned();
    vec![signature.to_owned(), password.trim().to_owned(), broker]
}

/// What the command line says to whoever calls it: lists of mails name addresses, nothing quotes text.
fn last_words(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_ne!(output.status.code(), Some(0));
    [output.stdout, output.stderr]
        .map(|said| String::from_utf8_lossy(&said).into_owned())
        .concat()
}

#[test]
fn nothing_secret_gets_into_logs_traces_metrics_work_messages_or_problems() {
    let runtime = Runtime::new().unwrap();
    let provider = runtime.block_on(OpenIdProvider::start()).unwrap();
    let collector = Collector::default();
    let servers = Servers::shared();
    let tap = Tap::start(servers.rabbitmq().address()).unwrap();
    let form = Form {
        log: "debug",
        control: CONTROL,
        broker: Some(tap.address()),
        collector: Some(runtime.block_on(collector.serve())),
        ..Form::default()
    };
    // Asks before each message, so that it can be refused.
    let dovecot = Dovecot::start_with(&DovecotOptions {
        capabilities: Some("IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS NAMESPACE"),
        ..DovecotOptions::default()
    });
    let dovecot = dovecot.unwrap();
    let interposer = refusing(&dovecot);
    let sandbox = company(interposer.address().port());
    let form = with_console(form, &provider);
    let mut cluster = Cluster::start(&servers, form, sandbox);
    let mut told = Told::default();

    let (code, said) = archive_poisoned(&mut cluster);
    assert_eq!(code, Some(2), "{said}");
    // Everything went wrong that was to go wrong, and the rest went through.
    let mailbox = dovecot
        .doveadm(&["fetch", "-u", ANN, "text", "all"])
        .unwrap();
    assert!(mailbox.contains("canarytext of Ann"), "{mailbox}");
    let failed = cluster.run(&["failed", "1"]).stdout;
    for words in ["canarybad.eml", "canaryheld", "bob@contoso.com"] {
        assert!(failed.contains(words), "{words}: {failed}");
    }
    cluster.sandbox().write("password", "canarypassword");
    add_session(cluster.sandbox(), 30, "bob@contoso.com");
    let refused = last_words(&mut cluster.command(&["archive", "connector.toml"]));

    for secret in [
        "canarytext",
        "canarysubject",
        "canarypassword",
        "canaryreply",
    ] {
        let both = format!("{said}{refused}");
        assert!(!both.contains(secret), "{secret}: {both}");
    }
    for (number, body) in problems(&runtime, &cluster, &provider)
        .into_iter()
        .enumerate()
    {
        told.add(format!("problem {number}"), body);
    }
    for program in &mut cluster.programs {
        told.add(program.name, program.get("/metrics").unwrap().1);
        program.terminate();
        let log = program.log();
        assert!(log.contains("\"DEBUG\""), "{}", program.name);
        told.add(program.name, log);
    }
    told.add("traces", format!("{:?}", collector.traces()));
    let seen = String::from_utf8_lossy(&tap.seen()).into_owned();
    assert!(seen.contains("traceparent"));
    let secrets = secrets(&cluster);
    told.assert_clean(&secrets);
    // Signing in to the broker is what its password is for.
    let mut passed = Told::default();
    passed.add("work messages", seen);
    passed.assert_clean(&[]);
}
