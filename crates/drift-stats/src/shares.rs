//! A histogram as shares of its total, the common ground of all divergences.

use crate::{Result, StatError};

/// Non-negative weights that sum to one, with the total that they came from.
///
/// ```
/// use drift_stats::Shares;
/// let shares = Shares::from_counts(&[1, 3])?;
/// assert_eq!(shares.values(), [0.25, 0.75]);
/// assert_eq!(shares.total(), 4.0);
/// assert!(Shares::from_counts(&[0, 0]).is_err());
/// # Ok::<(), drift_stats::StatError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    values: Vec<f64>,
    total: f64,
}

impl Shares {
    /// Shares of integer counts.
    pub fn from_counts(counts: &[u64]) -> Result<Self> {
        let weights: Vec<f64> = counts.iter().map(|&c| c as f64).collect();
        Self::from_weights(&weights)
    }

    /// Shares of any non-negative finite weights.
    pub fn from_weights(weights: &[f64]) -> Result<Self> {
        crate::error::finite("the histogram", weights)?;
        if let Some(&value) = weights.iter().find(|w| **w < 0.0) {
            return Err(StatError::OutOfRange {
                what: "a bin's weight",
                value,
                allowed: "zero or more",
            });
        }
        let total: f64 = weights.iter().sum();
        if !total.is_finite() {
            return Err(StatError::OutOfRange {
                what: "the sum of weights",
                value: f64::MAX,
                allowed: "a finite sum",
            });
        }
        if total <= 0.0 {
            return Err(StatError::NoMass {
                what: "the histogram",
            });
        }
        Ok(Self {
            values: weights.iter().map(|w| w / total).collect(),
            total,
        })
    }

    /// The share of each bin.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// What the shares are of: the number of rows when they came from counts.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Bins.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Never true: a histogram without a bin is refused.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Refuses histograms of different lengths.
    pub(crate) fn same_bins(&self, other: &Self) -> Result<()> {
        if self.len() == other.len() {
            Ok(())
        } else {
            Err(StatError::LengthMismatch {
                left: self.len(),
                right: other.len(),
            })
        }
    }
}
