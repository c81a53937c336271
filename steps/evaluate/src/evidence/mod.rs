//! What was gathered: plain data, from which `decide` decides.

mod ids;

use std::collections::HashMap;

pub use ids::Ids;

use crate::metrics::Metric;

/// Everything that the gates are held against.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The rows that both models have scored.
    pub rows: Rows,
    /// The model on trial.
    pub challenger: Scores,
    /// The model to beat; `None` when there is none yet.
    pub champion: Option<Scores>,
    /// Answer times, when a gate asks for them.
    pub latency: Option<Answered>,
    /// Answers to the behavioural tests, in their order.
    pub behaviour: Vec<Tried>,
}

/// The rows: what is true of them whatever a model says.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// What identifies each row.
    pub ids: Ids,
    /// The truth.
    pub labels: Vec<bool>,
    /// Columns to slice by.
    pub slices: Vec<Groups>,
    /// Columns that must not make a difference.
    pub sensitive: Vec<Groups>,
}

/// The rows by the values of one column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    /// The column.
    pub column: String,
    /// Its values, sorted; a null is `(null)`.
    pub names: Vec<String>,
    /// The value of each row, by its place in `names`.
    pub of_row: Vec<u32>,
}

/// The scores of one model.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    /// One a row; not finite where the model gave none.
    pub values: Vec<f64>,
    /// Rows without a finite score: which row, and what stands there.
    pub missing: Vec<(usize, &'static str)>,
}

impl Scores {
    /// Scores as they were read, with what is no finite number noted by name.
    pub fn new(read: impl IntoIterator<Item = Option<f64>>) -> Self {
        let mut scores = Self::default();
        read.into_iter().for_each(|value| scores.push(value));
        scores
    }

    /// Adds the score of the next row.
    pub fn push(&mut self, value: Option<f64>) {
        let what = match value {
            None => Some("null"),
            Some(value) if value.is_nan() => Some("NaN"),
            Some(value) if value.is_infinite() => Some("infinite"),
            Some(_) => None,
        };
        self.missing.extend(what.map(|what| (self.values.len(), what)));
        self.values.push(value.unwrap_or(f64::NAN));
    }

    /// The scores of these rows, in their order.
    pub fn ordered(&self, order: &[u32]) -> Self {
        let missing: HashMap<usize, &'static str> = self.missing.iter().copied().collect();
        let what = |(at, row): (usize, &u32)| Some((at, *missing.get(&(*row as usize))?));
        Self {
            values: order.iter().map(|row| self.values[*row as usize]).collect(),
            missing: if missing.is_empty() {
                Vec::new()
            } else {
                order.iter().enumerate().filter_map(what).collect()
            },
        }
    }
}

/// How fast the model answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// Quantiles by name, in milliseconds, with an interval when one is known.
    pub quantiles: Vec<AnsweredQuantile>,
    /// Requests that they rest on.
    pub requests: u64,
    /// Where they come from, for people.
    pub source: String,
    /// Why the times say nothing: requests failed, or were not shown to succeed.
    pub failed: Option<String>,
}

/// One quantile of the answer time.
#[derive(Debug, Clone, PartialEq)]
pub struct AnsweredQuantile {
    /// `p95_ms`.
    pub name: String,
    /// Milliseconds.
    pub value: f64,
    /// Its interval by order statistics, when there is one.
    pub interval: Option<QuantileInterval>,
}

/// Where a quantile lies, two-sided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileInterval {
    /// Milliseconds.
    pub lower: f64,
    /// Milliseconds.
    pub upper: f64,
    /// With which confidence.
    pub level: f64,
}

/// The answers to one behavioural test.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tried {
    /// One entry a row that was tried.
    pub rows: Vec<TriedRow>,
}

/// One row of a behavioural test.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TriedRow {
    /// Which row.
    pub id: String,
    /// The label that a case asks for.
    pub label: Option<bool>,
    /// The score before the change; none for a case.
    pub before: Option<f64>,
    /// The scores after it, one a variant.
    pub after: Vec<f64>,
}

/// Metrics that a gate names, in the order of the report.
pub fn distinct(metrics: impl IntoIterator<Item = Metric>) -> Vec<Metric> {
    let mut list: Vec<Metric> = metrics.into_iter().collect();
    list.sort();
    list.dedup();
    list
}
