//! Microsoft 365 in a connector file.

use chatkeep_model::connector::{Directory, GraphDirectory, Proof};

use super::{parse, problem};

const AUTH: &str =
    r#"tenant = "contoso.com", client = "4711", certificate = "file:secrets/chatkeep.pem""#;

/// A connector file with a directory of these keys.
fn file(auth: &str, keys: &str) -> String {
    format!(
        "name = \"a\"\ndomain = \"contoso.com\"\n[[sources]]\ntype = \"archiving-export\"\npath = \"e\"\n\
         [directory]\ntype = \"graph\"\nauth = {{ {auth} }}\n{keys}\n[target]\ntype = \"discard\"\n"
    )
}

fn directory(auth: &str, keys: &str) -> GraphDirectory {
    match parse(&file(auth, keys)).unwrap().directory {
        Directory::Graph(graph) => graph,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tenant_needs_its_name_an_application_and_a_proof() {
    let graph = directory(AUTH, "");

    assert_eq!(graph.endpoint, "https://graph.microsoft.com/v1.0");
    assert_eq!(graph.auth.authority, "https://login.microsoftonline.com");
    let Proof::Certificate(file) = graph.auth.proof else {
        panic!("{:?}", graph.auth.proof)
    };
    assert_eq!(file.to_string(), "file:/etc/chatkeep/secrets/chatkeep.pem");
}

#[test]
fn a_tenant_reads_back_as_it_was_written() {
    for auth in [
        AUTH,
        r#"tenant = "x", client = "y", secret = "env:SECRET", authority = "https://login.microsoftonline.us/""#,
        r#"tenant = "x", client = "y", workload_identity = true"#,
    ] {
        let connector = parse(&file(auth, "")).unwrap();

        let written = connector.to_toml().unwrap();

        assert_eq!(parse(&written).unwrap(), connector, "{written}");
    }
}

#[test]
fn exactly_one_proof_is_given() {
    for auth in [
        r#"tenant = "x", client = "y""#,
        r#"tenant = "x", client = "y", workload_identity = false"#,
        r#"tenant = "x", client = "y", secret = "env:S", workload_identity = true"#,
        r#"tenant = "x", client = "y", secret = "env:S", certificate = "file:c""#,
    ] {
        let problem = problem(&file(auth, ""));

        assert!(problem.contains("exactly one of"), "{problem}");
    }
}

#[test]
fn secrets_in_the_file_unknown_keys_and_odd_names_are_refused() {
    for (auth, words) in [
        (
            r#"tenant = "x", client = "y", secret = "hunter2""#,
            "by reference",
        ),
        (
            r#"tenant = "x", client = "y", secret = "env:S", scope = "z""#,
            "scope",
        ),
        (
            r#"tenant = "x/../y", client = "y", secret = "env:S""#,
            "auth.tenant",
        ),
        (
            r#"tenant = "x", client = "", secret = "env:S""#,
            "auth.client",
        ),
    ] {
        let problem = problem(&file(auth, ""));

        assert!(problem.contains(words), "{problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
    }
}

#[test]
fn tokens_do_not_travel_in_the_clear() {
    let with = |authority: &str| {
        let auth =
            format!(r#"tenant = "x", client = "y", secret = "env:S", authority = "{authority}""#);
        parse(&file(&auth, "")).is_ok()
    };
    let at = |endpoint: &str| parse(&file(AUTH, &format!("endpoint = \"{endpoint}\""))).is_ok();

    for (address, is_allowed) in [
        ("https://login.microsoftonline.us", true),
        ("http://127.0.0.1:8080", true),
        ("http://login.microsoftonline.com", false),
        ("http://127.0.0.1.example.com", false),
        ("ftp://example.com", false),
        ("https://", false),
    ] {
        assert_eq!(with(address), is_allowed, "{address}");
        assert_eq!(at(&format!("{address}/v1.0")), is_allowed, "{address}");
    }
    assert!(!with("https://login.microsoftonline.us/path"));
    assert!(!at("https://graph.microsoft.com/v1.0?x=1"));
}
