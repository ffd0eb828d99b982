//! The janitor's half of the contract.

use std::{
    io::Write as _,
    time::{Duration, SystemTime},
};

use chatkeep_staging::{Blob, BlobKind, KEPT, Page, Staging, StoredBlob};
use futures::future::try_join_all;

use super::{World, pattern};

pub(crate) async fn what_was_not_committed_is_not_listed(world: &impl World) {
    let staging = world.staging();

    let mut spool = staging.spool().unwrap();
    spool.write_all(&pattern(200_000)).unwrap();

    assert_eq!(list(staging, "").await, []);
    drop(spool);
    assert_eq!(list(staging, "").await, []);
}

pub(crate) async fn blobs_are_listed_by_prefix(world: &impl World) {
    let staging = world.staging();
    let before = SystemTime::now() - Duration::from_mins(1);
    let batch = staging.put(BlobKind::Batch, "batch").await.unwrap();
    let items = staging.put(BlobKind::Items, "items").await.unwrap();
    let index = staging.put(BlobKind::Index, "index").await.unwrap();

    let all = list(staging, "").await;
    let keys: Vec<_> = all.iter().map(|blob| &blob.key).collect();

    assert_eq!(keys, [&batch.key, &index.key, &items.key]);
    assert!(
        all.iter()
            .all(|blob| blob.size == 5 && blob.modified > before)
    );
    assert_eq!(list(staging, "items/").await, all[2..]);
    assert_eq!(list(staging, "i").await, all[1..]);
    assert_eq!(list(staging, "kept/").await, []);
}

pub(crate) async fn a_long_inventory_comes_in_pages(world: &impl World) {
    let staging = world.staging();
    let numbers: Vec<u32> = (0..1_100).collect();
    for some in numbers.chunks(50) {
        let puts = some
            .iter()
            .map(|number| staging.put(BlobKind::Index, number.to_string()));
        try_join_all(puts).await.unwrap();
    }

    let pages = pages(staging, "index/").await;

    assert!(pages.len() > 1);
    let listed: Vec<_> = pages.iter().flat_map(|page| &page.blobs).collect();
    assert_eq!(listed.len(), numbers.len());
    assert!(listed.is_sorted_by(|one, next| one.key < next.key));
}

pub(crate) async fn deleted_blobs_are_gone(world: &impl World) {
    let staging = world.staging();
    let stays = staging.put(BlobKind::Batch, "stays").await.unwrap();
    let goes = staging.put(BlobKind::Batch, "goes").await.unwrap();
    let keys = [goes.key.clone(), "batch/00/0000".to_owned()];

    staging.delete(&keys).await.unwrap();
    staging.delete(&keys).await.unwrap();

    staging.get(&goes).await.unwrap_err();
    let left: Vec<_> = list(staging, "")
        .await
        .into_iter()
        .map(|blob| blob.key)
        .collect();
    assert_eq!(left, [stays.key]);
}

pub(crate) async fn what_is_kept_outlasts_the_original(world: &impl World) {
    let staging = world.staging();
    let bytes = pattern(5_000_000);
    let blob = staging.put(BlobKind::Items, bytes.clone()).await.unwrap();

    let kept = staging.keep(&blob).await.unwrap();
    let again = staging.keep(&blob).await.unwrap();
    let kept_kept = staging.keep(&kept).await.unwrap();
    staging
        .delete(std::slice::from_ref(&blob.key))
        .await
        .unwrap();
    let late = staging.keep(&blob).await.unwrap();

    assert_eq!(kept.key, format!("{KEPT}{}", blob.key));
    assert_eq!([&again, &kept_kept, &late], [&kept; 3]);
    assert_eq!(staging.get(&kept).await.unwrap(), bytes);
    let listed: Vec<_> = list(staging, "")
        .await
        .into_iter()
        .map(|blob| blob.key)
        .collect();
    assert_eq!(listed, [kept.key]);
    let missing = Blob {
        key: "items/00/0000".to_owned(),
        ..Blob::default()
    };
    staging.keep(&missing).await.unwrap_err();
}

pub(super) async fn list(staging: &Staging, prefix: &str) -> Vec<StoredBlob> {
    let pages = pages(staging, prefix).await.into_iter();
    pages.flat_map(|page| page.blobs).collect()
}

async fn pages(staging: &Staging, prefix: &str) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut from = None;
    loop {
        let page = staging.list(prefix, from.as_deref()).await.unwrap();
        from.clone_from(&page.next);
        pages.push(page);
        if from.is_none() {
            return pages;
        }
    }
}
