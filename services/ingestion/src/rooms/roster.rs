use std::collections::BTreeMap;

use chatkeep_model::{Participant, What};
use chatkeep_pipeline::{ResultExt as _, StageError};
use chatkeep_proto::v1::{Presence, RoomRoster, RostersRequest};
use tokio::runtime::Handle;

use super::record::CapturedRecord;
use crate::work::Work;

/// Who is present in a room, from its last assembled event on.
#[derive(Debug, Default)]
pub(super) struct Roster {
    room: String,
    present: BTreeMap<String, Participant>,
    is_changed: bool,
}

impl Roster {
    pub(super) fn room(&self) -> &str {
        &self.room
    }

    /// Everybody present, sorted by address.
    pub(super) fn present(&self) -> impl Iterator<Item = &Participant> {
        self.present.values()
    }

    /// Follows who comes and who goes.
    pub(super) fn follow(&mut self, record: &CapturedRecord) {
        let Some(sender) = &record.sender else {
            return;
        };
        match record.what {
            What::Joined => {
                let before = self.present.insert(sender.address.clone(), sender.clone());
                self.is_changed |= before.as_ref() != Some(sender);
            }
            What::Left => self.is_changed |= self.present.remove(&sender.address).is_some(),
            _ => {}
        }
    }

    /// The message that replaces the room's roster in the ledger; `None` when nothing changed.
    pub(super) fn into_message(self) -> Result<Option<RoomRoster>, StageError> {
        if !self.is_changed {
            return Ok(None);
        }
        let presence = |(address, participant): (String, Participant)| {
            let participant = rmp_serde::to_vec_named(&participant).or_reject("encode roster")?;
            Ok(Presence {
                room: self.room.clone(),
                participant: participant.into(),
                address,
            })
        };
        let present = self.present.into_iter().map(presence);
        Ok(Some(RoomRoster {
            present: present.collect::<Result<_, StageError>>()?,
            room: self.room,
        }))
    }
}

/// True where rosters go on from run to run. A database does not know who comes and goes; whom an adapter
/// saw coming would never leave.
pub(super) fn are_kept(work: &Work) -> bool {
    !work.run.run.backfill && work.source().database().is_none()
}

/// Asks the ledger for the rosters of rooms. Blocks. A backfill begins with empty ones: the ledger knows
/// who was present later, and who came later must not get what was said before.
pub(super) fn ask(work: &Work, rooms: Vec<String>) -> Result<Vec<Roster>, StageError> {
    let empty = |room: String| Roster {
        room,
        ..Roster::default()
    };
    if rooms.is_empty() || !are_kept(work) {
        return Ok(rooms.into_iter().map(empty).collect());
    }
    let request = RostersRequest {
        connector: work.task.connector.clone(),
        rooms: rooms.clone(),
    };
    let mut ledger = work.ledger.clone();
    let response = Handle::current().block_on(ledger.rosters(request));
    let response = response.map_err(StageError::ledger("ask for rosters"))?;
    let mut rosters: Vec<_> = rooms.into_iter().map(empty).collect();
    for presence in response.into_inner().present {
        let participant =
            rmp_serde::from_slice(&presence.participant).or_reject("decode roster")?;
        let roster = rosters
            .iter_mut()
            .find(|roster| roster.room == presence.room);
        if let Some(roster) = roster {
            roster.present.insert(presence.address, participant);
        }
    }
    Ok(rosters)
}
