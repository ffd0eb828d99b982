use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts as _, Request},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{Principal, guard::Refusal};

/// What a form of one of our pages brings: `Form(fields): Form<Fields>`. One without the session's token is
/// refused; [`Principal::form_field`] writes it into a page. `T` must not refuse unknown fields: the token is
/// one of them.
pub(crate) struct Form<T>(pub(crate) T);

#[derive(Deserialize)]
struct Proof {
    #[serde(default)]
    form_token: String,
}

/// Why a form is not read.
pub(crate) enum FormError {
    /// It is none of ours.
    Refused(Refusal),
    /// A field is missing, or is not what it should be.
    Malformed,
}

impl IntoResponse for FormError {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => refusal.into_response(),
            Self::Malformed => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = FormError;

    async fn from_request(request: Request, state: &S) -> Result<Self, FormError> {
        let (mut parts, body) = request.into_parts();
        let principal = Principal::from_request_parts(&mut parts, state).await;
        let principal = principal.map_err(FormError::Refused)?;
        let request = Request::from_parts(parts, body);
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|_| FormError::Malformed)?;
        let proof: Proof = decode(&body)?;
        if !principal.is_form_token(&proof.form_token) {
            return Err(FormError::Refused(Refusal::Foreign));
        }
        decode(&body).map(Self)
    }
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, FormError> {
    serde_urlencoded::from_bytes(body).map_err(|_| FormError::Malformed)
}
