use std::{error::Error, io};

use tonic::Code;

/// Any error that can cross threads.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What the worker does with a message whose stage failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same input may succeed later; counts as an attempt.
    Retry,
    /// The same input will always fail: a bug, a blob that does not match its hash.
    Reject,
    /// Something the stage depends on is down; the consumer pauses, no attempt is burnt.
    Wait,
    /// The ledger says that the task is closed, split or taken over: nothing left to do.
    Superseded,
}

/// A failed stage. There is no `From` impl on purpose: whoever writes `?` must first say
/// [`or_retry`](ResultExt::or_retry), [`or_reject`](ResultExt::or_reject) or
/// [`or_wait`](ResultExt::or_wait).
#[derive(Debug, thiserror::Error)]
#[error("{action}")]
pub struct StageError {
    /// What happens next.
    pub verdict: Verdict,
    /// What failed: a verb and its object, static, without content.
    pub action: &'static str,
    source: BoxError,
}

impl StageError {
    /// An error with a verdict.
    pub fn new(verdict: Verdict, action: &'static str, source: impl Into<BoxError>) -> Self {
        Self {
            verdict,
            action,
            source: source.into(),
        }
    }

    /// For `map_err` on a call to the ledger.
    pub fn ledger(action: &'static str) -> impl FnOnce(tonic::Status) -> Self {
        move |status| {
            let verdict = match status.code() {
                Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Verdict::Wait,
                Code::FailedPrecondition => Verdict::Superseded,
                _ => Verdict::Retry,
            };
            Self::new(verdict, action, Answer(status))
        }
    }
}

/// What the ledger answered instead of a result, as people read it.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message())]
struct Answer(tonic::Status);

/// Turns an error into a [`StageError`]. `action` is a verb and its object: `"load batch"`.
pub trait ResultExt<T> {
    /// The same input may succeed later. A full disk is a dependency that is down: no attempt is burnt,
    /// or control would take the input apart to find what is wrong with it.
    fn or_retry(self, action: &'static str) -> Result<T, StageError>;
    /// The same input will always fail.
    fn or_reject(self, action: &'static str) -> Result<T, StageError>;
    /// A dependency is down.
    fn or_wait(self, action: &'static str) -> Result<T, StageError>;
}

impl<T, E: Into<BoxError>> ResultExt<T> for Result<T, E> {
    fn or_retry(self, action: &'static str) -> Result<T, StageError> {
        self.map_err(|error| {
            let error = error.into();
            let down = is_full_disk(&*error);
            let verdict = if down { Verdict::Wait } else { Verdict::Retry };
            StageError::new(verdict, action, error)
        })
    }

    fn or_reject(self, action: &'static str) -> Result<T, StageError> {
        self.map_err(|error| StageError::new(Verdict::Reject, action, error))
    }

    fn or_wait(self, action: &'static str) -> Result<T, StageError> {
        self.map_err(|error| StageError::new(Verdict::Wait, action, error))
    }
}

fn is_full_disk(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if let Some(StorageFull | QuotaExceeded | ReadOnlyFilesystem) = kind {
            return true;
        }
        // An error of one kind may wrap one of another.
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("write blob")]
    struct Write(#[source] io::Error);

    fn verdict(kind: io::ErrorKind) -> Verdict {
        let failed: Result<(), _> = Err(Write(kind.into()));
        failed.or_retry("store items").unwrap_err().verdict
    }

    #[test]
    fn a_full_disk_is_waited_for_and_burns_no_attempt() {
        let wrapped: Result<(), _> =
            Err(io::Error::other(Write(io::ErrorKind::StorageFull.into())));

        assert_eq!(verdict(io::ErrorKind::StorageFull), Verdict::Wait);
        assert_eq!(
            wrapped.or_retry("store file").unwrap_err().verdict,
            Verdict::Wait
        );
        assert_eq!(verdict(io::ErrorKind::TimedOut), Verdict::Retry);
    }
}
