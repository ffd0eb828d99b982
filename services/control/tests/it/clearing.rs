//! Ledgers whose staging is cleared, and what is in it.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};

use chatkeep_control::{JanitorSettings, Settings};
use chatkeep_model::connector::HoldFor;
use chatkeep_proto::v1::{DeliverHeldRequest, RetryRequest, RetryResponse};
use chatkeep_staging::{KEPT, Staging};

use crate::{
    lab::{CONNECTOR, Lab, settings},
    world::{Conversation, World, conversation},
};

/// Every blob that may go goes as soon as it may.
pub(crate) fn at_once() -> Settings {
    Settings {
        janitor: JanitorSettings {
            after: HoldFor::Time(Duration::ZERO),
            every: Duration::from_millis(20),
            orphans_after: Duration::ZERO,
            ..JanitorSettings::default()
        },
        ..settings()
    }
}

pub(crate) fn staged(conversations: Vec<Conversation>) -> World {
    let mut world = World::of(conversations);
    world.is_staged = true;
    world
}

/// Forty conversations of two with a mailbox, and one more of somebody without.
pub(crate) fn one_held() -> World {
    let people = ["ann@contoso.com", "bob@contoso.com"];
    let mut conversations: Vec<_> = (0..39)
        .map(|number| conversation(number, &people))
        .collect();
    conversations.push(conversation(39, &["ann@contoso.com", "late@contoso.com"]));
    staged(conversations)
}

/// Blobs but those that always stay.
pub(crate) async fn keys(staging: &Staging) -> BTreeSet<String> {
    const STAY: [&str; 3] = ["ledger/", "seal/", "directory/"];
    let mut keys = BTreeSet::new();
    let mut from = None;
    loop {
        let page = staging.list("", from.as_deref()).await.unwrap();
        keys.extend(page.blobs.into_iter().map(|blob| blob.key));
        from = page.next;
        if from.is_none() {
            keys.retain(|key| !STAY.iter().any(|stays| key.starts_with(stays)));
            return keys;
        }
    }
}

/// What is kept, once nothing else is left.
pub(crate) async fn cleared(lab: &Lab) -> BTreeSet<String> {
    until(lab, |keys| keys.iter().all(|key| key.starts_with(KEPT))).await
}

pub(crate) async fn until(
    lab: &Lab,
    is_so: impl Fn(&BTreeSet<String>) -> bool,
) -> BTreeSet<String> {
    let poll = async {
        loop {
            let keys = keys(&lab.staging).await;
            if is_so(&keys) {
                return keys;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), poll)
        .await
        .unwrap()
}

/// Writes a file into the staging of a lab, so old.
pub(crate) fn write(folder: &Path, key: &str, age: Duration) {
    let path = folder.join("staging").join(key);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "x").unwrap();
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

pub(crate) const YEAR: Duration = Duration::from_hours(365 * 24);

/// The last key of all, of a blob that no run has written: when it is gone, everything was looked at.
pub(crate) fn last_key() -> String {
    format!("quarantine/ff/{}", "f".repeat(64))
}

/// Waits until everything was looked at.
pub(crate) async fn looked_through(lab: &Lab, folder: &Path) -> BTreeSet<String> {
    write(folder, &last_key(), YEAR);
    until(lab, |keys| !keys.contains(&last_key())).await
}

/// Tries a run again; nothing when there is no such run.
pub(crate) async fn retry(lab: &Lab, number: i64) -> Option<RetryResponse> {
    let request = RetryRequest {
        connector: "contoso".to_owned(),
        number,
    };
    let answer = lab.control.clone().retry(request).await;
    answer.ok().map(tonic::Response::into_inner)
}

pub(crate) async fn deliver_held(lab: &Lab) -> i64 {
    let request = DeliverHeldRequest {
        connector_file: CONNECTOR.to_owned(),
        max_part_bytes: 1_000_000,
    };
    let answer = lab.control.clone().deliver_held(request).await;
    answer.unwrap().into_inner().run
}
