use std::{
    cell::Cell,
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

pub(crate) use chatkeep_report::time;

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

/// A number with thousands separated: `1,234,567`.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The UTC day in which a time is: `2026-03-01`.
pub(crate) fn day(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds);
    let day = time.map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).date());
    day.map_or_else(|_| String::new(), |day| day.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!(number(7), "7");
        assert_eq!(number(1_000), "1,000");
        assert_eq!(number(12_345_678), "12,345,678");
    }
}
