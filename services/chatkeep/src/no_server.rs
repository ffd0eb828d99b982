//! A console that runs elsewhere, in a program that cannot ask it.

use std::time::Duration;

use chatkeep_proto::v1::PutConnectorResponse;
use chatkeep_runtime::GrpcChannel;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::SiteOptions;

/// Where it is.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn new(url: &str, _: &SiteOptions) -> Self {
        Self {
            url: url.to_owned(),
        }
    }

    /// Says how to get a program that can.
    pub(crate) fn connect(&self, _: Duration) -> anyhow::Result<GrpcChannel> {
        self.refuse()
    }

    /// Says how to get a program that can.
    #[expect(clippy::unused_async, reason = "as the one that asks")]
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        _: &[&str],
        _: &Value,
    ) -> anyhow::Result<T> {
        self.refuse()
    }

    /// Says how to get a program that can.
    #[expect(clippy::unused_async, reason = "as the one that asks")]
    pub(crate) async fn map(
        &self,
        _: &str,
        _: String,
        _: (Option<i64>, &str),
    ) -> anyhow::Result<PutConnectorResponse> {
        self.refuse()
    }

    /// Says how to get a program that can.
    #[expect(clippy::unused_async, reason = "as the one that asks")]
    pub(crate) async fn download(
        &self,
        _: &[&str],
        _: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.refuse()
    }

    fn refuse<T>(&self) -> anyhow::Result<T> {
        anyhow::bail!(
            "--server {}: this program was built without the feature `console`; build it with --features console",
            self.url
        )
    }
}
