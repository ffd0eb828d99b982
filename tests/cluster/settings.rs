//! Settings of the programs, and what they show of themselves.

use std::{fs, process::Command};

use crate::{
    cluster::Cluster,
    program::{Program, binary},
    servers::Servers,
    system::{Form, STAGES},
    work::sessions,
};

const MINIMAL: &str = "[grpc]\nplaintext = true\n[staging]\nkind = \"folder\"\npath = \"/tmp\"\n\
    [telemetry]\notlp = \"http://collector:4317\"\n";

fn section_of(name: &str) -> &'static str {
    if name == "control" {
        "[data]\npath = \"/tmp\"\n"
    } else {
        "[control]\nurl = \"http://control:50051\"\n"
    }
}

#[test]
fn good_settings_are_told_from_bad_ones_without_starting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program.toml");
    for name in STAGES.into_iter().chain(["control"]) {
        let check = |settings: &str| {
            fs::write(&file, settings).unwrap();
            let mut command = Command::new(binary(name));
            command.arg("--check-config").arg("--config").arg(&file);
            let output = command.output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            (output.status.code(), said)
        };
        let good = format!("{MINIMAL}{}", section_of(name));

        assert_eq!(check(&good), (Some(0), String::new()), "{name}");
        let (code, said) = check(&format!(
            "{good}\n[quue]\nurl = \"hunter2\"\n[admin]\nadress = 1\n"
        ));
        assert_eq!(code, Some(1), "{name}");
        assert!(said.contains("quue: unknown section"), "{name}: {said}");
        assert!(said.contains("admin.adress: unknown key"), "{name}: {said}");
        assert!(!said.contains("hunter2"), "{name}: {said}");
    }
}

#[test]
fn a_console_that_nobody_could_sign_in_to_or_that_finds_no_stage_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program.toml");
    let check = |settings: &str| {
        let common = format!("{MINIMAL}{}", section_of("control"));
        fs::write(&file, format!("{common}{settings}")).unwrap();
        let mut command = Command::new(binary("control"));
        command.arg("--check-config").arg("--config").arg(&file);
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    let issuer = "issuer = \"https://login.contoso.com\"\n";
    let services = "[services]\ningestion = \"http://ingestion:50051\"\nconversion = \"http://conversion:50051\"\n\
        mapping = \"http://mapping:50051\"\nmailbox_import = \"http://mailbox-import:50051\"\n";

    let good = check(&format!("[console]\n{issuer}client_id = \"a\"\n{services}"));
    let unsigned = check(&format!("[console]\n{services}"));
    let anonymous = check(&format!("[console]\n{issuer}{services}"));
    let secure = services.replace("http://mapping", "https://mapping");
    let astray = check(&format!("[console]\n{issuer}client_id = \"a\"\n{secure}"));
    let alone = check(&format!("[console]\n{issuer}client_id = \"a\"\n"));
    let needless = check(services);

    assert_eq!(good, "");
    assert!(unsigned.contains("console.issuer: missing"), "{unsigned}");
    assert!(
        anonymous.contains("console.client_id: is missing"),
        "{anonymous}"
    );
    assert!(astray.contains("services.mapping: "), "{astray}");
    assert!(alone.contains("services.ingestion: missing"), "{alone}");
    assert!(needless.contains("services: unknown section"), "{needless}");
}

#[test]
fn metrics_tell_what_each_program_has_done() {
    let mut cluster = Cluster::start(&Servers::shared(), Form::default(), sessions(20));
    let outcome = cluster.archive();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");

    for name in STAGES {
        let metrics = metrics(cluster.of(name).next().unwrap());
        assert!(
            metrics.contains("chatkeep_task_ended_total"),
            "{name}: {metrics}"
        );
        assert!(!metrics.contains("contoso"), "{name}: {metrics}");
    }
    let metrics = metrics(cluster.of("control").next().unwrap());
    assert!(metrics.contains("chatkeep_"), "{metrics}");
    assert!(!metrics.contains("contoso"), "{metrics}");
}

fn metrics(program: &Program) -> String {
    let (status, body) = program.get("/metrics").unwrap();
    assert_eq!(status, 200);
    body
}

#[test]
fn a_control_that_is_not_there_is_named() {
    let sandbox = sessions(1);
    let arguments = ["runs", "--plaintext", "--control", "http://127.0.0.1:9"];

    let outcome = sandbox.run(&arguments);

    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("no connection"), "{outcome:?}");
    let outcome = sandbox.run(&["runs", "--control", "https://127.0.0.1:9"]);
    assert!(outcome.stderr.contains("certificate"), "{outcome:?}");
}
