//! What is deleted from staging that no run has written, and what is not.

use std::{collections::BTreeSet, fs, time::Duration};

use chatkeep_model::connector::HoldFor;
use chatkeep_staging::{BlobKind, Staging};

use crate::{
    clearing::{YEAR, at_once, keys, last_key, looked_through, until, write},
    lab::Lab,
};

#[tokio::test]
async fn what_no_run_has_written_goes_when_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = at_once();
    settings.janitor.orphans_after = Duration::from_hours(10);
    let lab = Lab::open_with(folder.path(), &settings).await;
    let (young, old) = (
        format!("batch/00/00{}", "0".repeat(62)),
        format!("batch/11/11{}", "1".repeat(62)),
    );
    write(folder.path(), &young, Duration::from_hours(9));
    write(folder.path(), &old, Duration::from_hours(11));

    let left = looked_through(&lab, folder.path()).await;

    assert_eq!(left, [young].into());
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open_with(folder.path(), &at_once()).await;
    let foreign = [
        "notes.txt",
        "items/07/notes",
        "kept/items/07/notes",
        "Backup/1",
    ];
    for key in foreign {
        write(folder.path(), key, YEAR);
    }

    let left = looked_through(&lab, folder.path()).await;

    assert_eq!(left, foreign.map(str::to_owned).into());
}

#[tokio::test]
async fn nothing_is_deleted_where_another_ledger_works_with_the_same_staging() {
    let folder = tempfile::tempdir().unwrap();
    let staging = Staging::folder(&folder.path().join("staging")).unwrap();
    let other = staging.put(BlobKind::Ledger, "another").await.unwrap();
    write(folder.path(), &last_key(), YEAR);
    let lab = Lab::open_with(folder.path(), &at_once()).await;
    assert!(lab.is_quiet("mapping").await);
    assert!(keys(&lab.staging).await.contains(&last_key()));

    fs::remove_file(folder.path().join("staging").join(other.key)).unwrap();

    until(&lab, BTreeSet::is_empty).await;
}

#[tokio::test]
async fn nothing_is_deleted_that_stays_forever() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = at_once();
    settings.janitor.after = HoldFor::Forever;
    write(folder.path(), &last_key(), YEAR);
    let lab = Lab::open_with(folder.path(), &settings).await;

    assert!(lab.is_quiet("mapping").await);

    assert!(keys(&lab.staging).await.contains(&last_key()));
}
