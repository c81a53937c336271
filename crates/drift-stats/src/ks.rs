//! The two-sample Kolmogorov-Smirnov test.

use crate::error::finite;
use crate::{Result, Shares, StatError, special};

/// Samples up to this size get the exact distribution, as in scipy's `method="auto"`.
pub const EXACT_UP_TO: usize = 10_000;

/// How a p-value came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Every ordering of the two samples counted.
    Exact,
    /// The limit for large samples.
    Asymptotic,
}

/// The largest distance of two distribution functions, and its two-sided p-value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ks {
    /// The largest absolute difference, 0 to 1.
    pub statistic: f64,
    /// The chance of a distance at least as large under the null hypothesis.
    pub p_value: f64,
    /// Which distribution gave the p-value.
    pub method: Method,
}

/// Two-sample Kolmogorov-Smirnov test (Smirnov 1939): exact while both samples hold at most
/// [`EXACT_UP_TO`] values, asymptotic above.
///
/// Ties make the p-value conservative, as in scipy: it is the one of untied samples.
///
/// ```
/// use drift_stats::ks::{Method, ks_two_sample};
/// let before = [38.7, 41.5, 43.8, 44.5, 45.5, 46.0, 47.7, 58.0];
/// let now = [39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8];
/// let test = ks_two_sample(&before, &now)?;
/// assert_eq!((test.statistic, test.method), (0.625, Method::Exact));
/// assert!((test.p_value - 0.08702408702408704).abs() < 1e-14);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn ks_two_sample(a: &[f64], b: &[f64]) -> Result<Ks> {
    finite("the first sample", a)?;
    finite("the second sample", b)?;
    let gap = largest_gap(a, b);
    let (n, m) = (a.len(), b.len());
    let statistic = gap as f64 / (n as f64 * m as f64);
    if n.max(m) <= EXACT_UP_TO {
        return Ok(Ks {
            statistic,
            p_value: exact_p(n, m, gap),
            method: Method::Exact,
        });
    }
    Ok(Ks {
        statistic,
        p_value: asymptotic_p(statistic, n as f64, m as f64)?,
        method: Method::Asymptotic,
    })
}

/// The statistic on two histograms over the same ordered bins, with the asymptotic p-value.
///
/// The distance is taken at bin edges only: it is a lower bound of the true one, off by at most the largest
/// bin's mass, which a fine grid of baseline quantiles keeps small.
///
/// ```
/// use drift_stats::ks::ks_binned;
/// let test = ks_binned(&[50, 50, 0], &[0, 50, 50])?;
/// assert_eq!(test.statistic, 0.5);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn ks_binned(a: &[u64], b: &[u64]) -> Result<Ks> {
    let (p, q) = (Shares::from_counts(a)?, Shares::from_counts(b)?);
    p.same_bins(&q)?;
    let (n, m) = (p.total(), q.total());
    let (mut i, mut j, mut statistic) = (0_u64, 0_u64, 0.0_f64);
    for (x, y) in a.iter().zip(b) {
        i += x;
        j += y;
        statistic = statistic.max((i as f64 / n - j as f64 / m).abs());
    }
    Ok(Ks {
        statistic,
        p_value: asymptotic_p(statistic, n, m)?,
        method: Method::Asymptotic,
    })
}

/// `P(D >= statistic)` in the limit: Kolmogorov's distribution at `sqrt(n m / (n + m)) D` (Smirnov 1948).
fn asymptotic_p(statistic: f64, n: f64, m: f64) -> Result<f64> {
    if n < 1.0 || m < 1.0 {
        return Err(StatError::Empty {
            what: "a sample",
            needed: 1,
        });
    }
    special::kolmogorov_sf((n * (m / (n + m))).sqrt() * statistic)
}

/// `n * m * D` as an integer: no rounding decides which lattice paths count as extreme.
fn largest_gap(a: &[f64], b: &[f64]) -> u64 {
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (a, b) = (sorted(a), sorted(b));
    let (n, m) = (a.len(), b.len());
    let (mut i, mut j, mut gap) = (0_usize, 0_usize, 0_u64);
    while i < n && j < m {
        // Both samples step over the whole tie before they are compared.
        let here = a[i].min(b[j]);
        while i < n && a[i] <= here {
            i += 1;
        }
        while j < m && b[j] <= here {
            j += 1;
        }
        gap = gap.max((i as u64 * m as u64).abs_diff(j as u64 * n as u64));
    }
    gap
}

/// The chance that a random lattice path from (0, 0) to (n, m) ever has `|i m - j n| >= gap` (Hodges, "The
/// significance probability of the Smirnov two-sample test", Ark. Mat. 3, 1958).
///
/// The path is walked as drawing from an urn, so every term is positive and small p-values keep their digits.
fn exact_p(n: usize, m: usize, gap: u64) -> f64 {
    if gap == 0 {
        return 1.0;
    }
    let outside = |i: usize, j: usize| (i as u64 * m as u64).abs_diff(j as u64 * n as u64) >= gap;
    let mut row = vec![0.0_f64; m + 1];
    let mut left = 0.0;
    for i in 0..=n {
        let mut before = 0.0;
        for (j, cell) in row.iter_mut().enumerate() {
            let rest = (n + m - i - j + 1) as f64;
            let from_above = if i > 0 {
                *cell * (n - i + 1) as f64 / rest
            } else {
                0.0
            };
            let from_left = if j > 0 {
                before * (m - j + 1) as f64 / rest
            } else {
                0.0
            };
            let mut mass = if i == 0 && j == 0 {
                1.0
            } else {
                from_above + from_left
            };
            if outside(i, j) {
                left += mass;
                mass = 0.0;
            }
            *cell = mass;
            before = mass;
        }
    }
    f64::min(left, 1.0)
}
