//! Tests of single values: compiled once for a column's kind, run over whole batches.

use std::collections::{BTreeMap, HashSet};

use tabular::{Column, Field, Kind, Place, Precision, Values, decimal_key, row_keys};

use serde::{Deserialize, Serialize};
use step_report::Severity;

use super::decimals::Exact;
use crate::config::{ColumnRules, ColumnType, LengthRule, RangeRule, Scalar, SetRule};

/// The rules that judge value by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueRule {
    /// `range`
    Range,
    /// `in_set`
    InSet,
    /// `not_in_set`
    NotInSet,
    /// `regex`
    Regex,
    /// `not_regex`
    NotRegex,
    /// `length`
    Length,
    /// `finite`
    Finite,
    /// `castable`
    Castable,
    /// `datetime_format`
    DatetimeFormat,
}

impl ValueRule {
    /// Those that a column has.
    #[must_use]
    pub fn of(rules: &ColumnRules) -> Vec<Self> {
        [
            (Self::Range, rules.range.is_some()),
            (Self::InSet, rules.in_set.is_some()),
            (Self::NotInSet, rules.not_in_set.is_some()),
            (Self::Regex, rules.regex.is_some()),
            (Self::NotRegex, rules.not_regex.is_some()),
            (Self::Length, rules.length.is_some()),
            (Self::Finite, rules.finite.is_some()),
            (Self::Castable, rules.castable.is_some()),
            (Self::DatetimeFormat, rules.datetime_format.is_some()),
        ]
        .into_iter()
        .filter_map(|(rule, there)| there.then_some(rule))
        .collect()
    }
}

/// A rule made ready for the values of one kind.
#[derive(Debug, Clone)]
pub struct Test {
    form: Form,
    /// Whether a value that the form matches is bad instead of good.
    inverted: bool,
}

#[derive(Debug, Clone)]
enum Form {
    Numbers(Interval<f64>),
    /// Of decimals, and of those that have too many digits, as doubles.
    Exact(Interval<Exact>, Interval<f64>),
    /// Of whole numbers: a double is exact up to 2^53 only, and identifiers are longer.
    Between(Interval<i128>),
    Times(Interval<i128>),
    Wholes(HashSet<i128>),
    Floats(Vec<f64>),
    /// By their keys, which are exact.
    Decimals(HashSet<u128>),
    Bools(HashSet<bool>),
    Instants(HashSet<i64>),
    Texts(HashSet<String>),
    Pattern(regex::Regex),
    Length(u64, u64),
    /// Numbers that are neither NaN nor infinite.
    Finite,
    /// Texts that can be read so; `None` is any number.
    Cast(Option<Kind>),
    /// Numbers that are whole.
    Whole,
    Time(String),
    /// Whatever it is, it is good.
    Anything,
}

#[derive(Debug, Clone)]
struct Interval<T> {
    min: Option<T>,
    max: Option<T>,
    exclusive_min: bool,
    exclusive_max: bool,
}

impl<T: PartialOrd> Interval<T> {
    /// NaN lies in no interval.
    fn holds(&self, value: &T) -> bool {
        let above = |min: &T| {
            if self.exclusive_min {
                value > min
            } else {
                value >= min
            }
        };
        let below = |max: &T| {
            if self.exclusive_max {
                value < max
            } else {
                value <= max
            }
        };
        self.min.as_ref().is_none_or(above) && self.max.as_ref().is_none_or(below)
    }
}

impl Test {
    /// Makes a rule ready for such a column.
    ///
    /// # Errors
    /// The rule cannot be asked of such values; a sentence says why.
    pub fn compile(rule: ValueRule, rules: &ColumnRules, field: &Field) -> Result<Self, String> {
        let kind = field.kind;
        let none = || "the rule is not there".to_owned();
        let (form, inverted) = match rule {
            ValueRule::Range => (range(rules.range.as_ref().ok_or_else(none)?, field)?, false),
            ValueRule::InSet => (set(rules.in_set.as_ref().ok_or_else(none)?, field)?, false),
            ValueRule::NotInSet => (set(rules.not_in_set.as_ref().ok_or_else(none)?, field)?, true),
            ValueRule::Regex => (
                pattern(&rules.regex.as_ref().ok_or_else(none)?.pattern, kind)?,
                false,
            ),
            ValueRule::NotRegex => (
                pattern(&rules.not_regex.as_ref().ok_or_else(none)?.pattern, kind)?,
                true,
            ),
            ValueRule::Length => (length(rules.length.as_ref().ok_or_else(none)?, kind)?, false),
            ValueRule::Finite => (finite(kind)?, false),
            ValueRule::Castable => (cast(rules.castable.ok_or_else(none)?.to, kind)?, false),
            ValueRule::DatetimeFormat => {
                let rule = rules.datetime_format.as_ref().ok_or_else(none)?;
                (time_form(&rule.format, kind)?, false)
            }
        };
        Ok(Self { form, inverted })
    }

    /// The test of being one value.
    ///
    /// # Errors
    /// No value of such a column can be it.
    pub fn one(value: &Scalar, field: &Field) -> Result<Self, String> {
        let value = match (value, field.kind) {
            // Keys of a mapping are texts.
            (Scalar::Text(text), Kind::Bool) => match text.as_str() {
                "true" => Scalar::Bool(true),
                "false" => Scalar::Bool(false),
                _ => value.clone(),
            },
            _ => value.clone(),
        };
        let rule = SetRule {
            values: vec![value],
            mostly: 1.0,
            severity: Severity::default(),
        };
        let form = set(&rule, field)?;
        Ok(Self {
            form,
            inverted: false,
        })
    }

    /// Runs over the values of a batch; calls back with each bad row.
    pub fn run(&self, column: &Column, mut bad: impl FnMut(usize)) {
        let validity = column.validity();
        // One answer a distinct value where the file holds text as a dictionary.
        if let Values::Dictionary(dictionary) = column.values() {
            let good: Vec<bool> = (0..dictionary.size())
                .map(|key| self.good_text(dictionary.value(key)))
                .collect();
            if good.iter().all(|good| *good) {
                return;
            }
            let keys = dictionary.keys();
            for run in validity.runs() {
                for row in run {
                    let key = usize::try_from(keys[row]).unwrap_or(usize::MAX);
                    if !good.get(key).copied().unwrap_or(false) {
                        bad(row);
                    }
                }
            }
            return;
        }
        if let Form::Decimals(set) = &self.form {
            let keys = row_keys(&[column]);
            for row in validity.runs().flatten() {
                if set.contains(&keys.hashes[row]) == self.inverted {
                    bad(row);
                }
            }
            return;
        }
        if let (Form::Exact(interval, _), Some((values, scale))) = (&self.form, column.decimals()) {
            for (row, value) in values.into_iter().enumerate() {
                let holds = |units| interval.holds(&Exact { units, scale });
                if value.is_some_and(|units| holds(units) == self.inverted) {
                    bad(row);
                }
            }
            return;
        }
        for run in validity.runs() {
            for row in run {
                if !self.good(column, row) {
                    bad(row);
                }
            }
        }
    }

    fn good_text(&self, text: &str) -> bool {
        let matches = match &self.form {
            Form::Texts(set) => set.contains(text),
            Form::Pattern(pattern) => pattern.is_match(text),
            Form::Length(min, max) => (*min..=*max).contains(&(text.chars().count() as u64)),
            Form::Cast(Some(kind)) => tabular::reads_as(text, *kind),
            Form::Cast(None) => tabular::reads_as(text, Kind::Float),
            Form::Time(format) => is_of_form(text, format),
            Form::Anything => true,
            _ => false,
        };
        matches != self.inverted
    }

    fn good(&self, column: &Column, row: usize) -> bool {
        let matches = match (&self.form, column.values()) {
            (_, Values::Text(view)) => return self.good_text(view.get(row)),
            (Form::Numbers(interval), Values::Float(values)) => interval.holds(&values[row]),
            (Form::Numbers(interval) | Form::Exact(_, interval), _) => {
                column.number(row).is_some_and(|value| interval.holds(&value))
            }
            (Form::Between(interval), Values::Int(values)) => interval.holds(&i128::from(values[row])),
            (Form::Between(interval), Values::Unsigned(values)) => interval.holds(&i128::from(values[row])),
            (Form::Times(interval), Values::Timestamp(times)) => {
                let nanos = i128::from(times.ticks[row]) * i128::from(1_000_000_000 / times.per_second);
                interval.holds(&nanos)
            }
            (Form::Times(interval), _) => column
                .timestamp(row)
                .is_some_and(|at| interval.holds(&i128::from(at))),
            (Form::Wholes(set), Values::Int(values)) => set.contains(&i128::from(values[row])),
            (Form::Wholes(set), Values::Unsigned(values)) => set.contains(&i128::from(values[row])),
            (Form::Floats(set), _) => column.number(row).is_some_and(|value| set.contains(&value)),
            (Form::Anything, _) => true,
            (Form::Finite, _) => column.number(row).is_some_and(f64::is_finite),
            (Form::Whole, _) => column.number(row).is_some_and(|value| value.fract() == 0.0),
            (Form::Bools(set), Values::Bool(values)) => set.contains(&values.get(row)),
            (Form::Instants(set), _) => column.timestamp(row).is_some_and(|at| set.contains(&at)),
            _ => false,
        };
        matches != self.inverted
    }
}

fn range(rule: &RangeRule, field: &Field) -> Result<Form, String> {
    let kind = field.kind;
    let (exclusive_min, exclusive_max) = (rule.exclusive_min, rule.exclusive_max);
    let (min, max) = (rule.min.clone(), rule.max.clone());
    let is_number = min.iter().chain(&max).all(|limit| limit.number().is_some());
    match kind {
        Kind::Int if is_number => Ok(Form::Between(between(rule))),
        Kind::Float | Kind::Decimal if is_number => {
            let held = |limit: &Scalar| limit.number().map(|limit| field.precision().round(limit));
            let near = Interval {
                min: min.as_ref().and_then(held),
                max: max.as_ref().and_then(held),
                exclusive_min,
                exclusive_max,
            };
            let exact = Interval {
                min: min.as_ref().and_then(Exact::of),
                max: max.as_ref().and_then(Exact::of),
                exclusive_min,
                exclusive_max,
            };
            let is_exact = exact.min.is_some() == min.is_some() && exact.max.is_some() == max.is_some();
            Ok(match kind {
                Kind::Decimal if is_exact => Form::Exact(exact, near),
                _ => Form::Numbers(near),
            })
        }
        Kind::Date | Kind::Timestamp if !is_number => Ok(Form::Times(Interval {
            min: min.and_then(|min| min.nanos()).map(i128::from),
            max: max.and_then(|max| max.nanos()).map(i128::from),
            exclusive_min,
            exclusive_max,
        })),
        _ => Err(format!(
            "a range of {} cannot be asked of {kind}",
            if is_number { "numbers" } else { "times" }
        )),
    }
}

/// The whole numbers that lie between limits, which themselves need not be whole.
fn between(rule: &RangeRule) -> Interval<i128> {
    let part = |limit: &Option<Scalar>| match limit {
        Some(Scalar::Number(value)) => value.fract(),
        _ => 0.0,
    };
    let limit = |limit: &Option<Scalar>, towards: fn(f64) -> f64| match limit {
        Some(Scalar::Whole(value)) => Some(*value),
        Some(Scalar::Number(value)) => Some(towards(*value) as i128),
        _ => None,
    };
    Interval {
        min: limit(&rule.min, f64::ceil),
        max: limit(&rule.max, f64::floor),
        // What was rounded away from the limit is no longer the limit.
        exclusive_min: rule.exclusive_min && part(&rule.min) == 0.0,
        exclusive_max: rule.exclusive_max && part(&rule.max) == 0.0,
    }
}

fn set(rule: &SetRule, field: &Field) -> Result<Form, String> {
    let (kind, precision) = (field.kind, field.precision());
    let misfit = |value: &Scalar| format!("`{value}` in the set is no {kind}, as the column is");
    let each = rule.values.iter();
    Ok(match kind {
        Kind::Text => Form::Texts(each.map(ToString::to_string).collect()),
        Kind::Int => Form::Wholes(
            each.map(|value| whole(value).ok_or_else(|| misfit(value)))
                .collect::<Result<_, _>>()?,
        ),
        Kind::Float => Form::Floats(
            each.map(|value| float(value, precision).ok_or_else(|| misfit(value)))
                .collect::<Result<_, _>>()?,
        ),
        Kind::Decimal => Form::Decimals(
            each.map(|value| {
                float(value, precision).ok_or_else(|| misfit(value))?;
                Ok(decimal_key(&value.to_string()))
            })
            .collect::<Result<_, String>>()?,
        ),
        Kind::Bool => Form::Bools(
            each.map(|value| match value {
                Scalar::Bool(value) => Ok(*value),
                other => Err(misfit(other)),
            })
            .collect::<Result<_, _>>()?,
        ),
        Kind::Date | Kind::Timestamp => Form::Instants(
            each.map(|value| value.nanos().ok_or_else(|| misfit(value)))
                .collect::<Result<_, _>>()?,
        ),
        _ => return Err(format!("a set cannot be asked of {kind}")),
    })
}

fn float(value: &Scalar, precision: Precision) -> Option<f64> {
    let value = match value {
        Scalar::Text(text) => text.parse().ok(),
        other => other.number(),
    };
    value.map(|value| precision.round(value))
}

fn whole(value: &Scalar) -> Option<i128> {
    match value {
        Scalar::Whole(value) => Some(*value),
        Scalar::Number(value) if value.fract() == 0.0 => Some(*value as i128),
        Scalar::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn pattern(pattern: &str, kind: Kind) -> Result<Form, String> {
    if kind != Kind::Text {
        return Err(format!("a pattern cannot be asked of {kind}"));
    }
    regex::Regex::new(pattern)
        .map(Form::Pattern)
        .map_err(|error| error.to_string())
}

fn finite(kind: Kind) -> Result<Form, String> {
    match kind {
        Kind::Float => Ok(Form::Finite),
        Kind::Int | Kind::Decimal | Kind::Bool => Ok(Form::Anything),
        _ => Err(format!("being finite cannot be asked of {kind}")),
    }
}

fn cast(wanted: ColumnType, kind: Kind) -> Result<Form, String> {
    let number = matches!(
        wanted,
        ColumnType::Float | ColumnType::Number | ColumnType::Decimal
    );
    Ok(match kind {
        Kind::Text => Form::Cast(wanted.kind()),
        _ if wanted.fits(kind) || number && kind.is_number() => Form::Anything,
        Kind::Float | Kind::Decimal if wanted == ColumnType::Int => Form::Whole,
        Kind::Date if wanted == ColumnType::Timestamp => Form::Anything,
        _ => return Err(format!("{kind} cannot be read as {}", wanted.word())),
    })
}

fn time_form(format: &str, kind: Kind) -> Result<Form, String> {
    if kind != Kind::Text {
        return Err(format!("the form of a time cannot be asked of {kind}"));
    }
    Ok(Form::Time(format.to_owned()))
}

/// The 30th of February has the form of a date, and is none.
fn is_of_form(text: &str, format: &str) -> bool {
    jiff::fmt::strtime::parse(format, text)
        .is_ok_and(|parsed| parsed.day().is_none() || parsed.year().is_none() || parsed.to_date().is_ok())
}

fn length(rule: &LengthRule, kind: Kind) -> Result<Form, String> {
    if kind != Kind::Text {
        return Err(format!("a length cannot be asked of {kind}"));
    }
    Ok(Form::Length(rule.min.unwrap_or(0), rule.max.unwrap_or(u64::MAX)))
}

/// Where a row is: the number of the object within its table, and the place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spot {
    /// The number of the object.
    pub object: usize,
    /// The place in it.
    pub place: Place,
}

/// Bad values, counted, with the first place of each.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Violations {
    /// Values that were tested.
    pub tested: u64,
    /// Values that are bad.
    pub bad: u64,
    /// Some bad values, with their rows and the first place.
    pub values: BTreeMap<String, (u64, Spot)>,
}

/// Different bad values that are kept; beyond, only the total is counted on.
const KEPT: usize = 1000;

impl Violations {
    /// Counts a bad value.
    pub fn add(&mut self, shown: String, spot: Spot) {
        self.bad += 1;
        self.keep(shown, 1, spot);
    }

    fn keep(&mut self, shown: String, count: u64, spot: Spot) {
        if let Some((known, first)) = self.values.get_mut(&shown) {
            *known += count;
            *first = spot.min(*first);
        } else if self.values.len() < KEPT {
            self.values.insert(shown, (count, spot));
        }
    }

    /// Takes in the violations of another part.
    pub fn absorb(&mut self, other: Self) {
        self.tested += other.tested;
        self.bad += other.bad;
        for (shown, (count, spot)) in other.values {
            self.keep(shown, count, spot);
        }
    }

    /// Leaves only so many values, the most frequent ones.
    pub fn keep_top(&mut self, how_many: usize) {
        if self.values.len() > how_many {
            let kept: Vec<String> = self
                .top()
                .into_iter()
                .take(how_many)
                .map(|(value, ..)| value.to_owned())
                .collect();
            self.values.retain(|value, _| kept.contains(value));
        }
    }

    /// The values, the most frequent first, of equal ones the first in the data.
    #[must_use]
    pub fn top(&self) -> Vec<(&str, u64, Spot)> {
        let mut all: Vec<_> = self
            .values
            .iter()
            .map(|(shown, (count, spot))| (shown.as_str(), *count, *spot))
            .collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.2.cmp(&b.2)));
        all
    }
}
