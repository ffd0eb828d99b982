//! Everything that dashboards and alerts name is shown by a running system.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use chatkeep_testkit::{Dovecot, Interposer};

use crate::{
    cluster::Cluster,
    poison::{CONVERT, HELLO, with_attachment},
    queries::{Named, named, promql, repository},
    running::Running,
    sample::{Databases, company},
    sandbox::Sandbox,
    servers::Servers,
    system::Form,
    work::{add_sessions, open_tasks, wait_until},
};

/// Longer than control takes to look at its ledger.
const PATIENCE: Duration = Duration::from_mins(1);

/// Labels by metric, and their values.
#[derive(Default)]
struct Shown(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl Shown {
    /// Adds what a program shows.
    fn add(&mut self, metrics: &str) {
        for line in metrics.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            let labels = self.0.entry(name.to_owned()).or_default();
            let Some((_, pairs)) = line.split_once('{') else {
                continue;
            };
            for pair in pairs.split_once("\"}").unwrap().0.split("\",") {
                let (label, value) = pair.split_once("=\"").unwrap();
                let values = labels.entry(label.to_owned()).or_default();
                values.insert(value.to_owned());
            }
        }
    }

    /// What a query names and nobody shows. A value is as good in a program's source: not everything goes
    /// wrong in a test.
    fn lacks(&self, named: &Named, sources: &str) -> Vec<String> {
        let metrics = named.metrics.iter();
        let mut lacking: Vec<_> = metrics
            .filter(|metric| !self.0.contains_key(*metric))
            .cloned()
            .collect();
        let shown = named.metrics.iter().filter_map(|metric| self.0.get(metric));
        let shown: Vec<_> = shown.collect();
        let labels = named.labels.iter();
        let has = |label: &String| shown.iter().any(|labels| labels.contains_key(label));
        lacking.extend(labels.filter(|label| !has(label)).cloned());
        for (label, value) in &named.values {
            let mut of_label = shown.iter().filter_map(|labels| labels.get(label));
            let is_seen = of_label.any(|values| values.contains(value));
            if !is_seen && !sources.contains(&format!("\"{value}\"")) {
                lacking.push(format!("{label}={value}"));
            }
        }
        lacking
    }
}

/// All source text in a folder.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            *text += &fs::read_to_string(path).unwrap();
        }
    }
}

/// Archives sessions, one of them poisoned, into a server that throttles the first message of all.
fn archive_with_trouble() -> (Cluster, Dovecot, Interposer) {
    let dovecot = Dovecot::start().unwrap();
    let throttled = AtomicBool::new(false);
    let interposer = Interposer::start(dovecot.address(), move |_, line| {
        let is_first = line.contains(" APPEND ") && !throttled.swap(true, Ordering::SeqCst);
        let refusal = "NO Request is throttled. Suggested Backoff Time: 300 milliseconds";
        is_first.then(|| refusal.to_owned())
    });
    let interposer = interposer.unwrap();
    let target = format!(
        "[schedule]\nevery = \"36500days\"\n\n[target]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = {}\n\
         tls = \"none\"\npassword = \"file:password\"\n",
        interposer.address().port()
    );
    let sandbox = Sandbox::into_target(&target);
    sandbox.write("password", Dovecot::PASSWORD);
    add_sessions(&sandbox, 0, 20);
    sandbox.write("exports/poison.eml", with_attachment());
    let mut cluster = Cluster::start(&Servers::shared(), Form::default(), sandbox);
    let put = cluster.run(&["connectors", "put", "connector.toml"]);
    assert_eq!(put.code, Some(0), "{put:?}");
    cluster.kill("conversion");
    let archiving = Running::start(&mut cluster.command(&["archive", "connector.toml"]));
    wait_until("batches wait for conversion", || {
        open_tasks(&cluster, CONVERT) > 0
    });
    let azurite = cluster.servers.azurite();
    azurite.overwrite(&cluster.name, HELLO, b"jello").unwrap();
    drop(azurite);
    cluster.start_again("conversion");
    let (code, said) = archiving.end();
    assert_eq!(code, Some(2), "{said}");
    (cluster, dovecot, interposer)
}

/// Archives from databases whose servers purge.
fn archive_databases(cluster: &Cluster) {
    let databases = Databases::filled();
    let sandbox = Sandbox::copy_of(&company());
    databases.connect(&sandbox);
    let kept = "retention = { days = 14, purge_hour = 2 }\n";
    let first = "type     = \"archiving-database\"\n";
    sandbox.edit_connector(first, &format!("{first}{kept}"));
    let mut command = sandbox.command(&["archive", "connector.toml"]);
    cluster.ask_control(&mut command);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn every_metric_label_and_value_that_dashboards_and_alerts_name_is_shown() {
    let queries: Vec<_> = promql()
        .into_iter()
        .map(|query| (named(&query.text), query))
        .collect();
    let mut text = String::new();
    for folder in ["crates", "services"] {
        sources(&repository().join(folder), &mut text);
    }
    let (mut cluster, _dovecot, _interposer) = archive_with_trouble();
    archive_databases(&cluster);
    // A slot that is due: what scheduled runs have covered is known afterwards.
    let due = format!("UPDATE {}.schedules SET due = 1000", cluster.name);
    cluster.servers.postgres().run(&due).unwrap();
    // A report that a mail server has refused; there is none here.
    let refused = format!(
        "INSERT INTO {0}.reports (connector, run, stopped, reason, recipient, state, made, due, attempts, code, mail) \
         SELECT connector, id, 0, '', 'ann@contoso.com', 2, 0, 0, 1, 550, '' FROM {0}.runs LIMIT 1",
        cluster.name
    );
    cluster.servers.postgres().run(&refused).unwrap();

    let mut shown = Shown::default();
    let deadline = Instant::now() + PATIENCE;
    let lacking = loop {
        for program in &cluster.programs {
            shown.add(&program.get("/metrics").unwrap().1);
        }
        let lacks = queries.iter().map(|(named, query)| {
            let lacking = shown.lacks(named, &text);
            (&query.place, lacking)
        });
        let lacking: BTreeMap<_, _> = lacks.filter(|(_, lacking)| !lacking.is_empty()).collect();
        if lacking.is_empty() || Instant::now() > deadline {
            break lacking;
        }
        thread::sleep(Duration::from_secs(1));
    };

    assert!(lacking.is_empty(), "{lacking:#?}");
    cluster.programs.clear();
}
