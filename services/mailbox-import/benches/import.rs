//! Rates of the targets, each beside the floor that a program without any of our work reaches on the same
//! disk at the same moment.
//!
//! `cargo bench -p chatkeep-mailbox-import -- [runs] [mailboxes] [messages per mailbox]`

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints its figures and stops at what goes wrong"
)]

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use chatkeep_mailbox_import::target::{
    Message, OpenGate, Outcome, Position, Target, Tenants, Timeouts, open_target,
};
use chatkeep_model::{ItemId, connector::Connector};
use chatkeep_testkit::{Dovecot, DovecotOptions, Fsync};

/// Without MULTIAPPEND, as Exchange Online offers it.
const PIPELINED: &str = "IMAP4rev1 SASL-IR NAMESPACE UIDPLUS LITERAL+ AUTH=PLAIN";
const BATCH: usize = 50;

fn main() {
    let numbers: Vec<usize> = std::env::args()
        .filter_map(|text| text.parse().ok())
        .collect();
    let number = |position: usize, default| numbers.get(position).copied().unwrap_or(default);
    let (runs, mailboxes, each) = (number(0, 3), number(1, 100), number(2, 100));
    let corpus = Arc::new(corpus(mailboxes, each));
    let mut rows: Vec<(&str, Vec<f64>)> = Vec::new();
    for _ in 0..runs {
        for (name, rate) in one_run(&corpus) {
            match rows.iter_mut().find(|(known, _)| *known == name) {
                Some((_, rates)) => rates.push(rate),
                None => rows.push((name, vec![rate])),
            }
        }
    }
    println!("{mailboxes} mailboxes x {each} messages, {runs} runs; messages/s: median (min-max)");
    for (name, rates) in &mut rows {
        rates.sort_by(f64::total_cmp);
        let (median, least, most) = (rates[rates.len() / 2], rates[0], rates[rates.len() - 1]);
        println!("{name:44} {median:7.0} ({least:.0}-{most:.0})");
    }
}

type Corpus = Vec<(String, Vec<Message>)>;

fn one_run(corpus: &Arc<Corpus>) -> Vec<(&'static str, f64)> {
    let imap = |connections, capabilities| {
        let dovecot = Dovecot::start_with(&DovecotOptions {
            fsync: Fsync::Optimized,
            capabilities,
            ..DovecotOptions::default()
        });
        let dovecot = dovecot.unwrap();
        let port = dovecot.address().port();
        let target = format!(
            "type = \"imap\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
             password = \"file:password\""
        );
        import(corpus, &target, connections)
    };
    let maildir = |threads| import(corpus, "type = \"maildir\"\npath = \"mail\"", threads);
    vec![
        (
            "floor: raw Maildir, batches of 50, 1 thread",
            floor(corpus, 1),
        ),
        ("own Maildir target, 1 mailbox at a time", maildir(1)),
        (
            "floor: raw Maildir, batches of 50, 2 threads",
            floor(corpus, 2),
        ),
        ("own Maildir target, 2 mailboxes at a time", maildir(2)),
        (
            "floor: raw Maildir, batches of 50, 8 threads",
            floor(corpus, 8),
        ),
        ("own Maildir target, 8 mailboxes at a time", maildir(8)),
        ("Dovecot, pipelined, 1 connection", imap(1, Some(PIPELINED))),
        ("Dovecot, MULTIAPPEND, 1 connection", imap(1, None)),
        ("Dovecot, MULTIAPPEND, 2 connections", imap(2, None)),
        ("Dovecot, MULTIAPPEND, 8 connections", imap(8, None)),
    ]
}

/// Mails of 1.5 to 17 KB, 9.2 KB on average.
fn corpus(mailboxes: usize, each: usize) -> Corpus {
    let line = "Ann: a line of a conversation, long enough to look like one of them [09:15]\r\n";
    let message = |mailbox: usize, number: usize| {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&(mailbox as u64).to_be_bytes());
        id[8..16].copy_from_slice(&(number as u64).to_be_bytes());
        let id = ItemId::from_bytes(id).message_id(1, "contoso.com");
        let body = line.repeat(16 + number * 7919 % 205);
        let head = "From: ann@contoso.com\r\nTo: bob@contoso.com\r\nSubject: Conversation\r\n";
        Message {
            date: 1_551_693_600 + i64::try_from(number).unwrap(),
            bytes: format!("{head}Message-ID: {id}\r\n\r\n{body}").into(),
            id,
        }
    };
    let mailbox = |mailbox: usize| {
        let messages = (0..each).map(|number| message(mailbox, number)).collect();
        (format!("user{mailbox}@contoso.com"), messages)
    };
    (0..mailboxes).map(mailbox).collect()
}

/// Imports the corpus, so many mailboxes at a time; checks what stands before it tells a rate.
fn import(corpus: &Arc<Corpus>, target: &str, at_a_time: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("password"), Dovecot::PASSWORD).unwrap();
    let text = format!(
        "name = \"Bench\"\ndomain = \"contoso.com\"\n[[sources]]\ntype = \"archiving-export\"\n\
         path = \"x\"\n[directory]\ntype = \"csv\"\npath = \"x\"\n[target]\n{target}\n"
    );
    let connector = Connector::parse(&text, folder.path()).unwrap();
    let timeouts = Timeouts {
        connect: Duration::from_secs(10),
        answer: Duration::from_mins(1),
    };
    let target = open_target(&connector, timeouts, &Tenants::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let next = Arc::new(Mutex::new(0..corpus.len()));
    let started = Instant::now();
    runtime.block_on(async {
        let workers = (0..at_a_time).map(|_| worker(corpus, &*target, &next));
        futures::future::join_all(workers).await;
    });
    let rate = rate(corpus, started);
    runtime.block_on(async {
        for (mailbox, messages) in corpus.iter() {
            let mut open = target.open(mailbox).await.unwrap();
            let stands = open.list(Position::default()).await.unwrap();
            assert_eq!(stands.len(), messages.len());
            open.close().await;
        }
    });
    rate
}

async fn worker(corpus: &Corpus, target: &dyn Target, next: &Mutex<std::ops::Range<usize>>) {
    loop {
        let Some(index) = next.lock().unwrap().next() else {
            return;
        };
        let (mailbox, messages) = &corpus[index];
        let mut open = target.open(mailbox).await.unwrap();
        for batch in messages.chunks(BATCH) {
            let appended = open.append(batch, &OpenGate).await;
            assert!(
                appended
                    .outcomes
                    .iter()
                    .all(|outcome| *outcome == Outcome::Stored)
            );
        }
        open.close().await;
    }
}

/// Writes 50 files, syncs 50, renames 50, syncs the folder: durable, and nothing else.
fn floor(corpus: &Arc<Corpus>, threads: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    for (mailbox, _) in corpus.iter() {
        fs::create_dir_all(folder.path().join(mailbox).join("cur")).unwrap();
        fs::create_dir_all(folder.path().join(mailbox).join("tmp")).unwrap();
    }
    let next = Mutex::new(corpus.iter());
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some((mailbox, messages)) = next.lock().unwrap().next() else {
                        return;
                    };
                    write_raw(&folder.path().join(mailbox), messages);
                }
            });
        }
    });
    rate(corpus, started)
}

fn write_raw(mailbox: &Path, messages: &[Message]) {
    let (tmp, cur) = (mailbox.join("tmp"), mailbox.join("cur"));
    for batch in messages.chunks(BATCH) {
        let name = |message: &Message| message.id.trim_matches(['<', '>']).to_owned();
        let mut files = Vec::new();
        for message in batch {
            let mut file = File::create(tmp.join(name(message))).unwrap();
            file.write_all(&message.bytes).unwrap();
            files.push(file);
        }
        for file in &files {
            file.sync_all().unwrap();
        }
        for message in batch {
            fs::rename(tmp.join(name(message)), cur.join(name(message))).unwrap();
        }
        File::open(&cur).unwrap().sync_all().unwrap();
    }
}

fn rate(corpus: &Corpus, started: Instant) -> f64 {
    let messages: usize = corpus.iter().map(|(_, messages)| messages.len()).sum();
    f64::from(u32::try_from(messages).unwrap()) / started.elapsed().as_secs_f64()
}
