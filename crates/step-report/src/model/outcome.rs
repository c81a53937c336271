//! What became of a check, and how much that matters.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The observed value is within the bound.
    Pass,
    /// It is not, but the check only warns.
    Warn,
    /// It is not, and that rejects.
    Fail,
    /// Too little evidence to judge.
    Insufficient,
    /// The check could not be carried out.
    Error,
    /// Not asked for here; `why` says by what.
    Skipped,
}

impl Outcome {
    /// All outcomes, the gravest first: the order of every list of checks.
    pub const BY_GRAVITY: [Self; 6] = [
        Self::Error,
        Self::Fail,
        Self::Warn,
        Self::Insufficient,
        Self::Skipped,
        Self::Pass,
    ];

    /// The word in JSON and in every rendering.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Insufficient => "insufficient",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }

    /// True for `fail` and `error`: what makes a build red.
    #[must_use]
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Fail | Self::Error)
    }

    /// Place in [`Self::BY_GRAVITY`].
    pub(crate) const fn rank(self) -> u8 {
        match self {
            Self::Error => 0,
            Self::Fail => 1,
            Self::Warn => 2,
            Self::Insufficient => 3,
            Self::Skipped => 4,
            Self::Pass => 5,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What a miss of the bound means: it warns, or it rejects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A miss is shown and rejects nothing.
    Warn,
    /// A miss rejects.
    #[default]
    Error,
}

/// How loud a note is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know.
    #[default]
    Info,
    /// Worth a look.
    Warn,
    /// Something beside the decision went wrong, such as a notification.
    Error,
}

/// How many checks had each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All checks.
    pub total: usize,
    /// Checks that passed.
    pub pass: usize,
    /// Checks that warned.
    pub warn: usize,
    /// Checks that failed.
    pub fail: usize,
    /// Checks with too little evidence.
    pub insufficient: usize,
    /// Checks that could not be carried out.
    pub error: usize,
    /// Checks not asked for.
    pub skipped: usize,
}

impl Counts {
    /// Counts outcomes.
    pub fn of(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        let mut counts = Self::default();
        for outcome in outcomes {
            counts.total += 1;
            *counts.slot(outcome) += 1;
        }
        counts
    }

    /// How many had this outcome.
    #[must_use]
    pub const fn get(&self, outcome: Outcome) -> usize {
        match outcome {
            Outcome::Pass => self.pass,
            Outcome::Warn => self.warn,
            Outcome::Fail => self.fail,
            Outcome::Insufficient => self.insufficient,
            Outcome::Error => self.error,
            Outcome::Skipped => self.skipped,
        }
    }

    const fn slot(&mut self, outcome: Outcome) -> &mut usize {
        match outcome {
            Outcome::Pass => &mut self.pass,
            Outcome::Warn => &mut self.warn,
            Outcome::Fail => &mut self.fail,
            Outcome::Insufficient => &mut self.insufficient,
            Outcome::Error => &mut self.error,
            Outcome::Skipped => &mut self.skipped,
        }
    }
}
