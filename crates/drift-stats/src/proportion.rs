//! Shares of successes: intervals for one, intervals and tests for two, and how many are needed.

use crate::error::open_unit;
use crate::{Result, StatError, special};

/// A confidence level, above 0 and below 1.
///
/// ```
/// use drift_stats::Confidence;
/// assert_eq!(Confidence::new(0.9)?.level(), 0.9);
/// assert!(Confidence::new(95.0).is_err());
/// # Ok::<(), drift_stats::StatError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Confidence(f64);

impl Confidence {
    /// 95 %.
    pub const P95: Self = Self(0.95);

    /// A level such as 0.95.
    pub fn new(level: f64) -> Result<Self> {
        open_unit("the confidence level", level).map(Self)
    }

    /// The level whose two-sided interval has a one-sided error of `alpha` at each end.
    pub fn one_sided(alpha: f64) -> Result<Self> {
        if alpha > 0.0 && alpha < 0.5 {
            Ok(Self(1.0 - 2.0 * alpha))
        } else {
            Err(StatError::OutOfRange {
                what: "alpha",
                value: alpha,
                allowed: "a number above 0 and below 0.5",
            })
        }
    }

    /// The level as a share.
    pub fn level(self) -> f64 {
        self.0
    }

    /// The two-sided critical value of the standard normal.
    pub fn z(self) -> Result<f64> {
        special::normal_quantile(0.5 + 0.5 * self.0)
    }
}

/// A confidence interval. Its ends are finite and in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
    /// At which level.
    pub confidence: Confidence,
    /// By which method, for a report.
    pub method: &'static str,
}

/// Successes out of trials; at least one trial.
///
/// ```
/// use drift_stats::Proportion;
/// assert_eq!(Proportion::new(3, 4)?.share(), 0.75);
/// assert!(Proportion::new(0, 0).is_err() && Proportion::new(5, 4).is_err());
/// # Ok::<(), drift_stats::StatError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    successes: u64,
    trials: u64,
}

impl Proportion {
    /// `successes` out of `trials`.
    pub fn new(successes: u64, trials: u64) -> Result<Self> {
        if trials == 0 {
            return Err(StatError::Empty {
                what: "the number of trials",
                needed: 1,
            });
        }
        if successes > trials {
            return Err(StatError::OutOfRange {
                what: "the number of successes",
                value: successes as f64,
                allowed: "at most the number of trials",
            });
        }
        Ok(Self { successes, trials })
    }

    /// Successes.
    pub fn successes(self) -> u64 {
        self.successes
    }

    /// Trials.
    pub fn trials(self) -> u64 {
        self.trials
    }

    /// Successes per trial.
    pub fn share(self) -> f64 {
        self.successes as f64 / self.trials as f64
    }

    /// Wilson's score interval (J. Am. Stat. Assoc. 22, 1927), the one to show: it never leaves 0 to 1 and
    /// holds its level on small counts (Brown, Cai and DasGupta 2001).
    ///
    /// ```
    /// use drift_stats::{Confidence, Proportion};
    /// let interval = Proportion::new(10, 20)?.wilson(Confidence::P95)?;
    /// assert!((interval.lower - 0.299298).abs() < 1e-6 && (interval.upper - 0.700702).abs() < 1e-6);
    /// # Ok::<(), drift_stats::StatError>(())
    /// ```
    pub fn wilson(self, confidence: Confidence) -> Result<Interval> {
        let z = confidence.z()?;
        Ok(self.score_interval(z * z, confidence, "wilson"))
    }

    /// Where the share of `trials` further trials of the same source lies: the shares `q` with
    /// `(p - q)^2 <= z^2 q (1 - q) (1 / n + 1 / trials)`. Both samples vary, so this is Wilson's interval with `z^2`
    /// taken `1 + n / trials` times; it becomes Wilson's own as `trials` grows (G. Hahn and W. Meeker, "Statistical
    /// Intervals", 1991, 6.7 has the same variance around the normal approximation).
    ///
    /// ```
    /// use drift_stats::{Confidence, Proportion};
    /// let seen = Proportion::new(0, 1000)?;
    /// let (sure, next) = (seen.wilson(Confidence::P95)?, seen.wilson_next(1000, Confidence::P95)?);
    /// assert!((sure.upper - 0.003827).abs() < 1e-6 && (next.upper - 0.007624).abs() < 1e-6);
    /// # Ok::<(), drift_stats::StatError>(())
    /// ```
    pub fn wilson_next(self, trials: u64, confidence: Confidence) -> Result<Interval> {
        if trials == 0 {
            return Err(StatError::Empty {
                what: "the number of further trials",
                needed: 1,
            });
        }
        let z = confidence.z()?;
        let both = 1.0 + self.trials as f64 / trials as f64;
        Ok(self.score_interval(z * z * both, confidence, "wilson of a further sample"))
    }

    /// The shares `q` with `(p - q)^2 <= z2 q (1 - q) / n`.
    fn score_interval(self, z2: f64, confidence: Confidence, method: &'static str) -> Interval {
        let (n, p) = (self.trials as f64, self.share());
        let denominator = 1.0 + z2 / n;
        let centre = (p + z2 / (2.0 * n)) / denominator;
        let half = (z2 * (p * (1.0 - p) / n + z2 / (4.0 * n * n))).sqrt() / denominator;
        Interval {
            // At the ends the formula gives exactly 0 and 1; rounding must not say otherwise.
            lower: if self.successes == 0 {
                0.0
            } else {
                (centre - half).max(0.0)
            },
            upper: if self.successes == self.trials {
                1.0
            } else {
                (centre + half).min(1.0)
            },
            confidence,
            method,
        }
    }

    /// Clopper and Pearson's interval (Biometrika 26, 1934) by quantiles of the Beta distribution: it never
    /// has less than its level, and is wider than need be.
    ///
    /// ```
    /// use drift_stats::{Confidence, Proportion};
    /// let interval = Proportion::new(0, 100)?.clopper_pearson(Confidence::P95)?;
    /// assert_eq!(interval.lower, 0.0);
    /// assert!((interval.upper - (1.0 - 0.025_f64.powf(0.01))).abs() < 1e-12);
    /// # Ok::<(), drift_stats::StatError>(())
    /// ```
    pub fn clopper_pearson(self, confidence: Confidence) -> Result<Interval> {
        let tail = 0.5 * (1.0 - confidence.level());
        let (x, n) = (self.successes as f64, self.trials as f64);
        Ok(Interval {
            lower: if self.successes == 0 {
                0.0
            } else {
                special::beta_quantile(tail, x, n - x + 1.0)?
            },
            upper: if self.successes == self.trials {
                1.0
            } else {
                special::beta_quantile(1.0 - tail, x + 1.0, n - x)?
            },
            confidence,
            method: "clopper-pearson",
        })
    }
}

/// Newcombe's interval for the difference `a - b` of two shares (Stat. Med. 17, 1998, method 10): Wilson's
/// intervals of both, put together by the square-and-add rule.
///
/// ```
/// use drift_stats::{Confidence, Proportion, proportion::newcombe};
/// let interval = newcombe(Proportion::new(56, 70)?, Proportion::new(48, 80)?, Confidence::P95)?;
/// assert!((interval.lower - 0.0524).abs() < 5e-5 && (interval.upper - 0.3339).abs() < 5e-5);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn newcombe(a: Proportion, b: Proportion, confidence: Confidence) -> Result<Interval> {
    let (wa, wb) = (a.wilson(confidence)?, b.wilson(confidence)?);
    let (pa, pb) = (a.share(), b.share());
    let difference = pa - pb;
    Ok(Interval {
        lower: (difference - (pa - wa.lower).hypot(wb.upper - pb)).max(-1.0),
        upper: (difference + (wa.upper - pa).hypot(pb - wb.lower)).min(1.0),
        confidence,
        method: "newcombe",
    })
}

/// A two-sample test of shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreTest {
    /// The standardised difference, positive when the first share is larger.
    pub z: f64,
    /// P-value against any difference.
    pub p_two_sided: f64,
    /// P-value against "the first share is larger".
    pub p_greater: f64,
    /// P-value against "the first share is smaller".
    pub p_less: f64,
}

impl ScoreTest {
    fn of(z: f64) -> Self {
        Self {
            z,
            p_two_sided: (2.0 * special::normal_sf(z.abs())).min(1.0),
            p_greater: special::normal_sf(z),
            p_less: special::normal_sf(-z),
        }
    }
}

/// The score test of equal shares with pooled variance; its square is Pearson's chi-squared (Agresti,
/// "Categorical Data Analysis", 3rd ed., 3.2.1).
///
/// Without a single success, or without a single failure, nothing speaks for a difference: z is 0.
///
/// ```
/// use drift_stats::{Proportion, proportion::score_test};
/// let test = score_test(Proportion::new(30, 100)?, Proportion::new(20, 100)?)?;
/// assert!((test.z - 1.6329931618554523).abs() < 1e-12);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn score_test(a: Proportion, b: Proportion) -> Result<ScoreTest> {
    let (n, m) = (a.trials as f64, b.trials as f64);
    let pooled = (a.successes as f64 + b.successes as f64) / (n + m);
    let variance = pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m);
    if variance <= 0.0 {
        return Ok(ScoreTest {
            z: 0.0,
            p_two_sided: 1.0,
            p_greater: 1.0,
            p_less: 1.0,
        });
    }
    Ok(ScoreTest::of((a.share() - b.share()) / variance.sqrt()))
}

/// The score test of `a - b = delta` by Miettinen and Nurminen (Stat. Med. 4, 1985): the variance is taken
/// at the shares that fit best under the null hypothesis, with their factor `N / (N - 1)`. `p_less` is the
/// evidence that the difference stays below an allowed margin `delta`.
///
/// ```
/// use drift_stats::{Proportion, proportion::miettinen_nurminen_test};
/// let (canary, champion) = (Proportion::new(5, 2000)?, Proportion::new(60, 40_000)?);
/// let margin = miettinen_nurminen_test(canary, champion, 0.005)?;
/// assert!(margin.p_less < 0.05, "not worse by half a point");
/// assert!((margin.p_less - 0.013170840).abs() < 1e-9);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn miettinen_nurminen_test(a: Proportion, b: Proportion, delta: f64) -> Result<ScoreTest> {
    if !(delta > -1.0 && delta < 1.0) {
        return Err(StatError::OutOfRange {
            what: "delta",
            value: delta,
            allowed: "a number above -1 and below 1",
        });
    }
    let (n, m) = (a.trials as f64, b.trials as f64);
    let total = n + m;
    let qb = restricted_share(a, b, delta);
    let qa = (qb + delta).clamp(0.0, 1.0);
    let variance = (qa * (1.0 - qa) / n + qb * (1.0 - qb) / m) * total / (total - 1.0);
    let distance = a.share() - b.share() - delta;
    if variance <= 0.0 {
        let undecided = distance == 0.0;
        return if undecided {
            Ok(ScoreTest {
                z: 0.0,
                p_two_sided: 1.0,
                p_greater: 1.0,
                p_less: 1.0,
            })
        } else {
            Err(StatError::Undefined {
                what: "the score test",
                why: "the variance under the margin is zero",
            })
        };
    }
    Ok(ScoreTest::of(distance / variance.sqrt()))
}

/// Miettinen and Nurminen's interval for `a - b`: the margins that [`miettinen_nurminen_test`] does not
/// reject, by bisection.
///
/// ```
/// use drift_stats::{Confidence, Proportion, proportion::miettinen_nurminen};
/// let interval = miettinen_nurminen(Proportion::new(56, 70)?, Proportion::new(48, 80)?, Confidence::P95)?;
/// assert!((interval.lower - 0.0528).abs() < 5e-4 && (interval.upper - 0.3382).abs() < 5e-4);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn miettinen_nurminen(a: Proportion, b: Proportion, confidence: Confidence) -> Result<Interval> {
    let z = confidence.z()?;
    let estimate = a.share() - b.share();
    let rejects = |delta: f64| miettinen_nurminen_test(a, b, delta).map_or(true, |t| t.z.abs() > z);
    let edge = |outside: f64| {
        let (mut out, mut inside) = (outside, estimate);
        for _ in 0..200 {
            let middle = 0.5 * (out + inside);
            if rejects(middle) {
                out = middle;
            } else {
                inside = middle;
            }
        }
        0.5 * (out + inside)
    };
    Ok(Interval {
        lower: if estimate <= -1.0 { -1.0 } else { edge(-1.0) },
        upper: if estimate >= 1.0 { 1.0 } else { edge(1.0) },
        confidence,
        method: "miettinen-nurminen",
    })
}

/// Trials of the smaller arm for a one-sided score test to find `worse` against `base` with the wished
/// power, when the other arm gets `ratio` times as many (Fleiss, Levin and Paik, "Statistical Methods for
/// Rates and Proportions", 3rd ed., 4.2, without continuity correction).
///
/// ```
/// use drift_stats::proportion::trials_for_power;
/// assert_eq!(trials_for_power(0.01, 0.02, 19.0, 0.05, 0.8)?, 850);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn trials_for_power(base: f64, worse: f64, ratio: f64, alpha: f64, power: f64) -> Result<u64> {
    for (what, value) in [("the base share", base), ("the worse share", worse)] {
        if !(0.0..=1.0).contains(&value) {
            return Err(StatError::OutOfRange {
                what,
                value,
                allowed: "0 to 1",
            });
        }
    }
    if !(ratio.is_finite() && ratio > 0.0) {
        return Err(StatError::OutOfRange {
            what: "the ratio of arms",
            value: ratio,
            allowed: "a number above 0",
        });
    }
    if base == worse {
        return Err(StatError::Undefined {
            what: "the number of trials",
            why: "both shares are equal",
        });
    }
    let (za, zb) = (
        -special::normal_quantile(alpha)?,
        special::normal_quantile(power)?,
    );
    let mean = (worse + ratio * base) / (1.0 + ratio);
    let null = (mean * (1.0 - mean) * (1.0 + 1.0 / ratio)).sqrt();
    let alternative = (worse * (1.0 - worse) + base * (1.0 - base) / ratio).sqrt();
    let trials = ((za * null + zb * alternative) / (worse - base)).powi(2).ceil();
    if trials < 9e15 {
        Ok((trials as u64).max(1))
    } else {
        Err(StatError::Undefined {
            what: "the number of trials",
            why: "the shares are too close to tell apart",
        })
    }
}

/// The share of `b` that fits best under `a - b = delta`: the root of the likelihood's cubic in closed form
/// (Miettinen and Nurminen 1985, appendix I; Farrington and Manning 1990).
fn restricted_share(a: Proportion, b: Proportion, delta: f64) -> f64 {
    let (n, m) = (a.trials as f64, b.trials as f64);
    let (x, y) = (a.successes as f64, b.successes as f64);
    let total = n + m;
    let l3 = total;
    let l2 = (n + 2.0 * m) * delta - total - (x + y);
    let l1 = (m * delta - total - 2.0 * y) * delta + (x + y);
    let l0 = y * delta * (1.0 - delta);
    let q = l2.powi(3) / (27.0 * l3.powi(3)) - l1 * l2 / (6.0 * l3 * l3) + l0 / (2.0 * l3);
    let inner = (l2 * l2 / (9.0 * l3 * l3) - l1 / (3.0 * l3)).max(0.0);
    let p = if q < 0.0 { -inner.sqrt() } else { inner.sqrt() };
    let cosine = if p == 0.0 {
        0.0
    } else {
        (q / p.powi(3)).clamp(-1.0, 1.0)
    };
    let angle = (std::f64::consts::PI + cosine.acos()) / 3.0;
    let root = 2.0 * p * angle.cos() - l2 / (3.0 * l3);
    root.clamp((-delta).max(0.0), (1.0 - delta).min(1.0))
}
