//! What breaks, and how it is mended.

use std::time::Duration;

use chatkeep_testkit::{Dovecot, read_folder};

use crate::{cluster::Cluster, program::Program, sandbox::Mail};

/// A cluster and its mail server.
pub(crate) struct Fragile {
    pub(crate) cluster: Cluster,
    pub(crate) dovecot: Dovecot,
}

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
    BrokerShortOfMemory,
}

impl Fault {
    pub(crate) const ALL: [Self; 14] = [
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
        Self::BrokerShortOfMemory,
    ];

    /// The program that is killed.
    fn victim(self) -> Option<&'static str> {
        match self {
            Self::IngestionKilled => Some("ingestion"),
            Self::ConversionKilled => Some("conversion"),
            Self::MappingKilled => Some("mapping"),
            Self::ImportKilled => Some("mailbox-import"),
            Self::ControlKilled => Some("control"),
            _ => None,
        }
    }

    /// From its begin to its end.
    pub(crate) fn lasts(self) -> Duration {
        Duration::from_millis(match self {
            // Longer than the lease, and than the broker waits for a sign of life.
            Self::ImportStandsStill => 8_000,
            Self::BrokerShortOfMemory => 3_000,
            Self::QueueConnectionsClosed
            | Self::LedgerConnectionsClosed
            | Self::ControlConnectionsCut => 0,
            _ => 700,
        })
    }

    pub(crate) fn begin(self, fragile: &mut Fragile) {
        let Fragile { cluster, dovecot } = fragile;
        let servers = std::sync::Arc::clone(&cluster.servers);
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
            Self::ImportStandsStill => first(cluster, "mailbox-import").signal("STOP"),
            Self::BrokerShortOfMemory => drop(servers.rabbitmq().set_memory_alarm(true)),
            _ => self
                .victim()
                .into_iter()
                .for_each(|name| last(cluster, name).kill()),
        }
    }

    pub(crate) fn end(self, fragile: &mut Fragile) {
        let Fragile { cluster, dovecot } = fragile;
        let servers = std::sync::Arc::clone(&cluster.servers);
        match self {
            Self::RabbitMqKilled => servers.rabbitmq().resume().unwrap(),
            Self::PostgresKilled => servers.postgres().resume().unwrap(),
            Self::AzuriteKilled => {
                servers.azurite().resume().unwrap();
                cluster.open_staging();
            }
            Self::DovecotKilled => dovecot.resume().unwrap(),
            Self::ImportStandsStill => first(cluster, "mailbox-import").signal("CONT"),
            Self::BrokerShortOfMemory => drop(servers.rabbitmq().set_memory_alarm(false)),
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
            let status = program.terminate();
            assert_eq!(
                status.code(),
                Some(0),
                "{}: {}",
                program.name,
                program.log()
            );
        }
    }
}
