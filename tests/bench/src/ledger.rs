//! What keeping the balance costs: ledger, queue and staging, and the work messages.

mod hollow;

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use anyhow::Context as _;
use chatkeep_conversion::{Renderer, Sanitizer};
use chatkeep_ingestion::eml::{Files, Limits, Mail, StoredFile};
use chatkeep_staging::{BlobKind, BlobRange, Staging};
use rusqlite::{Connection, OpenFlags};

use self::hollow::{BATCH, BYTES};
use crate::{
    archive::{Archive, ledger_folder},
    aside,
    conversion::with_transcript,
    corpus::{
        Chat, Corpus,
        export::{Export, eml},
        rendered::{NoFiles, options as render_options},
    },
    measure::{Meter, Sample, float, thread_cpu},
    options::Options,
    table::{Report, Series},
};

/// Conversations parsed and rendered to learn what is not the ledger's.
const SAMPLE: u32 = 2_000;

/// Measures and reports.
pub(crate) fn run(options: &Options, folder: &Path, report: &mut Report) -> anyhow::Result<()> {
    let corpus = Corpus::of(options.size(20_000));
    let home = folder.join("ledger");
    fs::create_dir(&home)?;
    let export = Export::write(&corpus, &home)?;
    report.section(
        "Ledger, queue and staging",
        "Twice: a run whose stages only read and write staging and call the ledger (100 conversations per task, blobs of \
         9.2 KB per conversation, hashed and durable), so that nothing but ledger, queue, staging and gRPC is left; and \
         the whole program into a target that discards, with what parsing and rendering alone take. CPU of all cores. \
         Work messages are the tasks in the ledger at the end. Limited by: SHA-256 of the blobs, SQLite's inserts.",
    );
    let mut all = [
        "ledger, queue and staging: stages without work",
        "of it: reading the parts from staging, 50 at a time",
        "chatkeep archive into discard, everything",
        "parsing a file alone",
        "rendering and hashing alone",
    ]
    .map(Series::new);
    let mut messages = 0.0;
    let archive = Archive {
        options,
        corpus: &corpus,
        export: &export,
    };
    let chats: Vec<_> = corpus.chats().take(SAMPLE as usize).collect();
    for _ in 0..options.runs() {
        let work = folder.join("sample");
        fs::create_dir(&work)?;
        all[0].samples.push(hollow::run(&corpus, &work)?);
        all[1].samples.push(read_parts(&corpus, &work)?);
        aside::put(&work, folder)?;
        fs::create_dir(&work)?;
        let sample = archive.run("type = \"discard\"", None, &work)?;
        all[2].samples.push(sample);
        messages = work_messages(&ledger_folder(&work).join("ledger.sqlite"))?;
        aside::put(&work, folder)?;
        all[3].samples.push(parsing(&chats)?);
        all[4].samples.push(rendering(&chats)?);
    }
    report.costs("conversation", &all);
    let own = all[0].micros();
    report.aim(
        "ledger, queue and staging",
        &format!("{own:.1} us per conversation"),
        "<= 20 us",
    );
    let per_thousand = messages * 1_000.0 / f64::from(corpus.conversations);
    report.aim(
        "work messages per 1,000 conversations",
        &format!("{per_thousand:.1}"),
        "<= 40",
    );
    Ok(())
}

/// Tasks that control ever published.
fn work_messages(ledger: &Path) -> anyhow::Result<f64> {
    let ledger = Connection::open_with_flags(ledger, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let count: i64 = ledger.query_row("SELECT COUNT(*) FROM tasks", [], |row| row.get(0))?;
    Ok(float(u64::try_from(count)?))
}

/// No file here has attachments.
struct Nowhere;

impl Files for Nowhere {
    type File = io::Sink;

    fn create(&mut self) -> io::Result<io::Sink> {
        Ok(io::sink())
    }

    fn store(&mut self, mut file: io::Sink) -> io::Result<StoredFile> {
        file.flush()?;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Reads parts from staging, 50 at a time as an import does: what of a run is that.
fn read_parts(corpus: &Corpus, folder: &Path) -> anyhow::Result<Sample> {
    let runtime = tokio::runtime::Runtime::new().context("start runtime")?;
    let staging = Staging::folder(&folder.join("staging"))?;
    let size = BATCH as usize * BYTES;
    let blob = runtime.block_on(staging.put(BlobKind::Items, vec![b'x'; size]))?;
    let meter = Meter::start(None)?;
    runtime.block_on(async {
        let range = |number: u32| BlobRange {
            blob: blob.clone(),
            offset: u64::from(number % BATCH) * BYTES as u64,
            size: BYTES as u64,
        };
        for first in (0..corpus.conversations).step_by(50) {
            let last = corpus.conversations.min(first + 50);
            staging.ranges((first..last).map(range).collect()).await?;
        }
        anyhow::Ok(())
    })?;
    meter.stop(corpus.conversations.into(), 0)
}

fn parsing(chats: &[Chat]) -> anyhow::Result<Sample> {
    let files: Vec<_> = chats.iter().map(eml).collect();
    let begun = thread_cpu();
    let mut bytes = 0;
    for file in &files {
        let mail = Mail::open(&file[..], "a.eml")?
            .ok()
            .context("read header")?;
        let mail = mail
            .read_body(Limits::default(), &mut Nowhere)?
            .ok()
            .context("read body")?;
        anyhow::ensure!(mail.transcript.html.is_some(), "a transcript is missing");
        bytes += mail.record_id().as_bytes().len() as u64;
    }
    Ok(sample(files.len(), bytes, thread_cpu() - begun))
}

fn rendering(chats: &[Chat]) -> anyhow::Result<Sample> {
    let conversations: Vec<_> = chats.iter().map(with_transcript).collect();
    let (options, sanitizer) = (render_options(), Sanitizer::default());
    let renderer = Renderer::new(&options, &sanitizer);
    let mut sink = Vec::new();
    let begun = thread_cpu();
    let mut bytes = 0;
    for conversation in &conversations {
        sink.clear();
        renderer.render(conversation, &NoFiles, &mut sink)?;
        bytes += sink.len() as u64;
    }
    Ok(sample(conversations.len(), bytes, thread_cpu() - begun))
}

fn sample(count: usize, bytes: u64, cpu: f64) -> Sample {
    Sample {
        count: count as u64,
        bytes,
        seconds: cpu,
        client: cpu,
        ..Sample::default()
    }
}
