//! Dashboards and alerts as files: sound, made of valid queries, and alerts that fire when they should.
//! That what they name exists, a test of the distributed system shows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/queries.rs"]
mod queries;

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use crate::queries::{
    Named, dashboards, files, named, of_alerts, of_panels, promql, repository, variables,
};

/// Calls a program in the repository.
fn call(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(repository());
    command
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; run ./test"))
}

fn assert_succeeded(output: &Output) {
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    assert!(output.status.success(), "{}", said.concat());
}

#[test]
fn dashboards_are_what_their_source_makes() {
    let checked = call("python3", &["-B", "deploy/dashboards/make.py", "--check"]);

    assert_succeeded(&checked);
}

#[test]
fn dashboards_work_with_any_data_source_and_explain_themselves() {
    let dashboards = dashboards();
    let mut uids = BTreeSet::new();
    assert_eq!(dashboards.len(), 5);
    for (file, dashboard) in &dashboards {
        let text = dashboard.to_string();
        assert!(text.len() < 1 << 20, "{file} is too large for a ConfigMap");
        assert!(uids.insert(dashboard["uid"].as_str().unwrap()), "{file}");
        assert!(!text.contains("instance="), "{file} names a process");
        let variables: Vec<_> = variables(dashboard).collect();
        for panel in dashboard["panels"].as_array().unwrap() {
            let is_row = panel["type"] == "row";
            assert!(is_row || explains_itself(panel), "{file}: {panel}");
            assert!(
                is_row || asks_for_known(panel, &variables),
                "{file}: {panel}"
            );
        }
    }
}

fn explains_itself(panel: &Value) -> bool {
    let has = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let unit = &panel["fieldConfig"]["defaults"]["unit"];
    has(&panel["title"]) && has(&panel["description"]) && has(unit)
}

/// Whether a panel's data sources and the variables of its queries are the dashboard's.
fn asks_for_known(panel: &Value, variables: &[String]) -> bool {
    let targets = panel["targets"].as_array().unwrap();
    targets.iter().all(|target| {
        let source = target["datasource"]["uid"].as_str().unwrap();
        let source = source.trim_start_matches("${").trim_end_matches('}');
        let queries = [&target["expr"], &target["query"]];
        let mut used = queries
            .into_iter()
            .filter_map(Value::as_str)
            .flat_map(names);
        variables.iter().any(|known| known == source)
            && used.all(|name| variables.contains(&name) || name.starts_with("__"))
    })
}

/// Names behind `$`.
fn names(query: &str) -> impl Iterator<Item = String> {
    let is_part = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    query.split('$').skip(1).map(move |rest| {
        let rest = rest.trim_start_matches('{');
        rest.chars().take_while(is_part).collect()
    })
}

#[test]
fn every_query_is_valid() {
    let queries = promql();
    let folder = tempfile::tempdir().unwrap();
    let mut rules = "groups:\n- name: queries\n  rules:\n".to_owned();
    for (number, query) in queries.iter().enumerate() {
        let text = serde_json::to_string(&query.text).unwrap();
        rules += &format!(
            "  - record: q{number}\n    labels: {{ place: {:?} }}\n",
            query.place
        );
        rules += &format!("    expr: {text}\n");
    }
    let file = folder.path().join("queries.yaml");
    fs::write(&file, rules).unwrap();

    let checked = call("promtool", &["check", "rules", &file.display().to_string()]);

    assert!(queries.len() > 80, "{}", queries.len());
    assert_succeeded(&checked);
}

#[test]
fn searches_for_traces_name_attributes_as_such() {
    for search in of_panels("query") {
        let is_trace = search.text == "$";
        assert!(is_trace || search.text.starts_with('{'), "{search:?}");
    }
}

#[test]
fn alerts_fire_when_they_should_and_only_then() {
    let tests = files("rules/tests", ".yaml");
    let folder = repository().join("charts/chatkeep/rules/tests");
    let paths = tests.iter().map(|(name, _)| folder.join(name));
    let paths: Vec<_> = paths.map(|path| path.display().to_string()).collect();
    let mut arguments = vec!["test", "rules"];
    arguments.extend(paths.iter().map(String::as_str));

    let tested = call("promtool", &arguments);

    assert_succeeded(&tested);
    for alert in of_alerts() {
        let asked = format!("alertname=\"{}\", alertstate", alert.place);
        let all = tests.iter().flat_map(|(_, text)| text.split("  - name: "));
        let its: Vec<_> = all.filter(|test| test.contains(&asked)).collect();
        let silent = its.iter().filter(|test| test.contains("exp_samples: []"));
        let silent = silent.count();
        assert!(silent > 0, "{} is never silent", alert.place);
        assert!(silent < its.len(), "{} never fires", alert.place);
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let folder = repository().join("docs/runbooks");
    let entries = fs::read_dir(folder).unwrap();
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    let runbooks: BTreeSet<_> = entries.map(|entry| name(&entry.unwrap().path())).collect();
    let alerts: BTreeSet<_> = of_alerts().into_iter().map(|alert| alert.place).collect();
    let rules = files("rules", ".yaml").remove(0).1;

    assert_eq!(runbooks, alerts);
    for alert in &alerts {
        let named = format!("runbook_url: docs/runbooks/{alert}.md");
        assert!(rules.contains(&named), "{alert}");
    }
}

#[test]
fn what_the_compose_file_for_telemetry_mounts_is_there_and_prometheus_takes_its_own() {
    let folder = repository().join("deploy");
    let compose = fs::read_to_string(folder.join("compose.telemetry.yaml")).unwrap();
    let mounts = compose.lines().filter_map(|line| {
        let (path, _) = line.trim().strip_prefix("- ")?.split_once(':')?;
        path.starts_with('.').then_some(path)
    });
    let missing = mounts.clone().find(|path| !folder.join(path).exists());

    let checked = call(
        "promtool",
        &[
            "check",
            "config",
            "--syntax-only",
            "deploy/telemetry/prometheus.yaml",
        ],
    );

    assert_eq!(missing, None);
    assert_eq!(mounts.count(), 7);
    assert_succeeded(&checked);
}

#[test]
fn what_a_query_names_is_found_in_it() {
    let query = "sum by (le, stage) (rate(a_bucket{x=~\"u|v w\", y!=\"$\"}[5m])) \
        / on (stage) group_left () max(b) > 0.5 or vector(1e3) unless c offset 1h";
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();

    let found = named(query);

    let pair = |value: &str| ("x".to_owned(), value.to_owned());
    let expected = Named {
        metrics: set(&["a_bucket", "b", "c"]),
        labels: set(&["le", "stage", "x", "y"]),
        values: [pair("u"), pair("v w")].into(),
    };
    assert_eq!(found, expected);
}
