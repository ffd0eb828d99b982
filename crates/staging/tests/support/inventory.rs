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
    let missing = StoredBlob {
        key: "batch/00/0000".to_owned(),
        ..stored(staging, &goes).await
    };
    let blobs = [stored(staging, &goes).await, missing];

    let first = staging.delete(&blobs).await.unwrap();
    let again = staging.delete(&blobs).await.unwrap();

    assert_eq!([first, again], [2, 2]);
    staging.get(&goes).await.unwrap_err();
    assert_eq!(keys(staging).await, [stays.key]);
}

pub(crate) async fn what_was_written_again_is_not_deleted(world: &impl World) {
    let staging = world.staging();
    let bytes = pattern(5_000_000);
    let small = staging.put(BlobKind::Batch, "small").await.unwrap();
    let large = staging.put(BlobKind::Batch, bytes.clone()).await.unwrap();
    let refreshed = staging.put(BlobKind::Batch, "refreshed").await.unwrap();
    let kept = staging.keep(&small).await.unwrap();
    let mut seen = Vec::new();
    for blob in [&small, &large, &refreshed, &kept] {
        seen.push(stored(staging, blob).await);
    }
    // The service counts whole seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;

    let another = world.another().await;
    another.put(BlobKind::Batch, "small").await.unwrap();
    another.put(BlobKind::Batch, bytes).await.unwrap();
    another.refresh(&refreshed).await.unwrap();
    another.keep(&small).await.unwrap();

    assert_eq!(staging.delete(&seen).await.unwrap(), 0);
    for blob in [&small, &large, &refreshed, &kept] {
        staging.get(blob).await.unwrap();
        assert!(stored(staging, blob).await.modified > seen[0].modified);
    }
}

pub(crate) async fn what_is_written_while_it_is_deleted_is_there(world: &impl World) {
    let (staging, another) = (world.staging(), world.another().await);
    let contents: Vec<_> = (0..20).map(|number| format!("content {number}")).collect();
    let puts = contents
        .iter()
        .map(|content| staging.put(BlobKind::Batch, content.clone()));
    let blobs = try_join_all(puts).await.unwrap();
    let seen = list(staging, "").await;
    // The service counts whole seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;

    let puts = contents
        .iter()
        .map(|content| another.put(BlobKind::Batch, content.clone()));
    let calls = seen.chunks(1).map(|one| staging.delete(one));
    let (deleted, written) = tokio::join!(try_join_all(calls), try_join_all(puts));

    deleted.unwrap();
    assert_eq!(written.unwrap(), blobs);
    for (blob, content) in blobs.iter().zip(&contents) {
        assert_eq!(staging.get(blob).await.unwrap(), content);
    }
}

pub(crate) async fn what_is_missing_cannot_be_refreshed(world: &impl World) {
    let staging = world.staging();
    let missing = Blob {
        key: "items/00/0000".to_owned(),
        ..Blob::default()
    };

    let refused = staging.refresh(&missing).await.unwrap_err();

    assert!(!refused.is_outage());
}

pub(crate) async fn what_is_kept_outlasts_the_original(world: &impl World) {
    let staging = world.staging();
    let bytes = pattern(5_000_000);
    let blob = staging.put(BlobKind::Items, bytes.clone()).await.unwrap();

    let kept = staging.keep(&blob).await.unwrap();
    let again = staging.keep(&blob).await.unwrap();
    let kept_kept = staging.keep(&kept).await.unwrap();
    let original = stored(staging, &blob).await;
    assert_eq!(staging.delete(&[original]).await.unwrap(), 1);
    let late = staging.keep(&blob).await.unwrap();

    assert_eq!(kept.key, format!("{KEPT}{}", blob.key));
    assert_eq!([&again, &kept_kept, &late], [&kept; 3]);
    assert_eq!(staging.get(&kept).await.unwrap(), bytes);
    assert_eq!(keys(staging).await, [kept.key]);
    let missing = Blob {
        key: "items/00/0000".to_owned(),
        ..Blob::default()
    };
    staging.keep(&missing).await.unwrap_err();
}

/// A blob as the inventory has it.
async fn stored(staging: &Staging, blob: &Blob) -> StoredBlob {
    let found = list(staging, &blob.key).await;
    found.into_iter().next().unwrap()
}

async fn keys(staging: &Staging) -> Vec<String> {
    let listed = list(staging, "").await.into_iter();
    listed.map(|blob| blob.key).collect()
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
