//! The users of Active Directory, on a real LDAP server.

use chatkeep_mapping::{Findings, check, sample_mailbox};
use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::Refreshed;
use chatkeep_testkit::{Account, ActiveDirectory};

use crate::{refreshing::Refreshing, world::World};

const ANN: &str = "ann@contoso.com";
const BOB: &str = "bob@contoso.com";

fn account(address: &str) -> Account {
    Account {
        principal_name: address.to_owned(),
        mail: address.to_owned(),
        proxies: vec![format!("SMTP:{address}"), "X500:/o=x".to_owned()],
        sip: format!("sip:{address}"),
        is_disabled: false,
    }
}

/// A domain, and the service with a connector that reads it.
pub(crate) struct Lab {
    pub(crate) refreshing: Refreshing,
    domain: ActiveDirectory,
    /// Lines of `[directory]` beside address, base and account.
    pub(crate) keys: String,
}

impl Lab {
    pub(crate) fn start() -> Self {
        Self::with(&[("ann", account(ANN)), ("bob", account(BOB))])
    }

    fn with(accounts: &[(&str, Account)]) -> Self {
        let mut domain = ActiveDirectory::start(accounts).unwrap();
        // Longer ago than changes are read again.
        domain.count_on(5_000);
        domain.restart().unwrap();
        let lab = Self {
            refreshing: Refreshing::start(),
            domain,
            keys: String::new(),
        };
        lab.refreshing.world.write("user", ActiveDirectory::USER);
        let password = format!("{}\n", ActiveDirectory::PASSWORD);
        lab.refreshing.world.write("password", &password);
        lab
    }

    pub(crate) fn connector_file(&self) -> String {
        let world = &self.refreshing.world;
        let (url, base, keys) = (self.domain.url(), ActiveDirectory::BASE, &self.keys);
        let mut lines = vec![
            "type='ldap'".to_owned(),
            "user='file:user'".to_owned(),
            "password='file:password'".to_owned(),
        ];
        let defaults = [("url", url), ("base", base.to_owned())];
        for (key, value) in defaults {
            if !keys.contains(&format!("{key}=")) {
                lines.push(format!("{key}='{value}'"));
            }
        }
        let csv = format!(
            "type='csv'\npath='{}'",
            world.path("directory.csv").display()
        );
        let ldap = format!("{}\n{keys}", lines.join("\n"));
        let file = world.connector_file().replace(&csv, &ldap);
        // Paths are those below the connector file's folder.
        let connector = Connector::parse(&file, world.folder.path()).unwrap();
        connector.to_toml().unwrap()
    }

    fn connector(&self) -> Connector {
        Connector::parse(&self.connector_file(), "/".as_ref()).unwrap()
    }

    pub(crate) async fn refresh(&mut self) -> Refreshed {
        let file = self.connector_file();
        self.refreshing.refresh(file).await.unwrap()
    }

    /// Changes the domain and refreshes.
    async fn after(&mut self, change: impl FnOnce(&mut ActiveDirectory)) -> Refreshed {
        change(&mut self.domain);
        self.domain.restart().unwrap();
        self.refresh().await
    }

    pub(crate) async fn place(&self, address: &str) -> String {
        self.refreshing.place(address).await
    }

    async fn check(&self) -> Result<Findings, String> {
        let found = check(&self.connector()).await;
        found.map_err(|error| error.to_string())
    }

    /// What a check says with these lines in `[directory]`.
    pub(crate) async fn refusal(&mut self, keys: &str) -> String {
        keys.clone_into(&mut self.keys);
        self.check().await.unwrap_err()
    }

    /// How many users the server has handed out in full since it was started.
    fn read(&self) -> usize {
        let searches = self.domain.searches().unwrap().into_iter();
        let full = searches.filter(|search| search.attributes.iter().any(|one| one == "mail"));
        full.map(|search| search.entries).sum()
    }
}

#[tokio::test]
async fn a_domain_gives_the_snapshot_that_a_file_with_the_same_users_gives() {
    let mut lab = Lab::start();

    let of_domain = lab.refresh().await;

    let row = |address: &str| format!("{address},,{address},SMTP:{address},{address}\n");
    let of_file = World::start(&(row(BOB) + &row(ANN)), "").refresh().await;
    assert_eq!(of_domain.directory, of_file.directory);
}

#[tokio::test]
async fn only_those_who_changed_are_read_again() {
    let mut lab = Lab::start();
    lab.refresh().await;
    assert_eq!(lab.read(), 2);

    lab.after(|domain| {
        domain.count_on(5_000);
        domain.set("bob", account("bob.married@contoso.com"));
        domain.set("eve", account("eve@contoso.com"));
    })
    .await;

    assert_eq!(lab.read(), 2, "Bob and Eve");
    assert_eq!(lab.place(ANN).await, ANN);
    assert_eq!(
        lab.place("bob.married@contoso.com").await,
        "bob.married@contoso.com"
    );
    assert_eq!(lab.place("eve@contoso.com").await, "eve@contoso.com");
    assert_eq!(lab.place(BOB).await, "PLACEMENT_HELD");
}

#[tokio::test]
async fn a_domain_without_changes_gives_the_same_snapshot() {
    let mut lab = Lab::start();
    let first = lab.refresh().await;

    let again = lab.after(|domain| domain.count_on(5_000)).await;

    assert_eq!(lab.read(), 0);
    assert_eq!(again.directory, first.directory);
}

#[tokio::test]
async fn who_was_deleted_or_is_found_no_longer_is_gone_at_the_next_refresh() {
    let mut lab = Lab::with(&[
        ("ann", account(ANN)),
        ("bob", account(BOB)),
        ("eve", account("eve@contoso.com")),
    ]);
    lab.refresh().await;

    lab.after(|domain| {
        domain.count_on(5_000);
        domain.remove("bob");
        // Without any address no filter for people finds her.
        domain.set("eve", Account::default());
    })
    .await;

    assert_eq!(lab.read(), 0);
    assert_eq!(lab.place(ANN).await, ANN);
    assert_eq!(lab.place(BOB).await, "PLACEMENT_HELD");
    assert_eq!(lab.place("eve@contoso.com").await, "PLACEMENT_HELD");
}

#[tokio::test]
async fn who_is_moved_within_the_domain_stays_the_same_user() {
    let mut lab = Lab::start();
    lab.refresh().await;

    lab.after(|domain| {
        domain.count_on(5_000);
        domain.rename("bob", "bob of sales");
    })
    .await;

    assert_eq!(lab.read(), 1);
    assert_eq!(lab.check().await.unwrap().users, 2);
    assert_eq!(lab.place(BOB).await, BOB);
}

#[tokio::test]
async fn another_controller_or_one_from_a_backup_is_read_as_a_whole() {
    let mut lab = Lab::start();
    lab.refresh().await;

    lab.after(|domain| {
        domain.count_on(5_000);
        domain.become_another();
    })
    .await;

    assert_eq!(lab.read(), 2);
}

#[tokio::test]
async fn another_base_or_filter_and_a_lost_mirror_are_read_as_a_whole() {
    let mut lab = Lab::start();
    lab.refresh().await;
    lab.after(|domain| domain.count_on(5_000)).await;
    assert_eq!(lab.read(), 0);

    lab.keys = "filter='(userPrincipalName=*)'".to_owned();
    lab.refresh().await;
    assert_eq!(lab.read(), 2);
    lab.refreshing.replace_mirror(None);
    lab.refresh().await;
    assert_eq!(lab.read(), 4);
}

#[tokio::test]
async fn a_refresh_from_changes_gives_what_reading_everything_gives() {
    let mut lab = Lab::start();
    lab.refresh().await;
    // One after the other, or several at once.
    for step in 0..6_u32 {
        let changed = lab
            .after(|domain| {
                domain.count_on(if step % 2 == 0 { 5_000 } else { 0 });
                domain.set(
                    &format!("new{step}"),
                    account(&format!("new{step}@contoso.com")),
                );
                if step > 2 {
                    domain.remove(&format!("new{}", step - 3));
                    domain.set(
                        &format!("new{}", step - 1),
                        account(&format!("old{step}@x.com")),
                    );
                }
            })
            .await;

        lab.refreshing.replace_mirror(None);
        let whole = lab.refresh().await;

        assert_eq!(changed.directory, whole.directory, "step {step}");
    }
}

#[tokio::test]
async fn many_users_come_page_by_page() {
    let names: Vec<_> = (0..25).map(|number| format!("user{number}")).collect();
    let address = |name: &String| account(&format!("{name}@contoso.com"));
    let accounts: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), address(name)))
        .collect();
    let mut lab = Lab::with(&accounts);
    lab.keys = "page_size=10".to_owned();

    lab.refresh().await;

    let searches = lab.domain.searches().unwrap();
    let pages = searches
        .iter()
        .filter(|search| search.attributes.iter().any(|one| one == "mail"));
    let pages: Vec<_> = pages.map(|search| search.entries).collect();
    assert_eq!(pages, [10, 10, 5]);
    assert_eq!(lab.place("user24@contoso.com").await, "user24@contoso.com");
}

#[tokio::test]
async fn disabled_users_keep_their_mailboxes_and_are_counted() {
    let leaver = Account {
        is_disabled: true,
        ..account(BOB)
    };
    let mut lab = Lab::with(&[("ann", account(ANN)), ("bob", leaver)]);
    lab.refresh().await;

    let findings = lab.check().await.unwrap();

    assert_eq!((findings.users, findings.disabled), (2, 1));
    assert_eq!(lab.place(BOB).await, BOB);
}

#[tokio::test]
async fn a_check_before_a_run_reads_one_page() {
    let mut lab = Lab::start();
    lab.keys = "page_size=1".to_owned();

    let mailbox = sample_mailbox(&lab.connector()).await.unwrap();

    assert!(mailbox.is_some_and(|mailbox| [ANN, BOB].contains(&&*mailbox)));
    assert_eq!(lab.read(), 1);
}

#[tokio::test]
async fn connections_are_protected_from_the_first_byte_or_by_starttls() {
    let mut lab = Lab::start();
    let ca = lab.domain.ca();
    let protected = [
        format!("url='{}'\nca='{}'", lab.domain.tls_url(), ca.display()),
        format!("starttls=true\nca='{}'", ca.display()),
    ];

    for keys in protected {
        lab.keys = keys;
        assert_eq!(lab.check().await.unwrap().users, 2, "{}", lab.keys);
    }
}

#[tokio::test]
async fn a_server_whose_certificate_nobody_vouches_for_gets_no_password() {
    let mut lab = Lab::start();
    let ca = lab.domain.other_ca();
    let (url, ca) = (lab.domain.tls_url(), ca.display().to_string());

    let implicit = lab.refusal(&format!("url='{url}'\nca='{ca}'")).await;
    let upgraded = lab.refusal(&format!("starttls=true\nca='{ca}'")).await;

    assert!(implicit.contains("directory.ca"), "{implicit}");
    assert!(upgraded.contains("directory.ca"), "{upgraded}");
}

#[tokio::test]
async fn each_refusal_says_in_one_line_what_to_do() {
    let mut lab = Lab::start();

    let says = lab.refusal("base='DC=nowhere,DC=example'").await;
    assert!(
        says.contains("directory.base") && says.contains("32"),
        "{says}"
    );
    let says = lab.refusal("base='contoso.com'").await;
    assert!(says.contains("directory.base"), "{says}");
    let says = lab.refusal("filter='(objectClass=user)(mail=*)'").await;
    assert!(says.contains("directory.filter"), "{says}");
    let says = lab.refusal("url='ldap://127.0.0.1:1'").await;
    assert!(says.contains("cannot be reached"), "{says}");

    lab.refreshing.world.write("password", "wrong");
    let says = lab.refusal("").await;
    assert!(
        says.contains("user or password is wrong") && says.contains("49"),
        "{says}"
    );
    lab.refreshing.world.write("password", "\n");
    let says = lab.refusal("").await;
    assert!(
        says.contains("directory.password") && says.contains("empty"),
        "{says}"
    );
    let says = lab.refusal("").await;
    assert!(!says.contains(ActiveDirectory::USER), "{says}");
}

#[tokio::test]
async fn a_limit_below_the_number_of_users_is_an_error_and_not_the_end_of_the_directory() {
    let names: Vec<_> = (0..9).map(|number| format!("user{number}")).collect();
    let address = |name: &String| account(&format!("{name}@contoso.com"));
    let accounts: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), address(name)))
        .collect();
    let mut lab = Lab::with(&accounts);
    lab.domain.limit(5);
    lab.domain.restart().unwrap();

    let says = lab.refusal("page_size=3").await;

    assert!(says.contains("limit"), "{says}");
}

#[tokio::test]
async fn a_domain_that_is_down_burns_no_attempt() {
    let mut lab = Lab::start();
    lab.refresh().await;
    lab.domain.stop();

    let says = lab.check().await.unwrap_err();
    assert!(says.contains("cannot be reached"), "{says}");

    let file = lab.connector_file();
    let refresh = lab.refreshing.refresh(file);
    let waiting = tokio::time::timeout(std::time::Duration::from_secs(3), refresh).await;
    assert!(waiting.is_err(), "{waiting:?}");
}
