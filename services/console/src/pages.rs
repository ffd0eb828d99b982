//! What a browser asks for: one module per page.

mod checks;
mod connector;
mod connectors;
mod form;
mod held;
mod item;
mod layout;
pub(crate) mod problem;
mod run;
mod wizard;
mod words;

use axum::{
    Router,
    response::Redirect,
    routing::{get, post},
};

use crate::Services;

/// Every page, and what their forms do.
pub(crate) fn routes() -> Router<Services> {
    Router::new()
        .route("/", get(async || Redirect::to("/connectors")))
        .route("/connectors", get(connectors::list))
        .route("/connectors/new", get(wizard::begin).post(wizard::step))
        .route("/connectors/{id}", get(connector::show))
        .route("/connectors/{id}/edit", get(wizard::edit).post(wizard::step))
        .route("/connectors/{id}/test", get(connector::check::show))
        .route("/connectors/{id}/progress", get(connector::progress::json))
        .route("/connectors/{id}/run", post(connector::actions::run))
        .route("/connectors/{id}/pause", post(connector::actions::pause))
        .route("/connectors/{id}/resume", post(connector::actions::resume))
        .route("/connectors/{id}/delete", post(connector::actions::delete))
        .route("/connectors/{id}/backfills", post(connector::backfills::start))
        .route(
            "/connectors/{id}/backfills/{backfill}/cancel",
            post(connector::backfills::cancel),
        )
        .route("/connectors/{id}/held", get(held::show).post(held::map))
        .route("/connectors/{id}/held/deliver", post(held::deliver))
        .route("/connectors/{id}/runs/{number}", get(run::show))
        .route("/connectors/{id}/runs/{number}/cancel", post(run::actions::cancel))
        .route("/connectors/{id}/runs/{number}/retry", post(run::actions::retry))
        .route("/connectors/{id}/runs/{number}/log.csv", get(run::log::csv))
        .route("/connectors/{id}/runs/{number}/log.json", get(run::log::json))
        .route("/items", get(item::show))
}
