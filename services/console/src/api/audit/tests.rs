//! The export of a trail that does not end.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use axum::{extract::Request, http::StatusCode};
use bytes::{BufMut as _, Bytes, BytesMut};
use chatkeep_proto::v1::{AppendAuditResponse, AuditEntry, ListAuditResponse};
use chatkeep_runtime::GrpcChannel;
use http_body_util::{BodyExt as _, Full};
use prost::Message;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt as _, service_fn};

use super::*;
use crate::{
    Channels, api,
    mappings::Mappings,
    server::Shown,
    sign_in::{Principal, Role},
    traces::TraceLinks,
};

type Answer = http::Response<tonic::body::Body>;

/// A service that has always another page of the trail, and is away when it is closed.
#[derive(Clone)]
struct Endless {
    /// Pages that were asked for.
    asked: Arc<AtomicI64>,
    /// Pages that it gives out.
    given: Arc<Semaphore>,
}

/// What a server says to a call with one answer.
fn answer(message: &impl Message) -> Answer {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).unwrap());
    frame.put_slice(&message.encode_to_vec());
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    let body = Full::new(frame.freeze()).with_trailers(ready(Some(Ok(trailers))));
    let answer = http::Response::builder().header("content-type", "application/grpc");
    answer.body(tonic::body::Body::new(body)).unwrap()
}

impl Endless {
    fn new(pages: usize) -> Self {
        Self {
            asked: Arc::default(),
            given: Arc::new(Semaphore::new(pages)),
        }
    }

    fn services(&self) -> Services {
        let this = self.clone();
        let call = move |request: http::Request<tonic::body::Body>| {
            let this = this.clone();
            async move {
                if request.uri().path().ends_with("/AppendAudit") {
                    return Ok(answer(&AppendAuditResponse::default()));
                }
                let page = this.asked.fetch_add(1, Ordering::SeqCst) + 1;
                let given = this.given.acquire().await;
                given.map_err(|_| Status::unavailable("away"))?.forget();
                let entry = AuditEntry {
                    sequence: page,
                    ..AuditEntry::default()
                };
                Ok::<_, Status>(answer(&ListAuditResponse {
                    entries: vec![entry],
                    next: page,
                }))
            }
        };
        let channel = GrpcChannel::new(service_fn(call));
        Services::new(Channels {
            control: channel.clone(),
            ingestion: channel.clone(),
            conversion: channel.clone(),
            mapping: channel.clone(),
            mailbox_import: channel,
        })
    }

    /// The export's answer.
    async fn export(&self) -> Response {
        let mut request = Request::builder()
            .uri("/api/v1/audit/export")
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(Principal {
            subject: "1".to_owned(),
            name: String::new(),
            roles: vec![Role::Operator],
            address: [127, 0, 0, 1].into(),
            form_token: None,
        });
        let router = api::routes(
            self.services(),
            Shown {
                mappings: Mappings::new(None),
                links: TraceLinks::new(None),
            },
            CancellationToken::new(),
        );
        router.oneshot(request).await.unwrap()
    }
}

fn sequence(line: Option<Result<Bytes, axum::Error>>) -> i64 {
    let line = line.unwrap().unwrap();
    let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
    line["sequence"].as_i64().unwrap()
}

#[tokio::test]
async fn an_export_begins_before_the_second_page_was_read() {
    let trail = Endless::new(1);

    let export = trail.export().await;
    assert_eq!(export.status(), StatusCode::OK);
    let mut lines = export.into_body().into_data_stream();

    assert_eq!(sequence(lines.next().await), 1);
    trail.given.add_permits(1);
    assert_eq!(sequence(lines.next().await), 2);
}

#[tokio::test]
async fn no_page_is_read_before_somebody_takes_it() {
    let trail = Endless::new(Semaphore::MAX_PERMITS);

    let mut lines = trail.export().await.into_body().into_data_stream();
    for page in 1..=50 {
        assert_eq!(sequence(lines.next().await), page);
        assert_eq!(trail.asked.load(Ordering::SeqCst), page);
    }
}

#[tokio::test]
async fn an_export_that_breaks_off_is_not_taken_for_a_whole_one() {
    let trail = Endless::new(1);

    let mut lines = trail.export().await.into_body().into_data_stream();
    assert_eq!(sequence(lines.next().await), 1);
    trail.given.close();

    assert!(lines.next().await.unwrap().is_err());
}
