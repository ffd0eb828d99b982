//! What a browser asks for: one module per page.

mod checks;
mod connector;
mod connectors;
mod form;
mod held;
mod item;
mod layout;
mod mappings;
pub(crate) mod problem;
mod run;
pub(crate) mod sign_in;
mod viewer;
mod wizard;
mod words;

use axum::{
    Extension, Router, middleware,
    response::Redirect,
    routing::{get, post},
};

use crate::{
    Services,
    sign_in::{Right, guard::needs},
};

pub(crate) use self::mappings::Mappings;

/// Every page, what its forms do, and the right that each takes.
pub(crate) fn routes(mappings: Mappings) -> Router<Services> {
    use Right::{Administer, Operate, Read};
    let begin = needs(Administer, get(wizard::begin).post(wizard::step));
    let edit = needs(Administer, get(wizard::edit).post(wizard::step));
    let held = get(held::show).merge(needs(Administer, post(held::map)));
    Router::new()
        .route("/", get(async || Redirect::to("/connectors")))
        .route("/connectors", needs(Read, get(connectors::list)))
        .route("/connectors/new", begin)
        .route("/connectors/{id}", needs(Read, get(connector::show)))
        .route("/connectors/{id}/edit", edit)
        .route(
            "/connectors/{id}/test",
            needs(Operate, get(connector::check::show)),
        )
        .route(
            "/connectors/{id}/progress",
            needs(Read, get(connector::progress::json)),
        )
        .route(
            "/connectors/{id}/run",
            needs(Operate, post(connector::actions::run)),
        )
        .route(
            "/connectors/{id}/pause",
            needs(Operate, post(connector::actions::pause)),
        )
        .route(
            "/connectors/{id}/resume",
            needs(Operate, post(connector::actions::resume)),
        )
        .route(
            "/connectors/{id}/delete",
            needs(Administer, post(connector::actions::delete)),
        )
        .route(
            "/connectors/{id}/backfills",
            needs(Operate, post(connector::backfills::start)),
        )
        .route(
            "/connectors/{id}/backfills/{backfill}/cancel",
            needs(Operate, post(connector::backfills::cancel)),
        )
        .route("/connectors/{id}/held", needs(Read, held))
        .route(
            "/connectors/{id}/held/deliver",
            needs(Operate, post(held::deliver)),
        )
        .route(
            "/connectors/{id}/runs/{number}",
            needs(Read, get(run::show)),
        )
        .route(
            "/connectors/{id}/runs/{number}/cancel",
            needs(Operate, post(run::actions::cancel)),
        )
        .route(
            "/connectors/{id}/runs/{number}/retry",
            needs(Operate, post(run::actions::retry)),
        )
        .route("/items", needs(Operate, get(item::show)))
        .layer(Extension(mappings))
        .layer(middleware::from_fn(viewer::scope))
}
