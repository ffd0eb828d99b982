//! A console that runs elsewhere: its REST API behind the same contract that control answers.
//!
//! What a command asks goes through the clients of the contract, whoever answers: control in this process,
//! control elsewhere, or what stands here, which asks the API and puts its answers back into the contract's
//! messages. So there is one set of commands and one way to show what they found.

mod access;
mod call;
mod client;
mod control;
mod credential;
mod documents;
mod follow;
mod problem;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use chatkeep_proto::v1::{
    PutConnectorResponse, access_server::AccessServer, control_server::ControlServer,
};
use chatkeep_runtime::{GrpcChannel, in_process};
use reqwest::{Method, header::IF_MATCH};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tonic::service::Routes;

use crate::{cli::SiteOptions, commands, settings::Settings};

use self::{
    access::AccessApi,
    client::Client,
    control::{ControlApi, connectors},
    credential::Credential,
};

/// Where it is, and how to speak with it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
    credential: Credential,
    ca: Option<PathBuf>,
    plaintext: bool,
}

impl Server {
    pub(crate) fn new(url: &str, options: &SiteOptions) -> Self {
        Self {
            url: url.to_owned(),
            credential: Credential::new(options.token_file.clone()),
            ca: options.ca.clone(),
            plaintext: options.plaintext,
        }
    }

    /// The contract's services, answered by the API. A request is repeated for so long.
    pub(crate) fn connect(&self, patience: Duration) -> anyhow::Result<GrpcChannel> {
        let client = Client::new(self, patience)?;
        let control = ControlServer::new(ControlApi::new(client.clone()));
        let routes = Routes::new(control).add_service(AccessServer::new(AccessApi::new(client)));
        Ok(in_process(routes.prepare()))
    }

    /// Asks what the contract of control has no words for: what sources, directories and targets look like.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &[&str],
        question: &Value,
    ) -> anyhow::Result<T> {
        let client = Client::new(self, Settings::load()?.archive.patience)?;
        let call = client.call(Method::POST, path).json(question);
        call.read().await.map_err(commands::answer)
    }

    /// Replaces the custom mapping that the console keeps for a connector: of a version, or of whatever is there.
    pub(crate) async fn map(
        &self,
        connector: &str,
        csv: String,
        (version, reason): (Option<i64>, &str),
    ) -> anyhow::Result<PutConnectorResponse> {
        let client = Client::new(self, Settings::load()?.archive.patience)?;
        let tag = connectors::tag(version).map_err(commands::answer)?;
        let call = client.call(Method::PUT, &["connectors", connector, "mapping"]);
        let call = call.query("reason", reason).header(IF_MATCH, tag);
        let answer = call.body("text/csv", csv).answer().await;
        let stored = connectors::stored(answer.map_err(commands::answer)?).await;
        stored.map_err(commands::answer)
    }

    /// Passes on what the server writes, as it comes.
    pub(crate) async fn download(
        &self,
        path: &[&str],
        mut take: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let client = Client::new(self, Settings::load()?.archive.patience)?;
        let mut answer = client.get(path).answer().await.map_err(commands::answer)?;
        while let Some(piece) = answer.chunk().await.context("read the server's answer")? {
            take(&piece)?;
        }
        Ok(())
    }
}
