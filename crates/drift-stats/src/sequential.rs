//! Tests that may be looked at after every batch: e-processes, in log space.
//!
//! An e-process is, under its null hypothesis, a wager whose expected wealth never grows. Wealth of `1 /
//! alpha` or more at any moment has a chance of at most alpha (Ville 1939), so it may be read as often as one
//! likes; a z-test read every minute for an hour cries wolf in more than one run of four.

use crate::{Result, StatError};
use libm::lgamma;
use serde::{Deserialize, Serialize};

/// What one arm saw in one interval: requests, and how many of them count as an event (an error, a slow one).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arm {
    /// Requests.
    pub trials: u64,
    /// Events among them.
    pub events: u64,
}

impl Arm {
    fn check(self, what: &'static str) -> Result<()> {
        if self.events > self.trials {
            return Err(StatError::OutOfRange {
                what,
                value: self.events as f64,
                allowed: "at most the number of requests",
            });
        }
        Ok(())
    }
}

/// The wagers: how many times the allowed ratio the canary's event rate might be, and the part of the first wealth that is
/// on each. Most is on twice, which an hour can show, and on five times, which minutes must; a fifth is not wagered, so that
/// chance alone wins less often.
const WAGERS: [(f64, f64); 7] = [
    (1.0, 0.2),
    (1.25, 0.03),
    (1.5, 0.05),
    (2.0, 0.2),
    (3.0, 0.15),
    (5.0, 0.27),
    (10.0, 0.1),
];

/// Is the canary's event rate more than `margin` times the champion's? An e-process over intervals.
///
/// Within an interval, given that an event happened, it happened at the canary with probability
/// `q(r) = r n_c / (r n_c + n_b)`, where r is the ratio of rates and n the requests: load and base rate may
/// drift as they like. The wealth is a weighted mean, over the margin m and six alternatives r above it, of the likelihood
/// ratio of q(r) to q(m) (Lindon and Malek, "Anytime-Valid Inference for Multinomial Count Data",
/// arXiv 2011.03567; a mixture of likelihood ratios is one too). For ratios below the margin it only loses.
///
/// Made for rare events. Where more than about a fifth of requests are events, count the others instead and
/// ask in the other direction.
///
/// ```
/// use drift_stats::sequential::{Arm, RatioProcess};
/// let mut errors = RatioProcess::new(1.0)?;
/// for _ in 0..10 {
///     errors.update(Arm { trials: 300, events: 15 }, Arm { trials: 5_700, events: 57 })?;
/// }
/// assert!(errors.rejects(0.05)?, "5 % of errors against 1 %");
/// # Ok::<(), drift_stats::StatError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatioProcess {
    margin: f64,
    log_wealth: [f64; WAGERS.len()],
    canary: Arm,
    champion: Arm,
    largest: f64,
}

impl RatioProcess {
    /// Starts with a wealth of 1; `margin` is the largest ratio of rates that is still allowed.
    pub fn new(margin: f64) -> Result<Self> {
        if !(margin.is_finite() && margin > 0.0) {
            return Err(StatError::OutOfRange {
                what: "the allowed ratio",
                value: margin,
                allowed: "a finite number above 0",
            });
        }
        let none = Arm { trials: 0, events: 0 };
        Ok(Self {
            margin,
            log_wealth: [0.0; WAGERS.len()],
            canary: none,
            champion: none,
            largest: 0.0,
        })
    }

    /// Takes in one interval. An interval in which either arm had no request says nothing about the ratio.
    pub fn update(&mut self, canary: Arm, champion: Arm) -> Result<()> {
        canary.check("the canary's number of events")?;
        champion.check("the champion's number of events")?;
        self.canary.trials += canary.trials;
        self.canary.events += canary.events;
        self.champion.trials += champion.trials;
        self.champion.events += champion.events;
        if canary.trials == 0 || champion.trials == 0 {
            return Ok(());
        }
        let (n, m) = (canary.trials as f64, champion.trials as f64);
        let (x, y) = (canary.events as f64, champion.events as f64);
        // q(r) / q(m) = (r / m) s and (1 - q(r)) / (1 - q(m)) = s, with the s below.
        for (wealth, (multiple, _)) in self.log_wealth.iter_mut().zip(WAGERS) {
            let ratio = self.margin * multiple;
            let s = ((self.margin * n + m) / (ratio * n + m)).ln();
            *wealth += x * multiple.ln() + (x + y) * s;
        }
        self.largest = self.largest.max(self.log_e());
        Ok(())
    }

    /// Natural logarithm of the wealth now: evidence against "the ratio is at most the margin".
    pub fn log_e(&self) -> f64 {
        let top = self.log_wealth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let each = self.log_wealth.iter().zip(WAGERS);
        let sum: f64 = each.map(|(log, (_, weight))| weight * (log - top).exp()).sum();
        top + sum.ln()
    }

    /// The wealth now, at most the largest double.
    pub fn e_value(&self) -> f64 {
        self.log_e().exp().min(f64::MAX)
    }

    /// An always-valid p-value: one over the largest wealth so far.
    pub fn p_value(&self) -> f64 {
        (-self.largest).exp().min(1.0)
    }

    /// Has the wealth ever reached `1 / alpha`?
    pub fn rejects(&self, alpha: f64) -> Result<bool> {
        crate::error::open_unit("alpha", alpha)?;
        Ok(self.largest >= -alpha.ln())
    }

    /// The largest ratio of rates that is still allowed.
    pub fn margin(&self) -> f64 {
        self.margin
    }

    /// All that was taken in so far: the canary's arm and the champion's.
    pub fn seen(&self) -> (Arm, Arm) {
        (self.canary, self.champion)
    }
}

/// Does the canary get the share of requests that it was given? An e-process against a wrong split.
///
/// The wealth is the ratio of the Beta-binomial likelihood, whose prior is centred on the configured share,
/// to the binomial one at that share: the two-category case of Lindon and Malek's multinomial test
/// (arXiv 2011.03567, sec. 3), their own use being the sample ratio mismatch.
///
/// ```
/// use drift_stats::sequential::ShareProcess;
/// let mut split = ShareProcess::new(0.05)?;
/// split.update(52, 1_000)?;
/// assert!(!split.rejects(0.01)?);
/// split.update(0, 1_000)?;
/// assert!(split.rejects(0.01)?, "the route sends nothing any more");
/// # Ok::<(), drift_stats::StatError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareProcess {
    share: f64,
    hits: u64,
    trials: u64,
    largest: f64,
}

impl ShareProcess {
    /// How many requests the prior is worth. A larger one finds smaller mismatches later, a smaller one
    /// larger mismatches sooner; 100 finds a missing 5 % split within some 150 requests.
    const PRIOR: f64 = 100.0;

    /// Starts at the configured share, above 0 and below 1.
    pub fn new(share: f64) -> Result<Self> {
        let share = crate::error::open_unit("the configured share", share)?;
        Ok(Self {
            share,
            hits: 0,
            trials: 0,
            largest: 0.0,
        })
    }

    /// Takes in `hits` requests at the canary out of `trials` at both.
    pub fn update(&mut self, hits: u64, trials: u64) -> Result<()> {
        Arm { trials, events: hits }.check("the canary's number of requests")?;
        self.hits += hits;
        self.trials += trials;
        self.largest = self.largest.max(self.log_e());
        Ok(())
    }

    /// Natural logarithm of the wealth now.
    pub fn log_e(&self) -> f64 {
        let (a, b) = (Self::PRIOR * self.share, Self::PRIOR * (1.0 - self.share));
        let (x, y) = (self.hits as f64, (self.trials - self.hits) as f64);
        let ln_beta = |a: f64, b: f64| lgamma(a) + lgamma(b) - lgamma(a + b);
        ln_beta(a + x, b + y) - ln_beta(a, b) - x * self.share.ln() - y * (-self.share).ln_1p()
    }

    /// An always-valid p-value: one over the largest wealth so far.
    pub fn p_value(&self) -> f64 {
        (-self.largest).exp().min(1.0)
    }

    /// Has the wealth ever reached `1 / alpha`?
    pub fn rejects(&self, alpha: f64) -> Result<bool> {
        crate::error::open_unit("alpha", alpha)?;
        Ok(self.largest >= -alpha.ln())
    }

    /// Requests at the canary, and at both.
    pub fn seen(&self) -> (u64, u64) {
        (self.hits, self.trials)
    }
}
