use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tonic::{Code, Status};

use crate::pages::problem;

/// Why a page cannot be shown: what a service answered instead.
#[derive(Debug, thiserror::Error)]
#[error("{}", status.message())]
pub(crate) struct PageError {
    status: Status,
}

impl From<Status> for PageError {
    fn from(status: Status) -> Self {
        Self { status }
    }
}

/// The status of HTTP that says what a gRPC status says.
pub(crate) fn http_status(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument | Code::OutOfRange => StatusCode::UNPROCESSABLE_ENTITY,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::FailedPrecondition => StatusCode::CONFLICT,
        Code::Aborted => StatusCode::PRECONDITION_FAILED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Unavailable | Code::DeadlineExceeded => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let status = http_status(self.status.code());
        let page = problem::page(status, self.status.message());
        (status, page).into_response()
    }
}
