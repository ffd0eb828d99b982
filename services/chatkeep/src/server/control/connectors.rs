use chatkeep_proto::v1::{
    BackfillRequest, BackfillSummary, CheckReportRequest, CheckReportResponse, ConnectorSummary,
    DeleteConnectorRequest, GetConnectorResponse, PutConnectorRequest, PutConnectorResponse,
};
use chatkeep_report::day;
use reqwest::{
    Method, Response, StatusCode,
    header::{ETAG, HeaderValue, IF_MATCH},
};
use serde_json::json;
use tonic::{Code, Status};

use super::{ControlApi, id_in};
use crate::server::{
    call,
    documents::{BackfillList, CheckedReport, ConnectorList, Document, Ordered, Proposed, Resumed},
    problem,
};

impl ControlApi {
    pub(super) async fn all_connectors(&self) -> Result<Vec<ConnectorSummary>, Status> {
        let list: ConnectorList = self.client.get(&["connectors"]).read().await?;
        let connectors = list.connectors.into_iter();
        Ok(connectors.map(ConnectorSummary::from).collect())
    }

    pub(super) async fn stored(&self, connector: &str) -> Result<GetConnectorResponse, Status> {
        let call = self.client.get(&["connectors", connector]);
        read(call.answer().await?).await
    }

    /// Without an expected version: replaces what is there, or creates it.
    pub(super) async fn put(
        &self,
        request: PutConnectorRequest,
    ) -> Result<PutConnectorResponse, Status> {
        let connector = id_in(&request.connector_file)?;
        let body = json!({
            "connector_file": request.connector_file,
            "schedule": request.schedule,
            "reason": request.reason,
        });
        let replaced = match request.expected_version {
            Some(0) => None,
            version => {
                let call = self.client.call(Method::PUT, &["connectors", &connector]);
                let call = call.header(IF_MATCH, tag(version)?);
                match call.json(&body).answer().await {
                    // There is none, or a deleted one.
                    Err(status)
                        if version.is_none()
                            && matches!(status.code(), Code::NotFound | Code::Aborted) =>
                    {
                        None
                    }
                    answer => Some(answer?),
                }
            }
        };
        let is_new = replaced.is_none();
        let answer = if let Some(answer) = replaced {
            answer
        } else {
            let call = self.client.call(Method::POST, &["connectors"]);
            call.once().json(&body).answer().await?
        };
        Ok(PutConnectorResponse {
            connector,
            is_new,
            ..stored(answer).await?
        })
    }

    /// The number of the proposal where it has to be approved, else 0.
    pub(super) async fn deleted(&self, request: DeleteConnectorRequest) -> Result<i64, Status> {
        let path = ["connectors", &request.connector];
        let call = self.client.call(Method::DELETE, &path);
        let call = call.header(IF_MATCH, tag(request.expected_version)?);
        let call = call.query("reason", request.reason);
        let answer = call.answer().await?;
        if answer.status() != StatusCode::ACCEPTED {
            return Ok(0);
        }
        let Proposed { proposal } = call::read(answer).await?;
        Ok(proposal)
    }

    pub(super) async fn report_checked(
        &self,
        request: CheckReportRequest,
    ) -> Result<CheckReportResponse, Status> {
        let call = self.client.call(Method::POST, &["checks", "report"]);
        let check = json!({ "connector_file": request.connector_file });
        let found: CheckedReport = call.json(&check).read().await?;
        Ok(found.into())
    }

    pub(super) async fn paused(&self, connector: &str) -> Result<(), Status> {
        let path = ["connectors", connector, "pause"];
        self.client.call(Method::POST, &path).done().await
    }

    pub(super) async fn resumed(&self, connector: &str) -> Result<u32, Status> {
        let path = ["connectors", connector, "resume"];
        let Resumed { runs } = self.client.call(Method::POST, &path).read().await?;
        Ok(runs)
    }

    pub(super) async fn ordered(&self, request: BackfillRequest) -> Result<i64, Status> {
        let order = json!({
            "from": day(request.from),
            "to": day(request.to),
            "slice_days": request.slice_days,
            "newest_first": request.newest_first,
        });
        let path = ["connectors", &request.connector, "backfills"];
        let call = self.client.call(Method::POST, &path);
        let Ordered { id } = call.once().json(&order).read().await?;
        Ok(id)
    }

    pub(super) async fn all_backfills(
        &self,
        connector: &str,
    ) -> Result<Vec<BackfillSummary>, Status> {
        let path = ["connectors", connector, "backfills"];
        let list: BackfillList = self.client.get(&path).read().await?;
        Ok(list
            .backfills
            .into_iter()
            .map(BackfillSummary::from)
            .collect())
    }

    pub(super) async fn cancelled_backfill(
        &self,
        connector: &str,
        backfill: i64,
    ) -> Result<(), Status> {
        let backfill = backfill.to_string();
        let path = ["connectors", connector, "backfills", &backfill, "cancel"];
        self.client.call(Method::POST, &path).done().await
    }
}

/// What the API answers to a change of a connector: what is stored, or the proposal.
pub(in crate::server) async fn stored(answer: Response) -> Result<PutConnectorResponse, Status> {
    if answer.status() == StatusCode::ACCEPTED {
        let Proposed { proposal } = call::read(answer).await?;
        return Ok(PutConnectorResponse {
            proposal,
            ..PutConnectorResponse::default()
        });
    }
    let summary = read(answer).await?.summary.unwrap_or_default();
    Ok(PutConnectorResponse {
        connector: summary.connector,
        due: summary.due,
        version: summary.version,
        ..PutConnectorResponse::default()
    })
}

/// What is changed: this version, or whatever is there.
pub(in crate::server) fn tag(version: Option<i64>) -> Result<HeaderValue, Status> {
    let tag = version.map_or_else(|| "*".to_owned(), |version| format!("\"{version}\""));
    HeaderValue::from_str(&tag).map_err(|_| Status::invalid_argument("version: give a number"))
}

/// A connector and the version that its `ETag` says.
async fn read(answer: Response) -> Result<GetConnectorResponse, Status> {
    let tag = answer.headers().get(ETAG);
    let tag = tag.and_then(|tag| tag.to_str().ok());
    let version = tag.and_then(|tag| tag.trim_matches('"').parse().ok());
    let version = version.ok_or_else(problem::unreadable)?;
    let document: Document = call::read(answer).await?;
    Ok(document.stored(version))
}
