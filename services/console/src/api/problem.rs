use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tonic::{Code, Status};
use utoipa::ToSchema;

use crate::error::http_status;

/// Why something was not done ("Problem Details for HTTP APIs", RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The status in words.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What is wrong, and what to do.
    detail: String,
    /// Of a file: its wrong lines, the first hundred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<LineProblem>,
    #[serde(skip)]
    code: StatusCode,
}

/// What is wrong with a line of a file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineProblem {
    /// From 1.
    pub(super) line: u64,
    /// What is wrong, and what to do.
    pub(super) problem: String,
}

/// Of problems.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

impl Problem {
    pub(crate) fn of(code: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            title: code.canonical_reason().unwrap_or("Error"),
            status: code.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            code,
        }
    }

    /// With the lines of a file that are wrong.
    pub(super) fn with_lines(mut self, errors: Vec<LineProblem>) -> Self {
        self.errors = errors;
        self
    }

    /// A request that is not as the API's description says.
    pub(crate) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::of(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// Puts a problem in the place of an error that is none, e.g. of a body that cannot be read: its text
    /// may quote what was sent.
    pub(crate) fn instead_of(response: Response) -> Response {
        let (status, headers) = (response.status(), response.headers());
        let is_error = status.is_client_error() || status.is_server_error();
        if !is_error || is_problem(headers) {
            return response;
        }
        let detail = match status {
            StatusCode::NOT_FOUND => "There is no such address.",
            StatusCode::METHOD_NOT_ALLOWED => "The address does not take this method.",
            StatusCode::PAYLOAD_TOO_LARGE => "The body is too large.",
            _ => "The request is not as the API's description says: /api/v1/openapi.json.",
        };
        let mut problem = Self::of(status, detail).into_response();
        if let Some(allow) = headers.get(header::ALLOW) {
            problem.headers_mut().insert(header::ALLOW, allow.clone());
        }
        problem
    }
}

fn is_problem(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(MEDIA_TYPE.as_bytes()))
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        let detail = match status.code() {
            // What a service says of these is for who runs it; its log has it.
            Code::Internal | Code::Unknown | Code::DataLoss => {
                "A service failed; its log says more."
            }
            _ => status.message(),
        };
        Self::of(http_status(status.code()), detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.code, axum::Json(self)).into_response();
        let kind = HeaderValue::from_static(MEDIA_TYPE);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}
