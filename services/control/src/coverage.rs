//! What a run's archive covers: how many of those who use Skype for Business are in it, what each source
//! handed over, and what sources of its kind can never contain.

mod people;
mod unseen;

use std::{collections::HashMap, error::Error, io::BufReader};

use chatkeep_model::connector::{Connector, Source};
use chatkeep_proto::v1::{Coverage, Finding, Planned, SourceCoverage};
use prost::Message as _;

use self::people::People;
use crate::{
    database::{Connection, DatabaseError, query},
    error::{During as _, LedgerError, read_aside},
    ledger::{
        Ledger,
        convert::BATCHES_FROM,
        findings, parse,
        run::{RunRow, decode_blob},
        task::narrow,
    },
};

/// A source that handed nothing over.
const SILENT: &str = "silent-source";

/// Plans of a page: what bounds memory.
const PAGE: i64 = 500;

/// What a run covers, and what somebody should know of it.
#[derive(Clone, Debug)]
pub(crate) struct Covered {
    coverage: Coverage,
    findings: Vec<Finding>,
}

/// What a run covers that is about to close; `None` of one that captures nothing, or has closed before.
pub(crate) async fn of(ledger: &Ledger, run: &RunRow) -> Result<Option<Covered>, LedgerError> {
    if run.held_only || run.seals > 0 {
        return Ok(None);
    }
    let model = parse(&run.file)?;
    let mut people = people(ledger, run).await?;
    let coverage = Coverage {
        people: people.as_ref().map(People::counts),
        sources: sources(ledger, run.id, &model).await?,
    };
    let mut findings = silent(run, &model, &coverage.sources);
    if let Some(people) = &mut people {
        let runs = model.coverage.unseen_runs;
        findings.extend(unseen::find(ledger, run, people, runs).await?);
    }
    Ok(Some(Covered { coverage, findings }))
}

/// Stores it with the run's end.
pub(crate) async fn record(
    conn: &mut Connection,
    run: i64,
    covered: &Covered,
) -> Result<(), LedgerError> {
    let insert = query(
        "INSERT INTO coverage (run, coverage) VALUES ($1, $2) \
         ON CONFLICT (run) DO UPDATE SET coverage = excluded.coverage",
    );
    let insert = insert.bind(run).bind(covered.coverage.encode_to_vec());
    insert.execute(&mut *conn).await.during("record coverage")?;
    findings::replace_ours(conn, run, &covered.findings).await
}

/// What a run was found to cover when it closed.
pub(crate) async fn find(conn: &mut Connection, run: i64) -> Result<Option<Coverage>, LedgerError> {
    let statement = query("SELECT coverage FROM coverage WHERE run = $1").bind(run);
    let row = statement.fetch_optional(conn).await;
    let Some(row) = row.during("read coverage")? else {
        return Ok(None);
    };
    let coverage = Coverage::decode(&row.bytes(0).during("read coverage")?[..]);
    coverage
        .map(Some)
        .map_err(|_| LedgerError::Malformed("stored coverage"))
}

/// Who of the directory is in the run's items; `None` where its snapshot cannot be read, which is no
/// reason not to close a run.
async fn people(ledger: &Ledger, run: &RunRow) -> Result<Option<People>, LedgerError> {
    let mut people = match load(ledger, run).await {
        Ok(Some(people)) => people,
        Ok(None) => return Ok(None),
        Err(error) if error.outage().is_some() => return Err(error),
        Err(error) => {
            let error = &error as &dyn Error;
            tracing::warn!(chatkeep.run.id = run.id, error, "coverage without people");
            return Ok(None);
        }
    };
    let mut conn = ledger.database.read().await?;
    let mut after = 0;
    loop {
        let plans = query(plans_behind()).bind(run.id).bind(after).bind(PAGE);
        let plans = plans.long().fetch(&mut conn).await.during("read plans")?;
        let Some(last) = plans.last() else {
            return Ok(Some(people));
        };
        after = last.int(0).during("read plans")?;
        for plan in &plans {
            let plan = Planned::decode(&plan.bytes(1).during("read plans")?[..]);
            let plan = plan.map_err(|_| LedgerError::Malformed("stored plan"))?;
            for row in plan.rows {
                people.meet(&row.participant);
            }
        }
    }
}

async fn load(ledger: &Ledger, run: &RunRow) -> Result<Option<People>, LedgerError> {
    let Some(blob) = decode_blob(&run.directory) else {
        return Ok(None);
    };
    let reader = ledger.staging.open(&blob).await;
    let reader = reader.map_err(|source| LedgerError::Staging {
        action: "open directory snapshot",
        source,
    })?;
    let people = read_aside(move || People::read(BufReader::new(reader)));
    people.await.map(Some)
}

fn plans_behind() -> String {
    format!(
        "SELECT p.item, p.plan FROM batches b CROSS JOIN plans p WHERE {BATCHES_FROM} \
         AND p.item >= b.first AND p.item < b.first + b.items AND +p.item > $2 \
         ORDER BY b.first, p.item LIMIT $3"
    )
}

async fn sources(
    ledger: &Ledger,
    run: i64,
    model: &Connector,
) -> Result<Vec<SourceCoverage>, LedgerError> {
    let mut conn = ledger.database.read().await?;
    let statement = query(
        "SELECT source, CAST(SUM(records_read) AS BIGINT) FROM tasks WHERE run = $1 AND kind = 3 \
         GROUP BY source",
    );
    let rows = statement.bind(run).fetch(&mut conn).await;
    let rows = rows.during("count records of sources")?;
    let records = rows.iter().map(|row| Ok((row.int(0)?, row.count(1)?)));
    let records: Result<HashMap<_, _>, DatabaseError> = records.collect();
    let records = records.during("count records of sources")?;
    let sources = (0..).zip(&model.sources);
    let sources = sources.map(|(position, source)| SourceCoverage {
        source: narrow(position + 1),
        r#type: source.type_name().to_owned(),
        name: name_of(source),
        records: records.get(&position).copied().unwrap_or(0),
        never: source
            .never()
            .iter()
            .map(|what| (*what).to_owned())
            .collect(),
    });
    Ok(sources.collect())
}

fn name_of(source: &Source) -> String {
    let database = source.database();
    database.map_or_else(String::new, |database| database.name("").trim().to_owned())
}

/// Sources that handed nothing over although the run was to read them.
fn silent(run: &RunRow, model: &Connector, sources: &[SourceCoverage]) -> Vec<Finding> {
    if run.cancelled {
        return Vec::new();
    }
    let both = sources.iter().zip(&model.sources);
    let silent = both.filter(|(covered, source)| covered.records == 0 && is_awaited(run, source));
    let finding = |(covered, _): (&SourceCoverage, &Source)| {
        let name = [covered.r#type.as_str(), covered.name.as_str()].join(" ");
        Finding {
            kind: SILENT.to_owned(),
            subject: format!("source {}, {}", covered.source, name.trim_end()),
            expected: None,
            seen: Some(0),
            advice:
                "it handed nothing over in this run; where its users were at work, look whether \
                     archiving is on there, and whether this is the right folder or database"
                    .to_owned(),
        }
    };
    silent.map(finding).collect()
}

/// Whether something can be new in a source: its own days meet the run's. One whose days are past was
/// read to its end before.
fn is_awaited(run: &RunRow, source: &Source) -> bool {
    let (from, to) = source.seconds();
    let since = run.from.unwrap_or(run.opened.div_euclid(1000));
    let begins = from.is_none_or(|from| run.to.is_none_or(|end| from < end));
    begins && to.is_none_or(|to| since < to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::effort::{begins_where_the_page_does, grows_with_the_items};

    const DAY: i64 = 86_400;

    #[tokio::test]
    async fn a_long_list_of_plans_takes_no_longer_for_each_item() {
        grows_with_the_items(&plans_behind()).await;
        begins_where_the_page_does(&plans_behind()).await;
    }

    fn model(keys: &str) -> Connector {
        let source = |path: &str, keys: &str| {
            format!("[[sources]]\ntype = 'archiving-export'\npath = '{path}'\n{keys}\n")
        };
        let text = format!(
            "name = 'a'\ndomain = 'b.c'\n{}{}[directory]\ntype = 'csv'\npath = 'd.csv'\n\
             [target]\ntype = 'discard'\n",
            source("one", ""),
            source("two", keys)
        );
        parse(&text).unwrap()
    }

    fn subjects(run: &RunRow, keys: &str) -> Vec<String> {
        let model = model(keys);
        let sources: Vec<_> = [(1, 5), (2, 0)]
            .map(|(source, records)| SourceCoverage {
                source,
                r#type: "archiving-export".to_owned(),
                records,
                ..SourceCoverage::default()
            })
            .into();
        let silent = silent(run, &model, &sources).into_iter();
        silent.map(|finding| finding.subject).collect()
    }

    #[test]
    fn a_source_that_handed_nothing_over_is_told() {
        let told = subjects(&RunRow::default(), "");

        assert_eq!(told, ["source 2, archiving-export"]);
    }

    #[test]
    fn a_source_is_not_awaited_outside_its_own_days() {
        let run = |from: i64, to: i64| RunRow {
            from: Some(from * DAY),
            to: Some(to * DAY),
            ..RunRow::default()
        };
        // The 10th and the 20th day of 1970.
        let keys = "from = '1970-01-11'\nto = '1970-01-21'";

        assert!(subjects(&run(5, 10), keys).is_empty());
        assert!(subjects(&run(20, 30), keys).is_empty());
        assert_eq!(subjects(&run(5, 11), keys).len(), 1);
    }

    #[test]
    fn a_cancelled_run_awaits_nothing() {
        let run = RunRow {
            cancelled: true,
            ..RunRow::default()
        };

        assert!(subjects(&run, "").is_empty());
    }
}
