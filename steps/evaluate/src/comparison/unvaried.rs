//! What rows can tell that all say the same: no resample of them varies, so that its interval is a point and its
//! standard error nothing, however few they are.
//!
//! If each of n rows would show a difference with chance s, none does with chance `(1 - s)^n`. At 5 % that is the
//! "rule of three" (Hanley & Lippman-Hand 1983, JAMA 249:1743); its limit is Clopper and Pearson's for n of n.

use crate::metrics::Metric;

/// Rows on which nothing varied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unvaried {
    /// The value that all of them gave.
    value: f64,
    /// The rows that could have shown another.
    rows: u64,
    /// How far the value moves when every one of them does.
    width: f64,
}

impl Unvaried {
    /// For a metric that gave `value` on these labels. A metric of the two classes rests on the smaller one.
    pub fn new(metric: Metric, value: f64, labels: &[bool]) -> Self {
        let positives = labels.iter().filter(|label| **label).count();
        let smaller = positives.min(labels.len() - positives);
        let of_all = metric.of_probability() || metric == Metric::Accuracy;
        let (low, high) = metric.range();
        Self {
            value,
            rows: if of_all { labels.len() } else { smaller } as u64,
            // The dearest row of a log-loss is a certain one that is wrong.
            width: if high.is_finite() {
                high - low
            } else {
                -f64::EPSILON.ln()
            },
        }
    }

    /// How many rows it rests on.
    pub fn rows(self) -> u64 {
        self.rows
    }

    /// How far the truth may be from the value, two-sided at `level`.
    ///
    /// ```
    /// use evaluate::{comparison::unvaried::Unvaried, metrics::Metric};
    /// let labels: Vec<bool> = (0..40).map(|row| row < 20).collect();
    /// let all_right = Unvaried::new(Metric::F1Score, 1.0, &labels);
    /// // scipy.stats.binomtest(20, 20).proportion_ci(0.95, "exact").low
    /// assert!((1.0 - all_right.reach(0.95) - 0.831_566_529_016_914_5).abs() < 1e-9);
    /// ```
    pub fn reach(self, level: f64) -> f64 {
        let tail = (1.0 - level) / 2.0;
        self.width * (1.0 - tail.powf(1.0 / self.rows as f64))
    }

    /// The chance to see only this value, were the truth at or above `null`; 1 when the value is there itself.
    pub fn p_below(self, null: f64) -> f64 {
        self.chance(null - self.value)
    }

    /// The chance to see only this value, were the truth at or below `null`; 1 when the value is there itself.
    pub fn p_above(self, null: f64) -> f64 {
        self.chance(self.value - null)
    }

    fn chance(self, off: f64) -> f64 {
        let share = (off / self.width).clamp(0.0, 1.0);
        (1.0 - share).powf(self.rows as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule of three: on 300 rows without an event, up to 1 % of events stay possible at 5 %.
    #[test]
    fn nothing_in_three_hundred_excludes_a_hundredth() {
        let labels: Vec<bool> = (0..600).map(|row| row % 2 == 0).collect();
        let none = Unvaried::new(Metric::AucRoc, 0.0, &labels);
        assert!((none.p_above(-0.01) - 0.99_f64.powi(300)).abs() < 1e-12);
        assert!(none.p_above(-0.01) < 0.05);
        assert_eq!((none.p_above(0.0), none.p_below(0.0)), (1.0, 1.0));
        let few = Unvaried::new(Metric::AucRoc, 0.0, &labels[..200]);
        assert!(few.p_above(-0.01) > 0.3, "a hundred of each class are too few");
    }

    #[test]
    fn a_metric_of_all_rows_rests_on_all_of_them() {
        let labels: Vec<bool> = (0..100).map(|row| row < 10).collect();
        assert_eq!(Unvaried::new(Metric::Mcc, 1.0, &labels).rows(), 10);
        assert_eq!(Unvaried::new(Metric::Brier, 0.0, &labels).rows(), 100);
        let wide = Unvaried::new(Metric::Mcc, 1.0, &labels).reach(0.95);
        assert_eq!(wide, 2.0 * Unvaried::new(Metric::Ks, 1.0, &labels).reach(0.95));
    }
}
