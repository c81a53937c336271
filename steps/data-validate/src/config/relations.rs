//! Rules between tables.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};
use step_report::Severity;

use super::bounds::Ends;

/// Keys of one table that must exist in another. Rows with a null in the key refer to nothing and are no orphans.
/// Without any bound, no orphan is allowed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Relationship {
    /// The referring columns: `train.dest`, or `{table: train, columns: [origin, time_hour]}`. The table may be one of
    /// `tables` that applies to several.
    pub from: ColumnsOf,
    /// The columns referred to: `airports.faa`.
    pub to: ColumnsOf,
    /// The environments that this is for; all without it.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Rows that may refer to nothing.
    #[serde(default)]
    pub max_orphan_rows: Option<u64>,
    /// The share of referring rows (those without a null) that may refer to nothing, from 0 to 1.
    #[serde(default)]
    pub max_orphan_fraction: Option<f64>,
    /// Different keys that may be missing.
    #[serde(default)]
    pub max_orphan_keys: Option<u64>,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

/// One or more columns of a table.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "super::forms::TextOr<LongColumnsOf>")]
pub struct ColumnsOf {
    /// The table.
    pub table: String,
    /// The columns.
    pub columns: Vec<String>,
}

/// The long form.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LongColumnsOf {
    /// The table.
    table: String,
    /// The columns that together are the key.
    columns: Vec<String>,
}

impl<'de> Deserialize<'de> for ColumnsOf {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = ColumnsOf;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`table.column`, or {table: …, columns: […]}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ColumnsOf, E> {
                match text.split_once('.') {
                    Some((table, column)) if !table.is_empty() && !column.is_empty() => Ok(ColumnsOf {
                        table: table.to_owned(),
                        columns: vec![column.to_owned()],
                    }),
                    _ => Err(E::custom(format!(
                        "`{text}` names no column; write `table.column`"
                    ))),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ColumnsOf, A::Error> {
                let long = LongColumnsOf::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(ColumnsOf {
                    table: long.table,
                    columns: long.columns,
                })
            }
        }
        from.deserialize_any(Visitor)
    }
}

impl std::fmt::Display for ColumnsOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.columns.as_slice() {
            [one] => write!(f, "{}.{one}", self.table),
            many => write!(f, "{}.({})", self.table, many.join(", ")),
        }
    }
}

/// What must hold between two parts of the data.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitRules {
    /// The table that the model is trained on.
    pub train: String,
    /// The table that it is judged on.
    pub test: String,
    /// The environments that this is for; all without it.
    #[serde(default)]
    pub environments: Vec<String>,
    /// The columns that identify a row. Without them, rows are equal when all columns that both tables have are.
    #[serde(default)]
    pub key: Vec<String>,
    /// Rows of `test` that may also be in `train`. Without this and `max_overlap_fraction`, none.
    #[serde(default)]
    pub max_overlap_rows: Option<u64>,
    /// The share of the rows of `test` that may also be in `train`, from 0 to 1.
    #[serde(default)]
    pub max_overlap_fraction: Option<f64>,
    /// The share of the rows of `test` that may be equal to a row of `train` in every column that both have, from 0 to 1:
    /// beside `key`, which compares by less.
    #[serde(default)]
    pub max_same_rows_fraction: Option<f64>,
    /// The columns that say whom a row is about (a customer, a machine): nobody of `test` may be in `train`.
    #[serde(default)]
    pub group: Vec<String>,
    /// The share of the rows of `test` that may be about a group of `train` all the same, from 0 to 1.
    #[serde(default)]
    pub max_group_overlap_fraction: f64,
    /// The column of the label: with it, `max_label_shift` holds.
    #[serde(default)]
    pub label: Option<String>,
    /// By how much the share of any label may differ between the two, from 0 to 1; 0.05 without it.
    #[serde(default)]
    pub max_label_shift: Option<f64>,
    /// Columns in which `test` may have no value that `train` has not.
    #[serde(default)]
    pub new_categories: Vec<String>,
    /// The share of the rows of `test` that may have a new value all the same, from 0 to 1.
    #[serde(default)]
    pub max_new_category_fraction: f64,
    /// Rows of `test` for each row of `train`.
    #[serde(default)]
    pub size_ratio: Option<Ends>,
    /// The column that tells when a row happened; with it, `train` must lie before `test`.
    #[serde(default)]
    pub time_column: Option<String>,
    /// `strict` (the default): the last of `train` lies before the first of `test`. `non_strict`: they may be equal.
    #[serde(default)]
    pub order: Order,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

impl SplitRules {
    /// By how much the share of a label may differ.
    #[must_use]
    pub fn label_shift(&self) -> f64 {
        self.max_label_shift.unwrap_or(0.05)
    }
}

/// How two parts follow each other in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Before.
    #[default]
    Strict,
    /// Before or at the same time.
    NonStrict,
}
