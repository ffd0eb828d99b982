//! A run's exceptions, page by page, as administrators ask for them.

use chatkeep_proto::v1::{Exception, ExceptionKind, ListExceptionsRequest, ListExceptionsResponse};

use super::lists::Cursor;
use crate::{error::LedgerError, ledger::Ledger};

/// Entries per page when nothing is said, and at most.
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 500;

/// Entries of a page, as they are asked for.
pub(super) fn page_limit(asked: u32) -> u32 {
    match asked {
        0 => PAGE,
        limit => limit.min(LARGEST_PAGE),
    }
}

impl Ledger {
    /// A page of a run's exceptions. It ends where a kind does, and says where to go on only where something
    /// follows.
    pub(crate) async fn list_exceptions(
        &self,
        request: ListExceptionsRequest,
    ) -> Result<ListExceptionsResponse, LedgerError> {
        let kind = request.kind();
        let run = self
            .run_numbered(&request.connector, request.number)
            .await?;
        let limit = page_limit(request.limit);
        let begin = match request.page.as_str() {
            "" => Cursor::first(kind),
            page => Cursor::parse(page).ok_or(LedgerError::Malformed("page"))?,
        };
        let page = self.first_from((run.id, kind), Some(begin), limit).await?;
        let Some(page) = page else {
            return Ok(ListExceptionsResponse::default());
        };
        // A page that is not full has all of its kind: they are not looked for once more.
        let is_full = page.exceptions.len() >= limit as usize;
        let behind = if is_full {
            page.behind
        } else {
            page.begin.following()
        };
        let next = self.first_from((run.id, kind), behind, 1).await?;
        Ok(ListExceptionsResponse {
            exceptions: page.exceptions,
            next: next.map_or_else(String::new, |next| next.begin.to_text()),
        })
    }

    /// The first exceptions of a kind, or of any, from a place on; `None` when there are none.
    async fn first_from(
        &self,
        (run, kind): (i64, ExceptionKind),
        mut place: Option<Cursor>,
        limit: u32,
    ) -> Result<Option<Found>, LedgerError> {
        let is_asked_for =
            |place: &Cursor| kind == ExceptionKind::Unspecified || place.kind() == kind;
        while let Some(begin) = place.filter(is_asked_for) {
            let found = self.exceptions(run, begin.clone(), limit.into()).await?;
            let (exceptions, behind) = found;
            if !exceptions.is_empty() {
                return Ok(Some(Found {
                    begin,
                    exceptions,
                    behind,
                }));
            }
            place = behind;
        }
        Ok(None)
    }
}

/// Exceptions of one kind, where they begin, and the place behind them.
struct Found {
    begin: Cursor,
    exceptions: Vec<Exception>,
    behind: Option<Cursor>,
}

impl Cursor {
    /// Where the exceptions of a kind begin.
    fn first(kind: ExceptionKind) -> Self {
        match kind {
            ExceptionKind::Unspecified | ExceptionKind::Finding => Self::Findings(0),
            ExceptionKind::Quarantined => Self::Quarantined(0),
            ExceptionKind::Excluded => Self::Excluded,
            ExceptionKind::Held => Self::Held(String::new()),
            ExceptionKind::External => Self::External(String::new()),
            ExceptionKind::Failed => Self::Failed(0, 0),
        }
    }

    fn kind(&self) -> ExceptionKind {
        match self {
            Self::Findings(_) => ExceptionKind::Finding,
            Self::Quarantined(_) => ExceptionKind::Quarantined,
            Self::Excluded => ExceptionKind::Excluded,
            Self::Held(_) => ExceptionKind::Held,
            Self::External(_) => ExceptionKind::External,
            Self::Failed(..) | Self::Expired(_) => ExceptionKind::Failed,
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Findings(after) => format!("finding.{after}"),
            Self::Quarantined(after) => format!("quarantined.{after}"),
            Self::Excluded => "excluded.".to_owned(),
            Self::Held(after) => format!("held.{after}"),
            Self::External(after) => format!("external.{after}"),
            Self::Failed(item, mailbox) => format!("failed.{item}.{mailbox}"),
            Self::Expired(after) => format!("expired.{after}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, after) = text.split_once('.')?;
        Some(match kind {
            "finding" => Self::Findings(after.parse().ok()?),
            "quarantined" => Self::Quarantined(after.parse().ok()?),
            "excluded" => Self::Excluded,
            "held" => Self::Held(after.to_owned()),
            "external" => Self::External(after.to_owned()),
            "failed" => {
                let (item, mailbox) = after.split_once('.')?;
                Self::Failed(item.parse().ok()?, mailbox.parse().ok()?)
            }
            "expired" => Self::Expired(after.parse().ok()?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_where_the_one_before_said() {
        let cursors = [
            Cursor::Findings(3),
            Cursor::Quarantined(4),
            Cursor::Excluded,
            Cursor::Held("ann.x@contoso.com".to_owned()),
            Cursor::External(String::new()),
            Cursor::Failed(1 << 41, 7),
            Cursor::Expired(9),
        ];
        for cursor in cursors {
            assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        }
        assert_eq!(Cursor::parse("failed.1"), None);
        assert_eq!(Cursor::parse("nothing.1"), None);
    }
}
