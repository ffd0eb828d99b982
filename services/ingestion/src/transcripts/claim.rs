use std::collections::HashMap;

use chatkeep_model::{Content, Conversation, ItemId};
use chatkeep_pipeline::{StageError, Verdict};
use chatkeep_proto::v1::{ClaimAnswer, ClaimRequest, RecordClaim, Session};

use super::Record;
use crate::{
    eml::{Sequence, participants_digest},
    work::Work,
};

/// Pools log the same session with clocks that differ by this much, in seconds.
const CLOCK_DIFFERENCE: u64 = 2;

/// What the ledger says about a record.
pub(super) enum Claimed {
    Ours(Box<Record>),
    Duplicate(Box<Record>),
}

#[derive(Debug, thiserror::Error)]
#[error("ledger did not answer every claim")]
struct Unanswered;

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
        });
        asked.push(record);
    }
    if claims.is_empty() {
        return Ok(claimed);
    }
    let request = ClaimRequest {
        task: work.task.id.clone(),
        records: claims,
    };
    let response = work.ledger.clone().claim(request).await;
    let answers = response
        .map_err(StageError::ledger("claim records"))?
        .into_inner()
        .answers;
    if answers.len() != asked.len() {
        return Err(StageError::new(Verdict::Retry, "claim records", Unanswered));
    }
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
    if conversation.supersedes.is_none() {
        conversation.supersedes = shorter_copy(conversation, &answer.similar);
    }
    Claimed::Ours(Box::new(record))
}

/// The longest captured copy that this conversation begins with: it is a revision of that.
fn shorter_copy(conversation: &Conversation, similar: &[Session]) -> Option<ItemId> {
    if similar.is_empty() {
        return None;
    }
    let sequence = sequence(conversation)?;
    let begins_with = |copy: &&Session| {
        copy.messages > 0
            && copy.messages < sequence.len()
            && sequence
                .prefix(copy.messages)
                .is_some_and(|prefix| copy.sequence == prefix[..])
    };
    let copies = similar.iter().filter(begins_with);
    let longest = copies.max_by_key(|copy| copy.messages)?;
    ItemId::from_slice(&longest.item).filter(|item| *item != conversation.id)
}

/// What is compared with other pools' copies; `None` where nothing was said, since then nothing tells
/// two sessions apart.
fn session(conversation: &Conversation) -> Option<Session> {
    let sequence = sequence(conversation).filter(|sequence| !sequence.is_empty())?;
    let messages = sequence.len();
    Some(Session {
        participants: participants_digest(&conversation.participants)
            .to_vec()
            .into(),
        start: conversation.start.seconds(),
        messages,
        sequence: sequence.prefix(messages)?.to_vec().into(),
        item: conversation.id.as_bytes().to_vec().into(),
    })
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
