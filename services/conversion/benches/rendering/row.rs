//! Measures and prints.

use rustix::time::{ClockId, clock_gettime};

const RUNS: usize = 5;
const SECONDS: f64 = 0.6;
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds of one process")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

/// One row: what is done per conversation, and what it costs in microseconds.
pub(crate) struct Row<'a> {
    name: &'a str,
    work: Box<dyn Fn(usize) -> usize + 'a>,
    costs: Vec<f64>,
    bytes: usize,
}

impl<'a> Row<'a> {
    pub(crate) fn new(name: &'a str, work: impl Fn(usize) -> usize + 'a) -> Self {
        Self {
            name,
            work: Box::new(work),
            costs: Vec::new(),
            bytes: 0,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    fn measure(&mut self) {
        let (mut count, mut bytes) = (0_usize, 0);
        let start = cpu();
        while cpu() - start < SECONDS {
            for _ in 0..50 {
                bytes += (self.work)(count);
                count += 1;
            }
        }
        self.costs.push((cpu() - start) / count as f64 * 1e6);
        self.bytes = bytes / count;
    }

    fn print(&mut self, lines: usize) {
        self.costs.sort_by(f64::total_cmp);
        let (low, middle, high) = (self.costs[0], self.costs[RUNS / 2], self.costs[RUNS - 1]);
        #[expect(clippy::cast_precision_loss, reason = "a few lines")]
        let line = middle / lines as f64;
        println!(
            "{:<46} {:>7} {middle:>8.1} {low:>8.1} {high:>8.1} {line:>8.2}",
            self.name, self.bytes
        );
    }
}

/// Measures the rows, interleaved, and prints them with their number of lines.
pub(crate) fn measure(mut rows: Vec<(usize, Row<'_>)>) {
    // Cargo adds "--bench"; any other word picks the rows that contain it.
    let picks: Vec<_> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    let is_picked =
        |row: &Row<'_>| picks.is_empty() || picks.iter().any(|pick| row.name.contains(pick));
    rows.retain(|(_, row)| is_picked(row));
    // Interleaved, so that a noisy neighbour disturbs all rows alike.
    for _ in 0..RUNS {
        for (_, row) in &mut rows {
            row.measure();
        }
    }
    println!(
        "{:<46} {:>7} {:>8} {:>8} {:>8} {:>8}",
        "CPU us per conversation", "bytes", "median", "min", "max", "us/line"
    );
    for (lines, row) in &mut rows {
        row.print(*lines);
    }
}
