//! What `chatkeep check` says of a tenant.

use chatkeep_testkit::graph::{Options, Person, Role, Tenant};

use crate::world::World;

#[test]
fn check_counts_users_and_names_conflicts_and_who_has_no_mailbox() {
    let world = World::new();
    let eve = world.tenant.add(Person::without_mailbox("eve@contoso.com"));
    world
        .tenant
        .add(Person::guest("kim@fabrikam.com", "contoso.com"));
    for user in ["ann@contoso.com", "bob@contoso.com"] {
        let sales = "smtp:sales@contoso.com".to_owned();
        world.tenant.change(user, |user| user.proxies.push(sales));
    }

    let checked = world.sandbox.run(&["check", "connector.toml"]);

    for words in [
        "3 users, 1 guests passed over",
        "sales@contoso.com is ann@contoso.com and bob@contoso.com",
        &format!("no mailbox: {eve}"),
    ] {
        assert!(checked.stdout.contains(words), "{}", checked.stdout);
    }
}

#[test]
fn check_says_which_permission_is_missing_and_how_to_grant_it() {
    let world = World::with(Options {
        roles: vec![Role::MailReadWrite],
        ..Options::default()
    });

    let checked = world.sandbox.run(&["check", "connector.toml"]);

    let said = &checked.stdout;
    assert_eq!(checked.code, Some(1));
    assert!(said.contains("403 Authorization_RequestDenied"), "{said}");
    let command = format!("az ad app permission admin-consent --id {}", Tenant::CLIENT);
    assert!(
        said.contains(&command) && said.contains("User.Read.All"),
        "{said}"
    );
}

#[test]
fn nothing_is_archived_when_the_tenant_does_not_let_us_in_and_no_secret_is_told() {
    let world = World::new();
    world.sandbox.session("one", 1, &[("ann", "hello")]);
    std::fs::write(world.tenant.secret_file(), "hunter2").unwrap();

    let archived = world.sandbox.archive();

    let said = format!("{}{}", archived.stdout, archived.stderr);
    assert_eq!(archived.code, Some(1), "{said}");
    assert!(said.contains("AADSTS7000215"), "{said}");
    assert!(
        !said.contains("hunter2") && !said.contains("ann@contoso.com"),
        "{said}"
    );
    assert!(world.mails().is_empty());
}

#[test]
fn a_service_account_and_a_certificate_let_us_in_as_a_secret_does() {
    let world = World::new();
    world.sandbox.session("one", 1, &[("ann", "hello")]);
    world.sandbox.write("token", Tenant::SERVICE_ACCOUNT);
    let secret = format!("secret = \"file:{}\"", world.tenant.secret_file().display());
    let certificate = world.tenant.certificate();
    let certificate = format!("certificate = \"file:{}\"", certificate.display());
    let mut proof = secret;

    for other in [certificate, "workload_identity = true".to_owned()] {
        world.sandbox.edit_connector(&proof, &other);
        let mut check = world.sandbox.command(&["check", "connector.toml"]);
        check.env("AZURE_FEDERATED_TOKEN_FILE", world.sandbox.path("token"));

        let checked = check.output().unwrap();

        let said = String::from_utf8(checked.stdout).unwrap();
        assert_eq!(checked.status.code(), Some(0), "{other}: {said}");
        assert!(said.contains("2 users"), "{said}");
        proof = other;
    }
}
