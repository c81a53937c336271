//! Distribution functions: normal, chi-squared, Beta, Kolmogorov.
//!
//! erfc is libm's (FreeBSD's, below one unit in the last place): statrs' own keeps ten digits, and p-values
//! are compared with those of scipy to twelve.

use crate::error::open_unit;
use crate::{Result, StatError};
use statrs::function::gamma;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Distribution function of the standard normal.
///
/// ```
/// assert_eq!(drift_stats::special::normal_cdf(0.0), 0.5);
/// ```
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// Upper tail of the standard normal, accurate where `1 - cdf` is not.
///
/// ```
/// let p = drift_stats::special::normal_sf(10.0);
/// assert!((p / 7.61985302416053e-24 - 1.0).abs() < 1e-12);
/// ```
pub fn normal_sf(z: f64) -> f64 {
    0.5 * libm::erfc(z * FRAC_1_SQRT_2)
}

/// Quantile of the standard normal by Wichura (1988), algorithm AS 241 (PPND16), accurate to 1e-16.
///
/// ```
/// let z = drift_stats::special::normal_quantile(0.975)?;
/// assert!((z - 1.959963984540054).abs() < 1e-14);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn normal_quantile(p: f64) -> Result<f64> {
    let p = open_unit("the probability", p)?;
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return Ok(q * ratio(r, &AS241_A, &AS241_B));
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-tail.ln()).sqrt();
    let z = if r <= 5.0 {
        ratio(r - 1.6, &AS241_C, &AS241_D)
    } else {
        ratio(r - 5.0, &AS241_E, &AS241_F)
    };
    Ok(if q < 0.0 { -z } else { z })
}

/// Upper tail of chi-squared: the regularised upper incomplete gamma function at (df/2, x/2).
///
/// ```
/// let p = drift_stats::special::chi2_sf(3.841458820694124, 1.0)?;
/// assert!((p - 0.05).abs() < 1e-12);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn chi2_sf(x: f64, df: f64) -> Result<f64> {
    if !(df.is_finite() && df > 0.0) {
        return Err(StatError::OutOfRange {
            what: "the degrees of freedom",
            value: df,
            allowed: "a number above 0",
        });
    }
    if !(x.is_finite() && x >= 0.0) {
        return Err(StatError::OutOfRange {
            what: "the statistic",
            value: x,
            allowed: "a number from 0 up",
        });
    }
    if x == 0.0 {
        return Ok(1.0);
    }
    // The incomplete gamma function iterates as long as its shape is large: no histogram has that many bins.
    if df > 1e8 {
        return Err(StatError::OutOfRange {
            what: "the degrees of freedom",
            value: df,
            allowed: "at most 1e8",
        });
    }
    match gamma::checked_gamma_ur(0.5 * df, 0.5 * x) {
        Ok(p) if p.is_finite() => Ok(p.clamp(0.0, 1.0)),
        // Far beyond the last double the series overflows: the tail is zero there.
        _ => Ok(0.0),
    }
}

/// Quantile of chi-squared, by bisection on [`chi2_sf`].
///
/// ```
/// let x = drift_stats::special::chi2_quantile(0.95, 9.0)?;
/// assert!((x - 16.918977604620448).abs() < 1e-9);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn chi2_quantile(p: f64, df: f64) -> Result<f64> {
    let upper_tail = 1.0 - open_unit("the probability", p)?;
    let mut high = df.max(1.0);
    while chi2_sf(high, df)? > upper_tail {
        high *= 2.0;
    }
    bisect(0.0, high, |x| Ok(chi2_sf(x, df)? > upper_tail))
}

/// Regularised incomplete Beta function `I_x(a, b)` by its continued fraction with Lentz's method (Press et
/// al., "Numerical Recipes", 3rd ed., 6.4), run until it converges: large counts need thousands of terms.
///
/// ```
/// let p = drift_stats::special::beta_cdf(0.3, 2.0, 5.0)?;
/// assert!((p - 0.579825).abs() < 1e-12);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn beta_cdf(x: f64, a: f64, b: f64) -> Result<f64> {
    for (what, value) in [("the first shape", a), ("the second shape", b)] {
        if !(value.is_finite() && value > 0.0) {
            return Err(StatError::OutOfRange {
                what,
                value,
                allowed: "a number above 0",
            });
        }
    }
    if !(0.0..=1.0).contains(&x) {
        return Err(StatError::OutOfRange {
            what: "the share",
            value: x,
            allowed: "0 to 1",
        });
    }
    if x == 0.0 || x == 1.0 {
        return Ok(x);
    }
    let ln_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * x.ln() + b * (-x).ln_1p();
    // The fraction converges fast on the near side of the mean; the other side is its complement.
    let p = if x < (a + 1.0) / (a + b + 2.0) {
        ln_front.exp() * beta_fraction(x, a, b)? / a
    } else {
        1.0 - ln_front.exp() * beta_fraction(1.0 - x, b, a)? / b
    };
    Ok(p.clamp(0.0, 1.0))
}

/// Quantile of the Beta distribution, by bisection on [`beta_cdf`].
///
/// ```
/// let x = drift_stats::special::beta_quantile(0.5, 1.0, 1.0)?;
/// assert!((x - 0.5).abs() < 1e-15);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn beta_quantile(p: f64, a: f64, b: f64) -> Result<f64> {
    let p = open_unit("the probability", p)?;
    bisect(0.0, 1.0, |x| Ok(beta_cdf(x, a, b)? < p))
}

/// Upper tail of the limiting Kolmogorov distribution (Kolmogorov 1933; Smirnov 1948): the alternating
/// series for large arguments, Jacobi's theta transform of it for small ones, where the first cancels.
///
/// ```
/// let p = drift_stats::special::kolmogorov_sf(1.3580986393225505)?;
/// assert!((p - 0.05).abs() < 1e-12);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn kolmogorov_sf(x: f64) -> Result<f64> {
    if !(x.is_finite() && x >= 0.0) {
        return Err(StatError::OutOfRange {
            what: "the statistic",
            value: x,
            allowed: "a number from 0 up",
        });
    }
    if x < 0.04 {
        return Ok(1.0);
    }
    let p = if x < 1.0 {
        let sum: f64 = (1..=20)
            .map(|k| (-(f64::from(2 * k - 1) * PI / x).powi(2) / 8.0).exp())
            .sum();
        1.0 - (2.0 * PI).sqrt() / x * sum
    } else {
        let term = |k: i32| (-2.0 * f64::from(k * k) * x * x).exp();
        2.0 * (1..=20)
            .map(|k| if k % 2 == 1 { term(k) } else { -term(k) })
            .sum::<f64>()
    };
    Ok(p.clamp(0.0, 1.0))
}

/// The point where `below` turns false, to the last bit that a double has.
fn bisect(mut low: f64, mut high: f64, below: impl Fn(f64) -> Result<bool>) -> Result<f64> {
    // 1100 halvings reach the smallest double from any start; most searches end after 60.
    for _ in 0..1_100 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if below(middle)? {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(0.5 * (low + high))
}

fn beta_fraction(x: f64, a: f64, b: f64) -> Result<f64> {
    const TINY: f64 = 1e-300;
    let guard = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    for m in 1..200_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a - 1.0 + 2.0 * m) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        h *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 1.0 + 2.0 * m));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        h *= d * c;
        if (d * c - 1.0).abs() <= f64::EPSILON {
            return Ok(h);
        }
    }
    Err(StatError::Undefined {
        what: "the Beta distribution",
        why: "its continued fraction did not converge",
    })
}

/// The quotient of two polynomials, coefficients from the constant up.
fn ratio(x: f64, above: &[f64; 8], below: &[f64; 8]) -> f64 {
    let horner = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * x + c);
    horner(above) / horner(below)
}

const AS241_A: [f64; 8] = [
    3.387_132_872_796_366_5,
    1.331_416_678_917_843_8e2,
    1.971_590_950_306_551_3e3,
    1.373_169_376_550_946e4,
    4.592_195_393_154_987e4,
    6.726_577_092_700_87e4,
    3.343_057_558_358_813e4,
    2.509_080_928_730_122_7e3,
];
const AS241_B: [f64; 8] = [
    1.0,
    4.231_333_070_160_091e1,
    6.871_870_074_920_579e2,
    5.394_196_021_424_751e3,
    2.121_379_430_158_659_7e4,
    3.930_789_580_009_271e4,
    2.872_908_573_572_194_3e4,
    5.226_495_278_852_854e3,
];
const AS241_C: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    2.417_807_251_774_506e-1,
    2.272_384_498_926_918_4e-2,
    7.745_450_142_783_414e-4,
];
const AS241_D: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    6.897_673_349_851e-1,
    1.481_039_764_274_800_8e-1,
    1.519_866_656_361_645_7e-2,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const AS241_E: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    2.965_605_718_285_048_7e-1,
    2.653_218_952_657_612_4e-2,
    1.242_660_947_388_078_4e-3,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const AS241_F: [f64; 8] = [
    1.0,
    5.998_322_065_558_88e-1,
    1.369_298_809_227_358e-1,
    1.487_536_129_085_061_5e-2,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];
