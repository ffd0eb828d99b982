//! The REST API: what the pages can do, for scripts. Its description is made from this code.

#[expect(unused_qualifications, reason = "in what utoipa writes")]
mod audit;
mod backfills;
mod checks;
mod connectors;
mod description;
mod endpoint;
#[expect(unused_qualifications, reason = "in what utoipa writes")]
mod exceptions;
#[expect(unused_qualifications, reason = "in what utoipa writes")]
mod held;
mod idempotency;
#[expect(unused_qualifications, reason = "in what utoipa writes")]
mod items;
mod log;
#[expect(unused_qualifications, reason = "in what utoipa writes")]
mod mappings;
mod preview;
mod problem;
mod progress;
#[expect(unused_qualifications, reason = "in what utoipa writes")]
mod proposals;
mod runs;
mod secrets;
mod sessions;
mod words;

use axum::{Router, extract::FromRef, middleware, routing::get};
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Services,
    mappings::Mappings,
    server::Shown,
    sign_in::Right::{Administer, Operate, Read},
    traces::TraceLinks,
};

pub(crate) use self::problem::Problem;

use self::{
    endpoint::{once, takes},
    idempotency::Answers,
};

/// What every endpoint has.
#[derive(Clone)]
pub(crate) struct Api {
    services: Services,
    shown: Shown,
    /// Ends what would go on as long as somebody listens.
    shutdown: CancellationToken,
}

impl FromRef<Api> for Services {
    fn from_ref(api: &Api) -> Self {
        api.services.clone()
    }
}

impl FromRef<Api> for TraceLinks {
    fn from_ref(api: &Api) -> Self {
        api.shown.links.clone()
    }
}

impl FromRef<Api> for Mappings {
    fn from_ref(api: &Api) -> Self {
        api.shown.mappings.clone()
    }
}

/// Every endpoint, and the right it takes. What starts something takes a key that a repeat is known by.
pub(crate) fn routes(services: Services, shown: Shown, shutdown: CancellationToken) -> Router {
    let answers = Answers::default();
    let api = OpenApiRouter::with_openapi(description::base())
        .routes(takes(Read, routes!(sessions::me)))
        .routes(takes(Read, routes!(connectors::list)))
        .routes(takes(
            Administer,
            once(&answers, routes!(connectors::create)),
        ))
        .routes(takes(Read, routes!(connectors::read)))
        .routes(takes(Administer, routes!(connectors::replace)))
        .routes(takes(Administer, routes!(connectors::delete)))
        .routes(takes(
            Administer,
            once(&answers, routes!(connectors::clone)),
        ))
        .routes(takes(Operate, routes!(connectors::pause)))
        .routes(takes(Operate, routes!(connectors::resume)))
        .routes(takes(Operate, once(&answers, routes!(runs::open))))
        .routes(takes(Operate, once(&answers, routes!(runs::deliver_held))))
        .routes(takes(Read, routes!(runs::list)))
        .routes(takes(Read, routes!(runs::read)))
        .routes(takes(Operate, once(&answers, routes!(runs::retry))))
        .routes(takes(Operate, routes!(runs::cancel)))
        .routes(takes(Read, routes!(progress::read)))
        .routes(takes(Read, routes!(progress::watch)))
        .routes(takes(Read, routes!(log::csv)))
        .routes(takes(Read, routes!(log::json)))
        .routes(takes(Read, routes!(exceptions::list)))
        .routes(takes(Read, routes!(held::list)))
        .routes(takes(Administer, routes!(mappings::read)))
        .routes(takes(Administer, routes!(mappings::replace)))
        .routes(takes(Administer, routes!(mappings::preview)))
        .routes(takes(Read, routes!(backfills::list)))
        .routes(takes(Operate, once(&answers, routes!(backfills::order))))
        .routes(takes(Operate, routes!(backfills::cancel)))
        .routes(takes(Administer, routes!(checks::sources)))
        .routes(takes(Administer, routes!(checks::directory)))
        .routes(takes(Administer, routes!(checks::target)))
        .routes(takes(Administer, routes!(checks::report)))
        .routes(takes(Administer, routes!(preview::preview)))
        .routes(takes(Read, routes!(proposals::list)))
        .routes(takes(Read, routes!(proposals::read)))
        .routes(takes(Administer, routes!(proposals::approve)))
        .routes(takes(Administer, routes!(proposals::reject)))
        .routes(takes(Administer, routes!(proposals::withdraw)))
        .routes(takes(Operate, routes!(items::trace)))
        .routes(takes(Operate, routes!(items::search)))
        .routes(takes(Operate, routes!(audit::list)))
        .routes(takes(Operate, routes!(audit::export)))
        .routes(takes(Administer, routes!(sessions::list)))
        .routes(takes(Administer, routes!(sessions::revoke)))
        .routes(takes(Administer, routes!(secrets::list)))
        .routes(takes(Administer, routes!(secrets::put)))
        .routes(takes(Administer, routes!(secrets::delete)))
        .with_state(Api {
            services,
            shown,
            shutdown,
        });
    let api = api.route_layer(middleware::from_fn(words::refuse_unprintable));
    let (router, document) = OpenApiRouter::new().nest("/api/v1", api).split_for_parts();
    let document = description::text(&document);
    router.route(
        "/api/v1/openapi.json",
        get(async move || description::answer(document)),
    )
}
