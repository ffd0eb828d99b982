use super::rows::{Message, Session, body};
use crate::tds::DateTime;

/// Rows of `Messages` that are made when they are asked for, the same ones each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Other rows for another seed.
    pub seed: u64,
    /// How many rows.
    pub rows: u64,
    /// The time of the first one.
    pub start: DateTime,
    /// Three-hundredths of a second from one time to the next; every time has three rows.
    pub step: u32,
    /// How many people write. Their `UserId` are 1 and up.
    pub users: u32,
}

impl Generated {
    /// Rows of one time.
    const AT_ONCE: u64 = 3;
    /// Sessions that go on side by side, and messages of each.
    const SIDE_BY_SIDE: u64 = 64;
    const MESSAGES: u64 = 10;

    /// The row of this number, from 0.
    pub(super) fn message(&self, number: u64) -> Message {
        let block = Self::SIDE_BY_SIDE * Self::MESSAGES;
        let first = number / block * block + number % Self::SIDE_BY_SIDE;
        let position = number % block / Self::SIDE_BY_SIDE;
        let people = mix(self.seed ^ first);
        let users = u64::from(self.users.max(2));
        let one = people % users;
        // Anybody else.
        let other = (one + 1 + (people >> 32) % (users - 1)) % users;
        let (from, to) = if position.is_multiple_of(2) {
            (one, other)
        } else {
            (other, one)
        };
        let (time, seq) = self.key(number);
        let (session_time, session_seq) = self.key(first);
        Message {
            time,
            seq,
            session: Session {
                time: session_time,
                seq: session_seq,
            },
            from: user(from),
            to: user(to),
            content_type: 1,
            body: body(&text(mix(self.seed.wrapping_add(number)), number)),
            toast: false,
        }
    }

    /// `MessageIdTime` and `MessageIdSeq` of a row: they rise with its number.
    pub(super) fn key(&self, number: u64) -> (DateTime, i32) {
        let ticks = i64::try_from(number / Self::AT_ONCE).unwrap_or(i64::MAX);
        let ticks = self.start.to_ticks() + ticks * i64::from(self.step.max(1));
        let seq = i32::try_from(number % Self::AT_ONCE).unwrap_or(0);
        (DateTime::from_ticks(ticks), seq)
    }

    /// The number of the first row whose key is not before this one.
    pub(super) fn lower_bound(&self, key: (DateTime, i32)) -> u64 {
        let (mut low, mut high) = (0, self.rows);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle) < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// `UserId` of a person.
fn user(number: u64) -> i32 {
    i32::try_from(number + 1).unwrap_or(1)
}

fn text(random: u64, number: u64) -> String {
    const WORDS: [&str; 8] = [
        "report", "meeting", "contract", "please", "thanks", "tomorrow", "number", "client",
    ];
    let mut text = format!("message {number}:");
    for shift in 0..4 + random % 12 {
        let word = usize::try_from(random >> (3 * shift) & 7).unwrap_or(0);
        text.push(' ');
        text.push_str(WORDS[word]);
    }
    text
}

/// splitmix64.
fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::Generated;
    use crate::tds::DateTime;

    const GENERATED: Generated = Generated {
        seed: 7,
        rows: 10_000_000,
        start: DateTime {
            days: 45_000,
            ticks: 0,
        },
        step: 100,
        users: 1_000,
    };

    #[test]
    fn keys_rise() {
        let keys: Vec<_> = (0..5_000).map(|number| GENERATED.key(number)).collect();

        assert!(keys.is_sorted_by(|before, after| before < after));
    }

    #[test]
    fn a_row_is_found_by_its_key() {
        for number in [0, 1, 2, 3, 9_999_998, 9_999_999] {
            let key = GENERATED.key(number);

            assert_eq!(GENERATED.lower_bound(key), number);
            assert_eq!(GENERATED.lower_bound((key.0, key.1 + 1)), number + 1);
        }
    }

    #[test]
    fn a_session_has_ten_messages_of_two_people() {
        let session = GENERATED.message(64_000).session;
        let all = (63_000..66_000).map(|number| GENERATED.message(number));

        let messages: Vec<_> = all.filter(|message| message.session == session).collect();

        assert_eq!(messages.len(), 10);
        let first = &messages[0];
        assert_eq!((first.time, first.seq), (session.time, session.seq));
        assert_ne!(first.from, first.to);
        let (from, to) = (first.from, first.to);
        let are_theirs = messages
            .iter()
            .all(|message| [(from, to), (to, from)].contains(&(message.from, message.to)));
        assert!(are_theirs);
    }
}
