use tracing_subscriber::{EnvFilter, filter::ParseError};

/// Libraries that log content: the AMQP client whole messages, the one of SQL Server whole rows. Who
/// calls them logs what went wrong.
const QUIET: [&str; 2] = ["lapin", "tiberius"];

/// What to log, as the directives say, except of libraries that log content: who asks for more of those
/// is not heard.
pub(super) fn of(directives: &str) -> Result<EnvFilter, ParseError> {
    let is_quiet = |directive: &&str| {
        let target = directive.trim();
        QUIET.iter().any(|library| target.starts_with(library))
    };
    let mut heard: Vec<_> = directives
        .split(',')
        .filter(|directive| !is_quiet(directive) && !directive.trim().is_empty())
        .map(str::to_owned)
        .collect();
    if heard.is_empty() {
        heard.push("info".to_owned());
    }
    heard.extend(QUIET.map(|library| format!("{library}=off")));
    EnvFilter::builder().parse(heard.join(","))
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged of rows and of our own words.
    fn logged(directives: &str) -> String {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(of(directives).unwrap())
            .with_writer({
                let lines = lines.clone();
                move || lines.clone()
            })
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: "tiberius::tds::stream::token", "a row");
            tracing::error!(target: "tiberius", "a value");
            tracing::error!(target: "lapin::channel", "a message");
            tracing::info!(target: "chatkeep", "our own words");
        });
        let lines = lines.0.lock().unwrap().clone();
        String::from_utf8(lines).unwrap()
    }

    #[test]
    fn rows_and_messages_are_never_logged_whoever_asks_for_them() {
        for directives in [
            "trace",
            "info,tiberius=trace",
            "tiberius::tds=trace,info",
            "",
            "lapin=trace,tiberius::tds::stream::token=trace",
        ] {
            let logged = logged(directives);

            assert!(logged.contains("our own words"), "{directives}");
            assert_eq!(logged.lines().count(), 1, "{directives}");
        }
    }
}
