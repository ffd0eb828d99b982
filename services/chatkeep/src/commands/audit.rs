//! `chatkeep audit`: who changed what, and whether that was altered.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use chatkeep_control::{Trail, verify_export};
use chatkeep_proto::v1::{AuditEntry, ListAuditRequest};
use chatkeep_report::{AuditLine, number};

use super::{ask, ledger};
use crate::{
    cli::{Audit, SiteOptions},
    output::Output,
    system::{AccessClient, Site},
};

/// Entries per call.
const PAGE: u32 = 1_000;

/// Runs the command that was asked for.
pub(crate) async fn run(
    command: &Audit,
    options: &SiteOptions,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    match command {
        Audit::Export { file } => export(&ledger(options)?, file, output).await?,
        Audit::Verify { from: None } => verify(&ledger(options)?, output).await?,
        Audit::Verify { from: Some(file) } => verify_file(file, output)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Passes every entry on, in order.
async fn each(
    mut access: AccessClient,
    mut take: impl FnMut(&AuditEntry) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut cursor = 0;
    loop {
        let request = ListAuditRequest {
            cursor,
            limit: PAGE,
            ..ListAuditRequest::default()
        };
        let page = access.list_audit(request).await;
        let page = page.map_err(super::answer)?.into_inner();
        page.entries.iter().try_for_each(&mut take)?;
        if page.next == 0 {
            return Ok(());
        }
        cursor = page.next;
    }
}

async fn export(site: &Site, file: &Path, output: &Output) -> anyhow::Result<()> {
    let shown = file.display();
    let write = || format!("write {shown}");
    let mut writer = BufWriter::new(File::create(file).with_context(write)?);
    let mut entries = 0;
    if let Site::Behind(server) = site {
        // The server has written it, and notes in the trail that it did.
        let take = |piece: &[u8]| {
            let breaks = piece.iter().filter(|byte| **byte == b'\n');
            entries += breaks.count() as u64;
            writer.write_all(piece).with_context(write)
        };
        server.download(&["audit", "export"], take).await?;
    } else {
        let line = |entry: &AuditEntry| {
            entries += 1;
            let line =
                serde_json::to_string(&AuditLine::from(entry.clone())).context("encode entry")?;
            writeln!(writer, "{line}").with_context(write)
        };
        ask(site, async |system| each(system.access.clone(), line).await).await?;
    }
    let written = writer
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error);
    let synced = written.and_then(|file| file.sync_all());
    synced.with_context(write)?;
    output.line(format_args!(
        "{} entries in {shown}; check them with `chatkeep audit verify --from {shown}`",
        number(entries)
    ));
    Ok(())
}

async fn verify(site: &Site, output: &Output) -> anyhow::Result<()> {
    let mut trail = Trail::whole();
    ask(site, async |system| {
        let check = |entry: &AuditEntry| trail.check(entry).context("the audit trail is broken");
        each(system.access.clone(), check).await
    })
    .await?;
    print(&trail, output);
    Ok(())
}

fn verify_file(file: &Path, output: &Output) -> anyhow::Result<()> {
    let shown = file.display();
    let open = File::open(file).with_context(|| format!("open {shown}"))?;
    let trail = verify_export(BufReader::new(open)).with_context(|| format!("{shown}"))?;
    print(&trail, output);
    Ok(())
}

fn print(trail: &Trail, output: &Output) {
    let Some((first, last)) = trail.range() else {
        output.line("the audit trail has no entries");
        return;
    };
    output.line(format_args!(
        "the audit trail is whole from entry {} to entry {}, whose SHA-256 is {}",
        number(first.unsigned_abs()),
        number(last.unsigned_abs()),
        trail.head()
    ));
}
