//! What breaks, and how it is mended.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use chatkeep_testkit::{Dovecot, Shortage, read_folder};

use crate::{cluster::Cluster, program::Program, sandbox::Mail, wire::Wire};

/// A cluster, its mail server, and the way there.
pub(crate) struct Fragile {
    pub(crate) cluster: Cluster,
    pub(crate) dovecot: Dovecot,
    pub(crate) wire: Wire,
}

/// Two processes that import.
const IMPORT: &str = "mailbox-import";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    IngestionKilled,
    ConversionKilled,
    MappingKilled,
    ImportKilled,
    ControlKilled,
    RabbitMqKilled,
    PostgresKilled,
    AzuriteKilled,
    DovecotKilled,
    QueueConnectionsClosed,
    LedgerConnectionsClosed,
    ControlConnectionsCut,
    ImportStandsStill,
    ImportSendsLate,
    BrokerShortOfMemory,
    BrokerShortOfDisk,
}

impl Fault {
    pub(crate) const ALL: [Self; 16] = [
        Self::IngestionKilled,
        Self::ConversionKilled,
        Self::MappingKilled,
        Self::ImportKilled,
        Self::ControlKilled,
        Self::RabbitMqKilled,
        Self::PostgresKilled,
        Self::AzuriteKilled,
        Self::DovecotKilled,
        Self::QueueConnectionsClosed,
        Self::LedgerConnectionsClosed,
        Self::ControlConnectionsCut,
        Self::ImportStandsStill,
        Self::ImportSendsLate,
        Self::BrokerShortOfMemory,
        Self::BrokerShortOfDisk,
    ];

    /// The program that is killed.
    fn victim(self) -> Option<&'static str> {
        match self {
            Self::IngestionKilled => Some("ingestion"),
            Self::ConversionKilled => Some("conversion"),
            Self::MappingKilled => Some("mapping"),
            Self::ImportKilled => Some(IMPORT),
            Self::ControlKilled => Some("control"),
            _ => None,
        }
    }

    /// From its begin to its end.
    pub(crate) fn lasts(self) -> Duration {
        Duration::from_millis(match self {
            // Longer than the lease, and than the broker waits for a sign of life.
            Self::ImportStandsStill => 8_000,
            // Until the other importer has done its work.
            Self::ImportSendsLate => 12_000,
            Self::BrokerShortOfMemory | Self::BrokerShortOfDisk => 3_000,
            Self::QueueConnectionsClosed
            | Self::LedgerConnectionsClosed
            | Self::ControlConnectionsCut => 0,
            _ => 700,
        })
    }

    /// What it is short of.
    fn shortage(self) -> Shortage {
        match self {
            Self::BrokerShortOfDisk => Shortage::Disk,
            _ => Shortage::Memory,
        }
    }

    pub(crate) fn begin(self, fragile: &mut Fragile) {
        let Fragile {
            cluster, dovecot, ..
        } = fragile;
        let servers = Arc::clone(&cluster.servers);
        match self {
            Self::RabbitMqKilled => servers.rabbitmq().kill().unwrap(),
            Self::PostgresKilled => servers.postgres().kill().unwrap(),
            Self::AzuriteKilled => {
                // The emulator forgets what it was told in the last seconds, which the service does not.
                cluster.to_staging.serve(Vec::new());
                cluster.to_staging.cut();
                let mut azurite = servers.azurite();
                azurite.wait_until_all_saved(&cluster.name).unwrap();
                azurite.kill();
            }
            Self::DovecotKilled => dovecot.kill(),
            // It may be away already.
            Self::QueueConnectionsClosed => drop(servers.rabbitmq().close_connections()),
            Self::LedgerConnectionsClosed => {
                let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                           WHERE usename = 'chatkeep'";
                drop(servers.postgres().run(sql));
            }
            Self::ControlConnectionsCut => cluster.to_control.cut(),
            Self::ImportStandsStill => first(cluster, IMPORT).stand_still(),
            Self::ImportSendsLate => {
                // Nothing is sent while something else is broken, or when all is done.
                let _is_held_up = fragile.hold_up_message(Duration::from_secs(10));
            }
            Self::BrokerShortOfMemory | Self::BrokerShortOfDisk => {
                drop(servers.rabbitmq().set_alarm(self.shortage(), true));
            }
            _ => self
                .victim()
                .into_iter()
                .for_each(|name| last(cluster, name).kill()),
        }
    }

    pub(crate) fn end(self, fragile: &mut Fragile) {
        let Fragile {
            cluster,
            dovecot,
            wire,
        } = fragile;
        let servers = Arc::clone(&cluster.servers);
        match self {
            Self::RabbitMqKilled => servers.rabbitmq().resume().unwrap(),
            Self::PostgresKilled => servers.postgres().resume().unwrap(),
            Self::AzuriteKilled => {
                servers.azurite().resume().unwrap();
                cluster.open_staging();
            }
            Self::DovecotKilled => dovecot.resume().unwrap(),
            Self::ImportStandsStill => first(cluster, IMPORT).signal("CONT"),
            Self::ImportSendsLate => {
                wire.release();
                first(cluster, IMPORT).signal("CONT");
            }
            Self::BrokerShortOfMemory | Self::BrokerShortOfDisk => {
                drop(servers.rabbitmq().set_alarm(self.shortage(), false));
            }
            _ => self
                .victim()
                .into_iter()
                .for_each(|name| last(cluster, name).start()),
        }
    }
}

/// The one that stands still is not the one that is killed.
fn first<'a>(cluster: &'a mut Cluster, name: &'a str) -> &'a mut Program {
    cluster.of(name).next().unwrap()
}

fn last<'a>(cluster: &'a mut Cluster, name: &'a str) -> &'a mut Program {
    cluster.of(name).last().unwrap()
}

impl Fragile {
    /// Holds up a message that an importer sends, stops that importer, and starts the other one. False
    /// when nothing was sent for so long.
    pub(crate) fn hold_up_message(&mut self, patience: Duration) -> bool {
        let Self { cluster, wire, .. } = self;
        last(cluster, IMPORT).kill();
        wire.catch();
        let given_up = Instant::now() + patience;
        while !wire.has_caught() && Instant::now() < given_up {
            thread::sleep(Duration::from_millis(10));
        }
        first(cluster, IMPORT).stand_still();
        last(cluster, IMPORT).start();
        wire.has_caught()
    }

    /// Extra copies that were removed and counted.
    pub(crate) fn copies_removed(&self) -> u64 {
        let name = &self.cluster.name;
        let sql = format!("SELECT SUM(n_copies) FROM {name}.runs");
        let copies = self.cluster.servers.postgres().run(&sql).unwrap();
        copies.trim().parse().unwrap()
    }

    /// A number that grows whenever a run gets on; nothing while the ledger is away.
    pub(crate) fn progress(&self) -> Option<String> {
        let sql = format!(
            "SELECT SUM(n_files + n_records + n_items + n_planned + n_done), MAX(closed) FROM {}.runs",
            self.cluster.name
        );
        self.cluster.servers.postgres().run(&sql).ok()
    }

    /// What a mailbox holds, sorted.
    pub(crate) fn stored(&self, mailbox: &str) -> Vec<Mail> {
        let login = (mailbox, Dovecot::PASSWORD);
        let stored = read_folder(self.dovecot.address(), login, "INBOX/Skype for Business");
        let mails = stored.unwrap().into_iter().map(|message| Mail {
            bytes: message.bytes,
        });
        let mut mails: Vec<_> = mails.collect();
        mails.sort();
        mails
    }

    /// Every program lives, answers, and ends when it is told to.
    pub(crate) fn assert_nobody_hangs(&mut self) {
        for program in &mut self.cluster.programs {
            program.wait_until_ready();
            let alive = program.get("/livez").map(|(status, _)| status);
            assert_eq!(alive, Some(200), "{}", program.name);
        }
        // Without control nobody is ready: it ends last.
        for program in self.cluster.programs.iter_mut().rev() {
            program.terminate();
        }
    }
}
