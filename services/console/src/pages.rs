//! What a browser asks for: one module per page.

mod approval;
mod audit;
mod checks;
mod connector;
mod connectors;
mod expired;
mod form;
mod held;
mod item;
mod layout;
pub(crate) mod problem;
mod proposals;
mod run;
mod secrets;
pub(crate) mod sign_in;
mod viewer;
mod wizard;
mod words;

#[cfg(test)]
mod tests;

use axum::{
    Extension, Router,
    handler::Handler,
    http::Method,
    middleware,
    response::Redirect,
    routing::{MethodRouter, get, post},
};

use crate::{
    Services,
    mappings::Mappings,
    sign_in::{Right, guard::needs},
    traces::TraceLinks,
};

/// What is answered to a method of a path, and the right that it takes.
struct Page {
    #[cfg_attr(not(test), expect(dead_code, reason = "tests ask with it"))]
    method: Method,
    path: &'static str,
    right: Right,
    answer: MethodRouter<Services>,
}

/// A page that is looked at.
fn shows<H: Handler<T, Services>, T: 'static>(right: Right, path: &'static str, answer: H) -> Page {
    Page {
        method: Method::GET,
        path,
        right,
        answer: get(answer),
    }
}

/// What a form of a page does.
fn does<H: Handler<T, Services>, T: 'static>(right: Right, path: &'static str, answer: H) -> Page {
    Page {
        method: Method::POST,
        path,
        right,
        answer: post(answer),
    }
}

/// Every page, what its forms do, and the right that each takes.
#[rustfmt::skip]
fn table() -> Vec<Page> {
    use Right::{Administer, Operate, Read};
    vec![
        shows(Read, "/connectors", connectors::list),
        shows(Administer, "/connectors/new", wizard::begin),
        does(Administer, "/connectors/new", wizard::step),
        shows(Read, "/connectors/{id}", connector::show),
        shows(Administer, "/connectors/{id}/edit", wizard::edit),
        does(Administer, "/connectors/{id}/edit", wizard::step),
        shows(Operate, "/connectors/{id}/test", connector::check::show),
        shows(Read, "/connectors/{id}/progress", connector::progress::json),
        does(Operate, "/connectors/{id}/run", connector::actions::run),
        does(Operate, "/connectors/{id}/pause", connector::actions::pause),
        does(Operate, "/connectors/{id}/resume", connector::actions::resume),
        does(Administer, "/connectors/{id}/delete", connector::actions::delete),
        does(Administer, "/connectors/{id}/restore", connectors::deleted::restore),
        does(Operate, "/connectors/{id}/backfills", connector::backfills::start),
        does(Operate, "/connectors/{id}/backfills/{backfill}/cancel", connector::backfills::cancel),
        shows(Read, "/connectors/{id}/held", held::show),
        does(Administer, "/connectors/{id}/held", held::map),
        does(Operate, "/connectors/{id}/held/deliver", held::deliver),
        shows(Read, "/connectors/{id}/runs/{number}", run::show),
        does(Operate, "/connectors/{id}/runs/{number}/cancel", run::actions::cancel),
        does(Operate, "/connectors/{id}/runs/{number}/retry", run::actions::retry),
        shows(Read, "/proposals", proposals::list),
        shows(Read, "/proposals/{proposal}", proposals::one::show),
        does(Administer, "/proposals/{proposal}/approve", proposals::decide::approve),
        does(Administer, "/proposals/{proposal}/reject", proposals::decide::reject),
        does(Administer, "/proposals/{proposal}/withdraw", proposals::decide::withdraw),
        shows(Operate, "/items", item::show),
        shows(Operate, "/audit", audit::show),
        shows(Administer, "/secrets", secrets::show),
        does(Administer, "/secrets", secrets::put),
        does(Administer, "/secrets/delete", secrets::delete),
    ]
}

/// The pages, and the way to the first one.
pub(crate) fn routes(services: Services, mappings: Mappings, links: TraceLinks) -> Router {
    let approval = approval::Approval::new(services.clone());
    let first = get(async || Redirect::to("/connectors"));
    table()
        .into_iter()
        .fold(Router::new().route("/", first), |router, page| {
            router.route(page.path, needs(page.right, page.answer))
        })
        .layer(Extension(mappings))
        .layer(Extension(links))
        .layer(middleware::from_fn(expired::keep))
        .layer(middleware::from_fn_with_state(approval, approval::scope))
        .layer(middleware::from_fn(viewer::scope))
        .with_state(services)
}
