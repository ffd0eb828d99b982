//! What both forms of a report say, in order.

use chatkeep_proto::v1::DataLossHorizon;
use data_encoding::HEXLOWER;

use super::{MailReport, Urgency};
use crate::{DeliveryBalance, Equation, RecordBalance, is_near, number, status, time, window};

/// Reasons shown of each kind.
const SHOWN: usize = 10;

/// Stands for an address in a server's words.
const ADDRESS: &str = "(address)";

/// A report, in the order in which it is read.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) urgency: Urgency,
    pub(super) title: String,
    /// What the run was, name by name.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) equations: [Balanced; 2],
    pub(super) lists: Vec<List>,
    pub(super) page: Option<String>,
}

/// An equation and what it comes to.
#[derive(Clone, Debug)]
pub(super) struct Balanced {
    pub(super) equation: Equation,
    pub(super) is_open: bool,
    pub(super) verdict: String,
}

/// Counts by reason.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) title: &'static str,
    pub(super) rows: Vec<(String, u64)>,
}

impl Letter {
    pub(super) fn of(report: &MailReport) -> Self {
        let run = &report.run;
        let state = match &report.stopped {
            Some(reason) => format!("stopped: {reason}"),
            None => status(run.state(), &run.reason),
        };
        let records = RecordBalance::from(run.records.unwrap_or_default());
        let deliveries = DeliveryBalance::from(run.deliveries.unwrap_or_default());
        let balanced = |equation| Balanced::of(equation, report.stopped.is_some());
        Self {
            urgency: report.urgency(),
            title: format!("{}, run {}", plain(&report.connector), run.number),
            facts: facts(report, plain(&state)),
            equations: [
                balanced(records.equation()),
                balanced(deliveries.equation()),
            ],
            lists: lists(report),
            page: report.page.clone(),
        }
    }
}

fn facts(report: &MailReport, state: String) -> Vec<(&'static str, String)> {
    let run = &report.run;
    let mut facts = vec![
        ("State", state),
        ("Conversations", window(run.from, run.to)),
        ("Opened", time(run.opened)),
    ];
    if let (Some(closed), None) = (run.closed, &report.stopped) {
        facts.push(("Closed", time(closed)));
    }
    facts.push(("Items", number(run.items)));
    if run.earlier_deliveries > 0 {
        let earlier = number(run.earlier_deliveries);
        facts.push(("Delivered of earlier runs", earlier));
    }
    let horizons = report.horizons.iter();
    facts.extend(horizons.map(|one| ("Not read yet", horizon(one, report.now))));
    let due = report.due.map(time);
    let due = due.unwrap_or_else(|| "none is scheduled".to_owned());
    facts.push(("Next run", due));
    if !run.seal_sha256.is_empty() {
        facts.push(("Seal, SHA-256", HEXLOWER.encode(&run.seal_sha256)));
    }
    facts
}

fn horizon(horizon: &DataLossHorizon, now: i64) -> String {
    let database = plain(&horizon.database);
    let Some(purged) = horizon.purged else {
        return format!("nothing of {database} so far");
    };
    let alarm = if is_near(horizon, now) { "SOON: " } else { "" };
    let purged = time(purged);
    format!("{alarm}{database} purges it from {purged} on")
}

fn lists(report: &MailReport) -> Vec<List> {
    let exceptions = &report.exceptions;
    let users = Some(exceptions.held_users).filter(|users| *users > 0);
    let users = users.map(|users| ("users without a known mailbox".to_owned(), users));
    let all = [
        (
            "Records quarantined, bytes kept",
            by_reason(&exceptions.quarantined),
        ),
        (
            "Deliveries failed or partially imported",
            by_reason(&exceptions.failed),
        ),
        ("Held", users.into_iter().collect()),
        (
            "Findings, no equation is open",
            by_reason(&exceptions.findings),
        ),
    ];
    let lists = all.into_iter().map(|(title, rows)| List { title, rows });
    lists.filter(|list| !list.rows.is_empty()).collect()
}

/// Reasons without the addresses in them, the most frequent first, the last ones as one.
fn by_reason(counts: &[(String, u64)]) -> Vec<(String, u64)> {
    let mut rows = Vec::<(String, u64)>::new();
    for (reason, count) in counts {
        let reason = plain(reason);
        match rows.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, sum)) => *sum += count,
            None => rows.push((reason, *count)),
        }
    }
    rows.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
    if rows.len() > SHOWN {
        let rest = rows.split_off(SHOWN);
        let sum = rest.iter().map(|(_, count)| count).sum();
        rows.push((format!("{} other reasons", rest.len()), sum));
    }
    rows
}

/// Words on one line, without addresses: a server may name whom it refuses.
pub(super) fn plain(text: &str) -> String {
    let is_break = |c: char| c.is_whitespace() || c.is_control();
    let words = text.split(is_break).filter(|word| !word.is_empty());
    let words = words.map(|word| if word.contains('@') { ADDRESS } else { word });
    words.collect::<Vec<_>>().join(" ")
}

impl Balanced {
    fn of(equation: Equation, is_under_way: bool) -> Self {
        let (whole, sum, name) = (equation.whole, equation.sum(), equation.name);
        let difference = number(whole.abs_diff(sum));
        let verdict = if equation.closes() {
            let whole = number(whole);
            format!("Closes: every one of the {whole} {name} is accounted for.")
        } else if is_under_way {
            format!("Under way: {difference} are still to come.")
        } else if whole > sum {
            format!("OPEN: {difference} of the {name} are not accounted for.")
        } else {
            format!("OPEN: there are {difference} more than {name}.")
        };
        Self {
            equation,
            is_open: !equation.closes() && !is_under_way,
            verdict,
        }
    }
}
