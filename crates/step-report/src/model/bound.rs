//! What was seen, what was allowed, and how sure the first is.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wire;
use crate::number::{self, Format};

/// What a check saw: a number, or a text such as a type name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Observed {
    /// A measured number.
    Number(
        #[serde(with = "wire::number")]
        #[schemars(with = "f64")]
        f64,
    ),
    /// Anything else, in words.
    Text(String),
}

impl Observed {
    /// The number, when it is one and finite.
    #[must_use]
    pub const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(value) if value.is_finite() => Some(*value),
            Self::Number(_) | Self::Text(_) => None,
        }
    }

    /// In the form that a reader gets.
    #[must_use]
    pub fn display(&self, format: Format) -> String {
        match self {
            Self::Number(value) => format.show(*value),
            Self::Text(text) => text.clone(),
        }
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display(Format::Auto))
    }
}

/// What is allowed. Displays as `>= 0.87`, `<= 0.05`, `0 to 1`, `= int64`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The observed value must not be below.
    AtLeast(
        #[serde(with = "wire::number")]
        #[schemars(with = "f64")]
        f64,
    ),
    /// The observed value must not be above.
    AtMost(
        #[serde(with = "wire::number")]
        #[schemars(with = "f64")]
        f64,
    ),
    /// The observed value must be above.
    MoreThan(
        #[serde(with = "wire::number")]
        #[schemars(with = "f64")]
        f64,
    ),
    /// The observed value must be below.
    LessThan(
        #[serde(with = "wire::number")]
        #[schemars(with = "f64")]
        f64,
    ),
    /// The observed value must lie within, ends included.
    Between {
        /// The lower end.
        #[serde(with = "wire::number")]
        #[schemars(with = "f64")]
        lower: f64,
        /// The upper end.
        #[serde(with = "wire::number")]
        #[schemars(with = "f64")]
        upper: f64,
    },
    /// The observed value must be this one.
    Equals(Observed),
    /// Anything else, in words: `one of EWR, JFK, LGA`.
    Text(String),
}

impl Bound {
    /// `>= value`
    #[must_use]
    pub const fn at_least(value: f64) -> Self {
        Self::AtLeast(value)
    }

    /// `<= value`
    #[must_use]
    pub const fn at_most(value: f64) -> Self {
        Self::AtMost(value)
    }

    /// `> value`
    #[must_use]
    pub const fn more_than(value: f64) -> Self {
        Self::MoreThan(value)
    }

    /// `< value`
    #[must_use]
    pub const fn less_than(value: f64) -> Self {
        Self::LessThan(value)
    }

    /// `lower to upper`, ends included; an infinite end is no bound on that side.
    #[must_use]
    pub const fn between(lower: f64, upper: f64) -> Self {
        if lower == f64::NEG_INFINITY && upper.is_finite() {
            Self::AtMost(upper)
        } else if upper == f64::INFINITY && lower.is_finite() {
            Self::AtLeast(lower)
        } else {
            Self::Between { lower, upper }
        }
    }

    /// `= value`
    #[must_use]
    pub fn equals(value: impl Into<Observed>) -> Self {
        Self::Equals(value.into())
    }

    /// A bound in words.
    #[must_use]
    pub fn text(words: impl Into<String>) -> Self {
        Self::Text(words.into())
    }

    /// In the form that a reader gets.
    #[must_use]
    pub fn display(&self, format: Format) -> String {
        match self {
            Self::AtLeast(value) => format!(">= {}", format.show(*value)),
            Self::AtMost(value) => format!("<= {}", format.show(*value)),
            Self::MoreThan(value) => format!("> {}", format.show(*value)),
            Self::LessThan(value) => format!("< {}", format.show(*value)),
            Self::Between { lower, upper } => format!("{} to {}", format.show(*lower), format.show(*upper)),
            Self::Equals(value) => format!("= {}", value.display(format)),
            Self::Text(words) => words.clone(),
        }
    }

    /// A bound that is not finite cannot be written as a number: it is kept in words.
    pub(crate) fn normalised(self) -> Self {
        let finite = match &self {
            Self::AtLeast(value) | Self::AtMost(value) | Self::MoreThan(value) | Self::LessThan(value) => {
                value.is_finite()
            }
            Self::Between { lower, upper } => lower.is_finite() && upper.is_finite(),
            Self::Equals(Observed::Number(value)) => value.is_finite(),
            Self::Equals(Observed::Text(_)) | Self::Text(_) => true,
        };
        if finite {
            self
        } else {
            Self::Text(self.display(Format::Auto))
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display(Format::Auto))
    }
}

/// A confidence interval of the observed value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Lower end; null when the interval is open on that side.
    #[serde(default, with = "wire::maybe")]
    #[schemars(with = "Option<f64>")]
    pub lower: Option<f64>,
    /// Upper end; null when the interval is open on that side.
    #[serde(default, with = "wire::maybe")]
    #[schemars(with = "Option<f64>")]
    pub upper: Option<f64>,
    /// Confidence level, such as 0.95.
    #[serde(with = "wire::number")]
    #[schemars(with = "f64")]
    pub level: f64,
    /// How it was computed: `delong`, `wilson`, `bootstrap 2000`.
    pub method: String,
}

impl Interval {
    /// An interval; an infinite end means open on that side.
    #[must_use]
    pub fn new(lower: f64, upper: f64, level: f64, method: impl Into<String>) -> Self {
        Self {
            lower: Some(lower),
            upper: Some(upper),
            level,
            method: method.into(),
        }
    }

    /// Both ends, such as `0.902 to 0.918`.
    #[must_use]
    pub fn display(&self, format: Format) -> String {
        let finite = |end: Option<f64>| {
            end.filter(|value| value.is_finite())
                .map(|value| format.show(value))
        };
        match (finite(self.lower), finite(self.upper)) {
            (Some(lower), Some(upper)) => format!("{lower} to {upper}"),
            (Some(lower), None) => format!("from {lower}"),
            (None, Some(upper)) => format!("up to {upper}"),
            (None, None) => number::NO_VALUE.to_owned(),
        }
    }
}

macro_rules! observed_from {
    (exact: $($number:ty),*) => {$(
        impl From<$number> for Observed {
            fn from(value: $number) -> Self {
                Self::Number(f64::from(value))
            }
        }
    )*};
    (rounded: $($number:ty),*) => {$(
        impl From<$number> for Observed {
            #[expect(clippy::cast_precision_loss, reason = "shown, not computed with")]
            fn from(value: $number) -> Self {
                Self::Number(value as f64)
            }
        }
    )*};
}
observed_from!(exact: f64, f32, u32, i32);
observed_from!(rounded: u64, i64, usize);

impl From<&str> for Observed {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Observed {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<bool> for Observed {
    fn from(value: bool) -> Self {
        Self::Text(value.to_string())
    }
}
