//! The console in control's process: control is called here, the stages over the network.

use anyhow::Context as _;
use chatkeep_console::{Announce, Channels, Services, Settings};
use chatkeep_control::Servers;
use chatkeep_program::Host;
use chatkeep_runtime::{GrpcSettings, in_process, settings::Sections};
use serde::Deserialize;
use tonic::service::Routes;

/// A console that is to be served.
pub(crate) struct Console {
    settings: Settings,
    stages: Stages,
}

/// Where the stages are, each `https://HOST:PORT`: the section `services`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stages {
    ingestion: String,
    conversion: String,
    mapping: String,
    mailbox_import: String,
}

/// A link that is printed would be one process's, and a balancer leads to another.
#[derive(Debug, thiserror::Error)]
#[error("missing: say who signs users in; control prints no links, as several of it may run")]
struct NoIssuer;

impl Console {
    /// Takes the sections `console` and `services`.
    pub(crate) fn read(sections: &mut Sections, grpc: Option<&GrpcSettings>) -> Option<Self> {
        let settings: Option<Settings> = sections.section("console");
        let stages: Option<Stages> = sections.section("services");
        if let Some(settings) = &settings {
            if settings.issuer.is_none() {
                sections.problem("console.issuer", &NoIssuer);
            } else if let Err(error) = settings.check() {
                sections.problem("console", &error);
            }
        }
        if let (Some(stages), Some(grpc)) = (&stages, grpc) {
            stages.check(grpc, sections);
        }
        Some(Self {
            settings: settings?,
            stages: stages?,
        })
    }

    /// Tells control what follows from it.
    pub(crate) fn tell(&self, control: &mut chatkeep_control::Settings) {
        let has_issuer = self.settings.issuer.is_some();
        control.serve_console(self.settings.public_url.as_deref(), has_issuer);
    }

    /// Serves it until the process shuts down.
    pub(crate) async fn serve(self, servers: &Servers, host: &Host) -> anyhow::Result<()> {
        let Self { settings, stages } = self;
        let control = Routes::new(servers.control.clone()).add_service(servers.access.clone());
        let remote = |url: &str| host.network.remote(url).context("find stages");
        let services = Services::new(Channels {
            control: in_process(control.prepare()),
            ingestion: remote(&stages.ingestion)?,
            conversion: remote(&stages.conversion)?,
            mapping: remote(&stages.mapping)?,
            mailbox_import: remote(&stages.mailbox_import)?,
        });
        // Where there is an issuer there are no links.
        let announce = Announce::new(|_| ());
        let started = chatkeep_console::start(&settings, services, announce, &host.lifecycle);
        started.await.context("serve the console")?;
        Ok(())
    }
}

impl Stages {
    fn check(&self, grpc: &GrpcSettings, sections: &mut Sections) {
        for (key, url) in [
            ("services.ingestion", &self.ingestion),
            ("services.conversion", &self.conversion),
            ("services.mapping", &self.mapping),
            ("services.mailbox_import", &self.mailbox_import),
        ] {
            if let Err(error) = grpc.check_address(url) {
                sections.problem(key, &error);
            }
        }
    }
}
