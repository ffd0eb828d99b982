use crate::GenerateError;

/// What to write.
#[derive(Clone, Debug)]
pub struct Options {
    /// Our people.
    pub users: u32,
    /// Days of conversations, from 2025-03-10 on.
    pub days: u32,
    /// Another seed gives other conversations.
    pub seed: u64,
    /// Sessions and conferences; by default one a day for each of our people.
    pub conversations: Option<u32>,
    /// Pools that export, each into a folder of its own.
    pub pools: u32,
    /// Megabytes of meeting files.
    pub files_mb: u32,
    /// For measurements: every conversation belongs into exactly this many mailboxes and has about 41
    /// lines; no rooms, copies, leavers or exclusions.
    pub mailboxes_per_conversation: Option<u32>,
    /// The same conversations also as scripts that fill databases.
    pub databases: bool,
}

/// Length of the day in which people talk.
const WORKDAY_SECONDS: u64 = 12 * 60 * 60;
/// So far apart are conversations of the same people at least: pools are up to 2 s apart.
const APART_SECONDS: u64 = 5;

impl Options {
    /// What `examples/contoso` was written with.
    pub fn contoso() -> Self {
        Self {
            users: 12,
            days: 3,
            seed: 7,
            conversations: None,
            pools: 2,
            files_mb: 0,
            mailboxes_per_conversation: None,
            databases: true,
        }
    }

    /// Sessions and conferences.
    pub(crate) fn conversations(&self) -> u64 {
        let each_day = u64::from(self.users) * u64::from(self.days);
        self.conversations.map_or(each_day, u64::from)
    }

    /// Sessions and conferences on one day.
    pub(crate) fn conversations_a_day(&self) -> u64 {
        self.conversations()
            .div_ceil(u64::from(self.days.max(1)))
            .max(1)
    }

    /// Seconds from one conversation to the next.
    pub(crate) fn seconds_between(&self) -> u64 {
        WORKDAY_SECONDS / self.conversations_a_day()
    }

    /// Start of a conversation, seconds after the first one of its day.
    pub(crate) fn second_of(&self, position: u64) -> u64 {
        position * WORKDAY_SECONDS / self.conversations_a_day()
    }

    /// Persistent chat rooms.
    pub(crate) fn rooms(&self) -> u32 {
        match self.mailboxes_per_conversation {
            Some(_) => 0,
            None => (self.users / 6).clamp(1, 50),
        }
    }

    pub(crate) fn check(&self) -> Result<(), GenerateError> {
        let refuse = |option, problem| Err(GenerateError::Option { option, problem });
        let needed = self.mailboxes_per_conversation.unwrap_or(6).max(2);
        if self.users < needed {
            return refuse("users", "too few people for these conversations");
        }
        if !(1..=3_650).contains(&self.days) {
            return refuse("days", "must be 1 to 3650");
        }
        if !(1..=99).contains(&self.pools) {
            return refuse("pools", "must be 1 to 99");
        }
        if self.mailboxes_per_conversation == Some(0) {
            return refuse("mailboxes-per-conversation", "must be 1 or more");
        }
        // Measured conversations go round everybody, so the same people meet again much later.
        let round = match self.mailboxes_per_conversation {
            Some(_) => u64::from(self.users),
            None => 1,
        };
        if WORKDAY_SECONDS * round / self.conversations_a_day() < APART_SECONDS {
            return refuse("days", "too few for so many conversations");
        }
        Ok(())
    }
}
