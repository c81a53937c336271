//! The values of a part of a condition, for all rows of a batch.

use std::borrow::Cow;

use tabular::{Column, Field, Kind, Precision, Values};

/// One value a row; `None` is a null.
#[derive(Debug, Clone)]
pub(super) enum Vector<'a> {
    /// Nulls of no kind.
    Null(usize),
    Bool(Vec<Option<bool>>),
    Whole(Vec<Option<i128>>),
    Number(Vec<Option<f64>>),
    /// Numbers of a column that holds them in fewer than 64 bits.
    Short(Vec<Option<f64>>, Precision),
    /// Exact decimals: whole numbers, and how many of their digits stand behind the point.
    Decimal(Vec<Option<i128>>, u32),
    /// A number that was written, not read: beside the values of a column it is as they are.
    Written(f64, usize),
    Text(Vec<Option<Cow<'a, str>>>),
    /// A text that was written, not read: beside times it is read as one.
    Literal(String, usize),
    /// Nanoseconds since 1970-01-01.
    Time(Vec<Option<i128>>),
}

impl<'a> Vector<'a> {
    /// No rows of such a column, for its kind alone.
    pub(super) fn none(field: &Field) -> Result<Self, String> {
        Ok(match field.kind {
            Kind::Bool => Self::Bool(Vec::new()),
            Kind::Int => Self::Whole(Vec::new()),
            Kind::Float => floats(Vec::new(), field),
            Kind::Decimal => Self::Decimal(Vec::new(), 0),
            Kind::Text => Self::Text(Vec::new()),
            Kind::Date | Kind::Timestamp => Self::Time(Vec::new()),
            kind => {
                return Err(format!(
                    "`{}` is {kind} ({}), which a condition cannot use",
                    field.name, field.type_name
                ));
            }
        })
    }

    /// The values of a column.
    pub(super) fn of(column: &'a Column) -> Result<Self, String> {
        let validity = column.validity();
        let rows = 0..column.len();
        fn whole<T: Copy + Into<i128>>(values: &[T], valid: impl Fn(usize) -> bool) -> Vec<Option<i128>> {
            values
                .iter()
                .enumerate()
                .map(|(row, value)| valid(row).then(|| (*value).into()))
                .collect()
        }
        let valid = |row: usize| validity.is_valid(row);
        Ok(match column.values() {
            Values::Bool(values) => Self::Bool(rows.map(|row| valid(row).then(|| values.get(row))).collect()),
            Values::Int(values) => Self::Whole(whole(values, valid)),
            Values::Unsigned(values) => Self::Whole(whole(values, valid)),
            Values::Float(values) => floats(some(values, valid), column.field()),
            Values::Decimal(values) => match column.decimals() {
                Some((exact, scale)) => Self::Decimal(exact, scale),
                None => Self::Number(some(values, valid)),
            },
            Values::Text(values) => Self::Text(
                rows.map(|row| valid(row).then(|| Cow::Borrowed(values.get(row))))
                    .collect(),
            ),
            Values::Dictionary(values) => Self::Text(
                rows.map(|row| valid(row).then(|| Cow::Borrowed(values.get(row))))
                    .collect(),
            ),
            Values::Timestamp(times) => {
                let per_tick = i128::from(1_000_000_000 / times.per_second);
                Self::Time(
                    whole(times.ticks, valid)
                        .into_iter()
                        .map(|ticks| Some(ticks? * per_tick))
                        .collect(),
                )
            }
            Values::Date(days) => Self::Time(
                whole(days, valid)
                    .into_iter()
                    .map(|day| Some(day? * 86_400_000_000_000))
                    .collect(),
            ),
            _ => return Self::none(column.field()),
        })
    }

    /// What its values are, for messages.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Null(_) => "null",
            Self::Bool(_) => "true or false",
            Self::Whole(_) | Self::Number(_) | Self::Short(..) | Self::Decimal(..) | Self::Written(..) => {
                "a number"
            }
            Self::Text(_) | Self::Literal(..) => "a text",
            Self::Time(_) => "a point in time",
        }
    }

    /// Two sides of a comparison, brought to one kind of number: decimals of one scale where both can be decimals, and a
    /// number that was written as a column of 32 bits would hold it.
    pub(super) fn level(self, other: Self) -> (Self, Self) {
        match (self, other) {
            (Self::Written(value, rows), other @ (Self::Decimal(..) | Self::Short(..))) => {
                as_in(value, rows, &other).level(other)
            }
            (one @ (Self::Decimal(..) | Self::Short(..)), Self::Written(value, rows)) => {
                let other = as_in(value, rows, &one);
                one.level(other)
            }
            (Self::Whole(whole), other @ Self::Decimal(..)) => Self::Decimal(whole, 0).level(other),
            (one @ Self::Decimal(..), Self::Whole(whole)) => one.level(Self::Decimal(whole, 0)),
            (Self::Decimal(a, a_scale), Self::Decimal(b, b_scale)) => {
                let scale = a_scale.max(b_scale);
                match (scaled(&a, scale - a_scale), scaled(&b, scale - b_scale)) {
                    (Some(a), Some(b)) => (Self::Decimal(a, scale), Self::Decimal(b, scale)),
                    _ => (
                        Self::Decimal(a, a_scale).floating(),
                        Self::Decimal(b, b_scale).floating(),
                    ),
                }
            }
            (one, other) => (one.floating(), other.floating()),
        }
    }

    /// Two sides of a computation: decimals stay exact, other numbers are taken as they are.
    pub(super) fn joined(self, other: Self) -> (Self, Self) {
        if matches!(self, Self::Decimal(..)) || matches!(other, Self::Decimal(..)) {
            self.level(other)
        } else {
            (self.floating(), other.floating())
        }
    }

    /// Numbers that are not whole as floating ones; anything else as it is.
    fn floating(self) -> Self {
        match self {
            Self::Short(values, _) => Self::Number(values),
            Self::Written(value, rows) => Self::Number(vec![Some(value); rows]),
            Self::Decimal(values, scale) => {
                let near = |value: Option<i128>| value.map(|value| nearest(value, scale));
                Self::Number(values.into_iter().map(near).collect())
            }
            other => other,
        }
    }

    /// As floating numbers.
    pub(super) fn numbers(self) -> Result<Vec<Option<f64>>, String> {
        Ok(match self {
            Self::Null(rows) => vec![None; rows],
            Self::Whole(values) => values
                .into_iter()
                .map(|value| value.map(|value| value as f64))
                .collect(),
            Self::Number(values) => values,
            number @ (Self::Short(..) | Self::Decimal(..) | Self::Written(..)) => {
                return number.floating().numbers();
            }
            other => return Err(format!("a number is needed, and {} was found", other.word())),
        })
    }

    /// As texts.
    pub(super) fn texts(self) -> Result<Vec<Option<Cow<'a, str>>>, String> {
        Ok(match self {
            Self::Null(rows) => vec![None; rows],
            Self::Text(values) => values,
            Self::Literal(text, rows) => vec![Some(Cow::Owned(text)); rows],
            other => return Err(format!("a text is needed, and {} was found", other.word())),
        })
    }

    /// As points in time; a text that was written is read as one.
    pub(super) fn times(self) -> Result<Vec<Option<i128>>, String> {
        Ok(match self {
            Self::Null(rows) => vec![None; rows],
            Self::Time(values) => values,
            Self::Literal(text, rows) => {
                let at = crate::window::instant(&text).ok_or_else(|| {
                    format!("'{text}' is no date (2013-01-31) or time (2013-01-31T05:00:00Z)")
                })?;
                vec![Some(at.as_nanosecond()); rows]
            }
            other => {
                return Err(format!(
                    "a point in time is needed, and {} was found",
                    other.word()
                ));
            }
        })
    }

    /// As answers.
    pub(super) fn answers(self) -> Result<Vec<Option<bool>>, String> {
        match self {
            Self::Null(rows) => Ok(vec![None; rows]),
            Self::Bool(values) => Ok(values),
            other => Err(format!("true or false is needed, and {} was found", other.word())),
        }
    }
}

fn some(values: &[f64], valid: impl Fn(usize) -> bool) -> Vec<Option<f64>> {
    values
        .iter()
        .enumerate()
        .map(|(row, value)| valid(row).then_some(*value))
        .collect()
}

fn floats<'a>(values: Vec<Option<f64>>, field: &Field) -> Vector<'a> {
    match field.precision() {
        Precision::Double => Vector::Number(values),
        short => Vector::Short(values, short),
    }
}

/// The floating number next to a decimal.
fn nearest(value: i128, scale: u32) -> f64 {
    /// Whole numbers and powers of ten that a double holds, so that one division rounds once.
    const HELD: i128 = 1 << 53;
    if value.abs() <= HELD && scale <= 22 {
        return value as f64 / 10_f64.powi(scale as i32);
    }
    format!("{value}e-{scale}").parse().unwrap_or(f64::NAN)
}

/// With so many more digits behind the point; `None` when a value outgrows 128 bits.
fn scaled(values: &[Option<i128>], more: u32) -> Option<Vec<Option<i128>>> {
    let times = 10_i128.checked_pow(more)?;
    values
        .iter()
        .map(|value| match value {
            Some(value) => value.checked_mul(times).map(Some),
            None => Some(None),
        })
        .collect()
}

/// A number that was written, as the values beside it are.
fn as_in<'a>(value: f64, rows: usize, beside: &Vector<'_>) -> Vector<'a> {
    match beside {
        Vector::Short(_, precision) => Vector::Number(vec![Some(precision.round(value)); rows]),
        _ => match decimal(value) {
            Some((value, scale)) => Vector::Decimal(vec![Some(value); rows], scale),
            None => Vector::Number(vec![Some(value); rows]),
        },
    }
}

/// The decimal that a number was written as: the shortest that reads back as it.
pub(crate) fn decimal(value: f64) -> Option<(i128, u32)> {
    let text = value.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let value = format!("{whole}{part}").parse().ok()?;
    Some((value, u32::try_from(part.len()).ok()?))
}
