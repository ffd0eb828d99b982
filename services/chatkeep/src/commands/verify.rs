//! `chatkeep verify`.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use anyhow::Context as _;
use chatkeep_control::Verified;
use chatkeep_mailbox_import::{Expected, Flaw};
use chatkeep_model::ItemId;
use chatkeep_proto::v1::{ArchivedDelivery, ArchivedRequest};

use super::ask;
use crate::{
    cli::{SiteOptions, Verify},
    output::{Output, number},
    place::Place,
    settings::Settings,
};

/// Checks a run in the mailboxes, or a manifest by itself.
pub(crate) async fn run(
    args: &Verify,
    site: &SiteOptions,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    if let Some(manifest) = &args.offline {
        return offline(manifest, output);
    }
    let place = Place::read_existing(&args.connector.connector, site)?;
    let run = args
        .run
        .context("name a run, or a manifest with --offline")?;
    mailboxes(&place, run, output).await
}

/// Needs nothing but the files.
fn offline(manifest: &Path, output: &Output) -> anyhow::Result<ExitCode> {
    let verified = chatkeep_control::verify_offline(manifest)
        .context("the chain of seals is broken: compare with a copy of the seals kept elsewhere")?;
    let Verified {
        connector,
        manifests,
        items,
    } = verified;
    output.line(format_args!(
        "verified: {} manifests of connector {connector}, {} items; hashes, links and equations hold",
        number(manifests),
        number(items)
    ));
    Ok(ExitCode::SUCCESS)
}

/// Mailbox -> item, part from 1, SHA-256: about 100 bytes of memory a message, so that each mailbox is
/// opened once.
type ByMailbox = BTreeMap<String, Parts>;
type Parts = Vec<(ItemId, u32, [u8; 32])>;

/// What the comparison has found so far.
#[derive(Debug, Default)]
struct Tally {
    compared: u64,
    missing: u64,
    altered: u64,
    copies: u64,
    unchecked: u64,
}

/// Reads the mailboxes again and compares every byte with what the ledger says was archived.
async fn mailboxes(place: &Place, run: i64, output: &Output) -> anyhow::Result<ExitCode> {
    let settings = Settings::load()?.mailbox_import;
    let request = ArchivedRequest {
        connector: place.connector.id(),
        number: run,
    };
    let expected = ask(&place.site, async |system| {
        let stream = system.control.clone().archived(request).await;
        let mut stream = stream.map_err(super::answer)?.into_inner();
        let mut expected = ByMailbox::new();
        while let Some(delivery) = stream.message().await.map_err(super::answer)? {
            expect(&delivery, &mut expected)?;
        }
        anyhow::Ok(expected)
    })
    .await?;
    let mut tally = Tally::default();
    for (mailbox, parts) in expected {
        output.progress(|| format!("{} messages compared", number(tally.compared)));
        compare(place, &settings, (&mailbox, parts), &mut tally, output).await?;
    }
    output.line(format_args!(
        "verified run {run}: {} messages compared, {} missing, {} altered, {} extra copies, {} not checked",
        number(tally.compared),
        number(tally.missing),
        number(tally.altered),
        number(tally.copies),
        number(tally.unchecked)
    ));
    let flaws = tally.missing + tally.altered + tally.copies + tally.unchecked;
    Ok(ExitCode::from(u8::from(flaws > 0)))
}

fn expect(delivery: &ArchivedDelivery, expected: &mut ByMailbox) -> anyhow::Result<()> {
    let item = ItemId::from_slice(&delivery.item).context("read item id")?;
    let parts = expected.entry(delivery.mailbox.clone()).or_default();
    for (number, part) in (1..).zip(&delivery.parts) {
        let sha256 = part.sha256.as_ref().try_into().context("read part hash")?;
        parts.push((item, number, sha256));
    }
    Ok(())
}

/// Compares one mailbox.
async fn compare(
    place: &Place,
    settings: &chatkeep_mailbox_import::Settings,
    (mailbox, parts): (&str, Parts),
    tally: &mut Tally,
    output: &Output,
) -> anyhow::Result<()> {
    let connector = &place.connector;
    let expected = parts.into_iter().map(|(item, number, sha256)| Expected {
        mailbox: mailbox.to_owned(),
        message_id: item.message_id(number, &connector.domain),
        sha256,
    });
    let mut flaws = Vec::new();
    let on = |flaw| flaws.push(flaw);
    let compared = chatkeep_mailbox_import::verify(connector, settings, expected, on).await;
    tally.compared += compared.context("read the mailboxes")?;
    for flaw in flaws {
        match flaw {
            Flaw::Missing(message) => {
                tally.missing += 1;
                output.line(format_args!(
                    "missing\t{}\t{}",
                    message.mailbox, message.message_id
                ));
            }
            Flaw::Altered(message) => {
                tally.altered += 1;
                output.line(format_args!(
                    "altered\t{}\t{}",
                    message.mailbox, message.message_id
                ));
            }
            Flaw::Copies(message, count) => {
                tally.copies += count as u64;
                let Expected {
                    mailbox,
                    message_id,
                    ..
                } = message;
                output.line(format_args!(
                    "{count} extra copies\t{mailbox}\t{message_id}"
                ));
            }
            Flaw::Closed { mailbox, messages } => {
                tally.unchecked += messages as u64;
                output.line(format_args!(
                    "closed\t{mailbox}\t{messages} messages not checked"
                ));
            }
        }
    }
    Ok(())
}
