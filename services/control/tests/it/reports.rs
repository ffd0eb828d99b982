//! Reports of runs, as far as no server is needed for them; `tests/servers` has one.

use std::time::Duration;

use chatkeep_control::{Settings, SmtpSettings};
use chatkeep_model::connector::Tls;
use chatkeep_proto::v1::{ListAuditRequest, MailingState};

use crate::{
    lab::{CONNECTOR, Lab, settings},
    world::{World, conversation},
};

#[tokio::test]
async fn a_report_is_noted_with_the_run_s_end_made_and_settled() {
    let folder = tempfile::tempdir().unwrap();
    let smtp = SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: Some(chatkeep_testkit::free_port().unwrap()),
        tls: Tls::None,
        ca: None,
        user: None,
        password: None,
        from: "chatkeep@contoso.com".to_owned(),
        timeout: Duration::from_secs(5),
        give_up_after: Duration::from_millis(1),
    };
    let settings = Settings {
        smtp: Some(smtp),
        ..settings()
    };
    let lab = Lab::open_with(folder.path(), &settings).await;
    let people = ["ann@contoso.com", "eve@contoso.com"];
    let world = World::of(vec![conversation(1, &people)]);

    let file = format!("{CONNECTOR}\n[report]\nto = [\"one@contoso.com\", \"two@contoso.com\"]\n");
    let run = lab.try_open(&file).await.unwrap().run;
    world.drive(&lab, run).await;

    // Nobody is there to take it.
    let poll = async {
        loop {
            let request = ListAuditRequest {
                limit: 10,
                action: "report.give-up".to_owned(),
                ..ListAuditRequest::default()
            };
            let found = lab.access.clone().list_audit(request).await.unwrap();
            let found = found.into_inner().entries;
            if found.len() == 2 {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let given_up = tokio::time::timeout(Duration::from_mins(1), poll)
        .await
        .unwrap();
    assert!(given_up[0].detail.contains("one@contoso.com"));
    assert!(given_up[1].detail.contains("two@contoso.com"));
    let told = lab.report(1).await.mailings;
    let recipients: Vec<_> = told.iter().map(|mail| &*mail.recipient).collect();
    assert_eq!(recipients, ["one@contoso.com", "two@contoso.com"]);
    for mail in told {
        assert_eq!(mail.state(), MailingState::GivenUp);
        assert_eq!((mail.stop, mail.code), (false, 0));
        assert!(mail.since >= lab.report(1).await.opened && mail.attempts > 0);
    }
    lab.stop().await;
}
