//! The world's mailboxes.

use std::collections::BTreeMap;

use chatkeep_proto::v1::{
    Begun, DeliveriesRequest, DeliveryState, Imported, JournalRequest, LeaseRequest, Settled, Task,
    complete_request::Result as Outcome,
};

use tonic::Status;

use super::World;
use crate::lab::Lab;

impl World {
    pub(super) async fn import(&self, lab: &Lab, task: &Task) -> Result<(), Status> {
        let mut ledger = lab.ledger.clone();
        let lease = LeaseRequest {
            task: task.id.clone(),
        };
        let fence = ledger.lease(lease).await?.into_inner().fence;
        let (mut mailbox, mut delivery) = (String::new(), 0);
        loop {
            let page = DeliveriesRequest {
                task: task.id.clone(),
                fence,
                after_mailbox: mailbox.clone(),
                after_delivery: delivery,
                limit: 3,
                begun_too: false,
            };
            let page = ledger.deliveries(page).await?.into_inner().deliveries;
            let Some(last) = page.last() else { break };
            (mailbox, delivery) = (last.mailbox.clone(), last.id);
            let mut begun: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
            for one in &page {
                begun.entry(&one.mailbox).or_default().push(one.id);
            }
            let begun = begun.into_iter().map(|(mailbox, deliveries)| Begun {
                mailbox: mailbox.to_owned(),
                uid_validity: 1,
                uid_next: 1,
                deliveries,
            });
            let journal = JournalRequest {
                task: task.id.clone(),
                fence,
                settled: Vec::new(),
                begun: begun.collect(),
            };
            ledger.journal(journal).await?;
            for one in page.iter().filter(|_| self.is_staged) {
                let read = lab.staging.get(one.blob.as_ref().unwrap()).await;
                assert!(read.is_ok(), "a delivery that waits has no blob: {read:?}");
            }
            let settled = page
                .iter()
                .map(|one| self.deposit(&one.mailbox, one.id, &one.item));
            let journal = JournalRequest {
                task: task.id.clone(),
                fence,
                settled: settled.collect(),
                begun: Vec::new(),
            };
            ledger.journal(journal).await?;
        }
        lab.try_complete(task, Outcome::Imported(Imported {}), Vec::new())
            .await
    }

    fn deposit(&self, mailbox: &str, delivery: i64, item: &[u8]) -> Settled {
        let fate = self.mailboxes.get(mailbox).copied();
        let (state, reason) = fate.unwrap_or((DeliveryState::Imported, ""));
        if state == DeliveryState::Imported {
            let mut archived = self.archived.lock().unwrap();
            archived.push((item.to_vec(), mailbox.to_owned()));
        }
        Settled {
            delivery,
            state: state.into(),
            reason: reason.to_owned(),
            ..Settled::default()
        }
    }
}
