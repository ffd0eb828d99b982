//! A control that runs elsewhere.

use std::path::PathBuf;

use chatkeep_runtime::{GrpcChannel, Lifecycle};

use crate::cli::SiteOptions;

/// Where it is, and how to speak with it.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(feature = "cluster"),
    expect(dead_code, reason = "nobody speaks with it without the feature")
)]
pub(crate) struct Remote {
    pub(crate) url: String,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    plaintext: bool,
}

impl Remote {
    pub(crate) fn new(url: &str, options: &SiteOptions) -> Self {
        Self {
            url: url.to_owned(),
            ca: options.ca.clone(),
            certificate: options.certificate.clone(),
            key: options.key.clone(),
            plaintext: options.plaintext,
        }
    }
}

/// The way to it. Connects when it is used, and again when the connection is lost.
#[cfg(feature = "cluster")]
pub(crate) fn connect(remote: &Remote, lifecycle: &Lifecycle) -> anyhow::Result<GrpcChannel> {
    use anyhow::Context as _;
    use chatkeep_runtime::{GrpcSettings, Network};

    let settings = GrpcSettings {
        plaintext: remote.plaintext,
        certificate: remote.certificate.clone(),
        key: remote.key.clone(),
        ca: remote.ca.clone(),
        ..GrpcSettings::default()
    };
    let network = Network::new(&settings, lifecycle);
    let network = network.context("use --ca, --certificate, --key or --plaintext")?;
    network.remote(&remote.url).context("find the program")
}

/// Says that this program was built without it.
#[cfg(not(feature = "cluster"))]
pub(crate) fn connect(_remote: &Remote, _lifecycle: &Lifecycle) -> anyhow::Result<GrpcChannel> {
    anyhow::bail!(
        "--control: this program was built without the feature `cluster`; build it with --features cluster"
    )
}
