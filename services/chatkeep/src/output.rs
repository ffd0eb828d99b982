use std::{
    cell::Cell,
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// What the user sees: results on standard output, progress and errors on standard error.
#[derive(Debug)]
pub(crate) struct Output {
    progress_is_live: bool,
    /// Length of the progress line that stands on the terminal.
    shown: Cell<usize>,
    /// When progress was shown last, or the program was started.
    last: Cell<Instant>,
}

/// Time between progress lines that replace each other, and between those that do not.
const LIVE_PROGRESS: Duration = Duration::from_millis(250);
const PLAIN_PROGRESS: Duration = Duration::from_secs(5);

impl Output {
    pub(crate) fn new() -> Self {
        Self {
            progress_is_live: io::stderr().is_terminal(),
            shown: Cell::new(0),
            last: Cell::new(Instant::now()),
        }
    }

    /// Prints a line of the result. A reader that has gone (`| head`) is no error.
    pub(crate) fn line(&self, line: impl Display) {
        self.clear_progress();
        ignore(writeln!(io::stdout(), "{line}"));
    }

    /// Prints a piece of the result as it is.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        self.clear_progress();
        ignore(io::stdout().write_all(bytes));
    }

    /// Shows how far the work is, unless it was shown a moment ago.
    pub(crate) fn progress(&self, line: impl FnOnce() -> String) {
        let every = if self.progress_is_live {
            LIVE_PROGRESS
        } else {
            PLAIN_PROGRESS
        };
        if self.last.get().elapsed() < every {
            return;
        }
        self.last.set(Instant::now());
        let line = line();
        if self.progress_is_live {
            let width = self.shown.replace(line.chars().count());
            ignore(write!(io::stderr(), "\r{line:<width$}"));
            ignore(io::stderr().flush());
        } else {
            ignore(writeln!(io::stderr(), "{line}"));
        }
    }

    /// Prints an error with its causes, one line.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        self.clear_progress();
        ignore(writeln!(io::stderr(), "error: {error:#}"));
    }

    /// Prints a remark beside the result.
    pub(crate) fn note(&self, line: impl Display) {
        self.clear_progress();
        ignore(writeln!(io::stderr(), "{line}"));
    }

    fn clear_progress(&self) {
        let width = self.shown.replace(0);
        if width > 0 {
            ignore(write!(io::stderr(), "\r{:width$}\r", ""));
        }
    }
}

/// There is nobody to tell when the terminal itself is gone.
fn ignore(_result: io::Result<()>) {}
