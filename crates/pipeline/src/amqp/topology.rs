//! The queues of a stage on the broker. A queue's arguments cannot be changed: another argument means
//! another name.

use std::time::Duration;

use lapin::{
    options::QueueDeclareOptions,
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable},
};

use super::{AmqpError, link::Link};
use crate::dead_letters;

/// How long a message can wait before it comes back. Quorum queues expire messages at their head only:
/// each wait has a queue of its own, or a long one would hold up the short ones behind it.
const WAITS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(5),
];

/// So often a message may come back unsettled before the broker buries it: the second net, behind the
/// worker's. What RabbitMQ 4 does by default; 3 has no limit of its own.
const DELIVERY_LIMIT: i32 = 20;

/// The names of a stage's queues on the broker.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// What consumers of this name get: the stage's queue, or its dead letters.
    pub(super) queue: String,
    work: String,
}

impl Names {
    pub(super) fn new(prefix: &str, queue: &str) -> Self {
        // The dead letters of a stage can be consumed too.
        let stage = queue.strip_suffix(&dead_letters("")).unwrap_or(queue);
        Self {
            queue: format!("{prefix}.{queue}"),
            work: format!("{prefix}.{stage}"),
        }
    }

    /// Where dead letters go.
    pub(super) fn dead(&self) -> String {
        dead_letters(&self.work)
    }

    /// Where a message waits: the shortest wait that is no shorter than `delay`, or the longest.
    pub(super) fn waiting_room(&self, delay: Duration) -> String {
        let longest = WAITS[WAITS.len() - 1];
        let wait = WAITS.into_iter().find(|wait| *wait >= delay);
        self.room(wait.unwrap_or(longest))
    }

    fn room(&self, wait: Duration) -> String {
        format!("{}.retry.{}s", self.work, wait.as_secs())
    }

    fn queues(&self) -> Vec<(String, FieldTable)> {
        let mut work = dead_letter_to(&self.dead());
        work.insert(
            "x-delivery-limit".into(),
            AMQPValue::LongInt(DELIVERY_LIMIT),
        );
        let mut queues = vec![(self.dead(), quorum()), (self.work.clone(), work)];
        for wait in WAITS {
            let milliseconds = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            let mut room = dead_letter_to(&self.work);
            room.insert("x-message-ttl".into(), AMQPValue::LongLongInt(milliseconds));
            queues.push((self.room(wait), room));
        }
        queues
    }
}

/// Makes sure that the queues of a stage are there, and are ours. Returns how many messages wait in
/// them, dead letters left aside.
pub(super) async fn declare(link: &Link, names: &Names) -> Result<u64, AmqpError> {
    // A channel of its own: the broker closes it when a queue is another one than ours.
    let open = link.open().await?;
    let dead = names.dead();
    let mut waiting = 0;
    for (queue, arguments) in names.queues() {
        let options = QueueDeclareOptions::durable();
        let declared = open
            .channel
            .queue_declare(queue.as_str().into(), options, arguments);
        let declared = link.ask("declare queue", declared).await;
        let declared = declared.map_err(difference)?;
        if queue != dead {
            waiting += u64::from(declared.message_count());
        }
    }
    Ok(waiting)
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments
}

/// Dead-lettering is at most once unless told otherwise: a strategy, and an overflow that fits to it.
fn dead_letter_to(queue: &str) -> FieldTable {
    let mut arguments = quorum();
    arguments.insert("x-dead-letter-exchange".into(), text(""));
    arguments.insert("x-dead-letter-routing-key".into(), text(queue));
    arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    arguments.insert("x-overflow".into(), text("reject-publish"));
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// Reads which queue differs in what, if that is why it was refused.
fn difference(error: AmqpError) -> AmqpError {
    let AmqpError::Broker { source, .. } = &error else {
        return error;
    };
    let names = match source.named() {
        Some((AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED), text)) => quoted(text),
        _ => None,
    };
    match names {
        Some((argument, queue)) => AmqpError::Differs { queue, argument },
        None => error,
    }
}

/// The two names in `inequivalent arg 'ARGUMENT' for queue 'QUEUE' in vhost ...`. The values that follow
/// are left alone.
fn quoted(text: &str) -> Option<(String, String)> {
    let (_, rest) = text.split_once("inequivalent arg '")?;
    let (argument, rest) = rest.split_once("' for queue '")?;
    let (queue, _) = rest.split_once('\'')?;
    Some((argument.to_owned(), queue.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_the_next_room() {
        let names = Names::new("chatkeep", "mapping");

        for (delay, room) in [
            (Duration::ZERO, "chatkeep.mapping.retry.1s"),
            (Duration::from_millis(1_500), "chatkeep.mapping.retry.5s"),
            (Duration::from_secs(30), "chatkeep.mapping.retry.30s"),
            (Duration::from_secs(9_999), "chatkeep.mapping.retry.300s"),
        ] {
            assert_eq!(names.waiting_room(delay), room);
        }
    }

    #[test]
    fn the_dead_letters_of_a_stage_have_no_dead_letters() {
        let names = Names::new("chatkeep", "mapping.dead");

        assert_eq!(names.queue, "chatkeep.mapping.dead");
        assert_eq!(names.dead(), "chatkeep.mapping.dead");
        assert_eq!(
            names.waiting_room(Duration::ZERO),
            "chatkeep.mapping.retry.1s"
        );
    }

    #[test]
    fn a_difference_is_read_as_two_names() {
        let text = "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'a.b' in vhost \
                    '/': received '1' but current is '2'";

        let names = quoted(text);

        assert_eq!(names, Some(("x-message-ttl".to_owned(), "a.b".to_owned())));
    }
}
