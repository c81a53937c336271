//! Wasserstein-1, the earth mover's distance on a line: how far mass moved, in the column's own unit.

use crate::error::finite;
use crate::{Result, Shares, StatError};

/// The area between two distribution functions (Vallender 1974).
///
/// ```
/// let d = drift_stats::wasserstein::wasserstein(&[0.0, 1.0, 3.0], &[5.0, 6.0, 8.0])?;
/// assert!((d - 5.0).abs() < 1e-12);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn wasserstein(a: &[f64], b: &[f64]) -> Result<f64> {
    finite("the first sample", a)?;
    finite("the second sample", b)?;
    let (n, m) = (a.len() as f64, b.len() as f64);
    let mut all: Vec<(f64, bool)> = a
        .iter()
        .map(|&v| (v, true))
        .chain(b.iter().map(|&v| (v, false)))
        .collect();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (mut i, mut j, mut area) = (0_u64, 0_u64, 0.0);
    for pair in all.windows(2) {
        if pair[0].1 {
            i += 1;
        } else {
            j += 1;
        }
        area += (pair[1].0 - pair[0].0) * (i as f64 / n - j as f64 / m).abs();
    }
    if area.is_finite() {
        Ok(area)
    } else {
        Err(StatError::Undefined {
            what: "the Wasserstein distance",
            why: "the values' range overflows",
        })
    }
}

/// The distance of two histograms, the mass of each bin spread evenly over it.
///
/// `edges` bound the bins, so there is one more of them than bins: the ends are the smallest and largest
/// value of both samples together.
///
/// ```
/// let d = drift_stats::wasserstein::wasserstein_binned(&[0.0, 1.0, 2.0], &[7, 0], &[0, 3])?;
/// assert!((d - 1.0).abs() < 1e-12);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn wasserstein_binned(edges: &[f64], a: &[u64], b: &[u64]) -> Result<f64> {
    finite("the edges", edges)?;
    let (p, q) = (Shares::from_counts(a)?, Shares::from_counts(b)?);
    p.same_bins(&q)?;
    if edges.len() != a.len() + 1 {
        return Err(StatError::LengthMismatch {
            left: edges.len(),
            right: a.len() + 1,
        });
    }
    let (mut gap, mut area) = (0.0_f64, 0.0);
    for (k, side) in edges.windows(2).enumerate() {
        let width = side[1] - side[0];
        if width < 0.0 {
            return Err(StatError::OutOfRange {
                what: "an edge",
                value: side[1],
                allowed: "edges in ascending order",
            });
        }
        let next = gap + p.values()[k] - q.values()[k];
        // Inside a bin the gap runs straight from one edge to the other: a trapezoid, or two triangles when
        // it changes sign on the way.
        let mean = if gap * next >= 0.0 {
            0.5 * (gap.abs() + next.abs())
        } else {
            0.5 * (gap * gap + next * next) / (gap.abs() + next.abs())
        };
        area += width * mean;
        gap = next;
    }
    if area.is_finite() {
        Ok(area)
    } else {
        Err(StatError::Undefined {
            what: "the Wasserstein distance",
            why: "the values' range overflows",
        })
    }
}
