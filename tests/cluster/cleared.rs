//! The container after a run: what nobody needs any more is deleted, and counted.

use crate::{
    cluster::Cluster,
    program::Program,
    servers::Servers,
    system::Form,
    work::{sessions, wait_until},
};

/// Staging is cleared as soon as a run is sealed.
const CLEARS: &str =
    "janitor.after = \"0s\"\njanitor.every = \"200ms\"\njanitor.orphans_after = \"0s\"\n";

#[test]
fn the_container_is_cleared_when_a_run_is_sealed_and_metrics_tell_what_was_deleted() {
    let form = Form {
        control: CLEARS,
        ..Form::default()
    };
    let mut cluster = Cluster::start(&Servers::shared(), form, sessions(20));

    let archived = cluster.archive();

    assert_eq!(archived.code, Some(0), "{archived:?}");
    wait_until("nothing is left but sign, seal and the directory", || {
        let blobs = cluster.servers.azurite().blobs(&cluster.name).unwrap();
        let stays = |key: &String| {
            let stay = ["ledger/", "seal/", "directory/"];
            stay.iter().any(|stays| key.starts_with(stays))
        };
        blobs.iter().all(stays) && blobs.iter().any(|key| key.starts_with("directory/"))
    });
    let control = cluster.of("control").next().unwrap();
    wait_until("the run is counted as cleared", || {
        value(control, "chatkeep_janitor_runs", "") == Some(1)
    });
    let deleted = |outcome| value(control, "chatkeep_janitor_deleted", outcome).unwrap();
    // Where orphans do not wait either, nobody asks whose a blob was.
    wait_until("blobs are counted", || {
        deleted("\"deleted\"") + deleted("\"orphaned\"") > 0
    });
    assert_eq!(deleted("\"emptied\""), 0);
    let passed = value(control, "chatkeep_janitor_passed", "").unwrap();
    assert!(passed > 1_700_000_000, "{passed}");
    let verified = cluster.run(&["verify", "1"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

/// A metric with this in its attributes, as the program shows it.
fn value(program: &Program, metric: &str, attribute: &str) -> Option<u64> {
    let (_, metrics) = program.get("/metrics")?;
    let mut lines = metrics.lines();
    let line = lines.find(|line| {
        let name = line.split(['{', ' ']).next();
        name == Some(metric) && line.contains(attribute)
    })?;
    line.rsplit(' ').next()?.parse().ok()
}
