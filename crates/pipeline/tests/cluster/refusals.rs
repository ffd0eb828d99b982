//! Set-ups that somebody must see to: errors at once, without secrets.

use std::{error::Error, path::PathBuf};

use chatkeep_model::connector::SecretRef;
use chatkeep_pipeline::{AmqpError, AmqpQueue, AmqpSettings, Envelope, Queue as _};
use chatkeep_testkit::RabbitMq;

use crate::{contract::receive, lab::Lab};

async fn refused(settings: &AmqpSettings) -> AmqpError {
    let Err(error) = AmqpQueue::open(settings).await else {
        panic!("opened");
    };
    error
}

/// The error with all its causes, as it is printed and as it is logged.
fn everything(error: &AmqpError) -> String {
    let mut text = format!("{error:?}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_broker_whose_certificate_our_authority_has_signed_is_trusted() {
    let mut lab = Lab::shared().await;
    lab.settings.url = lab.broker.tls_url();
    lab.settings.ca = Some(lab.broker.ca());

    let queue = AmqpQueue::open(&lab.settings).await.unwrap();

    queue.publish("work", Envelope::new("1", "")).await.unwrap();
    receive(&queue, "work").await.ack().await.unwrap();
}

#[tokio::test]
async fn a_broker_whose_certificate_others_have_signed_is_not_trusted() {
    let mut lab = Lab::shared().await;
    lab.settings.url = lab.broker.tls_url();

    for ca in [Some(lab.broker.other_ca()), None] {
        lab.settings.ca = ca;
        let error = refused(&lab.settings).await;
        assert!(matches!(error, AmqpError::Untrusted { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_without_being_printed() {
    const WRONG: &str = "wr0ng-passw0rd";
    let mut lab = Lab::shared().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), WRONG).unwrap();
    lab.settings.password = Some(SecretRef::File(file.path().into()));

    let error = refused(&lab.settings).await;

    assert!(matches!(error, AmqpError::Login), "{error:?}");
    let text = everything(&error);
    assert!(text.contains("user or password"), "{text}");
    for secret in [WRONG, RabbitMq::USER] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_virtual_host_that_is_not_there_is_refused() {
    let mut lab = Lab::shared().await;
    lab.settings.url = format!("amqp://{}/elsewhere", lab.broker.address());

    let error = refused(&lab.settings).await;

    assert!(matches!(error, AmqpError::VirtualHost), "{error:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named() {
    let mut lab = Lab::shared().await;
    let missing = PathBuf::from("/nowhere/at-all");
    let good = lab.settings.clone();

    lab.settings.password = Some(SecretRef::File(missing.clone()));
    let password = everything(&refused(&lab.settings).await);
    lab.settings = good;
    lab.settings.url = lab.broker.tls_url();
    lab.settings.ca = Some(missing);
    let ca = everything(&refused(&lab.settings).await);

    assert!(
        password.contains("secret file /nowhere/at-all"),
        "{password}"
    );
    assert!(ca.contains("CA file /nowhere/at-all"), "{ca}");
}

#[tokio::test]
async fn a_prefix_that_is_no_part_of_a_name_is_refused() {
    for prefix in ["", "two words", &"x".repeat(65)] {
        let settings = AmqpSettings {
            prefix: prefix.to_owned(),
            ..AmqpSettings::default()
        };
        assert!(matches!(refused(&settings).await, AmqpError::Prefix));
    }
}

#[tokio::test]
async fn a_changed_password_is_read_again() {
    let mut lab = Lab::shared().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), RabbitMq::PASSWORD).unwrap();
    lab.settings.password = Some(SecretRef::File(file.path().into()));
    let queue = AmqpQueue::open(&lab.settings).await.unwrap();

    std::fs::write(file.path(), "not any more").unwrap();
    let consumed = queue.consume("work", 1).await;

    assert!(consumed.is_err(), "signed in with what was read before");
}
