//! Quantiles of latency with intervals that assume nothing about its distribution.

use statrs::distribution::{Binomial, DiscreteCDF as _};

/// The chance that a one-sided limit is on the wrong side.
pub const ALPHA: f64 = 0.05;

/// A quantile of a sample and its one-sided limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileEstimate {
    /// The smallest value that at least the share `p` of the sample does not exceed.
    pub value: f64,
    /// The true quantile is below this with a chance of at most `alpha`; `None` when the sample is too small.
    pub lower: Option<f64>,
    /// The true quantile is above this with a chance of at most `alpha`; `None` when the sample is too small.
    pub upper: Option<f64>,
}

/// The quantile `p` of a sorted sample with limits from order statistics: the number of values below the true
/// quantile is binomial, whatever the distribution (David and Nagaraja, "Order Statistics", 3rd ed., 7.1).
/// `None` for an empty sample.
///
/// ```
/// let sorted: Vec<f64> = (1..=1000).map(f64::from).collect();
/// let p99 = evaluate::load::estimate(&sorted, 0.99, 0.05).unwrap();
/// assert_eq!((p99.value, p99.lower, p99.upper), (990.0, Some(985.0), Some(996.0)));
/// ```
#[must_use]
pub fn estimate(sorted: &[f64], p: f64, alpha: f64) -> Option<QuantileEstimate> {
    let n = sorted.len();
    if n == 0 {
        return None;
    }
    // The guard against 99.00000000000001: n p is meant exactly when it is whole.
    let rank = ((n as f64 * p - 1e-9).ceil() as usize).clamp(1, n);
    let below = Binomial::new(p, n as u64).ok()?;
    // P(B <= k) grows with k: bisection over the ranks.
    let ranks_with_tail_at_most = |limit: f64| -> usize {
        let (mut low, mut high) = (0_usize, n);
        while low < high {
            let middle = usize::midpoint(low, high);
            if below.cdf(middle as u64) <= limit {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    };
    // The l-th value is above the quantile with chance P(B <= l - 1): the largest l that keeps it at alpha.
    let lower = ranks_with_tail_at_most(alpha);
    // The u-th value is below the quantile with chance P(B >= u) = 1 - P(B <= u - 1): the smallest such u.
    let upper = (ranks_with_tail_at_most(1.0 - alpha - 1e-12) + 1).min(n + 1);
    Some(QuantileEstimate {
        value: sorted[rank - 1],
        lower: lower.checked_sub(1).map(|at| sorted[at]),
        upper: sorted.get(upper - 1).copied(),
    })
}

/// The fewest requests that say something of the quantile `p`, for `load` and for `gate`: the slowest of n is
/// faster than the true quantile with chance `p^n`, which [`ALPHA`] bounds.
///
/// ```
/// assert_eq!(evaluate::load::requests_needed(0.99), 299);
/// assert_eq!(evaluate::load::requests_needed(0.95), 59);
/// ```
#[must_use]
pub fn requests_needed(p: f64) -> u64 {
    (ALPHA.ln() / p.ln()).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_too_small_has_no_limit() {
        let sorted: Vec<f64> = (1..=299).map(f64::from).collect();
        let enough = estimate(&sorted, 0.99, 0.05).unwrap();
        assert_eq!(enough.upper, Some(299.0));
        assert_eq!(estimate(&sorted[..298], 0.99, 0.05).unwrap().upper, None);
        assert!(estimate(&[], 0.99, 0.05).is_none());
        let one = estimate(&[7.0], 0.5, 0.05).unwrap();
        assert_eq!((one.value, one.lower, one.upper), (7.0, None, None));
    }

    #[test]
    fn a_whole_rank_is_not_rounded_up() {
        let sorted: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(estimate(&sorted, 0.95, 0.05).unwrap().value, 95.0);
        assert_eq!(estimate(&sorted, 0.99, 0.05).unwrap().value, 99.0);
    }
}
