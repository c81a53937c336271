//! Intervals from bootstrap replicates.

use super::{normal_cdf, normal_quantile};

/// Linear interpolation between order statistics (Hyndman & Fan type 7, numpy's default).
/// `sorted` must not be empty.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p * (sorted.len() - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
}

/// The percentile interval (Efron 1979). `None` without replicates.
///
/// ```
/// use evaluate::comparison::interval::percentile;
/// let replicates: Vec<f64> = (0..=4).map(f64::from).collect();
/// assert_eq!(percentile(&replicates, 0.5), Some((1.0, 3.0)));
/// ```
pub fn percentile(replicates: &[f64], level: f64) -> Option<(f64, f64)> {
    if replicates.is_empty() {
        return None;
    }
    let sorted = sorted(replicates);
    let tail = (1.0 - level) / 2.0;
    Some((quantile(&sorted, tail), quantile(&sorted, 1.0 - tail)))
}

/// The bias-corrected and accelerated interval (Efron 1987, JASA 82:171).
///
/// `jackknife` holds the statistic with each row (or block of rows) left out. `None` when the
/// replicates all fall on one side of the observed value, for then the correction is infinite.
pub fn bca(replicates: &[f64], observed: f64, jackknife: &[f64], level: f64) -> Option<(f64, f64)> {
    if replicates.is_empty() || jackknife.is_empty() {
        return None;
    }
    let below = replicates.iter().filter(|r| **r < observed).count() as f64;
    let equal = replicates.iter().filter(|r| **r == observed).count() as f64;
    let bias = normal_quantile((below + equal / 2.0) / replicates.len() as f64);
    if !bias.is_finite() {
        return None;
    }
    let mean = jackknife.iter().sum::<f64>() / jackknife.len() as f64;
    let (mut cubes, mut squares) = (0.0, 0.0);
    for value in jackknife {
        let off = mean - value;
        squares += off * off;
        cubes += off * off * off;
    }
    let acceleration = if squares > 0.0 {
        cubes / (6.0 * squares.powf(1.5))
    } else {
        0.0
    };
    let tail = (1.0 - level) / 2.0;
    let adjusted = |p: f64| {
        let z = bias + normal_quantile(p);
        normal_cdf(bias + z / (1.0 - acceleration * z))
    };
    let sorted = sorted(replicates);
    Some((
        quantile(&sorted, adjusted(tail)),
        quantile(&sorted, adjusted(1.0 - tail)),
    ))
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
