use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A connection is accepted, and nothing is ever said on it.
    Mute,
    /// A login is refused: error 18456.
    RefuseLogin,
    /// A login is refused because of its database: errors 4060 and 18456.
    RefuseDatabase,
    /// A login is refused because the database is the mirror: error 954.
    Mirror,
    /// A login is sent to another server.
    Route {
        /// Where it is.
        host: String,
        /// Its TCP port.
        port: u16,
    },
    /// A statement is answered with an error, e.g. 1205 for a deadlock: see [`Fault::deadlock`].
    Error {
        /// As SQL Server numbers it.
        number: i32,
        /// 11 to 25; from 20 on the connection ends.
        class: u8,
        /// What it says.
        message: String,
    },
    /// The connection breaks in the middle of the row after so many rows of an answer, or before the end
    /// of an answer that has no more.
    Cut {
        /// How many rows are whole.
        rows: u64,
    },
    /// So much time passes before each row.
    Pause(Duration),
    /// A statement is read, and not answered until its client cancels it.
    Stall,
    /// An attention, which cancels a statement, is not obeyed.
    IgnoreAttention,
}

impl Fault {
    /// A statement is chosen as the victim of a deadlock.
    pub fn deadlock() -> Self {
        Self::Error {
            number: 1205,
            class: 13,
            message: "Transaction was deadlocked and has been chosen as the deadlock victim. \
                      Rerun the transaction."
                .to_owned(),
        }
    }

    pub(super) fn occasion(&self) -> Occasion {
        match self {
            Self::Mute => Occasion::Connection,
            Self::RefuseLogin | Self::RefuseDatabase | Self::Mirror | Self::Route { .. } => {
                Occasion::Login
            }
            Self::Error { .. } | Self::Cut { .. } | Self::Pause(_) | Self::Stall => {
                Occasion::Statement
            }
            Self::IgnoreAttention => Occasion::Attention,
        }
    }
}

/// What a fault waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    Connection,
    Login,
    Statement,
    Attention,
}

/// When a fault happens. What is counted is what it happens to: connections, logins, statements or
/// attentions, from when it was set on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once, to this one; the next one is 1.
    Nth(u64),
    /// To every one, until [`Faults::clear`].
    Always,
}

/// What goes wrong, settable while the server runs.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Armed>>);

#[derive(Debug)]
struct Armed {
    fault: Fault,
    statement: Option<String>,
    when: When,
    seen: u64,
}

impl Faults {
    /// Sets a fault.
    pub fn set(&self, when: When, fault: Fault) {
        self.arm(None, when, fault);
    }

    /// Sets a fault of statements of this name only.
    pub fn set_at(&self, statement: &str, when: When, fault: Fault) {
        self.arm(Some(statement.to_owned()), when, fault);
    }

    /// Takes all faults away.
    pub fn clear(&self) {
        self.armed().clear();
    }

    /// How many faults are set that have not happened yet, or always happen.
    pub fn waiting(&self) -> usize {
        self.armed().len()
    }

    fn arm(&self, statement: Option<String>, when: When, fault: Fault) {
        self.armed().push(Armed {
            fault,
            statement,
            when,
            seen: 0,
        });
    }

    /// The faults that happen now.
    pub(super) fn due(&self, occasion: Occasion, statement: &str) -> Vec<Fault> {
        let mut due = Vec::new();
        self.armed().retain_mut(|armed| {
            let is_meant = armed
                .statement
                .as_deref()
                .is_none_or(|name| name == statement);
            if !is_meant || armed.fault.occasion() != occasion {
                return true;
            }
            armed.seen += 1;
            let happens = armed.when == When::Always || armed.when == When::Nth(armed.seen);
            if happens {
                due.push(armed.fault.clone());
            }
            !happens || armed.when == When::Always
        });
        due
    }

    fn armed(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Faults, Occasion, When};

    #[test]
    fn a_fault_happens_once_to_the_one_it_is_set_for() {
        let faults = Faults::default();
        faults.set_at("messages", When::Nth(2), Fault::Stall);
        let happens = |name| !faults.due(Occasion::Statement, name).is_empty();

        let happened = ["messages", "users", "messages", "messages"].map(happens);

        assert_eq!(happened, [false, false, true, false]);
        assert_eq!(faults.waiting(), 0);
    }

    #[test]
    fn a_fault_of_logins_does_not_happen_to_statements() {
        let faults = Faults::default();
        faults.set(When::Always, Fault::RefuseLogin);

        assert!(faults.due(Occasion::Statement, "").is_empty());
        assert_eq!(faults.due(Occasion::Login, ""), [Fault::RefuseLogin]);
        assert_eq!(faults.waiting(), 1);
    }
}
