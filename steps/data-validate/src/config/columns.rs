//! Rules for one column.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use step_report::Severity;

use super::bounds::{Bounds, Limit, Scalar};
use super::distribution::Distribution;
use super::forms;
use crate::gather::sequence::Direction;

/// The rules for one column. Rules about values leave nulls aside: `not_null` and `null_rate` are about those.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnRules {
    /// What its values are. For CSV and JSON lines the cells are read as this; those that are not are counted.
    #[serde(default, rename = "type", alias = "expect_column_values_to_be_of_type")]
    pub kind: Option<ColumnType>,
    /// What the file itself must call the type, for example `int32` or `timestamp[us, UTC]` (pyarrow's names).
    #[serde(default)]
    pub physical_type: Option<String>,
    /// Whether the column must be there. When `false`, its rules are skipped (and listed) where it is not.
    #[serde(default = "forms::yes")]
    pub required: bool,
    /// The environments in which the column is there and its rules hold, for example `[TRAIN]` for a label; all without it.
    #[serde(default)]
    pub environments: Vec<String>,
    /// No nulls: `true`, or a mapping with `severity`.
    #[serde(
        default,
        alias = "expect_column_values_to_not_be_null",
        deserialize_with = "forms::flag"
    )]
    #[schemars(with = "forms::Flag")]
    pub not_null: Option<Severity>,
    /// The share of rows without a value, from 0 to 1.
    #[serde(default)]
    pub null_rate: Option<Bounds>,
    /// The number of rows without a value.
    #[serde(default)]
    pub null_count: Option<Bounds>,
    /// The share of values that are NaN (which is no null), from 0 to 1.
    #[serde(default)]
    pub nan_rate: Option<Bounds>,
    /// The share of values that are plus or minus infinity, from 0 to 1.
    #[serde(default)]
    pub inf_rate: Option<Bounds>,
    /// No NaN and no infinity: `true`, or a mapping with `mostly` and `severity`.
    #[serde(default, deserialize_with = "forms::most")]
    #[schemars(with = "forms::Flag")]
    pub finite: Option<Most>,
    /// At least one value.
    #[serde(default, deserialize_with = "forms::flag")]
    #[schemars(with = "forms::Flag")]
    pub not_empty: Option<Severity>,
    /// At least two different values.
    #[serde(default, deserialize_with = "forms::flag")]
    #[schemars(with = "forms::Flag")]
    pub not_constant: Option<Severity>,
    /// Every value lies between these. NaN never does.
    #[serde(default, alias = "expect_column_values_to_be_between")]
    pub range: Option<RangeRule>,
    /// Every value is one of these: a list, or a mapping with `values`, `mostly` and `severity`.
    #[serde(
        default,
        alias = "expect_column_values_to_be_in_set",
        deserialize_with = "forms::set"
    )]
    #[schemars(with = "Option<forms::ListOr<SetRule>>")]
    pub in_set: Option<SetRule>,
    /// No value is one of these.
    #[serde(
        default,
        alias = "expect_column_values_to_not_be_in_set",
        deserialize_with = "forms::set"
    )]
    #[schemars(with = "Option<forms::ListOr<SetRule>>")]
    pub not_in_set: Option<SetRule>,
    /// Every value matches (anywhere in it; use `^` and `$` for the whole): a pattern, or a mapping with `pattern`,
    /// `mostly` and `severity`.
    #[serde(
        default,
        alias = "expect_column_values_to_match_regex",
        deserialize_with = "forms::regex"
    )]
    #[schemars(with = "Option<forms::TextOr<RegexRule>>")]
    pub regex: Option<RegexRule>,
    /// No value matches.
    #[serde(
        default,
        alias = "expect_column_values_to_not_match_regex",
        deserialize_with = "forms::regex"
    )]
    #[schemars(with = "Option<forms::TextOr<RegexRule>>")]
    pub not_regex: Option<RegexRule>,
    /// The length of every text, in characters.
    #[serde(default, alias = "expect_column_value_lengths_to_be_between")]
    pub length: Option<LengthRule>,
    /// No value is less than the one before, row after row and file after file: `true`, or a mapping with `strict`,
    /// `mostly` and `severity`.
    #[serde(
        default,
        alias = "expect_column_values_to_be_increasing",
        deserialize_with = "forms::sequence"
    )]
    #[schemars(with = "forms::SequenceForm")]
    pub increasing: Option<SequenceRule>,
    /// No value is greater than the one before.
    #[serde(
        default,
        alias = "expect_column_values_to_be_decreasing",
        deserialize_with = "forms::sequence"
    )]
    #[schemars(with = "forms::SequenceForm")]
    pub decreasing: Option<SequenceRule>,
    /// Every text can be read as this: `castable: int`, or a mapping with `to`, `mostly` and `severity`.
    #[serde(default, deserialize_with = "forms::cast")]
    #[schemars(with = "Option<forms::TextOr<CastRule>>")]
    pub castable: Option<CastRule>,
    /// Every text is a date or time of this form, as `strptime` writes forms: `"%d.%m.%Y"`, or a mapping with `format`,
    /// `mostly` and `severity`.
    #[serde(
        default,
        alias = "expect_column_values_to_match_strftime_format",
        deserialize_with = "forms::format"
    )]
    #[schemars(with = "Option<forms::TextOr<FormatRule>>")]
    pub datetime_format: Option<FormatRule>,
    /// How old the last point in time may be: `{max_age: 36h}`.
    #[serde(default)]
    pub freshness: Option<Freshness>,
    /// No two rows share a value. For more say in it use the table's `unique`.
    #[serde(
        default,
        alias = "expect_column_values_to_be_unique",
        deserialize_with = "forms::flag"
    )]
    #[schemars(with = "forms::Flag")]
    pub unique: Option<Severity>,
    /// The number of different values, exact.
    #[serde(default, alias = "expect_column_unique_value_count_to_be_between")]
    pub distinct_count: Option<Bounds>,
    /// Different values for each value, from 0 to 1, exact.
    #[serde(default, alias = "expect_column_proportion_of_unique_values_to_be_between")]
    pub unique_rate: Option<Bounds>,
    /// The entropy of the values in nats (Shannon 1948): 0 when all are the same, ln n for n values equally often. Exact.
    #[serde(default)]
    pub entropy: Option<Bounds>,
    /// How many rows the most frequent value has for each row of the rarest.
    #[serde(default)]
    pub imbalance: Option<Bounds>,
    /// The share of the values that are this one, by value: `{"0": {min: 0.2}, "1": {min: 0.2}}`.
    #[serde(default)]
    pub value_shares: BTreeMap<String, Bounds>,
    /// Each of these occurs.
    #[serde(default, alias = "expect_column_distinct_values_to_contain_set")]
    pub contains: Vec<Scalar>,
    /// The sum of the finite numbers.
    #[serde(default, alias = "expect_column_sum_to_be_between")]
    pub sum: Option<Bounds>,
    /// The skewness of the finite numbers: the third central moment over the second to the power of 1.5 (of a population, as
    /// scipy's `skew`).
    #[serde(default)]
    pub skewness: Option<Bounds>,
    /// The excess kurtosis of the finite numbers: the fourth central moment over the square of the second, less 3 (of a
    /// population, as scipy's `kurtosis`).
    #[serde(default)]
    pub kurtosis: Option<Bounds>,
    /// How far the values may be spread otherwise than in another table. One mapping, or a list of them.
    #[serde(default, deserialize_with = "forms::one_or_many")]
    #[schemars(with = "forms::OneOrMany<Distribution>")]
    pub distribution: Vec<Distribution>,
    /// The mean of the finite numbers.
    #[serde(default, alias = "expect_column_mean_to_be_between")]
    pub mean: Option<Bounds>,
    /// The standard deviation of the finite numbers (of a sample, as pandas and SQL's `stddev`).
    #[serde(default, alias = "expect_column_stdev_to_be_between")]
    pub std: Option<Bounds>,
    /// The smallest finite number.
    #[serde(default, alias = "expect_column_min_to_be_between")]
    pub min: Option<Bounds>,
    /// The largest finite number.
    #[serde(default, alias = "expect_column_max_to_be_between")]
    pub max: Option<Bounds>,
    /// The median of the finite numbers, exact.
    #[serde(default, alias = "expect_column_median_to_be_between")]
    pub median: Option<Bounds>,
    /// Quantiles of the finite numbers, exact, with linear interpolation (numpy's default).
    #[serde(default)]
    pub quantiles: Vec<QuantileRule>,
}

impl ColumnRules {
    /// Whether a rule needs to know how often each value occurs.
    #[must_use]
    pub fn counts_values(&self) -> bool {
        self.unique.is_some()
            || self.not_constant.is_some()
            || self.distinct_count.is_some()
            || self.unique_rate.is_some()
            || self.entropy.is_some()
            || self.imbalance.is_some()
    }

    /// The orders that rows must come in, each with its key and its rule.
    pub fn directions(&self) -> impl Iterator<Item = (&'static str, Direction, SequenceRule)> {
        let keys = [
            ("increasing", false, self.increasing),
            ("decreasing", true, self.decreasing),
        ];
        keys.into_iter().filter_map(|(key, falling, rule)| {
            let rule = rule?;
            let strict = rule.strict;
            Some((key, Direction { falling, strict }, rule))
        })
    }

    /// The values that are counted one by one: those of `value_shares`, then those of `contains`.
    #[must_use]
    pub fn named(&self) -> Vec<Scalar> {
        let shares = self.value_shares.keys().map(|value| Scalar::Text(value.clone()));
        shares.chain(self.contains.iter().cloned()).collect()
    }
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// True or false.
    #[serde(alias = "boolean")]
    Bool,
    /// Whole numbers.
    #[serde(alias = "integer", alias = "int64", alias = "long")]
    Int,
    /// Floating point numbers.
    #[serde(alias = "double", alias = "float64")]
    Float,
    /// Whole, floating or decimal numbers.
    #[serde(alias = "numeric")]
    Number,
    /// Exact decimals.
    Decimal,
    /// Text.
    #[serde(alias = "string", alias = "str")]
    Text,
    /// Bytes.
    #[serde(alias = "binary")]
    Bytes,
    /// Calendar dates.
    Date,
    /// Points in time.
    #[serde(alias = "datetime")]
    Timestamp,
}

impl ColumnType {
    /// Whether a column of this kind is meant.
    #[must_use]
    pub fn fits(self, kind: tabular::Kind) -> bool {
        self == Self::Number && kind.is_number() || self.kind() == Some(kind)
    }

    /// The kind that text is read as; `None` for any number.
    #[must_use]
    pub fn kind(self) -> Option<tabular::Kind> {
        use tabular::Kind;
        Some(match self {
            Self::Bool => Kind::Bool,
            Self::Int => Kind::Int,
            Self::Float => Kind::Float,
            Self::Decimal => Kind::Decimal,
            Self::Text => Kind::Text,
            Self::Bytes => Kind::Bytes,
            Self::Date => Kind::Date,
            Self::Timestamp => Kind::Timestamp,
            Self::Number => return None,
        })
    }

    /// The word in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.kind().map_or("number", tabular::Kind::as_str)
    }
}

/// Every value lies between these, ends included unless said otherwise.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RangeRule {
    /// The least good value: a number, or a date or time such as `2013-01-31` or `2013-01-31T05:00:00Z`.
    #[serde(default, alias = "min_value")]
    pub min: Option<Limit>,
    /// The largest good value.
    #[serde(default, alias = "max_value")]
    pub max: Option<Limit>,
    /// The least is itself not good.
    #[serde(default, alias = "strict_min")]
    pub exclusive_min: bool,
    /// The largest is itself not good.
    #[serde(default, alias = "strict_max")]
    pub exclusive_max: bool,
    /// The share of values, from 0 to 1, for which this must hold.
    #[serde(default = "forms::all")]
    pub mostly: f64,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

/// A set of values.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRule {
    /// The values.
    #[serde(alias = "value_set")]
    pub values: Vec<Scalar>,
    /// The share of values, from 0 to 1, for which this must hold.
    #[serde(default = "forms::all")]
    pub mostly: f64,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

/// A pattern of the `regex` crate's syntax (no look-around, no back-references).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegexRule {
    /// The pattern.
    #[serde(alias = "regex")]
    pub pattern: String,
    /// The share of values, from 0 to 1, for which this must hold.
    #[serde(default = "forms::all")]
    pub mostly: f64,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

/// How many must meet a rule, and what it is when they do not.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Most {
    /// The share of values, from 0 to 1, for which this must hold.
    #[serde(default = "forms::all")]
    pub mostly: f64,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

impl Default for Most {
    fn default() -> Self {
        Self {
            mostly: forms::all(),
            severity: Severity::default(),
        }
    }
}

/// An order of rows.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SequenceRule {
    /// Equal neighbours are bad too.
    #[serde(default, alias = "strictly")]
    pub strict: bool,
    /// The share of values, from 0 to 1, for which this must hold.
    #[serde(default = "forms::all")]
    pub mostly: f64,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

impl Default for SequenceRule {
    fn default() -> Self {
        let Most { mostly, severity } = Most::default();
        Self {
            strict: false,
            mostly,
            severity,
        }
    }
}

/// What texts can be read as.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CastRule {
    /// The type.
    pub to: ColumnType,
    /// The share of values, from 0 to 1, for which this must hold.
    #[serde(default = "forms::all")]
    pub mostly: f64,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

/// A form of dates and times.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FormatRule {
    /// The form: `%Y-%m-%d %H:%M:%S`.
    #[serde(alias = "strftime_format")]
    pub format: String,
    /// The share of values, from 0 to 1, for which this must hold.
    #[serde(default = "forms::all")]
    pub mostly: f64,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

/// How old the last point in time may be, at `--as-of`, or without it at the start of the run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// The age: `36h`, `7d`, `90m`.
    pub max_age: String,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

/// Lengths of texts in characters.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LengthRule {
    /// The least.
    #[serde(default, alias = "min_value")]
    pub min: Option<u64>,
    /// The most.
    #[serde(default, alias = "max_value")]
    pub max: Option<u64>,
    /// The share of values, from 0 to 1, for which this must hold.
    #[serde(default = "forms::all")]
    pub mostly: f64,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

/// A bound for one quantile.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuantileRule {
    /// Which, from 0 to 1: 0.95 is the value that 95 % of the values do not exceed.
    pub p: f64,
    /// The least that is good.
    #[serde(default, alias = "min_value")]
    pub min: Option<f64>,
    /// The most that is good.
    #[serde(default, alias = "max_value")]
    pub max: Option<f64>,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

impl QuantileRule {
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
