//! The console, as administrators see it: the real program and a real browser.
//!
//! Each journey is a script for Node.js in `browser/`; here stands what it needs around it, and what is looked at past
//! the browser.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod journey;
mod serving;

use std::fs;

use chatkeep_generator::{Options, generate};
use chatkeep_testkit::{Dovecot, DovecotOptions, OpenIdProvider, read_folder};
use serde_json::json;

use crate::{journey::Journey, serving::Serving};

/// Whose mailboxes the sample's conversations go to.
const USERS: [&str; 4] = [
    "alice.morgan@contoso.com",
    "tom.whitaker@contoso.com",
    "juergen.hofmann@contoso.com",
    "omar.haddad@contoso.com",
];
const FOLDER: &str = "INBOX/Skype for Business";

#[test]
fn an_administrator_finds_the_way_from_the_first_sign_in_to_a_balance_that_closes() {
    Journey::begin().go("first", &[], &json!({}));
}

#[test]
fn a_connector_that_has_run_is_worked_with_from_its_pages() {
    Journey::begin().go("work", &[], &json!({}));
}

#[test]
fn failed_deliveries_backfills_and_the_end_of_a_connector_are_taken_care_of_in_pages() {
    let journey = Journey::begin();
    let quota = DovecotOptions {
        quota: Some("30k"),
        ..DovecotOptions::default()
    };
    let dovecot = Dovecot::start_with(&quota).unwrap();

    journey.go(
        "runs",
        &[],
        &json!({
            "port": dovecot.address().port(),
            "password": Dovecot::PASSWORD,
            "doveadm": dovecot.ca().with_file_name("dovecot.conf"),
            "users": USERS,
        }),
    );
}

#[test]
fn the_wizard_leads_into_dovecot_and_what_the_log_counts_is_there() {
    let journey = Journey::begin();
    let dovecot = Dovecot::start().unwrap();

    let more = json!({ "port": dovecot.address().port(), "password": Dovecot::PASSWORD });
    journey.go("dovecot", &[], &more);

    let imported = fs::read_to_string(journey.path("imported")).unwrap();
    let mailboxes = fs::read_dir(dovecot.mail("")).unwrap();
    let names = mailboxes.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names = names.filter(|name| name.strip_suffix(".home").is_none());
    let read = |name: String| {
        let login = (name.as_str(), Dovecot::PASSWORD);
        read_folder(dovecot.address(), login, FOLDER).unwrap().len()
    };
    let stored: usize = names.map(read).sum();
    assert!(stored > 0);
    assert_eq!(stored.to_string(), imported);
}

#[test]
fn everybody_sees_and_does_what_the_issuers_role_says() {
    let journey = Journey::begin();
    let issuer = Issuer::start();
    let mut serving = Serving::start(journey.folder(), &issuer.settings(&journey));
    let site = serving.site();
    for (role, name, roles) in [
        (
            "administrator",
            "Ann Archer",
            &["DataConnectorAdmin", "Mailbox Import Export"][..],
        ),
        ("operator", "Olaf Operator", &["Operator"]),
        ("viewer", "Vera Viewer", &["Viewer"]),
    ] {
        issuer.sign_in_as(name, roles);
        let more = json!({ "role": role, "name": name, "issuer": issuer.url() });
        journey.travel("roles", &site, None, &more);
    }
}

#[test]
fn what_was_typed_outlives_the_session_it_was_typed_in() {
    let journey = Journey::begin();
    let issuer = Issuer::start();
    issuer.sign_in_as(
        "Ann Archer",
        &["DataConnectorAdmin", "Mailbox Import Export"],
    );

    let more = json!({ "subject": "Ann Archer", "issuer": issuer.url() });
    journey.go("session", &issuer.settings(&journey), &more);
}

#[test]
fn a_slow_network_keeps_nobody_from_their_work_and_nothing_is_done_twice() {
    let journey = Journey::begin();
    let large = journey.path("large-sample");
    let options = Options {
        users: 40,
        conversations: Some(6_000),
        databases: false,
        ..Options::contoso()
    };
    generate(&options, &large).unwrap();

    journey.go("slow", &[], &json!({ "large": large }));
}

#[test]
fn secrets_go_in_and_never_come_out() {
    let key = [
        ("CHATKEEP__CONTROL__SECRETS_KEY", "env:CHATKEEP_TEST_KEY"),
        (
            "CHATKEEP_TEST_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ),
    ];
    let key = key.map(|(name, value)| (name, value.to_owned()));
    Journey::begin().go("secrets", &key, &json!({}));
}

/// An OpenID provider, and what runs it.
struct Issuer {
    runtime: tokio::runtime::Runtime,
    provider: OpenIdProvider,
}

impl Issuer {
    fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let provider = runtime.block_on(OpenIdProvider::start()).unwrap();
        Self { runtime, provider }
    }

    fn url(&self) -> &str {
        self.provider.issuer()
    }

    /// Whoever signs in from now on is this.
    fn sign_in_as(&self, name: &str, roles: &[&str]) {
        let _entered = self.runtime.enter();
        self.provider
            .sign_in_as(json!({ "sub": name, "name": name, "roles": roles }));
    }

    /// What the console must know of it.
    fn settings(&self, journey: &Journey) -> [(&'static str, String); 3] {
        let secret = journey.path("client-secret");
        fs::write(&secret, OpenIdProvider::SECRET).unwrap();
        [
            ("CHATKEEP__CONSOLE__ISSUER", self.url().to_owned()),
            (
                "CHATKEEP__CONSOLE__CLIENT_ID",
                OpenIdProvider::CLIENT.to_owned(),
            ),
            (
                "CHATKEEP__CONSOLE__CLIENT_SECRET",
                format!("file:{}", secret.display()),
            ),
        ]
    }
}
