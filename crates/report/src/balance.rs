//! Both equations of a run, in numbers.

use chatkeep_proto::v1::{Deliveries, Records};
use serde::Serialize;

/// What became of a run's records: read = rendered + duplicates + excluded + quarantined + open
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RecordBalance {
    /// Records that the sources handed over.
    pub read: u64,
    /// Records in items.
    pub rendered: u64,
    /// Records that were claimed before.
    pub duplicates: u64,
    /// Records left out by a named rule.
    pub excluded: u64,
    /// Records that could not be read or rendered; their bytes are kept.
    pub quarantined: u64,
    /// Records of days not yet over.
    pub open: u64,
}

/// What became of a run's deliveries: planned = imported + `partially_imported` + skipped + failed + held
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeliveryBalance {
    /// Deliveries planned.
    pub planned: u64,
    /// Deliveries with all parts in their mailbox.
    pub imported: u64,
    /// Deliveries with some parts in their mailbox.
    pub partially_imported: u64,
    /// Deliveries that were in their mailbox already.
    pub skipped: u64,
    /// Deliveries that failed.
    pub failed: u64,
    /// Deliveries without a known mailbox.
    pub held: u64,
}

/// One equation in words: the whole, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equation {
    /// The whole.
    pub whole: u64,
    /// What the whole is of.
    pub name: &'static str,
    /// Its parts, and what they are called.
    pub parts: [(u64, &'static str); 5],
}

impl RecordBalance {
    /// As an equation.
    pub fn equation(self) -> Equation {
        Equation {
            whole: self.read,
            name: "records read",
            parts: [
                (self.rendered, "rendered"),
                (self.duplicates, "duplicates"),
                (self.excluded, "excluded"),
                (self.quarantined, "quarantined"),
                (self.open, "open, of days not over"),
            ],
        }
    }
}

impl DeliveryBalance {
    /// As an equation.
    pub fn equation(self) -> Equation {
        Equation {
            whole: self.planned,
            name: "deliveries planned",
            parts: [
                (self.imported, "imported"),
                (self.partially_imported, "partially imported"),
                (self.skipped, "skipped, there already"),
                (self.failed, "failed"),
                (self.held, "held, no mailbox yet"),
            ],
        }
    }
}

impl Equation {
    /// The sum of the parts.
    pub fn sum(&self) -> u64 {
        self.parts.iter().map(|(part, _)| part).sum()
    }

    /// Whether both sides are equal.
    pub fn closes(&self) -> bool {
        self.whole == self.sum()
    }
}

impl From<Records> for RecordBalance {
    fn from(records: Records) -> Self {
        Self {
            read: records.read,
            rendered: records.rendered,
            duplicates: records.duplicates,
            excluded: records.excluded,
            quarantined: records.quarantined,
            open: records.open,
        }
    }
}

impl From<Deliveries> for DeliveryBalance {
    fn from(deliveries: Deliveries) -> Self {
        Self {
            planned: deliveries.planned,
            imported: deliveries.imported,
            partially_imported: deliveries.partially_imported,
            skipped: deliveries.skipped,
            failed: deliveries.failed,
            held: deliveries.held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equation_closes_when_everything_is_accounted_for() {
        let records = RecordBalance {
            read: 5,
            rendered: 1,
            duplicates: 1,
            excluded: 1,
            quarantined: 1,
            open: 1,
        };
        let deliveries = DeliveryBalance {
            planned: 6,
            imported: 1,
            partially_imported: 1,
            skipped: 1,
            failed: 1,
            held: 1,
        };

        assert!(records.equation().closes());
        assert!(!deliveries.equation().closes());
    }
}
