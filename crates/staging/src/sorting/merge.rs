use std::{cmp::Reverse, collections::BinaryHeap};

use super::{FAN_IN, Run, SortError, Sortable};

/// Merges sorted runs into one sequence.
pub struct Merge<T> {
    runs: Vec<Run<T>>,
    /// The next value of each run that has one.
    heads: BinaryHeap<Reverse<(T, usize)>>,
}

impl<T: Sortable> Merge<T> {
    /// Opens the runs as they are needed: never more than [`FAN_IN`] of them, and as many of their
    /// merged temporary ones, are open at once.
    pub fn of<E: From<SortError>>(
        runs: impl IntoIterator<Item = Result<Run<T>, E>>,
    ) -> Result<Self, E> {
        let mut open = Vec::new();
        let mut merged = Vec::new();
        for run in runs {
            open.push(run?);
            if open.len() == FAN_IN {
                merged.push(Self::into_run(std::mem::take(&mut open))?);
            }
            if merged.len() == FAN_IN {
                let run = Self::into_run(std::mem::take(&mut merged))?;
                merged.push(run);
            }
        }
        if merged.len() + open.len() > FAN_IN {
            merged.push(Self::into_run(open)?);
            open = Vec::new();
        }
        merged.extend(open);
        Ok(Self::start(merged)?)
    }

    /// The next value; `None` at the end.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator of results would hide that the first error is the last word"
    )]
    pub fn next(&mut self) -> Result<Option<T>, SortError> {
        let Some(Reverse((value, run))) = self.heads.pop() else {
            return Ok(None);
        };
        if let Some(next) = self.runs[run].next()? {
            self.heads.push(Reverse((next, run)));
        }
        Ok(Some(value))
    }

    fn start(mut runs: Vec<Run<T>>) -> Result<Self, SortError> {
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (index, run) in runs.iter_mut().enumerate() {
            if let Some(value) = run.next()? {
                heads.push(Reverse((value, index)));
            }
        }
        Ok(Self { runs, heads })
    }

    fn into_run(runs: Vec<Run<T>>) -> Result<Run<T>, SortError> {
        let mut merge = Self::start(runs)?;
        let values = std::iter::from_fn(|| merge.next().transpose());
        Ok(Run::frames(Run::spill(values)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Sortable for u32 {
        fn weight(&self) -> usize {
            4
        }
    }

    #[test]
    fn any_number_of_runs_becomes_one_sequence() {
        for count in [0, 1, 63, 64, 65, 4_096, 4_200] {
            let runs =
                (0..count).map(|run| Ok::<_, SortError>(Run::sorted(vec![run + 10_000, run])));
            let mut merge = Merge::of(runs).unwrap();

            let mut values = Vec::new();
            while let Some(value) = merge.next().unwrap() {
                values.push(value);
            }

            assert_eq!(values.len(), 2 * count as usize);
            assert!(values.is_sorted());
        }
    }
}
