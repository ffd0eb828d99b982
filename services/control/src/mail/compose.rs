//! A report as a mail.

use std::time::{Duration, UNIX_EPOCH};

use chatkeep_model::{
    connector::{Connector, ReportWhen},
    identity::Fields,
};
use chatkeep_report::{MailReport, MailText};
use data_encoding::BASE32_NOPAD;
use lettre::{
    Message,
    address::AddressError,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use super::{exceptions, outbox::Due};
use crate::{
    admin::{report::report, stored::file_of},
    error::LedgerError,
    horizon,
    ledger::{Ledger, parse, run},
    schedule,
};

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ComposeError {
    /// The ledger does not answer.
    #[error("read run")]
    Ledger {
        /// The reason.
        source: LedgerError,
    },
    /// An address cannot stand in a header.
    #[error("write address")]
    Address {
        /// The reason.
        source: AddressError,
    },
    /// The mail has no form.
    #[error("write mail")]
    Mail {
        /// The reason.
        source: lettre::error::Error,
    },
}

/// A mail's addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letterhead<'a> {
    pub(super) from: &'a str,
    /// The console's address.
    pub(super) pages: Option<&'a str>,
}

/// Makes the mail; `None` when its connector is not told of such runs, or nothing is left of this one.
pub(super) async fn mail(
    ledger: &Ledger,
    due: &Due,
    head: Letterhead<'_>,
) -> Result<Option<Vec<u8>>, ComposeError> {
    let read = |source| ComposeError::Ledger { source };
    let Some((model, made)) = gather(ledger, due, head).await.map_err(read)? else {
        return Ok(None);
    };
    if model.report.when == ReportWhen::ProblemsOnly && !made.is_about_a_problem() {
        return Ok(None);
    }
    let to = ledger.report_recipients(due).await.map_err(read)?;
    let id = message_id(&model, made.run.number, due.stopped);
    mime(due, head.from, (&to, id), made.write()).map(Some)
}

async fn gather(
    ledger: &Ledger,
    due: &Due,
    head: Letterhead<'_>,
) -> Result<Option<(Connector, MailReport)>, LedgerError> {
    let mut conn = ledger.database.read().await?;
    let run = run::find(&mut conn, due.run).await?;
    // A run that found nothing new once it was started again leaves no trace.
    if run.number < 1 {
        return Ok(None);
    }
    let model = parse(&file_of(&mut conn, due.connector).await?)?;
    let due_next = schedule::find(&mut conn, due.connector).await?.due;
    let page = |pages: &str| {
        let pages = pages.trim_end_matches('/');
        format!("{pages}/connectors/{}/runs/{}", model.id(), run.number)
    };
    let made = MailReport {
        connector: model.name.clone(),
        run: report(&mut conn, &run).await?,
        stopped: due.stopped.then(|| due.reason.clone()),
        exceptions: exceptions::of(&mut conn, due.run).await?,
        horizons: horizon::of_connector(&mut conn, due.connector).await?,
        now: ledger.clock.now().div_euclid(1000),
        due: due_next.map(|due| due.div_euclid(1000)),
        page: head.pages.map(page),
    };
    Ok(Some((model, made)))
}

/// The same for every attempt and every recipient, and no item's: items' begin with their hash.
fn message_id(model: &Connector, run: i64, stopped: bool) -> String {
    let digest = Fields::of("report")
        .text(&model.id())
        .number(run)
        .number(i64::from(stopped))
        .digest();
    let id = BASE32_NOPAD.encode(&digest[..20]).to_lowercase();
    format!("<report.{id}@{}>", model.domain.to_lowercase())
}

fn mime(
    due: &Due,
    from: &str,
    (to, id): (&[String], String),
    written: MailText,
) -> Result<Vec<u8>, ComposeError> {
    let address = |text: &str| {
        text.parse()
            .map_err(|source| ComposeError::Address { source })
    };
    let made = Duration::from_millis(u64::try_from(due.made).unwrap_or(0));
    // RFC 3834, 5: nobody's absence is answered.
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let automatic = HeaderValue::new(automatic, "auto-generated".to_owned());
    let mut builder = Message::builder()
        .from(Mailbox::new(Some("Chatkeep".to_owned()), address(from)?))
        .subject(written.subject)
        .date(UNIX_EPOCH + made)
        .message_id(Some(id))
        .raw_header(automatic);
    for to in to {
        builder = builder.to(Mailbox::new(None, address(to)?));
    }
    let body = MultiPart::alternative_plain_html(written.text, written.html);
    let mail = builder.multipart(body);
    let mail = mail.map_err(|source| ComposeError::Mail { source })?;
    Ok(mail.formatted())
}
