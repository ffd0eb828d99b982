//! One measurement of the distributed form.

use std::{net::SocketAddr, path::Path, sync::Arc, thread, time::Duration};

use chatkeep_testkit::{Dovecot, Interposer};

use super::{Target, counters::Counters};
use crate::{
    archive::Archive,
    aside,
    end_to_end::{dovecot, target},
    measure::{self, Meter, children_cpu, float, tree_cpu},
    servers::Servers,
    store,
    system::{Form, System},
};

/// Who uses CPU.
pub(super) const PAYERS: [&str; 10] = [
    "chatkeep",
    "control",
    "ingestion",
    "conversion",
    "mapping",
    "mailbox-import",
    "RabbitMQ",
    "PostgreSQL",
    "Azurite",
    "Dovecot",
];

/// How long the slow server is kept from each message.
const SLOW: Duration = Duration::from_millis(20);

/// What archiving once cost.
pub(super) struct Costs {
    deliveries: u64,
    seconds: f64,
    /// CPU seconds of each payer.
    cpu: [f64; PAYERS.len()],
    /// Cores kept busy by others.
    pub(super) foreign: f64,
    pub(super) counters: Counters,
}

impl Costs {
    pub(super) fn rate(&self) -> f64 {
        float(self.deliveries) / self.seconds
    }

    pub(super) fn cores(&self) -> f64 {
        self.cpu.iter().sum::<f64>() / self.seconds
    }

    pub(super) fn micros(&self, payer: usize) -> f64 {
        self.per_delivery(self.cpu[payer]) * 1e6
    }

    pub(super) fn per_delivery(&self, value: f64) -> f64 {
        value / float(self.deliveries).max(1.0)
    }
}

/// Archives once into an empty target through a system with so many processes of each stage, and checks
/// what stands. `work` is the sample's folder in that of the section.
pub(super) fn run(
    archive: &Archive<'_>,
    servers: &Arc<Servers>,
    (kind, workers): (Target, usize),
    (work, section): (&Path, &Path),
) -> anyhow::Result<Costs> {
    let mail_server = match kind {
        Target::Discard => None,
        Target::Dovecot | Target::SlowDovecot => Some(dovecot()?),
    };
    let is_slow = kind == Target::SlowDovecot;
    let slow = mail_server.as_ref().filter(|_| is_slow);
    let way = slow.map(slow_way).transpose()?;
    let target = match (&mail_server, &way) {
        (None, _) => "type = \"discard\"".to_owned(),
        (Some(server), None) => target(server, work)?,
        (Some(server), Some(way)) => {
            detour(&target(server, work)?, server.address(), way.address())
        }
    };
    let mut system = System::start(servers, form(workers, is_slow));
    let mut command = archive.command(&target, work)?;
    system.ask_control(&mut command);
    let dovecot = mail_server.as_ref().and_then(Dovecot::pid);
    let counted = Counters::read(&mut system)?;
    let before = cpu(&mut system, dovecot)?;
    let meter = Meter::start(None)?;
    let ended = measure::run(&mut command, &work.join("archive.log"))?;
    let whole = meter.stop(archive.corpus.deliveries(), 0)?;
    let after = cpu(&mut system, dovecot)?;
    let counters = Counters::read(&mut system)?.since(counted);
    ended.expect("chatkeep archive --control", &[0])?;
    archive.check(work)?;
    system.delete_queues();
    drop(system);
    if let Some(server) = mail_server {
        store::check_conversations(archive.corpus, |mailbox| server.mail(mailbox))?;
        aside::put_mail(server, section)?;
    }
    let mut cpu = [0.0; PAYERS.len()];
    for (at, used) in cpu.iter_mut().enumerate() {
        *used = after[at] - before[at];
    }
    // The first payer is a child that was waited for: the meter knows it already.
    let others: f64 = cpu.iter().skip(1).sum();
    Ok(Costs {
        deliveries: whole.count,
        seconds: whole.seconds,
        foreign: (whole.foreign - others / whole.seconds).max(0.0),
        cpu,
        counters,
    })
}

/// As it comes.
fn form(workers: usize, is_slow: bool) -> Form {
    Form {
        controls: 1,
        workers,
        tls: false,
        queue: "",
        control: "",
        import: if is_slow { "connections = 2\n" } else { "" },
        log: "info",
        broker: None,
        collector: None,
        console: None,
    }
}

/// A way to a server on which each message takes a while.
fn slow_way(server: &Dovecot) -> anyhow::Result<Interposer> {
    let way = Interposer::start(server.address(), |_, line| {
        // Announces the bytes of a message.
        if line.ends_with("+}") {
            thread::sleep(SLOW);
        }
        None
    })?;
    Ok(way)
}

/// The same target, another way.
fn detour(target: &str, from: SocketAddr, to: SocketAddr) -> String {
    let [from, to] = [from, to].map(|address| format!("port = {}", address.port()));
    target.replace(&from, &to)
}

/// CPU seconds of each payer so far.
fn cpu(system: &mut System, dovecot: Option<u32>) -> anyhow::Result<[f64; PAYERS.len()]> {
    let mut cpu = [0.0; PAYERS.len()];
    for (name, used) in PAYERS.iter().zip(&mut cpu) {
        let servers = Arc::clone(&system.servers);
        let pids: Vec<_> = match *name {
            "chatkeep" => {
                *used = children_cpu()?;
                continue;
            }
            "RabbitMQ" => servers.rabbitmq().pid().into_iter().collect(),
            "PostgreSQL" => servers.postgres().pid().into_iter().collect(),
            "Azurite" => servers.azurite().pid().into_iter().collect(),
            "Dovecot" => dovecot.into_iter().collect(),
            program => {
                let programs = system.of(program);
                programs.filter_map(|program| program.pid()).collect()
            }
        };
        *used = pids.into_iter().map(tree_cpu).sum();
    }
    Ok(cpu)
}
