//! `chatkeep verify`.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use anyhow::Context as _;
use chatkeep_control::Verified;
use chatkeep_mailbox_import::{Expected, Flaw};
use chatkeep_model::{ItemId, connector::Target};
use chatkeep_proto::v1::{ArchivedDelivery, ArchivedRequest};
use chatkeep_report::number;

use super::ask;
use crate::{
    cli::{SiteOptions, Verify},
    lent::Lent,
    output::Output,
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

/// Reads the mailboxes again and compares with what the ledger says was archived: every byte, or where the
/// target keeps none, a digest over the fields.
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
    let lent = Lent::of(place).await?;
    let mut tally = Tally::default();
    let domain = &place.connector.domain;
    let mut asked = 0;
    let expected = expected.into_iter().flat_map(|(mailbox, parts)| {
        output.progress(|| format!("{} messages compared", number(asked)));
        asked += parts.len() as u64;
        parts
            .into_iter()
            .map(move |(item, number, sha256)| Expected {
                mailbox: mailbox.clone(),
                message_id: item.message_id(number, domain),
                sha256,
            })
    });
    let on = |flaw| tally.note(flaw, output);
    let compared = chatkeep_mailbox_import::verify(&lent.connector, &settings, expected, on).await;
    tally.compared = compared.context("read the mailboxes")?;
    output.line(format_args!(
        "verified run {run}: {} messages compared, {} missing, {} altered, {} extra copies, {} not checked",
        number(tally.compared),
        number(tally.missing),
        number(tally.altered),
        number(tally.copies),
        number(tally.unchecked)
    ));
    if let Target::Graph(_) | Target::Ews(_) = place.connector.target {
        output.line(
            "compared by a digest over subject, addresses, dates, class, Email, text and files: Exchange keeps no \
             MIME to compare byte by byte",
        );
    }
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

impl Tally {
    /// Counts a flaw, and shows it.
    fn note(&mut self, flaw: Flaw, output: &Output) {
        match flaw {
            Flaw::Missing(message) => {
                self.missing += 1;
                let Expected {
                    mailbox,
                    message_id,
                    ..
                } = message;
                output.line(format_args!("missing\t{mailbox}\t{message_id}"));
            }
            Flaw::Altered(message) => {
                self.altered += 1;
                let Expected {
                    mailbox,
                    message_id,
                    ..
                } = message;
                output.line(format_args!("altered\t{mailbox}\t{message_id}"));
            }
            Flaw::Copies(message, count) => {
                self.copies += count as u64;
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
                self.unchecked += messages as u64;
                output.line(format_args!(
                    "closed\t{mailbox}\t{messages} messages not checked"
                ));
            }
        }
    }
}
