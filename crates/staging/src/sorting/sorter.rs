use std::fs::File;

use super::{HELD, Merge, Run, SortError, Sortable};

/// Takes values in any order and gives them back sorted. What was pushed since [`begin`](Self::begin)
/// can be taken back: a file counts whole or not at all.
pub struct Sorter<T> {
    values: Vec<T>,
    weight: usize,
    limit: usize,
    runs: Vec<File>,
    /// Where in `values` and `runs` the part begins that can be taken back.
    first_value: usize,
    first_run: usize,
}

impl<T: Sortable> Default for Sorter<T> {
    fn default() -> Self {
        Self::with_limit(HELD)
    }
}

impl<T: Sortable> Sorter<T> {
    /// A sorter that holds [`HELD`] bytes in memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// A sorter that holds so many bytes in memory.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            values: Vec::new(),
            weight: 0,
            limit,
            runs: Vec::new(),
            first_value: 0,
            first_run: 0,
        }
    }

    /// Keeps everything so far.
    pub fn begin(&mut self) {
        self.first_value = self.values.len();
        self.first_run = self.runs.len();
    }

    /// Takes back everything since [`begin`](Self::begin).
    pub fn roll_back(&mut self) {
        self.values.truncate(self.first_value);
        self.runs.truncate(self.first_run);
        self.weight = self.values.iter().map(T::weight).sum();
    }

    /// Takes a value.
    pub fn push(&mut self, value: T) -> Result<(), SortError> {
        self.weight += value.weight();
        self.values.push(value);
        if self.weight > self.limit {
            self.spill()?;
        }
        Ok(())
    }

    /// All values, sorted.
    pub fn finish(self) -> Result<Merge<T>, SortError> {
        let files = self.runs.into_iter().map(Run::frames);
        let runs = files.chain([Run::sorted(self.values)]);
        Merge::of(runs.map(Ok))
    }

    /// What is kept for good and what may be taken back go into runs of their own.
    fn spill(&mut self) -> Result<(), SortError> {
        let recent = self.values.split_off(self.first_value);
        let kept = std::mem::take(&mut self.values);
        if !kept.is_empty() {
            self.runs.insert(self.first_run, write(kept)?);
            self.first_run += 1;
        }
        if !recent.is_empty() {
            self.runs.push(write(recent)?);
        }
        self.first_value = 0;
        self.weight = 0;
        Ok(())
    }
}

fn write<T: Sortable>(mut values: Vec<T>) -> Result<File, SortError> {
    values.sort_unstable();
    Run::spill(values.into_iter().map(Ok))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(sorter: Sorter<u32>) -> Vec<u32> {
        let mut merge = sorter.finish().unwrap();
        std::iter::from_fn(|| merge.next().unwrap()).collect()
    }

    #[test]
    fn values_beyond_memory_come_back_sorted() {
        let mut sorter = Sorter::with_limit(40);
        for value in (0..1_000).rev() {
            sorter.push(value).unwrap();
        }

        assert_eq!(sorted(sorter), (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_taken_back_is_gone_also_from_disk() {
        for limit in [4, 40, 4_000] {
            let mut sorter = Sorter::with_limit(limit);
            for (file, is_whole) in [(0, true), (1, false), (2, true), (3, false)] {
                sorter.begin();
                for value in 0..25 {
                    sorter.push(value * 10 + file).unwrap();
                }
                if !is_whole {
                    sorter.roll_back();
                }
            }

            let values = sorted(sorter);

            assert_eq!(values.len(), 50);
            assert!(values.iter().all(|value| value % 2 == 0));
        }
    }
}
