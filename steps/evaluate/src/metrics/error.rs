//! Why a metric has no value on some rows.

use thiserror::Error;

use super::Metric;

/// A metric that is undefined on the rows that it was given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetricError {
    /// There is nothing to measure.
    #[error("{metric} is undefined: there are no rows")]
    Empty {
        /// The metric asked for.
        metric: Metric,
    },
    /// The metric compares the two classes and one of them is missing.
    #[error("{metric} is undefined: every label is {only}, it needs both classes")]
    SingleClass {
        /// The metric asked for.
        metric: Metric,
        /// The only label that is there.
        only: u8,
    },
    /// The denominator of a ratio is empty.
    #[error("{metric} is undefined: {empty}")]
    EmptyDenominator {
        /// The metric asked for.
        metric: Metric,
        /// What there is none of.
        empty: &'static str,
    },
    /// A probability metric on scores that are no probabilities.
    #[error("{metric} needs probabilities: {count} scores lie outside [0, 1]")]
    NotProbability {
        /// The metric asked for.
        metric: Metric,
        /// How many scores lie outside.
        count: usize,
    },
}
