//! Plan rows. Pure but for the reader.

use std::{collections::HashSet, io::Read};

use bytes::Bytes;
use chatkeep_model::Participant;
use chatkeep_proto::v1::{self, HeldRow, PlanRow};
use chatkeep_staging::{FrameError, FrameReader, ItemIndex};

use crate::resolve::{Placement, Resolver};

/// Rows in one completion, about 3 MB: one transaction of the ledger. An item with more is still planned
/// whole.
pub(crate) const MOST_ROWS: usize = 20_000;

/// The plan of some items.
pub(crate) struct Plan {
    /// One row per item and participant, in order.
    pub(crate) rows: Vec<PlanRow>,
    /// How many items are planned.
    pub(crate) items: u32,
    /// False when items are left for another task.
    pub(crate) is_complete: bool,
}

/// Plans at most `count` items of an index blob, from the reader's position on; all of them where
/// `count` is 0.
pub(crate) fn plan(
    index: &mut FrameReader<impl Read>,
    count: u32,
    resolver: &Resolver,
) -> Result<Plan, FrameError> {
    let wanted = if count == 0 { u32::MAX } else { count };
    let mut plan = Plan {
        rows: Vec::new(),
        items: 0,
        is_complete: true,
    };
    while plan.items < wanted {
        let Some(item) = index.next::<ItemIndex>()? else {
            break;
        };
        let rows = rows(&item, resolver);
        if !plan.rows.is_empty() && plan.rows.len() + rows.len() > MOST_ROWS {
            plan.is_complete = false;
            break;
        }
        plan.rows.extend(rows);
        plan.items += 1;
    }
    Ok(plan)
}

/// One row for every address of an item, even where the source names somebody twice.
fn rows(item: &ItemIndex, resolver: &Resolver) -> Vec<PlanRow> {
    let id = Bytes::copy_from_slice(item.id.as_bytes());
    let mut seen = HashSet::new();
    let participants = item.participants.iter();
    let once = participants.filter(|participant| seen.insert(&participant.address));
    once.map(|participant| row(id.clone(), participant, resolver))
        .collect()
}

fn row(item: Bytes, participant: &Participant, resolver: &Resolver) -> PlanRow {
    let email = participant.email.as_deref().unwrap_or_default();
    let (placement, mailbox) = placed(resolver.resolve(&participant.address, email));
    PlanRow {
        item,
        participant: participant.address.clone(),
        placement: placement.into(),
        mailbox,
        email: email.to_owned(),
    }
}

/// The row of a held participant that need not be held any longer: there is a mailbox by now, or the
/// connector says that the address is not ours after all.
pub(crate) fn resolved(held: HeldRow, resolver: &Resolver) -> Option<PlanRow> {
    let placement = resolver.resolve(&held.participant, &held.email);
    if matches!(placement, Placement::Held | Placement::Conflict(_)) {
        return None;
    }
    let (placement, mailbox) = placed(placement);
    Some(PlanRow {
        item: held.item,
        participant: held.participant,
        placement: placement.into(),
        mailbox,
        email: held.email,
    })
}

fn placed(placement: Placement<'_>) -> (v1::Placement, String) {
    match placement {
        Placement::Mapped(mailbox, _) => (v1::Placement::Mapped, mailbox.to_owned()),
        Placement::Held => (v1::Placement::Held, String::new()),
        Placement::External => (v1::Placement::External, String::new()),
        Placement::Conflict(_) => (v1::Placement::Conflict, String::new()),
    }
}
