//! DeLong's test of two AUCs on the same rows.
//!
//! DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44:837; midranks after Sun & Xu (2014),
//! IEEE Signal Processing Letters 21:1389, in O(n log n).

use super::normal_cdf;
use crate::metrics::Scored;

/// Where each row stands among the rows of the other class.
#[derive(Debug, Clone)]
pub struct Placements {
    /// The AUC, which is the mean of either side.
    pub auc: f64,
    /// For each positive, in row order: the share of negatives below it, ties half.
    positives: Vec<f64>,
    /// For each negative, in row order: the share of positives above it, ties half.
    negatives: Vec<f64>,
}

/// An AUC or a difference of two, with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its standard error; 0 when nothing varies.
    pub se: f64,
}

/// How many rows of each class the variance needs.
pub const MIN_PER_CLASS: usize = 2;

impl Placements {
    /// Places each row. `None` below two rows of either class: there is no variance then.
    pub fn of(rows: &Scored<'_>) -> Option<Self> {
        let total = rows.labels().iter().filter(|label| **label).count();
        let others = rows.len() - total;
        if total < MIN_PER_CLASS || others < MIN_PER_CLASS {
            return None;
        }
        let (m, n) = (total as f64, others as f64);
        let mut placed = vec![0.0; rows.len()];
        let (mut positives_above, mut negatives_above) = (0.0, 0.0);
        let mut ordered = 0.0;
        for run in rows.ties() {
            let p = run.iter().filter(|row| rows.labels()[**row as usize]).count() as f64;
            let q = run.len() as f64 - p;
            for &row in run {
                placed[row as usize] = if rows.labels()[row as usize] {
                    (n - negatives_above - q / 2.0) / n
                } else {
                    (positives_above + p / 2.0) / m
                };
            }
            ordered += q * (2.0 * positives_above + p);
            positives_above += p;
            negatives_above += q;
        }
        let pick = |class: bool| {
            placed
                .iter()
                .zip(rows.labels())
                .filter(|(_, l)| **l == class)
                .map(|(v, _)| *v)
                .collect()
        };
        Some(Self {
            auc: ordered / (2.0 * m * n),
            positives: pick(true),
            negatives: pick(false),
        })
    }

    /// The AUC with its standard error.
    ///
    /// ```
    /// use evaluate::{comparison::delong::Placements, metrics::Scored};
    /// let labels = [false, false, true, true];
    /// let rows = Scored::new(&labels, &[0.1, 0.4, 0.35, 0.8], 0.5, 10);
    /// let auc = Placements::of(&rows).unwrap().estimate();
    /// assert_eq!(auc.value, 0.75);
    /// assert!((auc.se - 0.353_553_390_593_273_8).abs() < 1e-15);
    /// ```
    pub fn estimate(&self) -> Estimate {
        let variance = variance_of_mean(self.positives.iter().copied())
            + variance_of_mean(self.negatives.iter().copied());
        Estimate {
            value: self.auc,
            se: variance.sqrt(),
        }
    }

    /// This model's AUC less the other's, on the same rows.
    ///
    /// The variance is that of the differences row by row, which is
    /// `VarA + VarB - 2 Cov` without the cancellation: equal scores give exactly 0.
    pub fn minus(&self, other: &Self) -> Estimate {
        debug_assert_eq!(self.positives.len(), other.positives.len());
        let differences = |a: &[f64], b: &[f64]| {
            let pairs: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
            variance_of_mean(pairs.into_iter())
        };
        let variance =
            differences(&self.positives, &other.positives) + differences(&self.negatives, &other.negatives);
        Estimate {
            value: self.auc - other.auc,
            se: variance.sqrt(),
        }
    }
}

/// Sample variance over the count, in two passes.
fn variance_of_mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let squares: f64 = values.map(|v| (v - mean) * (v - mean)).sum();
    // Rounding of equal values is no spread.
    let spread = squares / (n - 1.0);
    if spread <= f64::EPSILON * f64::EPSILON {
        0.0
    } else {
        spread / n
    }
}

impl Estimate {
    /// Probability of a difference at least this far below `null`, were the truth `null`.
    pub fn p_below(self, null: f64) -> f64 {
        self.tail(null, normal_cdf)
    }

    /// Probability of a difference at least this far above `null`, were the truth `null`.
    pub fn p_above(self, null: f64) -> f64 {
        self.tail(null, |z| normal_cdf(-z))
    }

    /// Probability of a difference at least this far from 0 on either side, were there none.
    pub fn p_two_sided(self) -> f64 {
        self.tail(0.0, |z| 2.0 * normal_cdf(-z.abs()))
    }

    /// Without variance there is no test: a value at the null says nothing (p = 1); a value off
    /// it is the same for every pair of rows, so p is the limit 0 or 1.
    fn tail(self, null: f64, of: impl Fn(f64) -> f64) -> f64 {
        let off = self.value - null;
        if self.se > 0.0 {
            of(off / self.se)
        } else if off == 0.0 {
            1.0
        } else {
            of(off.signum() * f64::INFINITY)
        }
    }

    /// The normal interval, two-sided at `level`.
    pub fn interval(self, level: f64) -> (f64, f64) {
        let half = super::normal_quantile(0.5 + level / 2.0) * self.se;
        (self.value - half, self.value + half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_differ_by_nothing_with_certainty() {
        let labels = [true, false, true, false, true];
        let scores = [0.9, 0.2, 0.4, 0.4, 0.8];
        let place = Placements::of(&Scored::new(&labels, &scores, 0.5, 10)).unwrap();
        let none = place.minus(&place);
        assert_eq!(none, Estimate { value: 0.0, se: 0.0 });
        assert_eq!(
            (none.p_two_sided(), none.p_below(0.0), none.p_above(0.0)),
            (1.0, 1.0, 1.0)
        );
    }

    #[test]
    fn a_certain_difference_is_not_excused_for_want_of_variance() {
        let labels = [true, true, false, false];
        let right = Scored::new(&labels, &[0.9, 0.8, 0.2, 0.1], 0.5, 10);
        let wrong = Scored::new(&labels, &[0.1, 0.2, 0.8, 0.9], 0.5, 10);
        let (right, wrong) = (Placements::of(&right).unwrap(), Placements::of(&wrong).unwrap());
        let worse = wrong.minus(&right);
        assert_eq!((worse.value, worse.se), (-1.0, 0.0));
        assert_eq!((worse.p_below(0.0), worse.p_above(0.0)), (0.0, 1.0));
    }

    #[test]
    fn one_row_of_a_class_has_no_variance() {
        assert!(Placements::of(&Scored::new(&[true, false, false], &[1.0, 0.0, 0.5], 0.5, 10)).is_none());
    }
}
