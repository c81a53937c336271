//! `baseline.json`: what the data looked like when the model was enrolled, frozen.

use std::collections::BTreeMap;

use drift_stats::bins::{Categories, Edges};
use provenance::{DataObject, Digest, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tabular::{ColumnProfile, Kind};

/// A frozen baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// `mlops-steps/baseline/v1`.
    pub schema: String,
    /// The model that is watched.
    pub model: WatchedModel,
    /// The data it was made from, every object.
    pub data: Vec<DataObject>,
    /// Rows.
    pub rows: u64,
    /// How the bins were chosen and are compared, so that a number means the same in a year.
    pub method: Method,
    /// The column of the model's score or class, when there is one; it is among `columns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction_column: Option<String>,
    /// The columns that are watched.
    pub columns: BTreeMap<String, ColumnBaseline>,
}

/// A model by name and bytes; what is not known is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchedModel {
    /// Its name in the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version in the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The run that trained it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Digest of its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// The rules that make two values comparable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// Name of the rule set: `quantile-bins/v1`.
    pub name: String,
    /// Quantile bins asked for.
    pub bins: usize,
    /// The floor that every share is raised to before the logarithm.
    pub floor: f64,
    /// Categories with a bin of their own.
    pub top_categories: usize,
    /// Numeric columns with at most so many different values get a bin for each.
    pub distinct_up_to: usize,
}

/// The name of our rule set.
pub const METHOD: &str = "quantile-bins/v1";

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnBaseline {
    /// The bins.
    pub bins: Bins,
    /// Exact counts on them.
    pub counts: Counts,
    /// Counts on many more bins, for the measures that follow the whole distribution function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<Grid>,
    /// The profile of the first pass.
    pub profile: ColumnProfile,
}

/// How a column's values fall into bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Bins {
    /// Quantiles of the baseline: right-closed, open at both ends.
    Quantile {
        /// The inner edges.
        edges: Edges,
    },
    /// One bin for each value of a column with few, and one for any other.
    Value {
        /// The values, ascending.
        values: Vec<f64>,
    },
    /// One bin for each frequent category, and one for any other.
    Category {
        /// The categories, the most frequent first.
        labels: Categories,
    },
}

/// Rows in each bin. Nulls, and values that are no number (NaN, infinite, unreadable), have bins of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// In the order of the bins; for values and categories the last is OTHER.
    pub bins: Vec<u64>,
    /// Rows without a value.
    pub nulls: u64,
    /// Values that are no number.
    pub odd: u64,
}

/// A fine histogram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// The inner edges; those of the quantile bins are among them.
    pub edges: Edges,
    /// Rows in each bin.
    pub counts: Vec<u64>,
}

impl Counts {
    /// All cells: bins, nulls, odd values.
    #[must_use]
    pub fn cells(&self) -> Vec<u64> {
        self.bins.iter().copied().chain([self.nulls, self.odd]).collect()
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.cells().iter().sum()
    }

    /// Rows with a value that fell into a bin.
    #[must_use]
    pub fn values(&self) -> u64 {
        self.bins.iter().sum()
    }
}

impl Bins {
    /// How many bins there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Quantile { edges } => edges.bins(),
            Self::Value { values } => values.len() + 1,
            Self::Category { labels } => labels.bins(),
        }
    }

    /// Never true: there is always a bin for the rest.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the values are numbers.
    #[must_use]
    pub fn are_numbers(&self) -> bool {
        !matches!(self, Self::Category { .. })
    }

    /// A name for every cell of [`Counts::cells`].
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        let show = |value: f64| step_report::Format::Auto.show(value);
        let mut labels: Vec<String> = match self {
            Self::Quantile { edges } => {
                let edges = edges.values();
                match (edges.first(), edges.last()) {
                    (Some(first), Some(last)) => std::iter::once(format!("up to {}", show(*first)))
                        .chain(
                            edges
                                .windows(2)
                                .map(|pair| format!("{} to {}", show(pair[0]), show(pair[1]))),
                        )
                        .chain([format!("above {}", show(*last))])
                        .collect(),
                    _ => vec!["any value".to_owned()],
                }
            }
            Self::Value { values } => values
                .iter()
                .map(|value| show(*value))
                .chain(["OTHER".to_owned()])
                .collect(),
            Self::Category { labels } => labels
                .labels()
                .iter()
                .cloned()
                .chain(["OTHER".to_owned()])
                .collect(),
        };
        labels.extend(["NULL".to_owned(), "NaN or infinite".to_owned()]);
        labels
    }
}

impl ColumnBaseline {
    /// Whether a window's column of that kind can fall into these bins.
    #[must_use]
    pub fn takes(&self, kind: Kind) -> bool {
        match self.bins {
            Bins::Category { .. } => kind == Kind::Text,
            _ => kind.is_number() || kind == Kind::Bool,
        }
    }

    fn check(&self, rows: u64) -> Result<(), String> {
        if self.counts.bins.len() != self.bins.len() {
            return Err(format!(
                "counts has {} bins, bins has {}",
                self.counts.bins.len(),
                self.bins.len()
            ));
        }
        if self.counts.rows() != rows {
            return Err(format!("counts sum to {}, rows is {rows}", self.counts.rows()));
        }
        if let Bins::Value { values } = &self.bins
            && (values.iter().any(|v| !v.is_finite()) || values.windows(2).any(|pair| pair[0] >= pair[1]))
        {
            return Err("values are not in ascending order".to_owned());
        }
        if let Some(grid) = &self.grid
            && (grid.counts.len() != grid.edges.bins()
                || grid.counts.iter().sum::<u64>() != self.counts.values())
        {
            return Err("grid does not hold the same rows as counts".to_owned());
        }
        Ok(())
    }
}

impl Record for Baseline {
    const SCHEMA: &'static str = "mlops-steps/baseline/v1";

    fn check(&self) -> Result<(), String> {
        if self.method.name != METHOD {
            return Err(format!(
                "method.name is `{}`, this version knows `{METHOD}`",
                self.method.name
            ));
        }
        if !(self.method.floor > 0.0 && self.method.floor < 1.0) {
            return Err(format!(
                "method.floor is {}, 0 to 1 is allowed",
                self.method.floor
            ));
        }
        if let Some(name) = &self.prediction_column
            && !self.columns.contains_key(name)
        {
            return Err(format!(
                "prediction_column is `{name}`, which is not among columns"
            ));
        }
        for (name, column) in &self.columns {
            column
                .check(self.rows)
                .map_err(|why| format!("columns.{name}: {why}"))?;
        }
        Ok(())
    }
}
