use std::time::{Duration, Instant};

/// Keeps to so many rows in a second.
pub(crate) struct Pace {
    rows_per_second: Option<u32>,
    began: Option<Instant>,
    rows: u64,
}

impl Pace {
    pub(crate) fn new(rows_per_second: Option<u32>) -> Self {
        Self {
            rows_per_second,
            began: None,
            rows: 0,
        }
    }

    /// Waits until the rows read so far are due.
    pub(crate) async fn keep(&mut self, rows: u64) {
        let Some(rate) = self.rows_per_second else {
            return;
        };
        let began = *self.began.get_or_insert_with(Instant::now);
        self.rows += rows;
        let due = Duration::from_millis(self.rows.saturating_mul(1_000) / u64::from(rate.max(1)));
        let early = due.checked_sub(began.elapsed());
        tokio::time::sleep(early.unwrap_or_default()).await;
    }
}
