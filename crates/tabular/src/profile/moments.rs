//! Count, mean, variance, smallest and largest of numbers, mergeable.

use serde::{Deserialize, Serialize};

/// The first two moments of finite numbers, and their ends.
///
/// Two parts merge by T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
/// variances" (1979): no sum of squares is kept, so that a column of large numbers with a small spread keeps its digits.
///
/// ```
/// use tabular::profile::Moments;
/// let mut moments = Moments::default();
/// moments.add(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
/// assert_eq!((moments.mean(), moments.std(0)), (Some(5.0), Some(2.0)));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    /// How many.
    pub count: u64,
    /// The smallest; absent without values.
    pub min: Option<f64>,
    /// The largest; absent without values.
    pub max: Option<f64>,
    /// The mean; null without values, and when it is too large for a double.
    mean: Option<f64>,
    /// The sum of squared distances from the mean; null as the mean.
    m2: Option<f64>,
}

impl Moments {
    /// Takes in finite numbers.
    pub fn add(&mut self, values: &[f64]) {
        // Runs are summed in two passes that stay in the cache, then merged: exact and fast.
        const RUN: usize = 1024;
        for run in values.chunks(RUN) {
            let count = run.len() as f64;
            let shift = run[0];
            let mean = shift + run.iter().map(|value| value - shift).sum::<f64>() / count;
            let (mut m2, mut rest) = (0.0, 0.0);
            let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
            for value in run {
                let delta = value - mean;
                m2 += delta * delta;
                rest += delta;
                min = min.min(*value);
                max = max.max(*value);
            }
            let part = Self {
                count: run.len() as u64,
                min: Some(min),
                max: Some(max),
                mean: Some(mean + rest / count),
                m2: Some(rest.mul_add(-rest / count, m2).max(0.0)),
            };
            *self = self.merge(&part);
        }
    }

    /// Takes in one number that occurs several times.
    pub fn add_times(&mut self, value: f64, count: u64) {
        if count > 0 {
            let part = Self {
                count,
                min: Some(value),
                max: Some(value),
                mean: Some(value),
                m2: Some(0.0),
            };
            *self = self.merge(&part);
        }
    }

    /// The mean; `None` without values, or when it is too large for a double.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        self.mean.filter(|mean| mean.is_finite())
    }

    /// The standard deviation with `ddof` degrees of freedom taken off (1: of a sample, as pandas and SQL's
    /// `stddev`; 0: of a population, as numpy); `None` when fewer values than that plus one.
    #[must_use]
    pub fn std(&self, ddof: u64) -> Option<f64> {
        let m2 = self.m2.filter(|m2| m2.is_finite())?;
        (self.count > ddof).then(|| (m2 / (self.count - ddof) as f64).sqrt())
    }

    /// The moments of both.
    #[must_use]
    pub fn merge(self, other: &Self) -> Self {
        if self.count == 0 {
            return *other;
        }
        if other.count == 0 {
            return self;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let joined = self.mean.zip(other.mean).map(|(mine, theirs)| {
            let delta = theirs - mine;
            (mine + delta * (b / (a + b)), delta * delta * (a / (a + b)) * b)
        });
        let finite = |value: f64| value.is_finite().then_some(value);
        Self {
            count: self.count + other.count,
            min: self.min.zip(other.min).map(|(a, b)| a.min(b)),
            max: self.max.zip(other.max).map(|(a, b)| a.max(b)),
            mean: joined.and_then(|(mean, _)| finite(mean)),
            m2: joined.and_then(|(_, between)| finite(self.m2? + other.m2? + between)),
        }
    }
}
