//! The first conversations of a source, measured.

use std::{
    collections::{BTreeSet, HashMap},
    time::Instant,
};

use chatkeep_proto::v1::{PreviewItemRequest, PreviewedConversation, Resolution};
use tonic::{Code, Status};

use super::{Volume, count, factor};
use crate::Services;

/// What the first conversations of a source become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// All that were read.
    conversations: u64,
    /// Those of them that were rendered in time, and what they are: the rest is about these.
    measured: u64,
    items: u64,
    deliveries: u64,
    held: u64,
    staged_bytes: u64,
    imported_bytes: u64,
    /// Mailboxes that get any of it.
    mailboxes: BTreeSet<String>,
}

impl Sample {
    /// Renders conversations, the first one whatever it takes and the others until `until`. `people` says whose
    /// mailboxes they go to.
    pub(crate) async fn take(
        services: &mut Services,
        connector_file: &str,
        conversations: &[PreviewedConversation],
        people: &[Resolution],
        until: Instant,
    ) -> Result<Self, Status> {
        let people = people.iter().map(|one| (one.address.as_str(), one));
        let people: HashMap<_, _> = people.collect();
        let mut sample = Self {
            conversations: conversations.len() as u64,
            ..Self::default()
        };
        for conversation in conversations {
            if sample.measured > 0 && Instant::now() > until {
                break;
            }
            let size = size(services, connector_file, conversation).await?;
            sample.add(conversation, size, &people);
        }
        Ok(sample)
    }

    /// Adds a conversation, and its item of this many bytes if it becomes one.
    fn add(
        &mut self,
        conversation: &PreviewedConversation,
        size: Option<u64>,
        people: &HashMap<&str, &Resolution>,
    ) {
        self.measured += 1;
        let Some(size) = size else {
            return;
        };
        let found = conversation.participants.iter();
        let found = found.filter_map(|address| people.get(address.as_str()));
        let mut mailboxes = BTreeSet::new();
        for one in found {
            match one.placement.as_str() {
                "mapped" => {
                    mailboxes.insert(one.mailbox.to_lowercase());
                }
                "held" | "conflict" => self.held += 1,
                _ => {}
            }
        }
        let deliveries = mailboxes.len() as u64;
        self.items += 1;
        self.deliveries += deliveries;
        self.staged_bytes +=
            conversation.conversation.len() as u64 + conversation.attachment_bytes + size;
        self.imported_bytes += size * deliveries;
        self.mailboxes.extend(mailboxes);
    }

    /// How many mailboxes get any of it.
    pub(crate) fn mailboxes(&self) -> u64 {
        self.mailboxes.len() as u64
    }

    /// What all would become of which this is that part; nothing is known of it without one.
    pub(crate) fn volume(&self, share: Option<f64>) -> Volume {
        let whole = |value: u64, of: u64| {
            let share = share.filter(|share| *share > 0.0)?;
            match self.conversations {
                0 => Some(0),
                all if of > 0 => Some(count(factor(value) * factor(all) / factor(of) / share)),
                _ => None,
            }
        };
        Volume {
            measured: self.measured,
            conversations: whole(self.conversations, self.conversations),
            items: whole(self.items, self.measured),
            deliveries: whole(self.deliveries, self.measured),
            held: whole(self.held, self.measured),
            staged_bytes: whole(self.staged_bytes, self.measured),
            imported_bytes: whole(self.imported_bytes, self.measured),
        }
    }
}

/// Bytes of the item that a conversation becomes, all parts together; `None` where it becomes none.
async fn size(
    services: &mut Services,
    connector_file: &str,
    conversation: &PreviewedConversation,
) -> Result<Option<u64>, Status> {
    if !conversation.excluded_by.is_empty() {
        return Ok(None);
    }
    let request = PreviewItemRequest {
        connector_file: connector_file.to_owned(),
        conversation: conversation.conversation.clone(),
        max_part_bytes: 0,
        sizes_only: true,
    };
    match services.conversion.preview_item(request).await {
        Ok(rendered) => {
            let parts = rendered.into_inner().parts;
            Ok(Some(parts.iter().map(|part| part.size).sum()))
        }
        // It would be quarantined.
        Err(status) if status.code() == Code::FailedPrecondition => Ok(None),
        Err(status) => Err(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(participants: &[&str]) -> PreviewedConversation {
        PreviewedConversation {
            participants: participants.iter().map(|one| (*one).to_owned()).collect(),
            conversation: vec![0; 10].into(),
            attachment_bytes: 5,
            ..PreviewedConversation::default()
        }
    }

    fn resolution(address: &str, placement: &str, mailbox: &str) -> Resolution {
        Resolution {
            address: address.to_owned(),
            placement: placement.to_owned(),
            mailbox: mailbox.to_owned(),
            ..Resolution::default()
        }
    }

    fn sample(conversations: u64) -> Sample {
        let people = [
            resolution("ann", "mapped", "Ann@contoso.com"),
            resolution("ann-two", "mapped", "ann@contoso.com"),
            resolution("bob", "held", ""),
            resolution("eve", "external", ""),
        ];
        let people = people.iter().map(|one| (one.address.as_str(), one));
        let people = people.collect();
        let mut sample = Sample {
            conversations,
            ..Sample::default()
        };
        sample.add(
            &conversation(&["ann", "ann-two", "bob", "eve"]),
            Some(100),
            &people,
        );
        sample.add(&conversation(&["ann"]), None, &people);
        sample
    }

    #[test]
    fn two_addresses_of_one_mailbox_are_one_delivery_and_who_has_none_waits() {
        let volume = sample(2).volume(Some(1.0));

        let expected = Volume {
            measured: 2,
            conversations: Some(2),
            items: Some(1),
            deliveries: Some(1),
            held: Some(1),
            staged_bytes: Some(115),
            imported_bytes: Some(100),
        };
        assert_eq!(volume, expected);
    }

    #[test]
    fn what_was_measured_stands_for_what_was_not() {
        // Two of four that were read could be rendered in time, and four are a tenth of all.
        let volume = sample(4).volume(Some(0.1));

        assert_eq!(volume.conversations, Some(40));
        assert_eq!(volume.items, Some(20));
        assert_eq!(volume.imported_bytes, Some(2_000));
    }

    #[test]
    fn of_a_source_that_could_not_be_counted_nothing_is_said() {
        let volume = sample(2).volume(None);

        assert_eq!((volume.measured, volume.conversations), (2, None));
        assert_eq!((volume.deliveries, volume.staged_bytes), (None, None));
    }

    #[test]
    fn an_empty_source_becomes_nothing() {
        assert_eq!(Sample::default().volume(Some(1.0)), Volume::nothing());
    }
}
