//! Whether pages lead to changes that take a second person: where none ever did, they say nothing of it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use chatkeep_proto::v1::ListProposalsRequest;

use crate::{Services, sign_in::Principal};

/// After this control is asked again: it may have been started anew, with another setting.
const LATEST: Duration = Duration::from_mins(1);

tokio::task_local! {
    static IS_USED: bool;
}

/// What control said last, and when. Every page shows it, so that it is not asked for every page.
#[derive(Clone, Debug)]
pub(super) struct Approval {
    services: Services,
    last: Arc<Mutex<Option<(Instant, bool)>>>,
}

impl Approval {
    pub(super) fn new(services: Services) -> Self {
        Self {
            services,
            last: Arc::default(),
        }
    }

    async fn is_used(&self) -> bool {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, is_used)) = last
            && at.elapsed() < LATEST
        {
            return is_used;
        }
        let request = ListProposalsRequest {
            limit: 1,
            ..ListProposalsRequest::default()
        };
        let page = self.services.control.clone().list_proposals(request).await;
        // A page that needs control says itself that it is away.
        let Ok(page) = page else {
            return last.is_some_and(|(_, is_used)| is_used);
        };
        let page = page.into_inner();
        let is_used = page.is_required || !page.proposals.is_empty();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((Instant::now(), is_used));
        is_used
    }
}

/// Answers a request of somebody who has signed in with this at hand.
pub(super) async fn scope(
    State(approval): State<Approval>,
    request: Request,
    next: Next,
) -> Response {
    if request.extensions().get::<Principal>().is_none() {
        return next.run(request).await;
    }
    let is_used = approval.is_used().await;
    IS_USED.scope(is_used, next.run(request)).await
}

/// Whether changes have to be approved, or ever had to.
pub(super) fn is_used() -> bool {
    IS_USED.try_with(|is_used| *is_used).unwrap_or(false)
}
