//! What lies in the recipients' mailboxes, and of which runs.

use chatkeep_model::connector::{SecretRef, Tls};
use chatkeep_proto::v1::{DeliveryState, MailingState, RunState};
use chatkeep_testkit::{Smtp, SmtpTls, TakenMail};
use mail_parser::{Message, MessageParser, MimeHeaders as _};

use crate::{
    lab::CONNECTOR,
    office::{ANN, BOB, Office, TO, noted, plain, reporting},
    world::conversation,
};

fn parse(taken: &TakenMail) -> Message<'_> {
    MessageParser::default().parse(&taken.mail).unwrap()
}

fn subject(taken: &TakenMail) -> String {
    parse(taken).subject().unwrap().to_owned()
}

#[tokio::test]
async fn each_recipient_gets_the_balance_as_text_and_as_html_over_starttls() {
    let mut office = Office::with(Smtp::start(SmtpTls::Starttls, true).unwrap());
    office.file = reporting(&TO);
    office
        .world
        .conversations
        .push(conversation(2, &[ANN, "eve@contoso.com"]));
    let secret = office.folder.path().join("password");
    std::fs::write(&secret, Smtp::PASSWORD).unwrap();
    let user = office.folder.path().join("user");
    std::fs::write(&user, Smtp::USER).unwrap();
    let mut smtp = plain(&office.smtp);
    smtp.tls = Tls::Starttls;
    smtp.ca = Some(office.smtp.ca());
    (smtp.user, smtp.password) = (Some(SecretRef::File(user)), Some(SecretRef::File(secret)));
    let lab = office.lab_with(smtp).await;

    assert_eq!(office.run(&lab).await, RunState::SucceededWithExceptions);

    let taken = office.taken(2).await;
    for (taken, to) in taken.iter().zip(TO) {
        let about: serde_json::Value = serde_json::from_str(&taken.about).unwrap();
        let expected = serde_json::json!({
            "from": "chatkeep@contoso.com", "to": [to], "is_encrypted": true, "is_signed_in": true,
        });
        assert_eq!(about, expected);
    }
    assert_eq!(taken[0].mail, taken[1].mail);
    let mail = parse(&taken[0]);
    assert_eq!(mail.subject().unwrap(), "Attention: Contoso, run 1: 1 held");
    let addressees = mail.to().unwrap().iter().map(|to| to.address().unwrap());
    assert_eq!(addressees.collect::<Vec<_>>(), TO);
    assert_eq!(
        mail.header_raw("Auto-Submitted").unwrap().trim(),
        "auto-generated"
    );
    assert!(mail.message_id().unwrap().ends_with("@contoso.com"));
    assert!(mail.parts[0].is_content_type("multipart", "alternative"));
    let (text, html) = (mail.body_text(0).unwrap(), mail.body_html(0).unwrap());
    let seal = data_encoding::HEXLOWER.encode(&lab.report(1).await.seal_sha256);
    for said in [
        "every one of the 2 records read is accounted for.",
        "every one of the 4 deliveries planned is accounted for.",
        "users without a known mailbox",
        &seal,
        "https://chatkeep.contoso.com/connectors/contoso/runs/1",
    ] {
        assert!(text.contains(said), "{text}");
        assert!(html.contains(said), "{html}");
    }
    for person in ["eve@", "ann@", "bob@"] {
        assert!(!text.contains(person), "{text}");
        assert!(!html.contains(person), "{html}");
    }
    let noted = noted(&lab, "report.send", 2).await;
    assert!(noted[0].detail.contains(TO[0]), "{}", noted[0].detail);
    assert_eq!(noted[0].object, "1");
    let told = lab.report(1).await.mailings;
    assert!(told.iter().map(|mail| &*mail.recipient).eq(TO));
    assert!(told.iter().all(|mail| mail.state() == MailingState::Sent));
    lab.stop().await;
}

#[tokio::test]
async fn a_run_is_told_once_and_another_one_in_a_mail_of_its_own() {
    let mut office = Office::with(Smtp::start(SmtpTls::Implicit, false).unwrap());
    let mut smtp = plain(&office.smtp);
    (smtp.tls, smtp.ca) = (Tls::Implicit, Some(office.smtp.ca()));
    office.world.mailboxes = [(BOB, (DeliveryState::Failed, "quota"))].into();
    let lab = office.lab_with(smtp).await;
    office.run(&lab).await;
    office.taken(1).await;

    // What becomes of it later is told in the console, not by another mail.
    office.world.mailboxes.clear();
    let retry = chatkeep_proto::v1::RetryRequest {
        connector: "contoso".to_owned(),
        number: 1,
    };
    lab.control.clone().retry(retry).await.unwrap();
    let state = office.world.drive(&lab, lab.report(1).await.run).await;
    assert_eq!(state, RunState::Succeeded);
    office.world.conversations.push(conversation(2, &[ANN]));
    office.run(&lab).await;

    let taken = office.taken(2).await;
    let subjects: Vec<_> = taken.iter().map(subject).collect();
    assert_eq!(
        subjects,
        [
            "Attention: Contoso, run 1: 1 failed",
            "OK: Contoso, run 2: everything is archived",
        ]
    );
    assert_ne!(parse(&taken[0]).message_id(), parse(&taken[1]).message_id());
    lab.stop().await;
}

#[tokio::test]
async fn runs_from_before_the_setting_are_not_told() {
    let mut office = Office::open();
    office.file = CONNECTOR.to_owned();
    let lab = office.lab().await;
    office.run(&lab).await;

    office.file = reporting(&TO[..1]);
    office.world.conversations.push(conversation(2, &[ANN]));
    office.run(&lab).await;

    let subjects: Vec<_> = office.taken(1).await.iter().map(subject).collect();
    assert_eq!(subjects, ["OK: Contoso, run 2: everything is archived"]);
    lab.stop().await;
}

#[tokio::test]
async fn who_wants_to_hear_of_problems_only_hears_of_nothing_else() {
    let mut office = Office::open();
    office.file.push_str("when = \"problems only\"\n");
    let lab = office.lab().await;
    assert_eq!(office.run(&lab).await, RunState::Succeeded);
    // Looked at, and not called for.
    office.column("state", 4).await;
    let told = lab.report(1).await.mailings;
    assert_eq!(told[0].state(), MailingState::NotCalledFor);

    office
        .world
        .conversations
        .push(conversation(2, &[ANN, "eve@contoso.com"]));
    office.run(&lab).await;

    let subjects: Vec<_> = office.taken(1).await.iter().map(subject).collect();
    assert_eq!(subjects, ["Attention: Contoso, run 2: 1 held"]);
    lab.stop().await;
}

#[tokio::test]
async fn a_run_that_stops_is_told_once_with_its_reason_and_again_when_it_ends() {
    const MANY: [&str; 3] = [ANN, BOB, "cid@contoso.com"];
    let mut office = Office::open();
    office.world.conversations = vec![conversation(1, &MANY)];
    office.world.mailboxes = MANY
        .map(|mailbox| (mailbox, (DeliveryState::Failed, "quota of ann@contoso.com")))
        .into();
    let lab = office.lab().await;
    for _ in 0..2 {
        assert_eq!(office.run(&lab).await, RunState::Paused);
    }
    office.taken(1).await;

    office.world.mailboxes.clear();
    assert_eq!(office.run(&lab).await, RunState::Succeeded);

    let taken = office.taken(2).await;
    let subjects: Vec<_> = taken.iter().map(subject).collect();
    assert_eq!(
        subjects,
        [
            "Problem: Contoso, run 1: stopped before its end",
            "OK: Contoso, run 1: everything is archived",
        ]
    );
    let told = lab.report(1).await.mailings;
    assert!(told.iter().map(|mail| mail.stop).eq([true, false]));
    let stopped = parse(&taken[0]);
    let text = stopped.body_text(0).unwrap();
    assert!(text.contains("stopped: quota of (address)"), "{text}");
    assert_ne!(stopped.message_id(), parse(&taken[1]).message_id());
    lab.stop().await;
}
