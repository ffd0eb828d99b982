//! What every form of staging does, whatever lies behind it.

use std::{
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    time::SystemTime,
};

use chatkeep_staging::{Blob, BlobKind, BlobRange, Staging, StagingError, StoredBlob};
use futures::future::{join_all, try_join_all};

mod inventory;

pub(crate) use inventory::{
    a_long_inventory_comes_in_pages, blobs_are_listed_by_prefix, deleted_blobs_are_gone,
    what_is_kept_outlasts_the_original, what_is_missing_cannot_be_refreshed,
    what_is_written_while_it_is_deleted_is_there, what_was_not_committed_is_not_listed,
    what_was_written_again_is_not_deleted,
};

/// A staging of its own, and the way in behind its back.
pub(crate) trait World {
    /// The staging.
    fn staging(&self) -> &Staging;
    /// Another staging of the same blobs, as another process has one.
    async fn another(&self) -> Staging;
    /// Writes other bytes under a key.
    fn overwrite(&self, key: &str, bytes: &[u8]);
    /// Takes a blob away.
    fn erase(&self, key: &str);
}

/// Makes one test of each sentence of the contract.
#[macro_export]
macro_rules! contract {
    ($world:expr) => {
        contract! { $world;
            what_is_put_is_read_again,
            the_same_bytes_are_the_same_blob,
            an_empty_blob_is_a_blob,
            many_writers_of_one_blob_all_succeed,
            many_writers_of_one_large_blob_all_succeed,
            a_large_blob_is_whole,
            ranges_come_in_the_order_of_the_request,
            a_range_behind_the_end_is_nothing,
            altered_bytes_are_noticed,
            a_blob_that_was_replaced_is_noticed_by_who_writes_it_again,
            a_blob_that_broke_off_is_noticed,
            a_missing_blob_is_an_error,
            a_reader_can_begin_anywhere,
            keys_of_others_are_refused,
            what_was_not_committed_is_not_listed,
            blobs_are_listed_by_prefix,
            a_long_inventory_comes_in_pages,
            deleted_blobs_are_gone,
            what_was_written_again_is_not_deleted,
            what_is_written_while_it_is_deleted_is_there,
            what_is_missing_cannot_be_refreshed,
            what_is_kept_outlasts_the_original,
        }
    };
    ($world:expr; $($sentence:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $sentence() {
                contract::$sentence(&$world.await).await;
            }
        )*
    };
}

pub(crate) async fn what_is_put_is_read_again(world: &impl World) {
    let staging = world.staging();

    let blob = staging.put(BlobKind::Batch, "hello").await.unwrap();

    assert_eq!(blob.size, 5);
    assert!(
        blob.key.starts_with("batch/2c/2cf24dba5fb0a30e"),
        "{}",
        blob.key
    );
    assert_eq!(staging.get(&blob).await.unwrap(), "hello");
    assert_eq!(world.another().await.get(&blob).await.unwrap(), "hello");
    assert_eq!(read(staging, &blob).await.unwrap(), b"hello");
}

pub(crate) async fn the_same_bytes_are_the_same_blob(world: &impl World) {
    let staging = world.staging();
    let first = staging.put(BlobKind::Batch, "hello").await.unwrap();

    let again = staging.put(BlobKind::Batch, "hello").await.unwrap();
    let mut spool = staging.spool().unwrap();
    spool.write_all(b"hello").unwrap();
    let spooled = staging.commit(BlobKind::Batch, spool).await.unwrap();

    assert_eq!(first, again);
    assert_eq!(first, spooled);
    assert_eq!(inventory::list(staging, "").await.len(), 1);
}

pub(crate) async fn an_empty_blob_is_a_blob(world: &impl World) {
    let staging = world.staging();

    let blob = staging.put(BlobKind::Attachment, "").await.unwrap();

    assert_eq!(staging.get(&blob).await.unwrap(), "");
    assert_eq!(read(staging, &blob).await.unwrap(), b"");
    assert_eq!(ranges(staging, &blob, &[(0, 0)]).await, [Some(Vec::new())]);
}

pub(crate) async fn many_writers_of_one_blob_all_succeed(world: &impl World) {
    let others = join_all((0..8).map(|_| world.another())).await;

    let written = others
        .iter()
        .map(|staging| staging.put(BlobKind::Batch, "hello"));
    let blobs = try_join_all(written).await.unwrap();

    assert!(blobs.iter().all(|blob| *blob == blobs[0]));
    assert_eq!(world.staging().get(&blobs[0]).await.unwrap(), "hello");
}

pub(crate) async fn many_writers_of_one_large_blob_all_succeed(world: &impl World) {
    let others = join_all((0..4).map(|_| world.another())).await;
    let bytes = pattern(9_000_000);

    let write = async |staging: &Staging| {
        let mut spool = staging.spool().unwrap();
        spool.write_all(&bytes).unwrap();
        staging.commit(BlobKind::Items, spool).await
    };
    let blobs = try_join_all(others.iter().map(write)).await.unwrap();

    assert!(blobs.iter().all(|blob| *blob == blobs[0]));
    assert_eq!(world.staging().get(&blobs[0]).await.unwrap(), bytes);
}

pub(crate) async fn a_large_blob_is_whole(world: &impl World) {
    let staging = world.staging();
    // Neither a multiple of a block nor of a window.
    let bytes = pattern(10_000_001);

    let blob = staging.put(BlobKind::Items, bytes.clone()).await.unwrap();

    assert_eq!(staging.get(&blob).await.unwrap(), bytes);
    assert_eq!(read(staging, &blob).await.unwrap(), bytes);
    let middle = ranges(staging, &blob, &[(1_000_000, 8_500_000)]).await;
    assert_eq!(middle, [Some(bytes[1_000_000..9_500_000].to_vec())]);
}

pub(crate) async fn ranges_come_in_the_order_of_the_request(world: &impl World) {
    let staging = world.staging();
    let bytes = pattern(1_000_000);
    let one = staging.put(BlobKind::Items, bytes.clone()).await.unwrap();
    let other = staging.put(BlobKind::Items, "hello").await.unwrap();
    let range = |blob: &Blob, offset, size| BlobRange {
        blob: blob.clone(),
        offset,
        size,
    };

    let read = staging.ranges(vec![
        range(&one, 900_000, 100_000),
        range(&other, 1, 3),
        range(&one, 10, 20),
        range(&one, 15, 5),
        range(&other, 0, 5),
    ]);

    let read: Vec<_> = read
        .await
        .unwrap()
        .into_iter()
        .map(Option::unwrap)
        .collect();
    let expected: [&[u8]; 5] = [
        &bytes[900_000..],
        b"ell",
        &bytes[10..30],
        &bytes[15..20],
        b"hello",
    ];
    assert_eq!(read, expected);
}

pub(crate) async fn a_range_behind_the_end_is_nothing(world: &impl World) {
    let staging = world.staging();
    let blob = staging.put(BlobKind::Items, "hello").await.unwrap();

    let read = ranges(staging, &blob, &[(3, 3), (u64::MAX, 2), (5, 1), (0, 5)]).await;

    assert_eq!(read, [None, None, None, Some(b"hello".to_vec())]);
}

pub(crate) async fn altered_bytes_are_noticed(world: &impl World) {
    let staging = world.staging();
    let blob = staging.put(BlobKind::Batch, "hello").await.unwrap();

    world.overwrite(&blob.key, b"hellO");

    let got = staging.get(&blob).await;
    assert!(matches!(got, Err(StagingError::Altered)), "{got:?}");
    let error = read(staging, &blob).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
}

pub(crate) async fn a_blob_that_was_replaced_is_noticed_by_who_writes_it_again(world: &impl World) {
    let staging = world.staging();
    let bytes = pattern(5_000_000);
    let small = staging.put(BlobKind::Batch, "hello").await.unwrap();
    let large = staging.put(BlobKind::Batch, bytes.clone()).await.unwrap();

    world.overwrite(&small.key, b"something else");
    world.overwrite(&large.key, b"something else");

    let again = staging.put(BlobKind::Batch, "hello").await;
    assert!(matches!(again, Err(StagingError::Altered)), "{again:?}");
    let again = staging.put(BlobKind::Batch, bytes).await;
    assert!(matches!(again, Err(StagingError::Altered)), "{again:?}");
}

pub(crate) async fn a_blob_that_broke_off_is_noticed(world: &impl World) {
    let staging = world.staging();
    let blob = staging.put(BlobKind::Batch, "hello").await.unwrap();

    world.overwrite(&blob.key, b"hel");

    let got = staging.get(&blob).await;
    assert!(matches!(got, Err(StagingError::Altered)), "{got:?}");
    read(staging, &blob).await.unwrap_err();
    let read = ranges(staging, &blob, &[(0, 3), (2, 2), (4, 1)]).await;
    assert_eq!(read, [Some(b"hel".to_vec()), None, None]);
}

pub(crate) async fn a_missing_blob_is_an_error(world: &impl World) {
    let staging = world.staging();
    let blob = staging.put(BlobKind::Batch, "hello").await.unwrap();

    world.erase(&blob.key);

    let missing = |error: StagingError| match error {
        StagingError::Read { source } => source.kind(),
        other => panic!("{other:?}"),
    };
    let expected = std::io::ErrorKind::NotFound;
    assert_eq!(missing(staging.get(&blob).await.unwrap_err()), expected);
    assert_eq!(missing(staging.open(&blob).await.unwrap_err()), expected);
    let range = BlobRange {
        blob,
        offset: 0,
        size: 5,
    };
    let read = staging.ranges(vec![range]).await;
    assert_eq!(missing(read.unwrap_err()), expected);
}

pub(crate) async fn a_reader_can_begin_anywhere(world: &impl World) {
    let staging = world.staging();
    let bytes = pattern(3_000_000);
    let blob = staging.put(BlobKind::Chunk, bytes.clone()).await.unwrap();

    let mut reader = staging.open(&blob).await.unwrap();
    let read = blocking(move || {
        let mut read = Vec::new();
        for (start, size) in [(2_000_000, 900_000), (10, 5), (12, 5), (12, 300_000)] {
            let mut piece = vec![0; size];
            reader.seek(SeekFrom::Start(start)).unwrap();
            reader.read_exact(&mut piece).unwrap();
            read.push(piece);
        }
        reader.seek(SeekFrom::End(-7)).unwrap();
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        read.push(rest);
        read
    });

    let expected: [&[u8]; 5] = [
        &bytes[2_000_000..2_900_000],
        &bytes[10..15],
        &bytes[12..17],
        &bytes[12..300_012],
        &bytes[2_999_993..],
    ];
    assert_eq!(read.await, expected);
}

pub(crate) async fn keys_of_others_are_refused(world: &impl World) {
    let staging = world.staging();
    let blob = |key: &str| Blob {
        key: key.to_owned(),
        ..Blob::default()
    };

    for key in [
        "../../etc/passwd",
        "/etc/passwd",
        "items/%2e%2e",
        "a?b",
        "A",
    ] {
        let is_key = |error| matches!(error, StagingError::Key);
        assert!(is_key(staging.get(&blob(key)).await.unwrap_err()), "{key}");
        assert!(is_key(staging.open(&blob(key)).await.unwrap_err()), "{key}");
        assert!(is_key(staging.keep(&blob(key)).await.unwrap_err()), "{key}");
        let stored = StoredBlob {
            key: key.to_owned(),
            size: 0,
            modified: SystemTime::now(),
        };
        let deleted = staging.delete(&[stored]).await;
        assert!(is_key(deleted.unwrap_err()), "{key}");
        assert!(is_key(staging.list(key, None).await.unwrap_err()), "{key}");
    }
}

/// Bytes that are not the same anywhere else in the blob.
pub(crate) fn pattern(size: usize) -> Vec<u8> {
    let words = (0..size.div_ceil(8) as u64).flat_map(|number| {
        let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ (mixed >> 29)).to_le_bytes()
    });
    words.take(size).collect()
}

/// Reads a blob from its start to its end, as a stage does.
pub(crate) async fn read(staging: &Staging, blob: &Blob) -> std::io::Result<Vec<u8>> {
    let mut reader = staging.open(blob).await.unwrap();
    blocking(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map(|_| bytes)
    })
    .await
}

async fn ranges(staging: &Staging, blob: &Blob, ranges: &[(u64, u64)]) -> Vec<Option<Vec<u8>>> {
    let range = |&(offset, size): &(u64, u64)| BlobRange {
        blob: blob.clone(),
        offset,
        size,
    };
    let read = staging.ranges(ranges.iter().map(range).collect()).await;
    let bytes = |bytes: Option<bytes::Bytes>| bytes.map(|bytes| bytes.to_vec());
    read.unwrap().into_iter().map(bytes).collect()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
