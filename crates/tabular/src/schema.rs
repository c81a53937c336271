//! Columns as the reader sees them: a name, a kind, and what the file itself calls the type.

use arrow::datatypes::{ArrowPrimitiveType, Float16Type};
use serde::{Deserialize, Serialize};

/// What a value of a column is, across file formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// True or false.
    Bool,
    /// Whole numbers of any width.
    Int,
    /// Floating point numbers of any width.
    Float,
    /// Exact decimals.
    Decimal,
    /// Text, also dictionary encoded.
    Text,
    /// Bytes.
    Bytes,
    /// Calendar dates.
    Date,
    /// Points in time, with or without a zone.
    Timestamp,
    /// Anything else: lists, structs, durations; only nulls, text and equality are known.
    Other,
}

impl Kind {
    /// The word for messages and profiles.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Decimal => "decimal",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Other => "other",
        }
    }

    /// Whether values are numbers: whole, floating or decimal.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Float | Self::Decimal)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One column of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// Whether the file allows nulls in it.
    pub nullable: bool,
    /// What the file calls the type, for example `int32`, `timestamp[us, UTC]` or `decimal(10, 2)`.
    pub type_name: String,
}

/// How finely a file holds the floating point numbers of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// 16 bits.
    Half,
    /// 32 bits.
    Single,
    /// 64 bits; also whole numbers and decimals.
    #[default]
    Double,
}

impl Precision {
    /// What stands in such a column where this number is meant: a 32-bit 0.1 is not the 64-bit one.
    ///
    /// ```
    /// use tabular::Precision;
    /// assert_eq!(Precision::Single.round(0.1), 0.100_000_001_490_116_12);
    /// assert_eq!(Precision::Double.round(0.1), 0.1);
    /// ```
    #[must_use]
    pub fn round(self, value: f64) -> f64 {
        type Half = <Float16Type as ArrowPrimitiveType>::Native;
        match self {
            Self::Half => Half::from_f64(value).to_f64(),
            Self::Single => f64::from(value as f32),
            Self::Double => value,
        }
    }
}

impl Field {
    /// How finely the file holds its numbers.
    #[must_use]
    pub fn precision(&self) -> Precision {
        let name = self
            .type_name
            .trim_start_matches("dictionary<")
            .trim_end_matches('>');
        match name {
            "float16" => Precision::Half,
            "float32" => Precision::Single,
            _ => Precision::Double,
        }
    }
}

/// The field of this name.
#[must_use]
pub fn find_field<'a>(fields: &'a [Field], name: &str) -> Option<&'a Field> {
    fields.iter().find(|field| field.name == name)
}

/// The most similar of the known names, when it is similar enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (distance(&word.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (word.chars().count().max(name.chars().count()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The Levenshtein distance (V. Levenshtein, 1966), by one row of the table at a time.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
