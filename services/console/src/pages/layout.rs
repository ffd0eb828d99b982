use maud::{DOCTYPE, Markup, html};

use super::{approval, form, viewer};
use crate::sign_in::Right;

/// A page: where it is, what it is called, what stands beside the title.
pub(super) struct Page<'a> {
    title: &'a str,
    trail: Vec<(&'a str, String)>,
    beside: Markup,
}

impl<'a> Page<'a> {
    /// A page of this title.
    pub(super) fn new(title: &'a str) -> Self {
        Self {
            title,
            trail: Vec::new(),
            beside: html! {},
        }
    }

    /// It is below another one.
    pub(super) fn below(mut self, name: &'a str, address: impl Into<String>) -> Self {
        self.trail.push((name, address.into()));
        self
    }

    /// What stands beside its title: what can be done.
    pub(super) fn beside(mut self, beside: Markup) -> Self {
        self.beside = beside;
        self
    }

    /// The whole document.
    pub(super) fn show(self, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " - Chatkeep" }
                    link rel="icon" href="/assets/chatkeep.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/assets/console.css";
                    script src="/assets/console.js" defer {}
                }
                body {
                    a.skip href="#main" { "Skip to content" }
                    (header(self.trail.first().map_or(self.title, |(name, _)| name)))
                    main #main tabindex="-1" {
                        @if !self.trail.is_empty() {
                            nav.trail aria-label="Breadcrumb" {
                                ol { @for (name, address) in &self.trail { li { a href=(address) { (name) } } } }
                            }
                        }
                        div.title { h1 { (self.title) } div.actions { (self.beside) } }
                        (content)
                    }
                    footer { p { "Times are shown in your time zone; hover for UTC." } }
                }
            }
        }
    }
}

/// `here`: what the page is part of.
fn header(here: &str) -> Markup {
    let current = |name: &str| (name == here).then_some("page");
    html! {
        header.top {
            div.inner {
                a.brand href="/connectors" {
                    img src="/assets/chatkeep.svg" alt="" width="26" height="26";
                    span { "Chatkeep" }
                }
                @if let Some(name) = viewer::name() {
                    nav aria-label="Main" {
                        a href="/connectors" aria-current=[current("Data connectors")] { "Data connectors" }
                        @if approval::is_used() { a href="/proposals" aria-current=[current("Changes")] { "Changes" } }
                        @if viewer::may(Right::Operate) {
                            a href="/items" aria-current=[current("Find an item")] { "Find an item" }
                            a href="/audit" aria-current=[current("Audit trail")] { "Audit trail" }
                        }
                        @if viewer::may(Right::Administer) { a href="/secrets" aria-current=[current("Secrets")] { "Secrets" } }
                    }
                    div.who { span { (name) } (form::button("/sign-out", "link", "Sign out")) }
                }
            }
        }
    }
}

/// A remark above a page's content. Its kind, `info`, `good`, `warn` or `bad`, colours it; a title says in
/// words what the colour says.
pub(super) fn notice(kind: &str, title: &str, content: &Markup) -> Markup {
    let role = if kind == "bad" { "alert" } else { "status" };
    html! {
        div class={ "notice " (kind) } role=(role) { strong { (title) } div { (content) } }
    }
}
