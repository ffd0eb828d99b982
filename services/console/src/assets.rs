//! Style and scripts, compiled in.

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// Name, media type, content.
const ASSETS: [(&str, &str, &str); 1] = [(
    "console.css",
    "text/css; charset=utf-8",
    include_str!("../assets/console.css"),
)];

/// `/assets/{name}`.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    let Some((_, kind, content)) = ASSETS.iter().find(|(known, ..)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, *kind),
        // A new version of the program may have another one.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, *content).into_response()
}
