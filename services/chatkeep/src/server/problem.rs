//! What the API says is wrong ("Problem Details for HTTP APIs", RFC 9457), as the contract says it.

use std::error::Error;

use reqwest::{Response, StatusCode};
use serde::Deserialize;
use tonic::{Code, Status};

/// The body of a problem.
#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default)]
    detail: String,
}

/// The reason of an answer that is none.
pub(super) async fn read(response: Response) -> Status {
    let status = response.status();
    let body = response.bytes().await.unwrap_or_default();
    let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
    let detail = problem.detail.trim_end_matches('.');
    let text = match status {
        StatusCode::UNAUTHORIZED => {
            "the server does not know who asks: the access token has expired, or is \
                                     none of its issuer's for it"
                .to_owned()
        }
        _ if detail.is_empty() => format!("the server answers {status}"),
        StatusCode::FORBIDDEN => format!("not allowed: {}", lower(detail)),
        _ => detail.to_owned(),
    };
    Status::new(code(status), text)
}

/// As the console chooses the status of what control answers.
fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::UNPROCESSABLE_ENTITY => Code::InvalidArgument,
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::CONFLICT => Code::FailedPrecondition,
        StatusCode::PRECONDITION_FAILED => Code::Aborted,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::TOO_MANY_REQUESTS => Code::ResourceExhausted,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Code::Unavailable
        }
        StatusCode::NOT_IMPLEMENTED => Code::Unimplemented,
        _ => Code::Internal,
    }
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}

/// There was no answer.
pub(super) fn unanswered(error: &reqwest::Error) -> Status {
    let mut text = "the server does not answer".to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    Status::unavailable(text)
}

/// The answer is not what the API's description says.
pub(super) fn unreadable() -> Status {
    Status::internal("the server's answer cannot be read: is it a Chatkeep of this version?")
}
