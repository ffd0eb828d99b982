//! `chatkeep check` and a tenant.

use chatkeep_testkit::graph::{Options, Person, Quirk, Tenant};
use tokio::{runtime::Handle, task::block_in_place};

use crate::sandbox::{Outcome, Sandbox, session_at};

const ANN: &str = "ann@contoso.com";

/// A connector into the tenant, whose directory is the tenant, too.
struct Lab {
    sandbox: Sandbox,
    tenant: Tenant,
}

impl Lab {
    fn with(quirks: Vec<Quirk>) -> Self {
        let options = Options {
            quirks,
            ..Options::default()
        };
        let tenant = block_in_place(|| Handle::current().block_on(Tenant::start(options)));
        tenant.add(Person::new(ANN));
        let keys = format!(
            "type = \"graph\"\nendpoint = \"{}\"\nauth = {}\n",
            tenant.endpoint(),
            tenant.auth()
        );
        let sandbox = Sandbox::into_target(&format!("[target]\n{keys}retention = \"1d\"\n"));
        sandbox.edit_connector("type = \"csv\"\npath = \"directory.csv\"", keys.trim_end());
        Self { sandbox, tenant }
    }

    fn check(&self, more: &[&str]) -> Outcome {
        let arguments = [&["check", "connector.toml"], more].concat();
        block_in_place(|| self.sandbox.run(&arguments))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_canary_passes_in_a_tenant_that_is_as_it_should_be_and_leaves_nothing_behind() {
    let lab = Lab::with(Vec::new());
    let folders = lab.tenant.folders(ANN);

    let checked = lab.check(&["--tenant-canary", ANN]);

    let said = &checked.stdout;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(!said.contains("FAIL"), "{said}");
    for words in [
        "pass  1: imported messages are no drafts",
        "look  7: ",
        "pass  directory: all 1 users are on one page",
        "pass  directory: a token of changes that nobody gave out is answered with 400",
        "all passed",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(lab.tenant.messages(ANN), []);
    assert_eq!(lab.tenant.folders(ANN), folders);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_canary_fails_where_mailboxes_or_directory_are_otherwise() {
    let lab = Lab::with(vec![Quirk::MakesUnread, Quirk::TakesAnyDeltaToken]);

    let checked = lab.check(&["--tenant-canary", ANN]);

    let said = &checked.stdout;
    assert_eq!(checked.code, Some(1), "{said}");
    assert!(
        said.contains("FAIL  1: imported messages are read"),
        "{said}"
    );
    assert!(said.contains("FAIL  directory: a token"), "{said}");
    assert!(said.contains("\n2 failed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_canary_is_for_tenants_alone() {
    let sandbox = Sandbox::new();

    let checked =
        block_in_place(|| sandbox.run(&["check", "connector.toml", "--tenant-canary", ANN]));

    assert_eq!(checked.code, Some(1));
    let said = &checked.stderr;
    assert!(said.contains("for the target graph"), "{said}");
    assert!(said.contains("target is maildir"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_that_it_looked_at_some_files_only_for_what_retention_deletes() {
    let lab = Lab::with(Vec::new());
    let bob = "bob@contoso.com";
    let said = |files: usize| {
        for file in 0..files {
            let text = session_at(file, ANN, bob, &[(ANN, "hello")]);
            lab.sandbox.write(&format!("exports/{file:02}.eml"), text);
        }
        lab.check(&[]).stdout
    };

    let all = said(20);
    let some = said(21);

    let words = "of source 1 the first 20 files were looked at";
    assert!(!all.contains(words), "{all}");
    assert!(some.contains(words), "{some}");
}
