//! A run's exceptions, page by page, as administrators ask for them.

use chatkeep_proto::v1::{ExceptionKind, ListExceptionsRequest, ListExceptionsResponse};

use super::lists::Cursor;
use crate::{error::LedgerError, ledger::Ledger};

/// Exceptions per page when nothing is said, and at most.
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 500;

impl Ledger {
    /// A page of a run's exceptions. It ends where a kind does, and is empty only where nothing follows.
    pub(crate) async fn list_exceptions(
        &self,
        request: ListExceptionsRequest,
    ) -> Result<ListExceptionsResponse, LedgerError> {
        let kind = request.kind();
        let run = self
            .run_numbered(&request.connector, request.number)
            .await?;
        let limit = match request.limit {
            0 => PAGE,
            limit => limit.min(LARGEST_PAGE),
        };
        let mut next = Some(match request.page.as_str() {
            "" => Cursor::first(kind),
            page => Cursor::parse(page).ok_or(LedgerError::Malformed("page"))?,
        });
        while let Some(cursor) = next {
            let is_asked_for = kind == ExceptionKind::Unspecified || cursor.kind() == kind;
            if !is_asked_for {
                break;
            }
            let (exceptions, behind) = self.exceptions(run.id, cursor, limit.into()).await?;
            next = behind;
            if !exceptions.is_empty() {
                let next =
                    next.filter(|next| kind == ExceptionKind::Unspecified || next.kind() == kind);
                return Ok(ListExceptionsResponse {
                    exceptions,
                    next: next.map_or_else(String::new, |next| next.to_text()),
                });
            }
        }
        Ok(ListExceptionsResponse::default())
    }
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
