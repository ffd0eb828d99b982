//! What staging costs this process: CPU per small blob and per megabyte, written and read, in a folder
//! and on Azurite. The emulator's own CPU is not counted: it says nothing about the service.
//!
//! `CHATKEEP_AZURITE_ROOT=... cargo run --release -p chatkeep-staging --features azure --example staging-cost`

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement")]

use std::{
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use chatkeep_staging::{
    AzureSettings, Blob, BlobKind, BlobRange, Credential, FolderSettings, Settings, Staging,
};
use chatkeep_testkit::Azurite;
use futures::{StreamExt as _, stream};

const SMALL: usize = 4_096;
const BLOBS: u32 = 2_000;
const LARGE: usize = 64 << 20;
const RANGE: u64 = 20_000;

/// User and system time of this process, from `/proc/self/stat`.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the name, which is in brackets: state is the first field, utime and stime the 12th and 13th.
    let fields: Vec<_> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // Linux counts them in hundredths of a second everywhere.
    Duration::from_millis(ticks * 10)
}

struct Clock {
    form: &'static str,
    cpu: Duration,
    wall: Instant,
}

impl Clock {
    fn start(form: &'static str) -> Self {
        Self {
            form,
            cpu: cpu(),
            wall: Instant::now(),
        }
    }

    fn stop(self, what: &str, count: u32, unit: &str) {
        let per = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(count);
        println!(
            "{:8} {what:24} {:8.0} us CPU, {:8.0} us per {unit}",
            self.form,
            per(cpu().saturating_sub(self.cpu)),
            per(self.wall.elapsed())
        );
    }
}

/// Bytes that are not the same in any two blobs.
fn bytes(number: u32, size: usize) -> Vec<u8> {
    let word = number.to_le_bytes();
    word.iter().copied().cycle().take(size).collect()
}

async fn measure(form: &'static str, staging: &Staging) {
    // What is made once: connections, threads, the folders of the keys.
    small_blobs(staging, 0..500).await;

    let clock = Clock::start(form);
    let blobs = small_blobs(staging, 500..500 + BLOBS).await;
    clock.stop("put 4 KiB", BLOBS, "blob");

    let clock = Clock::start(form);
    let read = stream::iter(&blobs)
        .map(|blob| staging.get(blob))
        .buffer_unordered(8);
    read.for_each(async |read| drop(read.unwrap())).await;
    clock.stop("get 4 KiB", BLOBS, "blob");

    let megabytes = u32::try_from(LARGE >> 20).unwrap();
    let content = bytes(7, LARGE);
    let clock = Clock::start(form);
    let mut spool = staging.spool().unwrap();
    spool.write_all(&content).unwrap();
    let large = staging.commit(BlobKind::Items, spool).await.unwrap();
    clock.stop("spool, commit 64 MiB", megabytes, "MiB");

    let clock = Clock::start(form);
    staging.get(&large).await.unwrap();
    clock.stop("get 64 MiB", megabytes, "MiB");

    let clock = Clock::start(form);
    let mut reader = staging.open(&large).await.unwrap();
    let copy = move || std::io::copy(&mut reader, &mut std::io::sink());
    tokio::task::spawn_blocking(copy).await.unwrap().unwrap();
    clock.stop("open, read 64 MiB", megabytes, "MiB");

    let clock = Clock::start(form);
    let neighbours = 0..(LARGE as u64) / RANGE;
    let count = u32::try_from(neighbours.end).unwrap();
    let ranges = neighbours.map(|number| BlobRange {
        blob: large.clone(),
        offset: number * RANGE,
        size: RANGE,
    });
    staging.ranges(ranges.collect()).await.unwrap();
    clock.stop("ranges of 20,000 bytes", count, "range");
}

async fn small_blobs(staging: &Staging, numbers: std::ops::Range<u32>) -> Vec<Blob> {
    let put = |number| staging.put(BlobKind::Attachment, bytes(number, SMALL));
    let written = stream::iter(numbers).map(put).buffer_unordered(8);
    written.map(Result::unwrap).collect().await
}

fn azure(server: &Azurite, folder: &Path) -> Settings {
    let sas = folder.join("sas");
    fs::write(&sas, Azurite::sas()).unwrap();
    let token = format!("file:{}", sas.display()).try_into().unwrap();
    Settings::Azure(Box::new(AzureSettings {
        url: server.container("cost"),
        credential: Credential::Sas { token },
        authority: None,
        ca: None,
        create: true,
        spool: Some(folder.to_owned()),
        timeout: Duration::from_mins(1),
    }))
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("staging");
    let settings = Settings::Folder(FolderSettings { path });
    measure("folder", &Staging::connect(&settings).await.unwrap()).await;
    let server = Azurite::start().unwrap();
    let settings = azure(&server, folder.path());
    measure("Azurite", &Staging::connect(&settings).await.unwrap()).await;
}
