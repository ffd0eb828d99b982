use std::collections::HashMap;

use chatkeep_model::{Content, Conversation};
use chatkeep_pipeline::StageError;
use chatkeep_proto::v1::{ClaimAnswer, RecordClaim, Session};

use super::Record;
use crate::{
    claim,
    copies::{self, shorter_copy},
    eml::Sequence,
    work::Work,
};

/// Pools log the same session with clocks that differ by this much, in seconds.
const CLOCK_DIFFERENCE: u64 = 2;

/// What the ledger says about a record.
pub(super) enum Claimed {
    Ours(Box<Record>),
    Duplicate(Box<Record>),
}

/// Claims records in one call, each with the entry that holds it. Of equal copies within the task the
/// first one is claimed: the ledger gives everything that one task asks for to that task.
pub(super) async fn claim(
    work: &Work,
    records: Vec<(u32, Record)>,
) -> Result<Vec<Claimed>, StageError> {
    let mut copies = Copies::default();
    let mut claimed = Vec::new();
    let mut asked = Vec::new();
    let mut claims = Vec::new();
    for (entry, record) in records {
        let session = session(&record.conversation);
        if copies.has(session.as_ref()) {
            claimed.push(Claimed::Duplicate(Box::new(record)));
            continue;
        }
        claims.push(RecordClaim {
            id: record.id.as_bytes().to_vec().into(),
            day: record.conversation.start.day().0,
            session,
            entry,
            ..RecordClaim::default()
        });
        asked.push(record);
    }
    if claims.is_empty() {
        return Ok(claimed);
    }
    let answers = claim::claim(work, claims).await?;
    for (record, answer) in asked.into_iter().zip(answers) {
        claimed.push(settle(record, &answer));
    }
    Ok(claimed)
}

fn settle(mut record: Record, answer: &ClaimAnswer) -> Claimed {
    if !answer.yours {
        return Claimed::Duplicate(Box::new(record));
    }
    let conversation = &mut record.conversation;
    if conversation.supersedes.is_none() && !answer.similar.is_empty() {
        let sequence = sequence(conversation);
        conversation.supersedes =
            sequence.and_then(|sequence| shorter_copy(conversation, &sequence, &answer.similar));
    }
    Claimed::Ours(Box::new(record))
}

/// What is compared with other pools' copies.
fn session(conversation: &Conversation) -> Option<Session> {
    copies::session(conversation, &sequence(conversation)?)
}

fn sequence(conversation: &Conversation) -> Option<Sequence> {
    match &conversation.content {
        Content::Transcript(transcript) => {
            Some(Sequence::of(transcript, &conversation.attachments))
        }
        Content::Events(_) => None,
    }
}

/// The sessions of a task: whose, what was said, and when each began.
#[derive(Default)]
struct Copies(HashMap<(Vec<u8>, Vec<u8>), Vec<i64>>);

impl Copies {
    /// True when an equal session was there before.
    fn has(&mut self, session: Option<&Session>) -> bool {
        let Some(session) = session else {
            return false;
        };
        let key = (session.participants.to_vec(), session.sequence.to_vec());
        let starts = self.0.entry(key).or_default();
        let is_copy = starts
            .iter()
            .any(|start| start.abs_diff(session.start) <= CLOCK_DIFFERENCE);
        if !is_copy {
            starts.push(session.start);
        }
        is_copy
    }
}
