//! Whether reports could be sent, before any is.

use chatkeep_control::{ReportCheck, StartError, check_report};
use chatkeep_model::connector::{Connector, SecretRef, Tls};
use chatkeep_pipeline::MemoryQueue;
use chatkeep_proto::v1::CheckReportRequest;
use chatkeep_runtime::Lifecycle;
use chatkeep_staging::Staging;
use chatkeep_testkit::{Smtp, SmtpTls};

use crate::{
    lab::{self, CONNECTOR, Lab},
    office::{Office, TO, plain, reporting, settings},
};

fn connector(file: &str) -> Connector {
    Connector::parse(file, std::path::Path::new("/")).unwrap()
}

async fn problem(smtp: &chatkeep_control::SmtpSettings) -> String {
    match check_report(&connector(&reporting(&TO)), Some(smtp)).await {
        ReportCheck::Problem(problem) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_report_that_no_server_takes_is_said_before_the_first_run() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open_with(folder.path(), &lab::settings()).await;
    let check = async |file: String| {
        let request = CheckReportRequest {
            connector_file: file,
        };
        let answer = lab.control.clone().check_report(request).await;
        answer.unwrap().into_inner()
    };

    let asked = check(reporting(&TO)).await;
    let silent = check(CONNECTOR.to_owned()).await;

    assert_eq!(asked.recipients, 2);
    assert!(
        asked.problem.contains("no section smtp"),
        "{}",
        asked.problem
    );
    assert_eq!((silent.recipients, &*silent.problem), (0, ""));
    lab.stop().await;
}

#[tokio::test]
async fn a_server_is_ready_when_it_is_who_it_says_and_lets_us_in() {
    let server = Smtp::start(SmtpTls::Starttls, true).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(SecretRef::File(path))
    };
    let mut smtp = plain(&server);
    (smtp.tls, smtp.ca) = (Tls::Starttls, Some(server.ca()));
    (smtp.user, smtp.password) = (file("user", Smtp::USER), file("password", Smtp::PASSWORD));

    let ready = check_report(&connector(&reporting(&TO)), Some(&smtp)).await;

    let server_name = server.address().to_string();
    assert_eq!(
        ready,
        ReportCheck::Ready {
            recipients: 2,
            server: server_name,
        }
    );
    smtp.password = file("wrong", "not-it");
    let refused = problem(&smtp).await;
    assert!(
        refused.contains("sign in: the server answers 535"),
        "{refused}"
    );
    assert!(!refused.contains("not-it"), "{refused}");
    smtp.ca = Some(server.other_ca());
    let stranger = problem(&smtp).await;
    assert!(stranger.contains("encrypt with STARTTLS"), "{stranger}");
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_gets_nothing() {
    let office = Office::open();
    let mut smtp = plain(&office.smtp);
    smtp.tls = Tls::Starttls;

    let refused = problem(&smtp).await;

    assert!(
        refused.contains("STARTTLS: the server does not offer it"),
        "{refused}"
    );
}

#[tokio::test]
async fn control_does_not_start_with_settings_that_cannot_work() {
    let office = Office::open();
    let mut smtp = plain(&office.smtp);
    smtp.password = Some(SecretRef::Env("NOT_SET_ANYWHERE".to_owned()));
    smtp.user = smtp.password.clone();
    let staging = Staging::folder(office.folder.path()).unwrap();
    let (queue, lifecycle) = (MemoryQueue::default(), Lifecycle::detached());

    let settings = settings(smtp);
    let started = chatkeep_control::start(
        &settings,
        office.folder.path(),
        std::sync::Arc::new(queue),
        staging,
        &lifecycle,
    );

    let error = started.await.unwrap_err();
    assert!(matches!(error, StartError::Smtp { .. }), "{error:?}");
}
