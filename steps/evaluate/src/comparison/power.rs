//! What a test of this size could have seen.

use super::normal_quantile;

/// The smallest true difference that a one-sided test at `alpha` finds with probability `power`,
/// given the standard error on these rows: "not significant" above it is evidence, below it not.
///
/// Bloom (1995), "Minimum Detectable Effects", Evaluation Review 19:547.
///
/// ```
/// use evaluate::comparison::power::minimum_detectable_effect;
/// assert!((minimum_detectable_effect(0.01, 0.05, 0.8) - 0.024_864_748_605_243_6).abs() < 1e-12);
/// ```
pub fn minimum_detectable_effect(se: f64, alpha: f64, power: f64) -> f64 {
    (normal_quantile(1.0 - alpha) + normal_quantile(power)) * se
}
