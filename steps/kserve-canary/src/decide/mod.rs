//! From evidence to a verdict. Pure: no clock, no file, no randomness, so that the same records always give
//! the same answer.
//!
//! A rollback needs a check that fails: errors or slow answers beyond chance, or an arm that is down. A
//! promotion needs every enforced check to pass, each with its interval inside the margin and enough requests.
//! Whatever is left is INCONCLUSIVE.

mod errors;
mod latency;
mod outage;
mod predictions;
mod sample_size;
mod share;
mod slices;
mod split;

use step_report::{Check, Outcome};

use crate::config::{Config, Mode};
use crate::evidence::Evidence;

pub use share::{Comparison, Margins, State, compare};

/// The three words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The canary may take all traffic.
    Promote,
    /// The canary does harm.
    Rollback,
    /// Neither can be said.
    Inconclusive,
}

impl Verdict {
    /// The word on standard output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Promote => "PROMOTE",
            Self::Rollback => "ROLLBACK",
            Self::Inconclusive => "INCONCLUSIVE",
        }
    }
}

/// The verdict and what it rests on.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The word.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
    /// Every check, in the order of a reader's questions.
    pub checks: Vec<Check>,
    /// Beyond how many milliseconds an answer counted as slow, when that could be said.
    pub slow_beyond_ms: Option<f64>,
}

/// Judges the canary.
#[must_use]
pub fn decide(config: &Config, evidence: &Evidence) -> Decision {
    // Each enforced check may cry wolf with its part of alpha (Bonferroni), so that all together keep to it.
    let enforced = 1 + [config.latency.mode, config.predictions.mode]
        .iter()
        .filter(|mode| **mode == Mode::Enforce)
        .count();
    let alpha = config.alpha / enforced as f64;
    // An equal canary has to show that it is within every margin: each may miss its part of the chance.
    let margins = if config.latency.mode == Mode::Enforce {
        2.0
    } else {
        1.0
    };
    let chances = Chances {
        harm: alpha,
        no_harm: config.alpha,
        power: 1.0 - (1.0 - config.power) / margins,
    };

    let errors = errors::judge(config, evidence, chances);
    let latency = latency::judge(config, evidence, chances);
    let mut checks = vec![outage::check(evidence)];
    checks.push(sample_size::check(
        evidence,
        errors.comparison.as_ref(),
        latency.comparison.as_ref(),
        config,
    ));
    checks.extend(errors.checks);
    checks.extend(latency.checks);
    checks.push(predictions::check(config, evidence, alpha));
    checks.push(split::share(config, evidence));
    checks.push(split::same_time(config, evidence));

    let (verdict, reason) = conclude(&checks, evidence);
    Decision {
        verdict,
        reason,
        checks,
        slow_beyond_ms: latency.slow_beyond_ms,
    }
}

/// The chances that one comparison may take.
#[derive(Debug, Clone, Copy)]
struct Chances {
    /// Of finding harm where there is none.
    harm: f64,
    /// Of finding none beyond the margin where there is.
    no_harm: f64,
    /// Of finding an equal canary to be within the margin, on the planned number of requests.
    power: f64,
}

impl Chances {
    fn margins(self, max_increase: f64, allowed_ratio: f64) -> Margins {
        Margins {
            max_increase,
            allowed_ratio,
            alpha: self.harm,
            alpha_promote: self.no_harm,
            power: self.power,
        }
    }
}

/// What a comparison of one kind of event gives.
struct Judged {
    checks: Vec<Check>,
    comparison: Option<Comparison>,
    slow_beyond_ms: Option<f64>,
}

fn conclude(checks: &[Check], evidence: &Evidence) -> (Verdict, String) {
    let of = |outcomes: &[Outcome]| -> Vec<&Check> {
        checks
            .iter()
            .filter(|check| outcomes.contains(&check.outcome))
            .collect()
    };
    let join = |found: &[&Check]| {
        found
            .iter()
            .map(|check| check.why.as_str())
            .collect::<Vec<_>>()
            .join("; ")
    };
    let failed = of(&[Outcome::Fail]);
    if !failed.is_empty() {
        return (Verdict::Rollback, join(&failed));
    }
    let undecided = of(&[Outcome::Insufficient, Outcome::Error]);
    if !undecided.is_empty() {
        return (Verdict::Inconclusive, join(&undecided));
    }
    let warned = of(&[Outcome::Warn]);
    let but = if warned.is_empty() {
        String::new()
    } else {
        format!("; but {}", join(&warned))
    };
    let passed = of(&[Outcome::Pass]);
    let why: Vec<&str> = passed
        .iter()
        .filter(|check| ["error_rate", "latency_tail"].contains(&check.id.as_str()))
        .map(|check| check.why.as_str())
        .collect();
    if why.is_empty() {
        // Unreachable while the error rate is always enforced; silence must not promote if that changes.
        return (
            Verdict::Inconclusive,
            "nothing was held against anything".to_owned(),
        );
    }
    (
        Verdict::Promote,
        format!(
            "over {} requests in the canary: {}{but}",
            evidence.canary.total(),
            why.join("; ")
        ),
    )
}
