//! Measures the parsers: `cargo run --release -p chatkeep-ingestion --example measure -- FOLDER`.
//!
//! FOLDER holds `.eml` and compliance `.xml` files, e.g. of the sample generator. Every file is read from
//! memory, so that the disk is not measured.

use std::{
    error::Error,
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use chatkeep_ingestion::{
    eml::{Files, Limits, Mail, Sequence, StoredFile},
    xml,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder")?;
    let mut files = Vec::new();
    collect(Path::new(&folder), &mut files)?;
    for (extension, read) in [("eml", eml as fn(&[u8])), ("xml", compliance)] {
        let of_kind = files.iter().filter(|(name, _)| name.ends_with(extension));
        let bytes: Vec<_> = of_kind.map(|(_, bytes)| bytes).collect();
        if !bytes.is_empty() {
            report(extension, &bytes, read);
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
#[expect(clippy::cast_precision_loss, reason = "figures are rounded")]
fn report(kind: &str, files: &[&Vec<u8>], read: fn(&[u8])) {
    let size: usize = files.iter().map(|bytes| bytes.len()).sum();
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        for bytes in files {
            read(bytes);
        }
        best = best.min(start.elapsed());
    }
    let count = files.len() as f64;
    let megabytes = size as f64 / 1e6;
    println!(
        "{kind}: {} files of {:.1} KB: {:.1} us a file, {:.0} MB/s",
        files.len(),
        megabytes * 1e3 / count,
        best.as_secs_f64() * 1e6 / count,
        megabytes / best.as_secs_f64()
    );
}

fn collect(folder: &Path, files: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push((path.display().to_string(), fs::read(&path)?));
        }
    }
    Ok(())
}

/// What a capture does with a file, short of ledger and staging.
fn eml(bytes: &[u8]) {
    if let Ok(Ok(mail)) = Mail::open(bytes, "x.eml")
        && let Ok(Ok(eml)) = mail.read_body(Limits::default(), &mut Nowhere)
    {
        let sequence = Sequence::of(&eml.transcript, &eml.attachments);
        std::hint::black_box((eml.record_id(), sequence.prefix(sequence.len())));
    }
}

fn compliance(bytes: &[u8]) {
    let read = xml::read(bytes, |event| {
        std::hint::black_box(xml::record_id(event.content_id(), 0));
        Ok::<_, io::Error>(())
    });
    std::hint::black_box(read.is_ok());
}

struct Nowhere;

impl Files for Nowhere {
    type File = io::Sink;

    fn create(&mut self) -> io::Result<io::Sink> {
        Ok(io::sink())
    }

    fn store(&mut self, _: io::Sink) -> io::Result<StoredFile> {
        Ok(StoredFile {
            key: String::new(),
            sha256: [0; 32],
            size: 0,
        })
    }
}
