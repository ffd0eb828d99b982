//! The users of a tenant: read in full once, then what changed.

use std::time::Duration;

use chatkeep_mapping::{check, sample_mailbox, tenant_probe};
use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::Refreshed;
use chatkeep_staging::BlobKind;
use chatkeep_testkit::graph::{Fault, Kind, Options, Person, Quirk, Role, Tenant};

use crate::{refreshing::Refreshing, world::World};

const ANN: &str = "ann@contoso.com";
const BOB: &str = "bob@contoso.com";

/// A tenant with Ann and Bob, and the service with a connector that reads it.
struct Lab {
    refreshing: Refreshing,
    tenant: Tenant,
}

impl Lab {
    async fn start() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let tenant = Tenant::start(options).await;
        tenant.add(Person::new(ANN));
        tenant.add(Person::new(BOB));
        Self {
            refreshing: Refreshing::start(),
            tenant,
        }
    }

    fn connector_file(&self) -> String {
        let world = &self.refreshing.world;
        let csv = format!("path='{}'", world.path("directory.csv").display());
        let graph = format!(
            "endpoint='{}'\nauth={}",
            self.tenant.endpoint(),
            self.tenant.auth()
        );
        let file = world.connector_file();
        file.replace("type='csv'", "type='graph'")
            .replace(&csv, &graph)
    }

    fn connector(&self) -> Connector {
        Connector::parse(&self.connector_file(), "/".as_ref()).unwrap()
    }

    async fn refresh(&mut self) -> Refreshed {
        let file = self.connector_file();
        self.refreshing.refresh(file).await.unwrap()
    }

    async fn place(&self, address: &str) -> String {
        self.refreshing.place(address).await
    }

    /// The snapshot's text.
    async fn snapshot(&self, refreshed: &Refreshed) -> String {
        let blob = refreshed.directory.as_ref().unwrap();
        let bytes = self.refreshing.world.staging.get(blob).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// Pages of users and changes so far.
    fn pages(&self) -> u64 {
        self.tenant.counts().of(Kind::Delta)
    }
}

#[tokio::test]
async fn a_tenant_gives_the_snapshot_that_a_file_with_the_same_users_gives() {
    let mut lab = Lab::start().await;
    lab.tenant
        .change(ANN, |ann| ann.rename("Ann.Example@contoso.com"));
    let of_tenant = lab.refresh().await;

    let rows = "ann.example@contoso.com,,ann.example@contoso.com,\
                SMTP:Ann.Example@contoso.com;smtp:ann@contoso.com,ann.example@contoso.com\n\
                bob@contoso.com,,bob@contoso.com,SMTP:bob@contoso.com,bob@contoso.com\n";
    let of_file = World::start(rows, "").refresh().await;

    assert_eq!(of_tenant.directory, of_file.directory);
}

#[tokio::test]
async fn who_was_renamed_is_found_by_both_names_and_gets_mail_under_the_new_one() {
    let mut lab = Lab::start().await;
    lab.refresh().await;

    lab.tenant
        .change(ANN, |ann| ann.rename("ann.married@contoso.com"));
    lab.refresh().await;

    assert_eq!(lab.place(ANN).await, "ann.married@contoso.com");
    let by_new_name = lab.place("sip:Ann.Married@contoso.com").await;
    assert_eq!(by_new_name, "ann.married@contoso.com");
    assert_eq!(lab.place(BOB).await, BOB);
}

#[tokio::test]
async fn an_alias_that_moved_leads_to_its_new_owner() {
    let mut lab = Lab::start().await;
    let alias = "smtp:sales@contoso.com".to_owned();
    lab.tenant
        .change(ANN, |ann| ann.proxies.push(alias.clone()));
    lab.refresh().await;
    let before = lab.place("sales@contoso.com").await;

    lab.tenant
        .change(ANN, |ann| ann.proxies.retain(|one| *one != alias));
    lab.tenant
        .change(BOB, |bob| bob.proxies.push(alias.clone()));
    let refreshed = lab.refresh().await;

    assert_eq!(before, ANN);
    assert_eq!(lab.place("sales@contoso.com").await, BOB);
    assert_eq!(refreshed.conflicts, 0);
}

#[tokio::test]
async fn an_alias_of_two_users_is_a_conflict_and_held() {
    let mut lab = Lab::start().await;
    for user in [ANN, BOB] {
        let alias = "smtp:sales@contoso.com".to_owned();
        lab.tenant.change(user, |user| user.proxies.push(alias));
    }

    let refreshed = lab.refresh().await;

    assert_eq!(refreshed.conflicts, 1);
    assert_eq!(lab.place("sales@contoso.com").await, "PLACEMENT_CONFLICT");
}

#[tokio::test]
async fn who_left_is_held_and_who_came_back_is_found() {
    for for_good in [false, true] {
        let mut lab = Lab::start().await;
        lab.refresh().await;

        lab.tenant.remove(ANN, for_good);
        lab.refresh().await;
        let gone = lab.place(ANN).await;
        lab.tenant.add(Person::new(ANN));
        lab.refresh().await;

        assert_eq!(gone, "PLACEMENT_HELD");
        assert_eq!(lab.place(ANN).await, ANN);
    }
}

#[tokio::test]
async fn guests_are_left_out_and_who_has_no_mailbox_is_held() {
    let mut lab = Lab::start().await;
    lab.tenant
        .add(Person::guest("kim@fabrikam.com", "contoso.onmicrosoft.com"));
    lab.tenant.add(Person::without_mailbox("eve@contoso.com"));

    let refreshed = lab.refresh().await;

    assert_eq!(lab.place("kim@fabrikam.com").await, "PLACEMENT_EXTERNAL");
    assert_eq!(lab.place("eve@contoso.com").await, "PLACEMENT_HELD");
    assert!(!lab.snapshot(&refreshed).await.contains("fabrikam"));
}

#[tokio::test]
async fn who_may_not_sign_in_any_more_still_gets_mail() {
    let mut lab = Lab::start().await;
    lab.tenant.change(ANN, |ann| ann.is_enabled = false);

    lab.refresh().await;

    assert_eq!(lab.place(ANN).await, ANN);
}

#[tokio::test]
async fn a_refresh_asks_for_what_changed_and_nothing_else() {
    let mut lab = Lab::with(Options {
        changes_are_minimal: true,
        ..Options::default()
    })
    .await;
    for number in 0..2_000 {
        lab.tenant
            .add(Person::new(&format!("p{number}@contoso.com")));
    }
    let whole = lab.refresh().await;
    let in_full = lab.pages();

    let unchanged = lab.refresh().await;
    lab.tenant
        .change(ANN, |ann| ann.mail = Some("other@contoso.com".to_owned()));
    let changed = lab.refresh().await;

    assert_eq!((in_full, lab.pages()), (3, 5));
    assert_eq!(unchanged.directory, whole.directory);
    let users = |refreshed: &Refreshed| refreshed.mirror.clone().unwrap().users;
    assert_eq!(
        users(&unchanged),
        users(&whole),
        "the same users are the same blob"
    );
    assert_ne!(changed.directory, whole.directory);
    let rows = lab.snapshot(&changed).await.lines().count();
    assert_eq!(rows, 2_003);
    assert_eq!(lab.place("sip:ann@contoso.com").await, "other@contoso.com");
}

#[tokio::test]
async fn everybody_is_read_anew_when_the_changes_are_not_known_any_more() {
    let mut lab = Lab::start().await;
    lab.refresh().await;

    lab.tenant.remove(BOB, true);
    lab.tenant.expire_delta_tokens();
    lab.refresh().await;

    assert_eq!(
        lab.place(BOB).await,
        "PLACEMENT_HELD",
        "not in the mirror any more"
    );
    assert_eq!(lab.place(ANN).await, ANN);
}

#[tokio::test]
async fn everybody_is_read_anew_when_the_mirror_is_gone_or_of_something_else() {
    let mut lab = Lab::start().await;
    lab.refresh().await;
    let other = lab
        .refreshing
        .world
        .staging
        .put(BlobKind::Directory, "no frames")
        .await;
    let other = other.unwrap();
    let mut missing = other.clone();
    missing.key = missing.key.replace(|c: char| c.is_ascii_digit(), "0");

    for users in [other, missing] {
        lab.tenant.add(Person::new("new@contoso.com"));
        lab.refreshing.replace_mirror(Some(users));
        lab.refresh().await;

        assert_eq!(lab.place(ANN).await, ANN);
        lab.tenant.remove("new@contoso.com", true);
    }
}

#[tokio::test]
async fn a_throttled_round_goes_on_at_the_page_where_it_was() {
    let mut lab = Lab::start().await;
    for number in 0..2_500 {
        lab.tenant
            .add(Person::new(&format!("p{number}@contoso.com")));
    }
    let after = Some(Duration::from_secs(1));
    for (nth, status) in [(2, 503), (3, 429)] {
        let fault = Fault::Fail { status, after };
        lab.tenant.faults().at(Kind::Delta, nth, fault);
    }
    let begun = std::time::Instant::now();

    lab.refresh().await;

    assert_eq!(lab.pages(), 5, "three pages, one of them three times");
    assert!(
        begun.elapsed() >= Duration::from_secs(2),
        "it waits as it is told"
    );
    assert_eq!(lab.place("p2499@contoso.com").await, "p2499@contoso.com");
}

#[tokio::test]
async fn a_pause_between_two_pages_ends_when_the_service_is_to_stop() {
    let mut lab = Lab::start().await;
    let after = Some(Duration::from_secs(100));
    let fault = Fault::Fail { status: 503, after };
    lab.tenant.faults().at(Kind::Delta, 1, fault);
    let file = lab.connector_file();
    let (refreshing, tenant) = (&mut lab.refreshing, &lab.tenant);
    let lifecycle = refreshing.world.lifecycle.clone();
    let stop = async {
        while tenant.counts().of(Kind::Delta) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let asked = std::time::Instant::now();
        (lifecycle.stop().await, asked.elapsed())
    };

    let (has_stopped, took) = tokio::select! {
        refreshed = refreshing.refresh(file) => panic!("{refreshed:?}"),
        stopped = stop => stopped,
    };

    assert!(has_stopped && took < Duration::from_secs(10), "{took:?}");
    assert_eq!(lab.pages(), 1);
}

#[tokio::test]
async fn a_probe_tells_how_a_tenant_answers_about_changes() {
    let lab = Lab::start().await;
    let odd = Lab::with(Options {
        quirks: vec![Quirk::TakesAnyDeltaToken],
        ..Options::default()
    })
    .await;

    let probe = tenant_probe(&lab.connector()).await.unwrap().unwrap();
    let odd = tenant_probe(&odd.connector()).await.unwrap().unwrap();

    assert_eq!((probe.users, probe.is_all), (2, true));
    assert_eq!((probe.refusal, probe.is_understood), (Some(400), true));
    assert_eq!((odd.refusal, odd.is_understood), (None, false));
}

#[tokio::test]
async fn check_counts_users_and_names_who_has_no_mailbox() {
    let lab = Lab::start().await;
    lab.tenant
        .add(Person::guest("kim@fabrikam.com", "contoso.onmicrosoft.com"));
    let eve = lab.tenant.add(Person::without_mailbox("eve@contoso.com"));
    lab.tenant.change(BOB, |bob| bob.is_enabled = false);

    let findings = check(&lab.connector()).await.unwrap();
    let sample = sample_mailbox(&lab.connector()).await.unwrap();

    assert_eq!(
        (findings.users, findings.guests, findings.disabled),
        (3, 1, 1)
    );
    assert_eq!(findings.without_mailbox, [eve]);
    assert!([ANN, BOB].contains(&sample.unwrap().as_str()));
}

#[tokio::test]
async fn check_names_the_permission_that_is_missing_and_the_command_that_grants_it() {
    let lab = Lab::with(Options {
        roles: vec![Role::MailReadWrite],
        ..Options::default()
    })
    .await;

    let error = check(&lab.connector()).await.unwrap_err().to_string();

    assert!(error.contains("User.Read.All"), "{error}");
    let command = format!("az ad app permission admin-consent --id {}", Tenant::CLIENT);
    assert!(error.contains(&command), "{error}");
}

#[tokio::test]
async fn check_names_what_is_wrong_with_the_secret() {
    let lab = Lab::start().await;
    let connector = lab.connector();
    std::fs::write(lab.tenant.secret_file(), "another one").unwrap();

    let error = check(&connector).await.unwrap_err();

    let text = error.to_string();
    assert!(
        text.contains("auth.secret is not the application's"),
        "{text}"
    );
    assert!(!format!("{error:?}").contains("another one"));
}
