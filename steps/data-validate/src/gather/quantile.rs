//! Exact quantiles in bounded memory: by counting while there are few different values, else a sketch brackets the
//! answer in the first pass and a second pass counts inside the bracket.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tabular::profile::Quantiles;
use tabular::profile::quantiles::weighted_quantile;

/// A sketch that is off by more than so many times its error in every direction is next to impossible.
pub(super) const WIDEN: f64 = 2.0;

/// Different values that are counted one by one.
const COUNTED: usize = 1 << 16;

/// The first pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstPass {
    /// Every value with its rows, by the bits of the value.
    Counted(#[serde(with = "counted")] HashMap<u64, u64>),
    /// Too many different values.
    Sketched(Box<Quantiles>),
}

impl Default for FirstPass {
    fn default() -> Self {
        Self::Counted(HashMap::new())
    }
}

impl FirstPass {
    /// Takes in finite numbers.
    pub fn add(&mut self, finite: &[f64]) {
        for value in finite {
            match self {
                Self::Counted(counts) => {
                    // Minus zero is zero.
                    *counts.entry((value + 0.0).to_bits()).or_insert(0) += 1;
                    if counts.len() > COUNTED {
                        self.sketch();
                    }
                }
                Self::Sketched(sketch) => sketch.add(*value),
            }
        }
    }

    fn sketch(&mut self) {
        if let Self::Counted(counts) = self {
            let mut sketch = Quantiles::default();
            for (value, rows) in sorted(counts) {
                sketch.add_times(value, rows);
            }
            *self = Self::Sketched(Box::new(sketch));
        }
    }

    /// Takes in another part.
    pub fn absorb(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Counted(mine), Self::Counted(theirs)) => {
                for (bits, rows) in theirs {
                    *mine.entry(bits).or_insert(0) += rows;
                }
                if mine.len() > COUNTED {
                    self.sketch();
                }
            }
            (_, mut other) => {
                self.sketch();
                other.sketch();
                if let (Self::Sketched(mine), Self::Sketched(theirs)) = (self, other) {
                    **mine = std::mem::take(mine.as_mut()).merge(&theirs);
                }
            }
        }
    }

    /// The quantile, when it is exact already.
    #[must_use]
    pub fn exact(&self, p: f64) -> Option<Option<f64>> {
        match self {
            Self::Counted(counts) => Some(weighted_quantile(&sorted(counts), p)),
            Self::Sketched(_) => None,
        }
    }

    /// The quantile as the sketch has it, and where it surely lies: as far to both sides as the second pass would look first,
    /// and no further than the smallest and the largest value, which the sketch itself may have let go.
    #[must_use]
    pub fn estimate(&self, p: f64, (min, max): (f64, f64)) -> Option<(f64, (f64, f64))> {
        let bracket = self.bracket(p, WIDEN)?;
        let Self::Sketched(sketch) = self else { return None };
        let within = (bracket.low.max(min), bracket.high.min(max));
        Some((sketch.quantile(p)?.clamp(within.0, within.1), within))
    }

    /// Where the quantile surely lies, for the second pass; `widen` times the sketch's error to both sides.
    #[must_use]
    pub fn bracket(&self, p: f64, widen: f64) -> Option<Bracket> {
        let Self::Sketched(sketch) = self else { return None };
        let margin = sketch.rank_error() * widen + 2.0 / sketch.count() as f64;
        let low = if p - margin <= 0.0 {
            f64::NEG_INFINITY
        } else {
            sketch.quantile(p - margin)?
        };
        let high = if p + margin >= 1.0 {
            f64::INFINITY
        } else {
            sketch.quantile(p + margin)?
        };
        Some(Bracket {
            p,
            low,
            high,
            below: 0,
            count: 0,
            inside: HashMap::new(),
        })
    }
}

/// Values with their rows in a file, in the order of the values.
mod counted {
    use std::collections::HashMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(counts: &HashMap<u64, u64>, to: S) -> Result<S::Ok, S::Error> {
        super::sorted(counts).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<HashMap<u64, u64>, D::Error> {
        let values = Vec::<(f64, u64)>::deserialize(from)?;
        Ok(values
            .into_iter()
            .map(|(value, rows)| (value.to_bits(), rows))
            .collect())
    }
}

fn sorted(counts: &HashMap<u64, u64>) -> Vec<(f64, u64)> {
    let mut values: Vec<(f64, u64)> = counts
        .iter()
        .map(|(bits, rows)| (f64::from_bits(*bits), *rows))
        .collect();
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    values
}

/// The second pass: the values inside, and how many lie below.
#[derive(Debug, Clone, PartialEq)]
pub struct Bracket {
    /// The share that is asked for.
    pub p: f64,
    low: f64,
    high: f64,
    below: u64,
    count: u64,
    inside: HashMap<u64, u64>,
}

impl Bracket {
    /// Takes in finite numbers.
    pub fn add(&mut self, finite: &[f64]) {
        self.count += finite.len() as u64;
        for value in finite {
            if *value < self.low {
                self.below += 1;
            } else if *value <= self.high {
                *self.inside.entry((value + 0.0).to_bits()).or_insert(0) += 1;
            }
        }
    }

    /// Takes in another part.
    pub fn absorb(&mut self, other: Self) {
        self.below += other.below;
        self.count += other.count;
        for (bits, rows) in other.inside {
            *self.inside.entry(bits).or_insert(0) += rows;
        }
    }

    /// The quantile; `None` when it lies outside of the bracket after all.
    #[must_use]
    pub fn quantile(&self) -> Option<f64> {
        let inside = sorted(&self.inside);
        let held: u64 = inside.iter().map(|(_, rows)| rows).sum();
        let position = self.p * (self.count.checked_sub(1)?) as f64;
        let rank = position.floor() as u64;
        let from = rank.checked_sub(self.below)?;
        let to = (rank + 1).min(self.count - 1).checked_sub(self.below)?;
        if to >= held {
            return None;
        }
        // The neighbours of the rank, as a small weighted set of their own.
        let at = |rank: u64| {
            let mut seen = 0;
            inside.iter().find(|(_, rows)| {
                seen += rows;
                seen > rank
            })
        };
        let pair = [(at(from)?.0, 1), (at(to)?.0, 1)];
        weighted_quantile(&pair, position - position.floor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values without repetition, in no order.
    fn values(count: u64) -> Vec<f64> {
        (0..count)
            .map(|index| (index.wrapping_mul(2_654_435_761) % count) as f64 / 3.0)
            .collect()
    }

    #[test]
    fn a_value_of_very_many_rows_is_sketched_at_once() {
        let mut first = FirstPass::default();
        first.add(&values(60_000));
        let mut counts = HashMap::from([(0.25_f64.to_bits(), 1 << 40)]);
        counts.extend((0..10_000).map(|value| ((f64::from(value) + 1e6).to_bits(), 1)));
        first.absorb(FirstPass::Counted(counts));
        assert!(matches!(&first, FirstPass::Sketched(sketch) if sketch.count() == (1 << 40) + 70_000));
        assert_eq!(first.estimate(0.5, (0.0, 2e6)).unwrap().0, 0.25);
    }

    #[test]
    fn both_passes_give_the_exact_quantile() {
        for count in [1, 2, 1000, 300_000] {
            let values = values(count);
            let mut all: Vec<(f64, u64)> = values.iter().map(|value| (*value, 1)).collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut first = FirstPass::default();
            values.chunks(10_007).for_each(|part| {
                let mut other = FirstPass::default();
                other.add(part);
                first.absorb(other);
            });
            for p in [0.0, 0.01, 0.25, 0.5, 0.95, 0.999, 1.0] {
                let expected = weighted_quantile(&all, p);
                let found = first.exact(p).unwrap_or_else(|| {
                    let mut bracket = first.bracket(p, 2.0).unwrap();
                    bracket.add(&values);
                    bracket.quantile()
                });
                assert_eq!(found, expected, "p = {p} of {count}");
            }
        }
    }
}
