//! Users who are in the archive and have not been in anything it got lately.

use std::collections::HashSet;

use chatkeep_proto::v1::Finding;

use super::people::{Archived, Mailbox, People};
use crate::{
    database::{Connection, query},
    error::{During as _, LedgerError},
    ledger::{Ledger, run::RunRow},
};

/// Users whom the archive has, and who were in none of the last runs.
const UNSEEN: &str = "unseen-users";

/// Users who are named.
const MOST_NAMED: usize = 20;

/// Mailboxes of a page.
const PAGE: i64 = 5_000;

/// Runs before one that read whatever was new then. Others say nothing of who is still there.
const RUNS_BEFORE: &str = "SELECT id FROM runs WHERE connector = $1 AND number > 0 AND number < $2 \
    AND seals > 0 AND held_only = 0 AND backfill = 0 AND cancelled = 0 \
    AND (scheduled <> 0 OR (from_time IS NULL AND to_time IS NULL)) ORDER BY number DESC LIMIT $3";

/// Mailboxes that items of a run were for.
const MAILBOXES_OF: &str = "SELECT DISTINCT d.mailbox FROM batches b CROSS JOIN deliveries d \
    WHERE b.run = $1 AND d.item >= b.first AND d.item < b.first + b.items";

const MAILBOXES: &str = "SELECT id, address FROM mailboxes WHERE connector = $1 AND address > $2 \
    ORDER BY address LIMIT $3";

/// Tells of users who were seen before, and in none of so many runs up to this one, of which `people` has
/// seen who is in it. Nobody is told while there were fewer runs.
///
/// Memory: the key of every mailbox.
pub(super) async fn find(
    ledger: &Ledger,
    run: &RunRow,
    people: &mut People,
    runs: u16,
) -> Result<Option<Finding>, LedgerError> {
    let Some(earlier) = runs.checked_sub(1).filter(|_| reads_what_is_new(run)) else {
        return Ok(None);
    };
    let mut conn = ledger.database.read().await?;
    let before = runs_before(&mut conn, run, earlier).await?;
    if before.len() < earlier.into() {
        return Ok(None);
    }
    let mut lately = HashSet::new();
    for run in before {
        let mailboxes = query(MAILBOXES_OF).bind(run).long().fetch(&mut conn).await;
        for row in mailboxes.during("look who was seen")? {
            lately.insert(row.int(0).during("look who was seen")?);
        }
    }
    note(&mut conn, run.connector, people, &lately).await?;
    Ok(finding(runs, &people.archived(MOST_NAMED)))
}

fn reads_what_is_new(run: &RunRow) -> bool {
    let has_days = run.from.is_some() || run.to.is_some();
    !run.cancelled && run.backfill == 0 && (run.scheduled || !has_days)
}

async fn runs_before(
    conn: &mut Connection,
    run: &RunRow,
    most: u16,
) -> Result<Vec<i64>, LedgerError> {
    let statement = query(RUNS_BEFORE).bind(run.connector).bind(run.number);
    let rows = statement.bind(i64::from(most)).fetch(conn).await;
    let rows = rows.during("list runs")?;
    let ids: Result<_, _> = rows.iter().map(|row| row.int(0)).collect();
    ids.during("list runs")
}

/// Notes of all mailboxes whether they got something lately.
async fn note(
    conn: &mut Connection,
    connector: i64,
    people: &mut People,
    lately: &HashSet<i64>,
) -> Result<(), LedgerError> {
    let mut after = String::new();
    loop {
        let page = query(MAILBOXES).bind(connector).bind(&after).bind(PAGE);
        let page = page.fetch(conn).await.during("list mailboxes")?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        for row in &page {
            let id = row.int(0).during("list mailboxes")?;
            let filled = if lately.contains(&id) {
                Mailbox::FilledLately
            } else {
                Mailbox::Filled
            };
            people.note(&row.text(1).during("list mailboxes")?, filled);
        }
        after = last.text(1).during("list mailboxes")?;
    }
}

fn finding(runs: u16, archived: &Archived) -> Option<Finding> {
    let more = archived.unseen - archived.named.len() as u64;
    let more = Some(more).filter(|more| *more > 0);
    let more = more.map_or_else(String::new, |more| format!(" and {more} more"));
    (archived.unseen > 0).then(|| Finding {
        kind: UNSEEN.to_owned(),
        subject: format!(
            "in none of the last {runs} runs: {}{more}",
            archived.named.join(", ")
        ),
        expected: Some(archived.users),
        seen: Some(archived.users - archived.unseen),
        advice: "earlier runs had conversations of theirs; where they still use Skype for Business, look \
                 whether an archiving policy covers them, and whether their pool is among the sources"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::effort::grows_with_the_items;

    #[tokio::test]
    async fn mailboxes_of_a_long_run_take_no_longer_for_each_item() {
        grows_with_the_items(MAILBOXES_OF).await;
    }

    #[test]
    fn a_run_for_certain_days_says_nothing_of_who_is_still_there() {
        let run = |scheduled, from| RunRow {
            from,
            scheduled,
            ..RunRow::default()
        };

        assert!(reads_what_is_new(&run(false, None)));
        assert!(reads_what_is_new(&run(true, Some(0))));
        assert!(!reads_what_is_new(&run(false, Some(0))));
        assert!(!reads_what_is_new(&RunRow {
            backfill: 1,
            ..run(true, Some(0))
        }));
        assert!(!reads_what_is_new(&RunRow {
            cancelled: true,
            ..RunRow::default()
        }));
    }

    #[test]
    fn twenty_are_named_and_the_rest_counted() {
        let archived = |unseen, named: usize| Archived {
            users: 100,
            unseen,
            named: vec!["a@x.com".to_owned(); named],
        };

        let told = finding(7, &archived(23, 20)).unwrap();
        assert!(told.subject.ends_with(", a@x.com and 3 more"), "{told:?}");
        assert_eq!((told.expected, told.seen), (Some(100), Some(77)));
        let told = finding(7, &archived(1, 1)).unwrap();
        assert_eq!(told.subject, "in none of the last 7 runs: a@x.com");
        assert_eq!(finding(7, &archived(0, 0)), None);
    }
}
