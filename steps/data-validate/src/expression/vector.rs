//! The values of a part of a condition, for all rows of a batch.

use std::borrow::Cow;

use tabular::{Column, Field, Kind, Values};

/// One value a row; `None` is a null.
#[derive(Debug, Clone)]
pub(super) enum Vector<'a> {
    /// Nulls of no kind.
    Null(usize),
    Bool(Vec<Option<bool>>),
    Whole(Vec<Option<i128>>),
    Number(Vec<Option<f64>>),
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
            Kind::Float | Kind::Decimal => Self::Number(Vec::new()),
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
            Values::Float(values) | Values::Decimal(values) => Self::Number(
                values
                    .iter()
                    .enumerate()
                    .map(|(row, value)| valid(row).then_some(*value))
                    .collect(),
            ),
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
            Self::Whole(_) | Self::Number(_) => "a number",
            Self::Text(_) | Self::Literal(..) => "a text",
            Self::Time(_) => "a point in time",
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
