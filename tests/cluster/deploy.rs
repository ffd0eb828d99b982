//! What `deploy/` has for people.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use chatkeep_testkit::{azurite_root, free_port};

use crate::{program::binary, system::STAGES};

fn repository() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

#[test]
fn one_script_runs_the_sample_on_this_machine_and_another_stops_it() {
    // Where the servers' own users get in.
    let state = tempfile::tempdir_in("/tmp").unwrap();
    // Twenty ports from one that is free; below those that others of these tests ask for.
    let ports = free_port().unwrap() - 5_000;
    let call = |script: &str| -> Output {
        let mut command = Command::new(repository().join("deploy/local").join(script));
        command.env("CHATKEEP_LOCAL", state.path());
        command.env("CHATKEEP_LOCAL_PORTS", ports.to_string());
        command.env("CHATKEEP_LOCAL_CONSOLE", (ports + 8).to_string());
        // Nobody is asked before somebody signs in.
        command.env("CHATKEEP_LOCAL_ISSUER", "https://login.contoso.com");
        command.env("CHATKEEP_LOCAL_CLIENT", "console");
        command.env("CHATKEEP_BIN", binary("chatkeep").parent().unwrap());
        command.env("CHATKEEP_AZURITE_ROOT", azurite_root().unwrap());
        command.output().unwrap()
    };

    let up = call("up");
    let said = String::from_utf8_lossy(&up.stdout).into_owned();
    let reading = said
        .lines()
        .find(|line| line.contains("doveadm"))
        .unwrap_or_default();
    let read = Command::new("sh").arg("-c").arg(reading).output().unwrap();
    let page = page(ports + 8);
    let down = call("down");

    assert!(
        up.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&up.stderr)
    );
    assert!(said.contains("115 = 109 imported"), "{said}");
    assert!(page.starts_with("HTTP/1.0 303"), "{page}");
    assert!(page.contains("/sign-in?to="), "{page}");
    let subjects = String::from_utf8_lossy(&read.stdout);
    assert!(
        subjects.contains("Conversation between alice.morgan@contoso.com"),
        "{read:?}"
    );
    assert!(down.status.success(), "{down:?}");
    assert_eq!(fs::read_dir(state.path().join("pid")).unwrap().count(), 0);
}

/// What the console answers who has not signed in; empty when nobody listens.
fn page(port: u16) -> String {
    let Ok(mut console) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return String::new();
    };
    let mut page = Vec::new();
    console
        .write_all(b"GET /connectors HTTP/1.0\r\n\r\n")
        .and_then(|()| console.read_to_end(&mut page))
        .unwrap();
    String::from_utf8_lossy(&page).into_owned()
}

/// The variables that compose.yaml sets, with the secrets in this folder.
fn variables(compose: &str, secrets: &Path) -> Vec<(String, String)> {
    let secrets = format!("{}/", secrets.display());
    let lines = compose
        .lines()
        .filter_map(|line| line.trim().split_once(": "));
    let ours = lines.filter(|(name, _)| name.starts_with("CHATKEEP__"));
    let variable = |(name, value): (&str, &str)| {
        let value = value
            .trim_matches(['"', '\''])
            .replace("/run/secrets/", &secrets);
        (name.to_owned(), value)
    };
    ours.map(variable).collect()
}

#[test]
fn what_the_compose_file_sets_are_good_settings() {
    let read = |name| fs::read_to_string(repository().join("deploy").join(name)).unwrap();
    let console = read("compose.console.yaml")
        .replace(
            "${CHATKEEP_ISSUER:?who signs users in}",
            "https://login.contoso.com",
        )
        .replace("${CHATKEEP_CLIENT:?the id of the console there}", "console");
    assert!(!console.contains("${"), "{console}");
    let compose = read("compose.yaml") + &console;
    let secrets = tempfile::tempdir().unwrap();
    for name in [
        "queue-user",
        "queue-password",
        "ledger-password",
        "mail-password",
    ] {
        assert!(compose.contains(&format!("./secrets/{name}")));
        fs::write(secrets.path().join(name), "secret").unwrap();
    }
    fs::write(secrets.path().join("staging-sas"), "sv=1&sig=x").unwrap();
    let variables = variables(&compose, secrets.path());
    for name in STAGES.into_iter().chain(["control"]) {
        let is_its = |variable: &str| match variable {
            "CHATKEEP__CONTROL__URL" => name != "control",
            _ if variable.starts_with("CHATKEEP__CONTROL__") => name == "control",
            _ if variable.starts_with("CHATKEEP__DATA__") => name == "control",
            _ if variable.starts_with("CHATKEEP__CONSOLE__") => name == "control",
            _ if variable.starts_with("CHATKEEP__SERVICES__") => name == "control",
            _ => true,
        };
        let its = variables.iter().filter(|(variable, _)| is_its(variable));
        let mut command = Command::new(binary(name));
        command.arg("--check-config").envs(its.cloned());

        let checked = command.output().unwrap();

        assert!(checked.status.success(), "{name}: {checked:?}");
    }
}
