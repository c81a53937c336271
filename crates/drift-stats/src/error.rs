//! What a statistic refuses, and why.

/// Why a statistic could not be computed. There is no NaN among the answers: there is this.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatError {
    /// A sample without a single value.
    #[error("{what} is empty: at least {needed} value(s) are needed")]
    Empty {
        /// Which argument.
        what: &'static str,
        /// How many values the statistic needs.
        needed: usize,
    },
    /// A NaN or an infinity where a number is needed.
    #[error("{what} holds a value that is not finite at position {index}: drop or count it apart first")]
    NotFinite {
        /// Which argument.
        what: &'static str,
        /// The first such position.
        index: usize,
    },
    /// Two histograms over different bins.
    #[error("the two histograms have {left} and {right} bins: they must be counted on the same ones")]
    LengthMismatch {
        /// Bins of the first.
        left: usize,
        /// Bins of the second.
        right: usize,
    },
    /// A parameter outside of its range.
    #[error("{what} is {value}, allowed is {allowed}")]
    OutOfRange {
        /// Which parameter.
        what: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A histogram whose counts are all zero.
    #[error("{what} holds no mass: every bin counts zero")]
    NoMass {
        /// Which argument.
        what: &'static str,
    },
    /// Data on which the statistic is not defined, such as a test over a single category.
    #[error("{what} is not defined here: {why}")]
    Undefined {
        /// Which statistic.
        what: &'static str,
        /// What the data lacks.
        why: &'static str,
    },
}

/// Refuses an empty slice and one with a value that is not finite.
pub(crate) fn finite(what: &'static str, values: &[f64]) -> Result<(), StatError> {
    if values.is_empty() {
        return Err(StatError::Empty { what, needed: 1 });
    }
    match values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(StatError::NotFinite { what, index }),
        None => Ok(()),
    }
}

/// Refuses a number outside of the open interval (0, 1).
pub(crate) fn open_unit(what: &'static str, value: f64) -> Result<f64, StatError> {
    if value > 0.0 && value < 1.0 {
        Ok(value)
    } else {
        Err(StatError::OutOfRange {
            what,
            value,
            allowed: "a number above 0 and below 1",
        })
    }
}
