use std::collections::{HashSet, VecDeque};

use chatkeep_pipeline::{LedgerClient, StageError};
use chatkeep_proto::v1::{DeliveriesRequest, Delivery};

/// Deliveries asked for at a time.
const PAGE: u32 = 500;
/// Messages that go out under one journal entry. Measured: more gain nothing (servers sync once per
/// batch), and a failure concerns fewer.
const MESSAGES: usize = 50;
/// Bytes that go out under one journal entry; a larger message goes alone.
const BYTES: u64 = 1 << 20;

/// The waiting deliveries of a shard, mailbox by mailbox, in the order of their dates.
pub(super) struct Backlog {
    ledger: LedgerClient,
    request: DeliveriesRequest,
    /// Mailboxes that must be looked at before anything is sent to them.
    doubtful: HashSet<String>,
    waiting: VecDeque<Delivery>,
    is_over: bool,
}

/// Deliveries of one mailbox.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch {
    pub(super) mailbox: String,
    pub(super) deliveries: Vec<Delivery>,
}

impl Backlog {
    pub(super) fn new(
        ledger: LedgerClient,
        task: String,
        fence: u64,
        doubtful: HashSet<String>,
    ) -> Self {
        Self {
            ledger,
            request: DeliveriesRequest {
                task,
                fence,
                limit: PAGE,
                begun_too: true,
                ..DeliveriesRequest::default()
            },
            doubtful,
            waiting: VecDeque::new(),
            is_over: false,
        }
    }

    /// What goes out under the next journal entry: a batch of one mailbox, or few deliveries for each
    /// of many. Mailboxes that need a look first come alone. Empty at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Batch>, StageError> {
        if self.waiting.len() < MESSAGES && !self.is_over {
            self.load().await?;
        }
        Ok(take(&mut self.waiting, &self.doubtful))
    }

    async fn load(&mut self) -> Result<(), StageError> {
        let page = self.ledger.deliveries(self.request.clone()).await;
        let page = page.map_err(StageError::ledger("get deliveries"))?;
        let page = page.into_inner().deliveries;
        match page.last() {
            Some(last) => {
                self.request.after_mailbox.clone_from(&last.mailbox);
                self.request.after_delivery = last.id;
            }
            None => self.is_over = true,
        }
        self.waiting.extend(page);
        Ok(())
    }
}

fn take(waiting: &mut VecDeque<Delivery>, doubtful: &HashSet<String>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let (mut messages, mut bytes) = (0, 0);
    let mut is_alone = false;
    while let Some(next) = waiting.front() {
        let size: u64 = next.parts.iter().map(|part| part.size).sum();
        let is_full = messages + next.parts.len() > MESSAGES || bytes + size > BYTES;
        let wants_look = next.parts.len() > 1 || doubtful.contains(&next.mailbox);
        let is_other = batches
            .last()
            .is_some_and(|last| last.mailbox != next.mailbox);
        // A look-up belongs to one mailbox: it neither joins others nor is joined by them.
        let is_apart = batches.len() > 1 && wants_look || is_other && (wants_look || is_alone);
        if messages > 0 && (is_full || is_apart) {
            break;
        }
        messages += next.parts.len();
        bytes += size;
        is_alone |= wants_look;
        let Some(delivery) = waiting.pop_front() else {
            break;
        };
        match batches.last_mut() {
            Some(last) if last.mailbox == delivery.mailbox => last.deliveries.push(delivery),
            _ => batches.push(Batch {
                mailbox: delivery.mailbox.clone(),
                deliveries: vec![delivery],
            }),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use chatkeep_proto::v1::Part;

    use super::*;

    fn delivery(id: i64, mailbox: &str, sizes: &[u64]) -> Delivery {
        let part = |size: &u64| Part {
            size: *size,
            ..Part::default()
        };
        Delivery {
            id,
            mailbox: mailbox.to_owned(),
            parts: sizes.iter().map(part).collect(),
            ..Delivery::default()
        }
    }

    fn taken(deliveries: Vec<Delivery>, doubtful: &[&str]) -> Vec<Vec<(String, usize)>> {
        let mut waiting = VecDeque::from(deliveries);
        let doubtful = doubtful.iter().map(|&name| name.to_owned()).collect();
        let mut waves = Vec::new();
        while !waiting.is_empty() {
            let wave = take(&mut waiting, &doubtful).into_iter();
            waves.push(
                wave.map(|batch| (batch.mailbox, batch.deliveries.len()))
                    .collect(),
            );
        }
        waves
    }

    #[test]
    fn few_deliveries_for_each_of_many_mailboxes_share_a_journal_entry() {
        let deliveries = (0..120).map(|id| delivery(id, &format!("user{id:03}"), &[100]));

        let waves = taken(deliveries.collect(), &[]);

        assert_eq!(waves.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
    }

    #[test]
    fn a_large_message_goes_alone() {
        let small = delivery(1, "ann", &[1000]);
        let large = delivery(2, "ann", &[20_000_000]);
        let after = delivery(3, "ann", &[1000]);

        let one = || vec![("ann".to_owned(), 1)];
        assert_eq!(taken(vec![small, large, after], &[]), [one(), one(), one()]);
    }

    #[test]
    fn what_needs_a_look_first_is_not_mixed_with_other_mailboxes() {
        let deliveries = vec![
            delivery(1, "ann", &[10]),
            delivery(2, "bob", &[10]),
            delivery(3, "bob", &[10, 10]),
            delivery(4, "cid", &[10]),
            delivery(5, "dan", &[10]),
        ];

        let waves = taken(deliveries, &["cid"]);

        let pair = |name: &str| (name.to_owned(), 1);
        assert_eq!(
            waves,
            [
                vec![pair("ann"), pair("bob")],
                vec![pair("bob")],
                vec![pair("cid")],
                vec![pair("dan")],
            ]
        );
    }
}
