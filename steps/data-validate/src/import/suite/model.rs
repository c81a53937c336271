//! Rules, as far as both sides know them: what is asked, of how many, and what a miss is.

use step_report::Severity;

use super::super::condition;
use super::super::value::Value;

/// What each value of a column must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Each {
    /// Between two values.
    Range(Range),
    /// One of these.
    InSet(Vec<Value>),
    /// None of these.
    NotInSet(Vec<Value>),
    /// Matching, anywhere in it.
    Regex(String),
    /// Not matching.
    NotRegex(String),
    /// So many characters long.
    Length(Option<u64>, Option<u64>),
    /// There.
    NotNull,
    /// Not there.
    Null,
}

/// Two ends, each of which may be open.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Range {
    /// The least good value.
    pub min: Option<Value>,
    /// The largest good value.
    pub max: Option<Value>,
    /// The least is itself not good.
    pub exclusive_min: bool,
    /// The largest is itself not good.
    pub exclusive_max: bool,
}

impl Range {
    /// From a value on.
    #[must_use]
    pub fn from(min: Value, exclusive: bool) -> Self {
        Self {
            min: Some(min),
            exclusive_min: exclusive,
            ..Self::default()
        }
    }

    /// Up to a value.
    #[must_use]
    pub fn to(max: Value, exclusive: bool) -> Self {
        Self {
            max: Some(max),
            exclusive_max: exclusive,
            ..Self::default()
        }
    }
}

/// How many must meet a rule, which, and what it is when they do not.
#[derive(Debug, Clone, PartialEq)]
pub struct How {
    /// The share that must, from 0 to 1.
    pub mostly: f64,
    /// What a miss is.
    pub severity: Severity,
    /// The rows that it is for, as a condition of ours.
    pub filter: Option<String>,
}

impl Default for How {
    fn default() -> Self {
        Self {
            mostly: 1.0,
            severity: Severity::Error,
            filter: None,
        }
    }
}

impl How {
    /// All values, with a severity.
    #[must_use]
    pub fn severe(severity: Severity) -> Self {
        Self {
            severity,
            ..Self::default()
        }
    }

    /// The entries that say so; none for the usual.
    pub(in crate::import) fn entries(&self) -> Vec<(String, Value)> {
        let mostly = (self.mostly < 1.0).then(|| ("mostly".to_owned(), Value::figure(self.mostly)));
        mostly.into_iter().chain(severity(self.severity)).collect()
    }
}

/// A part of a suite.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// A rule about each value of a column.
    Each {
        /// The column.
        column: String,
        /// What its values must be.
        each: Each,
        /// For how many and which.
        how: How,
    },
    /// A condition over the columns of a row.
    Condition {
        /// The condition, in our words.
        text: String,
        /// For how many and which.
        how: How,
    },
    /// A figure of a column, or of the table, within bounds.
    Figure {
        /// The column; the table without it.
        column: Option<String>,
        /// The key of the suite.
        key: &'static str,
        /// The least.
        min: Option<f64>,
        /// The most.
        max: Option<f64>,
        /// What a miss is.
        severity: Severity,
    },
    /// Any other key of a column.
    Column {
        /// The column.
        column: String,
        /// The key of the suite.
        key: &'static str,
        /// What stands there. Lists of `quantiles` and `distribution` are put together.
        value: Value,
    },
    /// The column is there.
    Exists(String),
    /// Any other key of the table.
    Table(&'static str, Value),
    /// A key that no two rows share.
    Unique(Vec<String>, Severity),
    /// A key that so many rows may repeat after the first.
    Repeated(Vec<String>, u64, Severity),
    /// Keys that must exist in another table.
    Relation {
        /// The referring columns.
        from: Vec<String>,
        /// The other table.
        table: String,
        /// Its columns.
        to: Vec<String>,
        /// What a miss is.
        severity: Severity,
    },
}

impl Piece {
    /// A rule about each value.
    #[must_use]
    pub fn each(column: &str, each: Each, how: How) -> Self {
        Self::Each {
            column: column.to_owned(),
            each,
            how,
        }
    }

    /// A rule that is only on or off, with a severity.
    #[must_use]
    pub fn flag(column: &str, key: &'static str, how: Severity) -> Self {
        Self::key(column, key, on(how))
    }

    /// A key of a column.
    #[must_use]
    pub fn key(column: &str, key: &'static str, value: Value) -> Self {
        Self::Column {
            column: column.to_owned(),
            key,
            value,
        }
    }
}

/// The entry that says a severity; none for the usual one.
pub(in crate::import) fn severity(severity: Severity) -> Option<(String, Value)> {
    (severity == Severity::Warn).then(|| ("severity".to_owned(), Value::from("warn")))
}

/// A rule that is only on, with a severity.
fn on(severe: Severity) -> Value {
    severity(severe).map_or(Value::Bool(true), |entry| Value::Map(vec![entry]))
}

pub(super) fn map<const N: usize>(entries: [(&str, Option<Value>); N]) -> Vec<(String, Value)> {
    let there = entries
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    there.collect()
}

/// Bounds, as a mapping of the suite.
#[must_use]
pub fn bounds(min: Option<f64>, max: Option<f64>, severe: Severity) -> Value {
    let mut entries = map([("min", min.map(Value::figure)), ("max", max.map(Value::figure))]);
    entries.extend(severity(severe));
    Value::Map(entries)
}

/// One less a share, in as many digits as it was written with: 1 - 0.9 is 0.1.
///
/// ```
/// assert_eq!(data_validate::import::suite::rest_of(0.9), 0.1);
/// assert_eq!(data_validate::import::suite::rest_of(0.995), 0.005);
/// ```
#[must_use]
pub fn rest_of(share: f64) -> f64 {
    let digits = share
        .to_string()
        .split_once('.')
        .map_or(0, |(_, digits)| digits.len());
    let rounded = format!("{:.*}", digits, 1.0 - share);
    rounded.parse().unwrap_or(1.0 - share)
}

/// 500.0 is 500, which is how a person writes it.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::figure(*number),
        other => other.clone(),
    }
}

/// The key and the value of a rule below its column.
pub(super) fn below_column(each: &Each, how: &How) -> (&'static str, Value) {
    let long = |entries: Vec<(String, Value)>| Value::Map(entries.into_iter().chain(how.entries()).collect());
    let short = |key: &str, value: Value| match how.entries().is_empty() {
        true => value,
        false => long(vec![(key.to_owned(), value)]),
    };
    let end = |exclusive: bool| exclusive.then_some(Value::Bool(true));
    match each {
        Each::Range(range) => {
            let entries = map([
                ("min", range.min.as_ref().map(plain)),
                ("max", range.max.as_ref().map(plain)),
                ("exclusive_min", end(range.exclusive_min && range.min.is_some())),
                ("exclusive_max", end(range.exclusive_max && range.max.is_some())),
            ]);
            ("range", long(entries))
        }
        Each::InSet(values) => ("in_set", short("values", Value::List(values.clone()))),
        Each::NotInSet(values) => ("not_in_set", short("values", Value::List(values.clone()))),
        Each::Regex(pattern) => ("regex", short("pattern", Value::from(pattern.as_str()))),
        Each::NotRegex(pattern) => ("not_regex", short("pattern", Value::from(pattern.as_str()))),
        Each::Length(min, max) => {
            let entries = map([("min", min.map(Value::from)), ("max", max.map(Value::from))]);
            ("length", long(entries))
        }
        Each::NotNull if how.mostly < 1.0 => {
            ("null_rate", bounds(None, Some(rest_of(how.mostly)), how.severity))
        }
        Each::NotNull => ("not_null", on(how.severity)),
        Each::Null => ("null_rate", bounds(Some(how.mostly), None, how.severity)),
    }
}

/// Texts have an order, which `range` does not ask and a condition does.
pub(super) fn is_of_texts(each: &Each) -> bool {
    match each {
        Each::Range(range) => range.min.iter().chain(&range.max).all(|end| end.text().is_some()),
        _ => false,
    }
}

/// The same as a condition.
pub(in crate::import) fn as_condition(column: &str, each: &Each) -> String {
    let name = condition::column(column);
    let list = |values: &[Value]| {
        values
            .iter()
            .map(condition::literal)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match each {
        Each::Range(range) => {
            let end = |value: &Option<Value>, sign: &str| {
                let value = value.as_ref()?;
                Some(format!("{name} {sign} {}", condition::literal(&plain(value))))
            };
            let low = end(&range.min, if range.exclusive_min { ">" } else { ">=" });
            let high = end(&range.max, if range.exclusive_max { "<" } else { "<=" });
            low.into_iter().chain(high).collect::<Vec<_>>().join(" and ")
        }
        Each::InSet(values) => format!("{name} in ({})", list(values)),
        Each::NotInSet(values) => format!("{name} not in ({})", list(values)),
        Each::Regex(pattern) => format!("{name} matches {}", condition::text(pattern)),
        Each::NotRegex(pattern) => format!("{name} not matches {}", condition::text(pattern)),
        Each::Length(min, max) => {
            let low = min.map(|min| format!("length({name}) >= {min}"));
            let high = max.map(|max| format!("length({name}) <= {max}"));
            low.into_iter().chain(high).collect::<Vec<_>>().join(" and ")
        }
        Each::NotNull => format!("{name} is not null"),
        Each::Null => format!("{name} is null"),
    }
}
