//! Two models on the same rows, and how sure one may be of a number.
//!
//! Everything here is paired: champion and challenger have scored the same rows, and what the
//! rows have in common cancels. Two separate intervals that overlap prove nothing.

pub mod bootstrap;
pub mod closed;
pub mod delong;
pub mod interval;
pub mod mcnemar;
pub mod power;
mod random;
pub mod unvaried;

pub use random::SplitMix64;

use statrs::distribution::{ContinuousCDF, Normal};

/// Standard normal distribution function.
///
/// ```
/// use evaluate::comparison::normal_cdf;
/// assert!((normal_cdf(1.959963984540054) - 0.975).abs() < 1e-10);
/// ```
pub fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// Standard normal quantile.
pub fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}
