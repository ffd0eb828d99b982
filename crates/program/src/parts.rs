//! What the settings choose: where work messages wait, and where blobs are staged.

use std::{error::Error, time::Duration};

use anyhow::Context as _;
use chatkeep_pipeline::{AmqpQueue, AmqpSettings};
use chatkeep_runtime::settings::Sections;
use chatkeep_staging::{Staging, StagingError};

use crate::Host;

/// Pause before storage that does not answer is asked again.
const PAUSE: Duration = Duration::from_secs(2);

/// The sections `queue` and `staging`.
#[derive(Clone, Debug)]
pub struct PartsSettings {
    queue: AmqpSettings,
    staging: chatkeep_staging::Settings,
}

/// Queue and staging of a program.
#[derive(Clone)]
pub struct Parts {
    /// Where work messages wait.
    pub queue: AmqpQueue,
    /// Where blobs are.
    pub staging: Staging,
}

impl PartsSettings {
    /// Takes the sections.
    pub fn read(sections: &mut Sections) -> Option<Self> {
        let queue: Option<AmqpSettings> = sections.section("queue");
        let staging = sections.section("staging");
        if let Some(Err(error)) = queue.as_ref().map(AmqpSettings::check) {
            sections.problem("queue", &error);
        }
        Some(Self {
            queue: queue?,
            staging: staging?,
        })
    }
}

impl Parts {
    /// Opens what the settings name. A broker that is away is waited for later, storage now.
    pub async fn open(settings: PartsSettings, host: &Host) -> anyhow::Result<Self> {
        let queue = AmqpQueue::open(&settings.queue).await;
        let queue = queue.context("open queue")?;
        let asked = queue.clone();
        host.readiness.needs("queue", move || {
            let queue = asked.clone();
            async move { queue.check().await }
        });
        let staging = connect(&settings.staging, host).await;
        let staging = staging.context("open staging")?;
        Ok(Self { queue, staging })
    }
}

/// Tries until the storage answers or the process shuts down.
async fn connect(
    settings: &chatkeep_staging::Settings,
    host: &Host,
) -> Result<Staging, StagingError> {
    let shutdown = host.lifecycle.shutdown();
    loop {
        let error = match Staging::connect(settings).await {
            Err(error) if error.is_outage() && !shutdown.is_cancelled() => error,
            connected => return connected,
        };
        let error = &error as &dyn Error;
        tracing::warn!(error, "staging does not answer, will try again");
        let pause = tokio::time::sleep(PAUSE);
        shutdown.run_until_cancelled(pause).await;
    }
}
