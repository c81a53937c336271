//! Rules over several columns of a row, and over the rows of several tables.

use schemars::JsonSchema;
use serde::Deserialize;
use step_report::Severity;

use super::bounds::Bounds;
use super::forms;

/// A condition that every row must meet. Where it is unknown, for a null, the row is not judged; such rows are counted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpressionRule {
    /// What the report calls it; the condition itself without it.
    #[serde(default)]
    pub name: Option<String>,
    /// The condition: `dep_time <= arr_time`, `net + tax = gross`, `cancelled or arr_delay is not null`.
    pub expression: String,
    /// Which rows it is for: those where this condition is true. Without it, all.
    #[serde(default, rename = "where")]
    pub filter: Option<String>,
    /// The environments that this is for; all without it.
    #[serde(default)]
    pub environments: Vec<String>,
    /// The share of judged rows, from 0 to 1, for which this must hold.
    #[serde(default = "forms::all")]
    pub mostly: f64,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

impl ExpressionRule {
    /// What the report calls it.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.expression)
    }
}

/// The rows of this table for each row of another.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Against {
    /// The `--data` name of the other.
    pub table: String,
    /// The least ratio that is good.
    #[serde(default)]
    pub min: Option<f64>,
    /// The largest ratio that is good.
    #[serde(default)]
    pub max: Option<f64>,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

impl Against {
    /// Its bounds.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds {
            min: self.min,
            max: self.max,
            severity: self.severity,
        }
    }
}

/// Pearson's correlation of two columns of numbers, over the rows where both are finite.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Correlation {
    /// The two columns.
    pub columns: [String; 2],
    /// The least that is good, from -1 to 1.
    #[serde(default)]
    pub min: Option<f64>,
    /// The most that is good.
    #[serde(default)]
    pub max: Option<f64>,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

impl Correlation {
    /// Its bounds.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds {
            min: self.min,
            max: self.max,
            severity: self.severity,
        }
    }
}
