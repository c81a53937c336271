//! Bounds and single values.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};
use step_report::Severity;

/// A number must lie between these, ends included. At least one of the two.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
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

/// Bounds of a measure whose rule has the severity.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ends {
    /// The least that is good.
    #[serde(default)]
    pub min: Option<f64>,
    /// The most that is good.
    #[serde(default)]
    pub max: Option<f64>,
}

impl Ends {
    /// With a severity.
    #[must_use]
    pub fn with(self, severity: Severity) -> Bounds {
        Bounds {
            min: self.min,
            max: self.max,
            severity,
        }
    }
}

impl Bounds {
    /// The same bounds as a column of that precision holds them.
    #[must_use]
    pub fn at(self, precision: tabular::Precision) -> Self {
        Self {
            min: self.min.map(|min| precision.round(min)),
            max: self.max.map(|max| precision.round(max)),
            ..self
        }
    }

    /// Whether a number is good; NaN never is.
    #[must_use]
    pub fn allow(&self, value: f64) -> bool {
        !value.is_nan() && self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }

    /// As the report shows it.
    #[must_use]
    pub fn shown(&self) -> step_report::Bound {
        use step_report::Bound;
        match (self.min, self.max) {
            (Some(min), Some(max)) => Bound::between(min, max),
            (Some(min), None) => Bound::at_least(min),
            (None, Some(max)) => Bound::at_most(max),
            (None, None) => Bound::text("any"),
        }
    }
}

/// A value of a set, as it stands in the YAML.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(with = "serde_json::Value")]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A whole number, exact.
    Whole(i128),
    /// Text; also a date or time.
    Text(String),
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, a text or true/false")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar::Whole(i128::from(value)))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar::Whole(i128::from(value)))
            }

            fn visit_i128<E>(self, value: i128) -> Result<Scalar, E> {
                Ok(Scalar::Whole(value))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar::Number(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(value.to_owned()))
            }
        }
        from.deserialize_any(Visitor)
    }
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Whole(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

/// An end of a range: a number, or for dates and timestamps a text such as `2013-01-31` or `2013-01-31T05:00:00Z`.
pub type Limit = Scalar;

impl Scalar {
    /// The number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            Self::Whole(value) => Some(*value as f64),
            Self::Bool(_) | Self::Text(_) => None,
        }
    }

    /// The point in time in nanoseconds since 1970-01-01, if the text is one.
    #[must_use]
    pub fn nanos(&self) -> Option<i64> {
        match self {
            Self::Text(text) => {
                crate::window::instant(text).and_then(|at| i64::try_from(at.as_nanosecond()).ok())
            }
            _ => None,
        }
    }
}
