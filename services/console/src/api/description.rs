//! The API's description, an OpenAPI document.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use utoipa::{
    OpenApi,
    openapi::{
        Components,
        security::{
            ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
        },
    },
};

use super::Problem;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chatkeep",
        description = "What administrators do with Chatkeep, for scripts. Times are UTC, RFC 3339.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem))
)]
struct Base;

/// What all endpoints have in common.
pub(super) fn base() -> utoipa::openapi::OpenApi {
    let mut document = Base::openapi();
    "1".clone_into(&mut document.info.version);
    let components = document.components.get_or_insert_with(Components::new);
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("bearer", bearer);
    let cookie = ApiKeyValue::new("__Host-chatkeep-session");
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(cookie));
    components.add_security_scheme("session", cookie);
    let schemes = ["bearer", "session"];
    let requirements = schemes.map(|name| SecurityRequirement::new(name, [""; 0]));
    document.security = Some(requirements.into());
    document
}

/// The document as it is served.
pub(super) fn text(document: &utoipa::openapi::OpenApi) -> String {
    document.to_pretty_json().unwrap_or_default()
}

/// `GET /api/v1/openapi.json`.
pub(super) fn answer(document: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}
