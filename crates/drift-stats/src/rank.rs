//! Mann-Whitney's test and the common-language effect size.

use crate::error::finite;
use crate::{Result, StatError, special};

/// Mann-Whitney's U of the first sample, with its effect size and normal p-values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// Pairs in which the first sample's value is larger, ties counted half.
    pub u: f64,
    /// The share of such pairs (McGraw and Wong's common-language effect size with ties halved, which is
    /// also Vargha and Delaney's A and the AUC): 0.5 means no difference.
    pub cles: f64,
    /// P-value against any difference.
    pub p_two_sided: f64,
    /// P-value against "the first sample is larger".
    pub p_greater: f64,
    /// P-value against "the first sample is smaller".
    pub p_less: f64,
}

/// Mann-Whitney's test (1947) by the normal approximation with tie and continuity correction (Hollander and
/// Wolfe, "Nonparametric Statistical Methods", 4.1), `scipy.stats.mannwhitneyu(method="asymptotic")`.
///
/// ```
/// let test = drift_stats::rank::mann_whitney(&[3.0, 4.0, 5.0], &[1.0, 2.0, 3.0])?;
/// assert_eq!(test.u, 8.5);
/// assert!((test.cles - 8.5 / 9.0).abs() < 1e-15);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn mann_whitney(a: &[f64], b: &[f64]) -> Result<MannWhitney> {
    finite("the first sample", a)?;
    finite("the second sample", b)?;
    let mut all: Vec<(f64, bool)> = a
        .iter()
        .map(|&v| (v, true))
        .chain(b.iter().map(|&v| (v, false)))
        .collect();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let groups = all.chunk_by(|x, y| x.0 == y.0).map(|tie| {
        let first = tie.iter().filter(|v| v.1).count() as u64;
        (first, tie.len() as u64 - first)
    });
    from_groups(groups)
}

/// The same on two histograms over ordered bins: values within a bin count as ties. Made for the latency
/// buckets of a metrics server, whose values are not known any closer.
///
/// ```
/// let test = drift_stats::rank::mann_whitney_binned(&[0, 1, 1, 1], &[1, 1, 1, 0])?;
/// assert!((test.cles - 7.0 / 9.0).abs() < 1e-15);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn mann_whitney_binned(a: &[u64], b: &[u64]) -> Result<MannWhitney> {
    if a.len() != b.len() {
        return Err(StatError::LengthMismatch {
            left: a.len(),
            right: b.len(),
        });
    }
    from_groups(a.iter().copied().zip(b.iter().copied()))
}

/// Groups of equal values in ascending order, each as (of the first sample, of the second).
fn from_groups(groups: impl Iterator<Item = (u64, u64)>) -> Result<MannWhitney> {
    let (mut n, mut m, mut u, mut ties) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
    for (x, y) in groups {
        let (x, y) = (x as f64, y as f64);
        u += x * (m + 0.5 * y);
        n += x;
        m += y;
        let t = x + y;
        ties += t * (t * t - 1.0);
    }
    if n == 0.0 {
        return Err(StatError::Empty {
            what: "the first sample",
            needed: 1,
        });
    }
    if m == 0.0 {
        return Err(StatError::Empty {
            what: "the second sample",
            needed: 1,
        });
    }
    let total = n + m;
    let variance = n * m / 12.0 * ((total + 1.0) - ties / (total * (total - 1.0)));
    let cles = (u / n / m).clamp(0.0, 1.0);
    if variance <= 0.0 {
        // All values are equal: nothing speaks for a difference.
        return Ok(MannWhitney {
            u,
            cles,
            p_two_sided: 1.0,
            p_greater: 1.0,
            p_less: 1.0,
        });
    }
    let sd = variance.sqrt();
    let centre = 0.5 * n * m;
    let upper_tail = |u: f64| special::normal_sf((u - centre - 0.5) / sd).clamp(0.0, 1.0);
    let (p_greater, p_less) = (upper_tail(u), upper_tail(n * m - u));
    let p_two_sided = (2.0 * p_greater.min(p_less)).min(1.0);
    Ok(MannWhitney {
        u,
        cles,
        p_two_sided,
        p_greater,
        p_less,
    })
}
