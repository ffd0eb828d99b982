use chatkeep_model::{Conversation, RecordId, UtcDay, connector::DatabaseSource};
use chatkeep_pipeline::{ResultExt as _, StageError};
use chatkeep_proto::v1::{Captured, ClaimAnswer, Quarantined, RecordClaim, RecordKey, Session};
use chatkeep_staging::BlobKind;
use globset::GlobMatcher;
use tokio::runtime::Handle;

use super::{
    attendance::Attendance,
    conversation::{self, sequence},
    group::{Group, Row, Said, SortedOut},
    range::Stream,
    record::Key,
};
use crate::{
    claim,
    copies::{self, shorter_copy},
    rules::ExcludedCounts,
    work::Work,
};

/// The rule that leaves conversations out in which nobody is whose conversations are archived.
const SCOPE: &str = "archiving scope";
const NO_TEXT: &str = "body is not UTF-16";

/// Claims groups and tells what became of their records.
pub(super) struct Claims<'a> {
    work: &'a Work,
    connector: String,
    scope: Vec<GlobMatcher>,
    pub(super) captured: Captured,
    pub(super) excluded: ExcludedCounts,
    /// Who was in the conferences of the range that is captured.
    pub(super) attendance: Attendance,
}

/// A group on its way: what is asked of the ledger, and what the answers are about.
struct Judged {
    sorted: SortedOut,
    conversation: Option<Conversation>,
    /// The rule that leaves it out.
    rule: Option<String>,
}

/// Where a range stands in its task, and whose rows it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) entry: u32,
    pub(super) stream: Stream,
    pub(super) identity: &'a str,
}

impl<'a> Claims<'a> {
    pub(super) fn new(work: &'a Work, source: &DatabaseSource) -> Result<Self, StageError> {
        Ok(Self {
            work,
            connector: work.task.connector.clone(),
            scope: source.scope().or_reject("read archiving scope")?,
            captured: Captured::default(),
            excluded: ExcludedCounts::default(),
            attendance: Attendance::default(),
        })
    }

    /// Claims groups; returns the conversations that are ours. Blocks.
    pub(super) fn claim(
        &mut self,
        place: Place<'_>,
        groups: Vec<Group>,
    ) -> Result<Vec<Conversation>, StageError> {
        let known = self.known(&groups)?;
        let mut known = &known[..];
        let mut judged = Vec::with_capacity(groups.len());
        let mut claims = Vec::new();
        for group in groups {
            let (ours, rest) = known.split_at(group.rows.len());
            known = rest;
            let one = self.judge(group.sort_out(ours));
            one.ask(place, &mut claims);
            judged.push(one);
        }
        let answers = if claims.is_empty() {
            Vec::new()
        } else {
            Handle::current().block_on(claim::claim(self.work, claims))?
        };
        let mut answers = answers.into_iter();
        let mut conversations = Vec::new();
        for one in judged {
            conversations.extend(self.settle(place, one, &mut answers)?);
        }
        Ok(conversations)
    }

    /// Which rows another task has claimed.
    fn known(&self, groups: &[Group]) -> Result<Vec<bool>, StageError> {
        let rows = groups.iter().flat_map(|group| &group.rows);
        let records: Vec<_> = rows
            .map(|row| RecordKey {
                id: row.id.as_bytes().to_vec().into(),
                day: day(&row.key).0,
            })
            .collect();
        if records.is_empty() {
            return Ok(Vec::new());
        }
        Handle::current().block_on(claim::known(self.work, records))
    }

    fn judge(&self, sorted: SortedOut) -> Judged {
        let conversation = conversation::conversation(&self.connector, &sorted.said);
        let rule = conversation.as_ref().and_then(|one| self.rule_for(one));
        Judged {
            sorted,
            conversation,
            rule,
        }
    }

    fn rule_for(&self, conversation: &Conversation) -> Option<String> {
        let participants = &conversation.participants;
        let is_in_scope = |address: &str| self.scope.iter().any(|one| one.is_match(address));
        let is_anybodys = participants.iter().any(|one| is_in_scope(&one.address));
        if !self.scope.is_empty() && !is_anybodys {
            return Some(SCOPE.to_owned());
        }
        let rule = self.work.rules.of_conversation(participants);
        rule.map(str::to_owned)
    }

    /// Counts what became of a group's records. The answers come in the order in which was asked.
    fn settle(
        &mut self,
        place: Place<'_>,
        judged: Judged,
        answers: &mut impl Iterator<Item = ClaimAnswer>,
    ) -> Result<Option<Conversation>, StageError> {
        let Judged {
            sorted,
            conversation,
            rule,
        } = judged;
        let mut similar = Vec::new();
        let mut is_ours = |captured: &mut Captured| {
            let answer = answers.next().unwrap_or_default();
            if answer.yours {
                captured.kept += 1;
                similar.extend(answer.similar);
            } else {
                captured.more_duplicates += 1;
            }
            answer.yours
        };
        let said = sorted.said.len();
        let mut ours: Vec<Said> = sorted.said;
        ours.retain(|_| is_ours(&mut self.captured));
        for _ in &sorted.toasts {
            self.captured.more_duplicates += u64::from(is_ours(&mut self.captured));
        }
        let mut unreadable = sorted.unreadable;
        unreadable.retain(|_| is_ours(&mut self.captured));
        for row in unreadable {
            let quarantined = self.quarantine(place.stream, row)?;
            self.captured.quarantined.push(quarantined);
        }
        self.captured.more_duplicates += sorted.repeated.len() as u64;
        if let Some(rule) = rule {
            for _ in &ours {
                self.excluded.add(&rule);
            }
            return Ok(None);
        }
        // Somebody may have been faster with a row.
        let is_whole = ours.len() == said;
        let conversation = if is_whole {
            conversation
        } else {
            conversation::conversation(&self.connector, &ours)
        };
        Ok(conversation.map(|mut conversation| {
            if let Some(uri) = conversation::uri(&ours) {
                self.attendance.tell(uri, &mut conversation);
            }
            if !similar.is_empty() {
                let sequence = sequence(&ours);
                conversation.supersedes = shorter_copy(&conversation, &sequence, &similar);
            }
            conversation
        }))
    }

    fn quarantine(&self, stream: Stream, row: Row) -> Result<Quarantined, StageError> {
        let staging = &self.work.staging;
        let stored = staging.put(BlobKind::Quarantine, row.message.body);
        let original = Handle::current().block_on(stored);
        Ok(Quarantined {
            source: format!("{} {} {}", stream.table(), row.key.at, row.key.number),
            reason: NO_TEXT.to_owned(),
            records: 1,
            original: Some(original.or_retry("keep original bytes")?),
            ..Quarantined::default()
        })
    }
}

impl Judged {
    /// Adds what is asked about the group: messages, invitations, rows that are no text. Those of a
    /// conversation stand or fall with its first one.
    fn ask(&self, place: Place<'_>, claims: &mut Vec<RecordClaim>) {
        let mut session = self.session(place.identity);
        let mut follows = false;
        let has_session = session.is_some();
        let SortedOut {
            said,
            toasts,
            unreadable,
            ..
        } = &self.sorted;
        let said = said.iter().map(|one| (&one.id, &one.key));
        let toasts = toasts.iter().map(|row| (&row.id, &row.key));
        for (id, key) in said.chain(toasts) {
            claims.push(RecordClaim {
                session: session.take(),
                follows,
                ..plain(place, id, key)
            });
            follows = has_session;
        }
        claims.extend(unreadable.iter().map(|row| plain(place, &row.id, &row.key)));
    }

    /// What other pools' copies are compared with; nothing of what is left out.
    fn session(&self, origin: &str) -> Option<Session> {
        let conversation = self.conversation.as_ref().filter(|_| self.rule.is_none())?;
        let session = copies::session(conversation, &sequence(&self.sorted.said))?;
        Some(Session {
            origin: origin.to_owned(),
            ..session
        })
    }
}

fn plain(place: Place<'_>, id: &RecordId, key: &Key) -> RecordClaim {
    RecordClaim {
        id: bytes(id),
        day: day(key).0,
        entry: place.entry,
        ..RecordClaim::default()
    }
}

fn day(key: &Key) -> UtcDay {
    key.at.time().day()
}

fn bytes(id: &RecordId) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(id.as_bytes())
}
