//! Distances between two histograms over the same bins.

use crate::psi::ZeroRule;
use crate::{Result, Shares};

/// The unit of an information measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// Natural logarithm: nats.
    Nat,
    /// Logarithm to base two: bits. A Jensen-Shannon divergence is at most 1 bit.
    Two,
}

impl Base {
    fn of(self, nats: f64) -> f64 {
        match self {
            Self::Nat => nats,
            Self::Two => nats / std::f64::consts::LN_2,
        }
    }
}

/// Kullback-Leibler divergence of `p` from `q` (Kullback and Leibler 1951): the sum of `p * ln(p / q)`.
///
/// Where `q` has no mass but `p` has it is infinite; the zero rule says what stands for such a bin, and both
/// sides are normalised again after it, as `scipy.stats.entropy` does. It is not symmetric.
///
/// ```
/// use drift_stats::{Shares, divergence::{Base, kl}, psi::FLOOR};
/// let p = Shares::from_weights(&[0.54, 0.32, 0.14])?;
/// let q = Shares::from_weights(&[1.0, 1.0, 1.0])?;
/// assert!((kl(&p, &q, FLOOR, Base::Nat)? - 0.12599700286677529).abs() < 1e-12);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn kl(p: &Shares, q: &Shares, zero: ZeroRule, base: Base) -> Result<f64> {
    p.same_bins(q)?;
    let p = Shares::from_weights(&zero.apply(p)?)?;
    let q = Shares::from_weights(&zero.apply(q)?)?;
    Ok(base.of(relative_entropy(p.values(), q.values()).max(0.0)))
}

/// Jensen-Shannon divergence (Lin 1991): the mean divergence of both sides from their middle. Symmetric,
/// finite without any zero rule, at most ln 2 nats or 1 bit. Tensorflow Data Validation gates on this form.
///
/// ```
/// use drift_stats::{Shares, divergence::{Base, js_divergence}};
/// let apart = js_divergence(&Shares::from_counts(&[1, 0])?, &Shares::from_counts(&[0, 7])?, Base::Two)?;
/// assert_eq!(apart, 1.0);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn js_divergence(p: &Shares, q: &Shares, base: Base) -> Result<f64> {
    p.same_bins(q)?;
    let middle: Vec<f64> = p
        .values()
        .iter()
        .zip(q.values())
        .map(|(p, q)| 0.5 * (p + q))
        .collect();
    let nats = 0.5 * (relative_entropy(p.values(), &middle) + relative_entropy(q.values(), &middle));
    // Rounding may leave a hair on either side of the range.
    Ok(base.of(nats.clamp(0.0, std::f64::consts::LN_2)))
}

/// Jensen-Shannon distance, the square root of the divergence and a metric (Endres and Schindelin 2003).
/// scipy, Evidently (nats) and NannyML (bits) report this form.
///
/// ```
/// use drift_stats::{Shares, divergence::{Base, js_distance}};
/// let p = Shares::from_counts(&[16, 18, 16, 14, 12, 12])?;
/// let q = Shares::from_counts(&[16, 16, 16, 16, 16, 8])?;
/// assert!((js_distance(&p, &q, Base::Two)? - 0.08173421330573674).abs() < 1e-12);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn js_distance(p: &Shares, q: &Shares, base: Base) -> Result<f64> {
    Ok(js_divergence(p, q, base)?.sqrt())
}

/// Hellinger distance (Hellinger 1909; Le Cam and Yang 2000, ch. 4.2): `sqrt(1 - sum(sqrt(p * q)))`, computed
/// as half the squared distance of the square roots, which does not cancel.
///
/// ```
/// use drift_stats::{Shares, divergence::hellinger};
/// let p = Shares::from_counts(&[16, 18, 16, 14, 12, 12])?;
/// let q = Shares::from_counts(&[16, 16, 16, 16, 16, 8])?;
/// assert!((hellinger(&p, &q)? - 0.06812774370983345).abs() < 1e-12);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn hellinger(p: &Shares, q: &Shares) -> Result<f64> {
    p.same_bins(q)?;
    let squared: f64 = p
        .values()
        .iter()
        .zip(q.values())
        .map(|(p, q)| (p.sqrt() - q.sqrt()).powi(2))
        .sum();
    Ok((0.5 * squared).sqrt().min(1.0))
}

/// Total variation distance: half the sum of absolute differences, the largest difference in probability
/// that any event can have (Levin and Peres 2017, prop. 4.2).
///
/// ```
/// use drift_stats::{Shares, divergence::total_variation};
/// let d = total_variation(&Shares::from_counts(&[1, 1])?, &Shares::from_counts(&[1, 0])?)?;
/// assert_eq!(d, 0.5);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn total_variation(p: &Shares, q: &Shares) -> Result<f64> {
    p.same_bins(q)?;
    let sum: f64 = p
        .values()
        .iter()
        .zip(q.values())
        .map(|(p, q)| (p - q).abs())
        .sum();
    Ok((0.5 * sum).min(1.0))
}

/// The largest difference in any one bin's share: `infinity_norm` of Tensorflow Data Validation, L-infinity
/// of Deequ and NannyML.
///
/// ```
/// use drift_stats::{Shares, divergence::l_infinity};
/// let d = l_infinity(&Shares::from_weights(&[0.1, 0.9])?, &Shares::from_weights(&[0.3, 0.7])?)?;
/// assert!((d - 0.2).abs() < 1e-12);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn l_infinity(p: &Shares, q: &Shares) -> Result<f64> {
    p.same_bins(q)?;
    Ok(p.values()
        .iter()
        .zip(q.values())
        .map(|(p, q)| (p - q).abs())
        .fold(0.0, f64::max))
}

/// The sum of `p * ln(p / q)` over bins where `p` has mass; `q` must have mass there.
fn relative_entropy(p: &[f64], q: &[f64]) -> f64 {
    p.iter()
        .zip(q)
        .filter(|(p, _)| **p > 0.0)
        .map(|(p, q)| p * (p / q).ln())
        .sum()
}
