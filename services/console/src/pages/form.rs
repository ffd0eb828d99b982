//! Forms: what every one of them carries, and what comes back.

use axum::extract::{FromRequest, Request};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use maud::{Markup, html};
use tonic::Status;

use super::viewer;
use crate::sign_in::Form;

/// A form that changes something.
pub(super) fn post(action: &str, content: &Markup) -> Markup {
    html! { form method="post" action=(action) { (viewer::form_field()) (content) } }
}

/// A form to be filled in: the server says what is wrong with it, in words, and takes what is not right yet.
pub(super) fn entry(action: &str, content: &Markup) -> Markup {
    html! { form method="post" action=(action) novalidate { (viewer::form_field()) (content) } }
}

/// A form that is one button; `kind` is its class.
pub(super) fn button(action: &str, kind: &str, words: &str) -> Markup {
    post(
        action,
        &html! { button class=(kind) type="submit" { (words) } },
    )
}

/// What was entered into a form, in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// What stands in a field, spaces around it left out; empty when there is none of the name.
    pub(super) fn get(&self, name: &str) -> &str {
        self.exact(name).trim()
    }

    /// The same to the letter, spaces and all.
    pub(super) fn exact(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Whether the form had the field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }
}

/// The beginning of a UTC day that was entered.
pub(super) fn midnight(day: &str) -> Result<Timestamp, Status> {
    let day: Date = day.trim().parse().map_err(|_| {
        Status::invalid_argument("A day is missing, or is not one: choose both days.")
    })?;
    let midnight = day.to_zoned(TimeZone::UTC);
    let midnight = midnight.map_err(|_| Status::invalid_argument("That day is too far away."))?;
    Ok(midnight.timestamp())
}

/// The end of a UTC day that was entered.
pub(super) fn end(day: &str) -> Result<Timestamp, Status> {
    let end = midnight(day)?.checked_add(SignedDuration::from_hours(24));
    end.map_err(|_| Status::invalid_argument("That day is too far away."))
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = <Form<Vec<(String, String)>> as FromRequest<S>>::Rejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let Form(fields) = Form::from_request(request, state).await?;
        Ok(Self(fields))
    }
}
