//! Servers that are away, busy, gone in the middle, or do not want it; and a control that dies.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use chatkeep_control::Settings;
use chatkeep_testkit::{Smtp, SmtpTls};
use serde::Deserialize;

use crate::{
    lab::Lab,
    office::{Office, TO, noted, plain, reporting},
};

#[tokio::test]
async fn a_server_that_is_away_gets_the_mail_when_it_is_back() {
    let mut office = Office::with(Smtp::prepare(SmtpTls::None, false).unwrap());
    let lab = office.lab().await;
    office.run(&lab).await;
    office.column("attempts", 2).await;

    office.smtp.resume().unwrap();

    office.taken(1).await;
    noted(&lab, "report.send", 1).await;
    lab.stop().await;
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_until_it_takes_the_mail() {
    let office = Office::open();
    office.smtp.fail(&["RCPT 451", "DATA 452"]).unwrap();
    let lab = office.lab().await;

    office.run(&lab).await;

    office.taken(1).await;
    noted(&lab, "report.send", 1).await;
    assert_eq!(office.column("attempts", 3).await, 3);
    assert_eq!(office.smtp.taken().unwrap().len(), 1);
    lab.stop().await;
}

#[tokio::test]
async fn a_recipient_whom_the_server_refuses_is_named_and_the_other_one_gets_the_mail() {
    let mut office = Office::open();
    office.file = reporting(&TO);
    office.smtp.refuse(&TO[..1]).unwrap();
    let lab = office.lab().await;

    office.run(&lab).await;

    let refused = noted(&lab, "report.refuse", 1).await;
    let detail: serde_json::Value = serde_json::from_str(&refused[0].detail).unwrap();
    let expected = serde_json::json!({"about": "end", "recipient": TO[0], "code": 550});
    assert_eq!(detail, expected);
    let taken = office.taken(1).await;
    assert!(taken[0].about.contains(TO[1]), "{}", taken[0].about);
    lab.stop().await;
}

#[tokio::test]
async fn a_mail_that_no_server_takes_is_given_up_after_the_time_that_is_set() {
    let office = Office::with(Smtp::prepare(SmtpTls::None, false).unwrap());
    let mut smtp = plain(&office.smtp);
    smtp.give_up_after = Duration::from_millis(1);
    let lab = office.lab_with(smtp).await;

    office.run(&lab).await;

    let given_up = noted(&lab, "report.give-up", 1).await;
    assert!(given_up[0].detail.contains(TO[0]), "{}", given_up[0].detail);
    lab.stop().await;
}

#[tokio::test]
async fn a_server_that_hangs_up_instead_of_answering_gets_the_same_mail_again() {
    let office = Office::open();
    office.smtp.fail(&["DATA drop"]).unwrap();
    let lab = office.lab().await;

    office.run(&lab).await;

    let taken = office.taken(2).await;
    assert_eq!(taken[0].mail, taken[1].mail);
    noted(&lab, "report.send", 1).await;
    lab.stop().await;
}

#[tokio::test]
async fn a_control_that_is_killed_before_it_knows_that_the_mail_was_taken_sends_the_same_again() {
    let office = Office::open();
    office.smtp.fail(&["DATA hang"]).unwrap();
    let mut killed = Process(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "faults::process", "--ignored"])
            .env("CHATKEEP__FOLDER", office.folder.path())
            .env("CHATKEEP__CONTROL__SMTP__HOST", "127.0.0.1")
            .env(
                "CHATKEEP__CONTROL__SMTP__PORT",
                office.smtp.address().port().to_string(),
            )
            .env("CHATKEEP__CONTROL__SMTP__TLS", "none")
            .env("CHATKEEP__CONTROL__SMTP__FROM", "chatkeep@contoso.com")
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    office.taken(1).await;

    killed.0.kill().unwrap();
    killed.0.wait().unwrap();
    // It was put off for longer than a mail may take; the clock goes on.
    let lab = office.lab().await;

    let taken = office.taken(2).await;
    assert_eq!(taken[0].mail, taken[1].mail);
    noted(&lab, "report.send", 1).await;
    lab.stop().await;
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended where the test got that far.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What the process is told by its environment.
#[derive(Deserialize)]
struct Orders {
    control: Settings,
    folder: PathBuf,
}

/// Not a test: what another one starts and kills. Ends a run, and lives on.
#[tokio::test]
#[ignore = "another test starts it as a process"]
async fn process() {
    let mut orders: Orders = chatkeep_runtime::settings::load("", None).unwrap();
    let defaults = crate::lab::settings();
    orders.control.linger = defaults.linger;
    if let Some(smtp) = &mut orders.control.smtp {
        smtp.timeout = Duration::from_secs(20);
    }
    let lab = Lab::open_with(&orders.folder, &orders.control).await;
    let world = crate::world::World::of(vec![crate::world::conversation(
        1,
        &[crate::office::ANN, crate::office::BOB],
    )]);
    let file = reporting(&TO[..1]);
    let run = lab.try_open(&file).await.unwrap().run;
    world.drive(&lab, run).await;
    std::future::pending::<()>().await;
}
