use chatkeep_proto::v1::{Deliveries, Records};

use super::*;

fn report(state: RunState) -> MailReport {
    let mut run = ReportResponse {
        number: 12,
        from: Some(1_772_323_200),
        to: Some(1_772_409_600),
        opened: 1_772_413_200,
        closed: Some(1_772_413_450),
        records: Some(Records {
            read: 1_203,
            rendered: 1_150,
            duplicates: 50,
            quarantined: 3,
            ..Records::default()
        }),
        items: 240,
        deliveries: Some(Deliveries {
            planned: 480,
            imported: 476,
            failed: 1,
            held: 3,
            ..Deliveries::default()
        }),
        seal_sha256: vec![0xab; 32].into(),
        ..ReportResponse::default()
    };
    run.set_state(state);
    MailReport {
        connector: "Contoso".to_owned(),
        run,
        stopped: None,
        exceptions: MailExceptions::default(),
        horizons: Vec::new(),
        now: 1_772_413_500,
        due: Some(1_772_499_600),
        page: Some("https://chatkeep.contoso.com/connectors/contoso/runs/12".to_owned()),
    }
}

fn horizon(purged: i64) -> DataLossHorizon {
    DataLossHorizon {
        database: "sql01/LcsLog".to_owned(),
        purged: Some(purged),
        margin: 86_400,
    }
}

fn with_exceptions() -> MailReport {
    MailReport {
        exceptions: MailExceptions {
            quarantined: vec![("message is empty".to_owned(), 3)],
            failed: vec![("550 no such user ann@contoso.com".to_owned(), 1)],
            held_users: 2,
            findings: vec![("late-rows".to_owned(), 1)],
        },
        horizons: vec![horizon(1_780_000_000)],
        ..report(RunState::SucceededWithExceptions)
    }
}

#[test]
fn the_text_has_both_equations_and_what_somebody_should_look_at() {
    let expected = "\
Contoso, run 12

State          succeeded with exceptions
Conversations  from 2026-03-01 to before 2026-03-02
Opened         2026-03-02T01:00:00Z
Closed         2026-03-02T01:04:10Z
Items          240
Not read yet   sql01/LcsLog purges it from 2026-05-28T20:26:40Z on
Next run       2026-03-03T01:00:00Z
Seal, SHA-256  abababababababababababababababababababababababababababababababab

        1,203  records read
=       1,150  rendered
+          50  duplicates
+           0  excluded
+           3  quarantined
+           0  open, of days not over
Closes: every one of the 1,203 records read is accounted for.

          480  deliveries planned
=         476  imported
+           0  partially imported
+           0  skipped, there already
+           1  failed
+           3  held, no mailbox yet
Closes: every one of the 480 deliveries planned is accounted for.

Records quarantined, bytes kept
          3  message is empty

Deliveries failed or partially imported
          1  550 no such user (address)

Held
          2  users without a known mailbox

Findings, no equation is open
          1  late-rows

All of it: https://chatkeep.contoso.com/connectors/contoso/runs/12
";

    assert_eq!(with_exceptions().write().text, expected);
}

#[test]
fn the_subject_says_at_once_whether_all_is_well() {
    let subject = |report: &MailReport| report.write().subject;
    let stopped = MailReport {
        stopped: Some("directory cannot be read".to_owned()),
        ..report(RunState::Failed)
    };
    let near = MailReport {
        horizons: vec![horizon(1_772_413_600)],
        ..report(RunState::Succeeded)
    };

    let well = report(RunState::Succeeded);
    assert_eq!(
        subject(&well),
        "OK: Contoso, run 12: everything is archived"
    );
    assert_eq!(
        subject(&with_exceptions()),
        "Attention: Contoso, run 12: 3 quarantined, 1 failed, 3 held; 1 finding"
    );
    let open = subject(&report(RunState::Unreconciled));
    assert_eq!(open, "Problem: Contoso, run 12: does not add up");
    let stopped = subject(&stopped);
    assert_eq!(stopped, "Problem: Contoso, run 12: stopped before its end");
    assert_eq!(
        subject(&near),
        "Attention: Contoso, run 12: everything is archived; unread rows are about to be purged"
    );
    assert!(!well.is_about_a_problem());
    assert!(near.is_about_a_problem());
}

#[test]
fn an_open_equation_is_shown_with_its_gap() {
    let mut report = report(RunState::Unreconciled);
    report.run.records = Some(Records {
        read: 10,
        rendered: 8,
        ..Records::default()
    });

    let written = report.write();

    let gap = "OPEN: 2 of the records read are not accounted for.";
    assert!(written.text.contains(gap), "{}", written.text);
    assert!(written.html.contains(gap), "{}", written.html);
}

#[test]
fn what_is_not_done_yet_of_a_stopped_run_is_no_gap() {
    let mut report = report(RunState::Paused);
    report.stopped = Some("quota exceeded".to_owned());
    report.run.deliveries = Some(Deliveries {
        planned: 10,
        imported: 4,
        ..Deliveries::default()
    });

    let text = report.write().text;

    assert!(text.contains("stopped: quota exceeded"), "{text}");
    assert!(text.contains("Under way: 6 are still to come."), "{text}");
    assert!(!text.contains("OPEN"), "{text}");
}

#[test]
fn nothing_in_it_is_markup_but_the_report_s_own() {
    let mut report = with_exceptions();
    report.connector = "<script>alert(1)</script>\r\nBcc: eve".to_owned();
    report.exceptions.quarantined = vec![("\"><img src=x>".to_owned(), 1)];
    report.page = Some("https://x/\"onclick=\"y".to_owned());

    let written = report.write();

    let html = &written.html;
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains("<img"), "{html}");
    assert!(!html.contains("\"onclick"), "{html}");
    let subject = &written.subject;
    assert!(!subject.contains(['\r', '\n']), "{subject}");
}

#[test]
fn reasons_that_differ_in_an_address_alone_are_one_and_the_last_ones_are_a_number() {
    let mut report = report(RunState::SucceededWithExceptions);
    let user = |number: u64| (format!("550 unknown <u{number}@contoso.com>"), 1);
    let mut failed: Vec<_> = (0..4).map(user).collect();
    failed.extend((0..11).map(|number| (format!("reason {number:02}"), 1)));
    report.exceptions.failed = failed;

    let text = report.write().text;

    assert!(
        text.contains("          4  550 unknown (address)\n"),
        "{text}"
    );
    assert!(text.contains("          2  2 other reasons\n"), "{text}");
    assert!(!text.contains('@'), "{text}");
}
