//! Counting a column's values into frozen bins: one exact pass, and the counts of parts add up.

use drift_stats::bins::Edges;
use tabular::{Column, Values, shortened};

use crate::baseline::{Bins, Counts};

/// What a window holds of one column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// On the baseline's bins.
    pub counts: Counts,
    /// On the baseline's grid; empty without one.
    pub grid: Vec<u64>,
    /// The smallest and largest finite number.
    pub range: Option<(f64, f64)>,
}

/// Counts one column.
#[derive(Debug, Clone)]
pub struct Counter<'a> {
    bins: &'a Bins,
    grid: Option<&'a Edges>,
    seen: Seen,
}

impl<'a> Counter<'a> {
    /// A counter on these bins.
    #[must_use]
    pub fn new(bins: &'a Bins, grid: Option<&'a Edges>) -> Self {
        let counts = Counts {
            bins: vec![0; bins.len()],
            ..Counts::default()
        };
        let seen = Seen {
            counts,
            grid: vec![0; grid.map_or(0, Edges::bins)],
            range: None,
        };
        Self { bins, grid, seen }
    }

    /// Takes in rows.
    pub fn update(&mut self, column: &Column) {
        self.seen.counts.nulls += column.null_count() as u64;
        match self.bins {
            Bins::Category { .. } => self.categories(column),
            _ => self.numbers(column),
        }
    }

    /// Takes in rows of which the file had a value that could not be read; they stand as nulls in the column.
    pub fn unreadable(&mut self, rows: u64) {
        let counts = &mut self.seen.counts;
        let moved = rows.min(counts.nulls);
        counts.nulls -= moved;
        counts.odd += moved;
    }

    /// What was counted.
    #[must_use]
    pub fn finish(self) -> Seen {
        self.seen
    }

    fn numbers(&mut self, column: &Column) {
        let runs = column.validity().runs();
        match column.values() {
            Values::Float(values) | Values::Decimal(values) => {
                runs.for_each(|run| values[run].iter().for_each(|v| self.number(*v)));
            }
            Values::Int(values) => {
                runs.for_each(|run| values[run].iter().for_each(|v| self.number(*v as f64)));
            }
            Values::Unsigned(values) => {
                runs.for_each(|run| values[run].iter().for_each(|v| self.number(*v as f64)));
            }
            Values::Bool(values) => {
                runs.for_each(|run| run.for_each(|row| self.number(f64::from(u8::from(values.get(row))))));
            }
            // Kinds are compared before anything is counted; a column of another kind has no numbers.
            _ => self.seen.counts.odd += (column.len() - column.null_count()) as u64,
        }
    }

    fn number(&mut self, value: f64) {
        if !value.is_finite() {
            self.seen.counts.odd += 1;
            return;
        }
        self.seen.range = Some(match self.seen.range {
            Some((low, high)) => (low.min(value), high.max(value)),
            None => (value, value),
        });
        let bin = match self.bins {
            Bins::Quantile { edges } => edges.bin(value),
            Bins::Value { values } => values
                .binary_search_by(|probe| probe.total_cmp(&(value + 0.0)))
                .unwrap_or(values.len()),
            Bins::Category { .. } => return,
        };
        self.seen.counts.bins[bin] += 1;
        if let Some(grid) = self.grid {
            self.seen.grid[grid.bin(value)] += 1;
        }
    }

    fn categories(&mut self, column: &Column) {
        let Bins::Category { labels } = self.bins else {
            return;
        };
        let runs = column.validity().runs();
        let bins = &mut self.seen.counts.bins;
        // Labels come out of a profile, which keeps long texts short.
        match column.values() {
            Values::Text(values) => {
                runs.for_each(|run| run.for_each(|row| bins[labels.bin(&shortened(values.get(row)))] += 1));
            }
            Values::Dictionary(values) => {
                // Each distinct value is looked up once, not once a row.
                let known: Vec<usize> = (0..values.size())
                    .map(|key| labels.bin(&shortened(values.value(key))))
                    .collect();
                let other = labels.labels().len();
                for key in runs.flat_map(|run| &values.keys()[run]) {
                    let bin = usize::try_from(*key).ok().and_then(|key| known.get(key).copied());
                    bins[bin.unwrap_or(other)] += 1;
                }
            }
            _ => {
                for row in runs.flatten() {
                    let bin = column
                        .text(row)
                        .map_or(labels.labels().len(), |text| labels.bin(&shortened(&text)));
                    bins[bin] += 1;
                }
            }
        }
    }
}
