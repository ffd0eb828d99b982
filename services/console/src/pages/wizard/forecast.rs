//! What a first import would be, in words.

use std::time::Instant;

use chatkeep_model::connector::Connector;
use chatkeep_report::number;
use maud::{Markup, html};
use tonic::Status;

use super::{draft::Draft, people::People};
use crate::{
    Services,
    estimate::{Basis, History, ImportDuration, RENDERING, Sample, SourceTotals, Volume},
    pages::{checks, connector::properties::source_name, words},
};

/// A source, and what it would become.
struct Source {
    name: &'static str,
    totals: SourceTotals,
    volume: Volume,
}

/// All sources that can be read, and how long they would take together.
struct Forecast {
    sources: Vec<Source>,
    /// False: there is more, in sources that could not be read or not be counted to their end.
    is_whole: bool,
    duration: ImportDuration,
}

/// A card with it; nothing as long as what was entered is no connector, or no source of it can be read.
pub(super) async fn card(services: &mut Services, draft: &Draft, people: &People) -> Markup {
    let Ok(connector) = draft.connector() else {
        return html! {};
    };
    match forecast(services, draft, &connector, people).await {
        Ok(forecast) if forecast.sources.is_empty() => html! {},
        Ok(forecast) => show(&forecast),
        Err(status) => html! {
            section.card aria-labelledby="first-import" {
                h2 #first-import { "First import" }
                (checks::refused(&status))
            }
        },
    }
}

async fn forecast(
    services: &mut Services,
    draft: &Draft,
    connector: &Connector,
    people: &People,
) -> Result<Forecast, Status> {
    let file = draft.table.to_string();
    let until = Instant::now() + RENDERING;
    // Without the directory nobody knows how many copies there would be.
    let found = people.found.as_ref().map_err(Clone::clone)?;
    let mut sources = Vec::new();
    let mut all = Volume::nothing();
    let mut mailboxes = 0;
    let mut rows: Option<(u64, u32)> = None;
    for (source, preview) in connector.sources.iter().zip(&people.previews) {
        let Ok(preview) = preview else {
            continue;
        };
        let conversations = &preview.conversations;
        let sample =
            Sample::take(services, &file, conversations, &found.resolutions, until).await?;
        let extent = preview.extent.unwrap_or_default();
        let volume = sample.volume(extent.share);
        all = all.plus(volume);
        // Some may be the same.
        mailboxes = sample.mailboxes().max(mailboxes);
        let database = source.database();
        let read = database.and_then(|database| extent.rows.zip(database.rows_per_second));
        let lasts = |(rows, pace): (u64, u32)| rows / u64::from(pace.max(1));
        rows = rows.into_iter().chain(read).max_by_key(|read| lasts(*read));
        sources.push(Source {
            name: source_name(source),
            totals: SourceTotals::of(&extent, database.is_some()),
            volume,
        });
    }
    let history = History::find(services, connector).await?;
    Ok(Forecast {
        duration: history.duration(&all, mailboxes, rows),
        is_whole: sources.len() == connector.sources.len()
            && sources.iter().all(|source| source.totals.complete),
        sources,
    })
}

fn show(forecast: &Forecast) -> Markup {
    let measured: u64 = forecast
        .sources
        .iter()
        .map(|source| source.volume.measured)
        .sum();
    html! {
        section.card aria-labelledby="first-import" {
            h2 #first-import { "First import" }
            ul { @for source in &forecast.sources { li { b { (source.name) } ": " (holds(&source.totals)) "; " (becomes(&source.volume)) "." } } }
            p { (takes(&forecast.duration, forecast.is_whole)) }
            p.help {
                "Estimated from the first conversations of each source, " (number(measured)) " in all, as if nothing "
                "of it had been archived before and no conversation were there twice."
            }
        }
    }
}

fn holds(totals: &SourceTotals) -> String {
    let begin = if totals.complete { "" } else { "at least " };
    match (totals.files, totals.bytes, totals.rows) {
        (Some(files), Some(bytes), _) => {
            format!("{begin}{} files, {}", number(files), words::bytes(bytes))
        }
        (_, _, Some(rows)) => format!("{begin}{} messages", number(rows)),
        _ => "counting its messages takes too long".to_owned(),
    }
}

fn becomes(volume: &Volume) -> String {
    let (Some(conversations), Some(items), Some(deliveries)) =
        (volume.conversations, volume.items, volume.deliveries)
    else {
        return "what it would become is not known".to_owned();
    };
    let mut text = format!(
        "about {} conversations, {} items, {} copies for mailboxes",
        number(conversations),
        number(items),
        number(deliveries)
    );
    if let Some(held) = volume.held.filter(|held| *held > 0) {
        text.push_str(&format!(", {} more for users without one", number(held)));
    }
    if let (Some(staged), Some(imported)) = (volume.staged_bytes, volume.imported_bytes) {
        let (staged, imported) = (words::bytes(staged), words::bytes(imported));
        text.push_str(&format!("; {staged} are staged, {imported} imported"));
    }
    text
}

fn takes(duration: &ImportDuration, is_whole: bool) -> String {
    let because = match duration.basis {
        Basis::ConnectorRuns => "as finished runs of this connector did",
        Basis::SystemRuns => {
            "as finished runs of other connectors did, which have a target of the same type"
        }
        Basis::TargetLimits => "as far as published limits of the target let through",
        Basis::None => {
            return "How long it takes is not known: that is up to the target, and nothing was imported into one \
                    of its type yet."
                .to_owned();
        }
    };
    let (Some(seconds), Some(pace)) = (duration.seconds, duration.deliveries_per_second) else {
        return "How long it takes is not known: it is not known how much there is.".to_owned();
    };
    let begin = if is_whole { "About" } else { "At least" };
    let mut text = format!(
        "{begin} {}, at {pace:.1} copies a second, {because}",
        words::rough(seconds)
    );
    if duration.runs > 0 {
        let (runs, deliveries) = (duration.runs, number(duration.run_deliveries));
        text.push_str(&format!(" (runs: {runs}, copies: {deliveries})"));
    }
    text.push('.');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duration(basis: Basis, seconds: Option<u64>) -> ImportDuration {
        ImportDuration {
            seconds,
            deliveries_per_second: seconds.map(|_| 12.34),
            basis,
            runs: 3,
            run_deliveries: 1_500,
        }
    }

    #[test]
    fn a_folder_that_was_not_counted_to_its_end_says_at_least() {
        let mut totals = SourceTotals {
            files: Some(12_345),
            bytes: Some(1_500_000),
            rows: None,
            complete: true,
        };

        assert_eq!(holds(&totals), "12,345 files, 1.5 MB");
        totals.complete = false;
        assert_eq!(holds(&totals), "at least 12,345 files, 1.5 MB");
        let text = takes(&duration(Basis::ConnectorRuns, Some(600)), false);
        assert!(
            text.starts_with("At least 10 min, at 12.3 copies"),
            "{text}"
        );
        assert!(text.ends_with("(runs: 3, copies: 1,500)."), "{text}");
    }

    #[test]
    fn what_is_not_known_is_said_to_be_so() {
        let nothing = duration(Basis::None, None);
        let uncounted = duration(Basis::ConnectorRuns, None);

        assert!(takes(&nothing, true).contains("not known: that is up to the target"));
        assert!(takes(&uncounted, true).contains("not known how much there is"));
        assert!(becomes(&Volume::default()).contains("not known"));
        assert!(holds(&SourceTotals::default()).contains("takes too long"));
    }
}
