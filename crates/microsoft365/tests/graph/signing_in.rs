use std::{fs, time::Duration};

use chatkeep_microsoft365::{AuthError, GraphError, Request, connect, remedy};
use chatkeep_model::connector::{Proof, SecretRef};
use chatkeep_testkit::graph::{Fault, Kind, Options, Tenant};

use crate::support::{ANN, TIMEOUTS, World, ask, credential, secret};

#[tokio::test]
async fn an_application_signs_in_with_its_certificate() {
    let world = World::start().await;
    let certificate = SecretRef::File(world.tenant.certificate());
    let graph = ask(&world.tenant, Proof::Certificate(certificate));

    let user = graph.send(Request::get(format!("users/{ANN}"))).await;

    assert!(user.is_ok(), "{:?}", user.err());
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_refused_with_entras_number_and_a_remedy() {
    let world = World::start().await;
    let other = Tenant::start(Options::default()).await;
    let certificate = SecretRef::File(other.certificate());
    let graph = ask(&world.tenant, Proof::Certificate(certificate));

    let refused = graph.send(Request::get("users")).await.err().unwrap();

    let GraphError::Auth(error) = &refused else {
        panic!("{refused:?}");
    };
    let expected = "sign in to Entra ID: invalid_client (AADSTS700027)";
    assert_eq!(error.to_string(), expected);
    let remedy = remedy(&refused, "User.Read.All", Tenant::CLIENT).unwrap();
    assert!(remedy.contains("--cert"), "{remedy}");
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_in_no_error() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, "hunter2").unwrap();
    let graph = ask(&world.tenant, secret(&file));

    let refused = graph.send(Request::get("users")).await.err().unwrap();

    let number = match &refused {
        GraphError::Auth(AuthError::Refused { number, .. }) => *number,
        other => panic!("{other:?}"),
    };
    assert_eq!(number, Some(7_000_215));
    assert!(!format!("{refused:?}").contains("hunter2"));
    assert!(!format!("{graph:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_file_that_is_no_certificate_is_an_error_before_anything_is_sent() {
    let world = World::start().await;
    let file = SecretRef::File(world.tenant.secret_file());
    let credential = credential(&world.tenant, Proof::Certificate(file));

    let error = connect(&credential, &world.tenant.endpoint(), TIMEOUTS).unwrap_err();

    assert!(matches!(error, AuthError::Setup { .. }), "{error:?}");
    assert_eq!(world.tenant.counts().of(Kind::Token), 0);
}

#[tokio::test]
async fn requests_at_the_same_time_share_one_token() {
    let world = World::start().await;

    let requests = (0..20).map(|_| world.get("users"));
    let answers = futures::future::join_all(requests).await;

    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(world.tenant.counts().of(Kind::Token), 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let world = World::with(Options {
        token_lasts: Duration::from_secs(10),
        ..Options::default()
    })
    .await;
    world.get("users").await.unwrap();

    tokio::time::sleep(Duration::from_millis(8_200)).await;
    world.get("users").await.unwrap();

    let counts = world.tenant.counts();
    assert_eq!(counts.of(Kind::Token), 2);
    assert_eq!(counts.of(Kind::Users), 2, "none was answered with 401");
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_and_the_request_sent_again() {
    let world = World::start().await;
    world.get("users").await.unwrap();

    world.tenant.revoke_tokens();
    let requests = (0..4).map(|_| world.get("users"));
    let answers = futures::future::join_all(requests).await;

    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(world.tenant.counts().of(Kind::Token), 2);
}

#[tokio::test]
async fn a_second_refusal_is_an_error_and_no_loop() {
    let world = World::start().await;
    for nth in [1, 2] {
        world
            .tenant
            .faults()
            .at(Kind::Users, nth, Fault::TokenExpired);
    }

    let refused = world.get("users").await.unwrap_err();

    assert_eq!(refused.code(), Some("InvalidAuthenticationToken"));
}

#[tokio::test]
async fn a_token_is_used_on_while_entra_does_not_answer() {
    let world = World::with(Options {
        token_lasts: Duration::from_secs(25),
        ..Options::default()
    })
    .await;
    world.get("users").await.unwrap();

    // Four fifths of its time: from then on a new one is asked for.
    tokio::time::sleep(Duration::from_millis(20_100)).await;
    let faults = world.tenant.faults();
    faults.randomly(Kind::Token, 1.0, 1, Fault::DropBeforeCommit);
    let while_it_lasts = world.get("users").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let then = world.get("users").await.unwrap_err();

    assert!(while_it_lasts.is_ok());
    assert!(
        matches!(then, GraphError::Auth(AuthError::Unreachable)),
        "{then:?}"
    );
}
