//! Tables of medians.

use crate::{
    machine::Fsync,
    measure::{Sample, float},
};

/// Busier others, in cores, make a row worth less.
const DISTURBED: f64 = 0.3;

/// All measurements of one thing.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) samples: Vec<Sample>,
}

/// Median, smallest and largest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<_> = values.collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() {
            0 => 0.0,
            len if len % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        Self {
            median,
            min: values.first().copied().unwrap_or_default(),
            max: values.last().copied().unwrap_or_default(),
        }
    }
}

impl Series {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            samples: Vec::new(),
        }
    }

    pub(crate) fn spread(&self, value: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.samples.iter().map(value))
    }

    pub(crate) fn rate(&self) -> f64 {
        self.spread(Sample::rate).median
    }

    pub(crate) fn micros(&self) -> f64 {
        self.spread(Sample::client_micros).median
    }

    pub(crate) fn peak(&self) -> f64 {
        self.spread(|sample| float(sample.peak)).max
    }

    fn mark(&self) -> &'static str {
        let foreign = self.spread(|sample| sample.foreign).median;
        if foreign > DISTURBED {
            " (disturbed)"
        } else {
            ""
        }
    }
}

/// A text that grows into the report.
#[derive(Debug, Default)]
pub(crate) struct Report {
    text: String,
}

impl Report {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    pub(crate) fn section(&mut self, title: &str, note: &str) {
        self.line(format!("\n## {title}\n\n{note}\n"));
    }

    /// Rates and costs of things that take time.
    pub(crate) fn rates(&mut self, unit: &str, all: &[Series]) {
        self.line(format!(
            "| | {unit}/s, median (min - max) | MB/s | client CPU us | server CPU us | peak memory | others' cores |"
        ));
        self.line("|---|---|---|---|---|---|---|");
        for series in all {
            let rate = series.spread(Sample::rate);
            let megabytes = series
                .spread(|sample| float(sample.bytes) / sample.seconds / 1e6)
                .median;
            let server = series.spread(Sample::server_micros).median;
            let peak = match series.peak() {
                peak if peak > 0.0 => format!("{:.0} MB", peak / 1e6),
                _ => "-".to_owned(),
            };
            self.line(format!(
                "| {}{} | **{:.0}** ({:.0} - {:.0}) | {megabytes:.1} | {:.0} | {server:.0} | {peak} | {:.2} |",
                series.name,
                series.mark(),
                rate.median,
                rate.min,
                rate.max,
                series.micros(),
                series.spread(|sample| sample.foreign).median,
            ));
        }
        self.line("");
    }

    /// CPU of things that are done over and over on one core.
    pub(crate) fn costs(&mut self, unit: &str, all: &[Series]) {
        self.line(format!(
            "| | CPU us per {unit}, median (min - max) | {unit}s/s of a core | bytes out |"
        ));
        self.line("|---|---|---|---|");
        for series in all {
            let cost = series.spread(Sample::client_micros);
            let bytes = series
                .spread(|sample| float(sample.bytes) / float(sample.count))
                .median;
            self.line(format!(
                "| {} | **{:.2}** ({:.2} - {:.2}) | {:.0} | {bytes:.0} |",
                series.name,
                cost.median,
                cost.min,
                cost.max,
                1e6 / cost.median.max(1e-9),
            ));
        }
        self.line("");
    }

    /// A figure beside what it should be. Never a verdict: disks differ by more than aims do.
    pub(crate) fn aim(&mut self, what: &str, figure: &str, aim: &str) {
        self.line(format!("* {what}: **{figure}** (aim {aim})"));
    }

    /// What the disk did before and after a section.
    pub(crate) fn disk(&mut self, before: Fsync, after: Fsync) {
        let drift = after.median / before.median;
        let mark = if (0.5..=2.0).contains(&drift) {
            ""
        } else {
            ", **disturbed: do not compare**"
        };
        self.line(format!(
            "\nfsync median / p99 before {before}, after {after}{mark}"
        ));
    }
}

/// `2.1x`.
pub(crate) fn times(ours: f64, theirs: f64) -> String {
    format!("{:.2}x", ours / theirs.max(1e-9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_in_between() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0].into_iter());

        assert!((spread.median - 2.5).abs() < 1e-9);
        assert!((spread.max - 4.0).abs() < 1e-9);
    }
}
