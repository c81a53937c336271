//! From the profile of the first pass to frozen bins.

use std::collections::BTreeSet;

use drift_stats::StatError;
use drift_stats::bins::{Categories, Edges};
use tabular::{Column, ColumnProfile, Kind};

use crate::baseline::Bins;

/// Numeric columns with at most so many different values get a bin for each, as Evidently does: quantiles of
/// a column of five values say little.
pub const DISTINCT_UP_TO: usize = 20;

/// Quantiles of the fine grid. The distance of distribution functions is off by at most a bin's mass: 0.4 %.
pub const GRID: usize = 256;

/// What the first pass keeps of a column.
#[derive(Debug, Clone)]
pub struct FirstPass {
    /// The profile.
    pub profile: ColumnProfile,
    /// The different finite numbers while they are few; `None` once they are many.
    few: Option<BTreeSet<u64>>,
}

/// Bins and grid of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Frozen {
    /// The bins.
    pub bins: Bins,
    /// The fine grid of a column with many numbers.
    pub grid: Option<Edges>,
}

impl FirstPass {
    /// Before the first row.
    #[must_use]
    pub fn new(profile: ColumnProfile) -> Self {
        Self {
            profile,
            few: Some(BTreeSet::new()),
        }
    }

    /// Takes in rows.
    pub fn update(&mut self, column: &Column) {
        self.profile.update(column);
        let (field, profile) = (column.field(), &mut self.profile);
        if field.type_name != profile.type_name
            && !profile.type_name.split(" | ").any(|n| n == field.type_name)
        {
            // Integers in one file and floating numbers in the next are one column of numbers.
            profile.type_name = format!("{} | {}", profile.type_name, field.type_name);
            profile.kind = if profile.kind == field.kind {
                profile.kind
            } else {
                Kind::Float
            };
        }
        if column.kind() == Kind::Text {
            self.few = None;
        }
        let Some(few) = self.few.as_mut() else { return };
        for value in column.numbers().flatten().filter(|value| value.is_finite()) {
            few.insert(ordered(value));
            if few.len() > DISTINCT_UP_TO {
                self.few = None;
                return;
            }
        }
    }

    /// The bins of this column, or why it has none.
    ///
    /// # Errors
    /// When the profile holds numbers that no bins can be made of.
    pub fn freeze(&self, bins: usize, top_categories: usize) -> Result<Frozen, StatError> {
        if self.profile.kind == Kind::Text {
            let counts = self.profile.top.iter().flat_map(|top| top.most(top_categories));
            let labels = Categories::top(counts, top_categories)?;
            return Ok(Frozen {
                bins: Bins::Category { labels },
                grid: None,
            });
        }
        if let Some(few) = &self.few {
            let values = few.iter().map(|bits| restored(*bits)).collect();
            return Ok(Frozen {
                bins: Bins::Value { values },
                grid: None,
            });
        }
        let edges = self.edges_at((1..bins).map(|k| k as f64 / bins as f64))?;
        // The grid holds the edges of the bins too, so that it only refines them.
        let fine = self.edges_at((1..GRID).map(|k| k as f64 / GRID as f64).chain(tails()))?;
        let mut all: Vec<f64> = edges.values().iter().chain(fine.values()).copied().collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        Ok(Frozen {
            grid: Some(Edges::new(all)?),
            bins: Bins::Quantile { edges },
        })
    }

    fn edges_at(&self, shares: impl Iterator<Item = f64>) -> Result<Edges, StatError> {
        let numbers = self.profile.numbers.as_ref();
        let quantile = |share: f64| numbers.and_then(|numbers| numbers.quantiles.quantile(share));
        let quantiles: Vec<f64> = shares.filter_map(quantile).collect();
        let minimum = numbers
            .and_then(|numbers| numbers.moments.min)
            .unwrap_or(f64::MIN);
        Edges::from_quantiles(quantiles, minimum)
    }
}

/// Shares ever closer to both ends: the outermost bins of a column with a long tail are wide, and the
/// Wasserstein distance spreads their mass evenly.
fn tails() -> impl Iterator<Item = f64> {
    (9..=14)
        .map(|k| 0.5_f64.powi(k))
        .flat_map(|share| [share, 1.0 - share])
}

/// A key that sorts as numbers do; both zeros have one.
fn ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
}

fn restored(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_numbers() {
        let values = [f64::MIN, -2.5, -1e-300, 0.0, 1e-300, 3.0, f64::MAX];
        let keys: Vec<u64> = values.iter().map(|v| ordered(*v)).collect();
        assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(keys.iter().map(|k| restored(*k)).collect::<Vec<_>>(), values);
        assert_eq!(ordered(-0.0), ordered(0.0));
    }
}
