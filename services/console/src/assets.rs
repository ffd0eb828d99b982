//! Style and scripts, compiled in.

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// Name, media type, content.
const ASSETS: [(&str, &str, &str); 3] = [
    (
        "console.css",
        "text/css; charset=utf-8",
        include_str!("../assets/console.css"),
    ),
    (
        "console.js",
        "text/javascript; charset=utf-8",
        include_str!("../assets/console.js"),
    ),
    (
        "chatkeep.svg",
        "image/svg+xml",
        include_str!("../assets/chatkeep.svg"),
    ),
];

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
