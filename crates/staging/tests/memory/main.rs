//! A large blob passes through little memory. Alone in its process, whose peak is measured.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{Read as _, Write as _},
    time::Duration,
};

use chatkeep_staging::{AzureSettings, BlobKind, Credential, Settings, Staging};
use chatkeep_testkit::Azurite;

const MIB: u64 = 1 << 20;
const SIZE: u64 = 64 * MIB;

/// The most memory the process has had since it was asked to forget, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024
}

fn forget_peak() -> u64 {
    fs::write("/proc/self/clear_refs", "5").unwrap();
    peak()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_blob_goes_through_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let sas = folder.path().join("sas");
    fs::write(&sas, Azurite::sas()).unwrap();
    let server = Azurite::start().unwrap();
    let settings = AzureSettings {
        url: server.container("archive"),
        credential: Credential::Sas {
            token: format!("file:{}", sas.display()).try_into().unwrap(),
        },
        authority: None,
        ca: None,
        create: true,
        // Not in memory, as temporary folders may be.
        spool: Some(folder.path().to_owned()),
        timeout: Duration::from_mins(1),
    };
    let settings = Settings::Azure(Box::new(settings));
    let staging = Staging::connect(&settings).await.unwrap();
    // What is needed once, whatever the size.
    let small = staging.put(BlobKind::Items, "hello").await.unwrap();
    staging.get(&small).await.unwrap();

    let before = forget_peak();
    let mut spool = staging.spool().unwrap();
    for number in 0..SIZE / MIB {
        let byte = u8::try_from(number).unwrap();
        spool.write_all(&vec![byte; 1 << 20]).unwrap();
    }
    let blob = staging.commit(BlobKind::Items, spool).await.unwrap();
    let written = peak() - before;

    let before = forget_peak();
    let mut reader = staging.open(&blob).await.unwrap();
    let copy = move || std::io::copy(&mut reader.by_ref(), &mut std::io::sink()).unwrap();
    let read_bytes = tokio::task::spawn_blocking(copy).await.unwrap();
    let read = peak() - before;

    println!(
        "64 MiB written with {} KiB, read with {} KiB",
        written / 1024,
        read / 1024
    );
    assert_eq!(read_bytes, SIZE);
    assert!(written < 40 * MIB, "{written} bytes");
    assert!(read < 8 * MIB, "{read} bytes");
}
