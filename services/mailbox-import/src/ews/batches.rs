//! Which messages go together.

use std::collections::VecDeque;

use crate::{exchange::Stumbles, target::Message};

/// Messages in one request.
const MOST: usize = 25;
/// Bytes of messages in one request, in base64 a third more. A larger message goes alone.
const LARGEST: usize = 1_000_000;

/// The requests for these of the messages, by index. What was lost before goes alone, behind all others: it
/// may be what breaks the connection.
pub(super) fn batches(
    messages: &[Message],
    wanted: impl Iterator<Item = usize>,
    stumbles: &Stumbles,
) -> VecDeque<Vec<usize>> {
    let (mut lost, fresh): (Vec<_>, Vec<_>) = wanted
        .map(|index| (stumbles.of(&messages[index].id), index))
        .partition(|(times, _)| *times > 0);
    let mut batches: VecDeque<Vec<usize>> = VecDeque::new();
    let mut size = 0;
    for (_, index) in fresh {
        size += messages[index].bytes.len();
        match batches.back_mut() {
            Some(batch) if batch.len() < MOST && size <= LARGEST => batch.push(index),
            _ => {
                size = messages[index].bytes.len();
                batches.push_back(vec![index]);
            }
        }
    }
    lost.sort_unstable();
    batches.extend(lost.into_iter().map(|(_, index)| vec![index]));
    batches
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn messages(sizes: &[usize]) -> Vec<Message> {
        let message = |(number, size): (usize, &usize)| Message {
            id: format!("<{number}>"),
            date: 0,
            bytes: vec![b'x'; *size].into(),
        };
        sizes.iter().enumerate().map(message).collect()
    }

    #[test]
    fn many_small_messages_go_in_one_request_and_a_large_one_alone() {
        let messages = messages(&[400_000, 400_000, 400_000, 2_000_000, 10]);

        let batches = batches(&messages, 0..5, &Stumbles::default());

        assert_eq!(batches, [vec![0, 1], vec![2], vec![3], vec![4]]);
    }

    #[test]
    fn what_was_lost_before_goes_alone_and_last() {
        let stumbles = Stumbles::default();
        stumbles.stumbled("<0>", Duration::ZERO);
        stumbles.stumbled("<0>", Duration::ZERO);
        stumbles.stumbled("<2>", Duration::ZERO);

        let batches = batches(&messages(&[1; 4]), 0..4, &stumbles);

        assert_eq!(batches, [vec![1, 3], vec![2], vec![0]]);
    }
}
