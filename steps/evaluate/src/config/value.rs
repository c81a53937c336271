//! One gate: a bare number, or a mapping with a rule.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// A gate with its rule spelled out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateFile {
    /// The number that the value is held against.
    pub bound: Option<f64>,
    /// How it is held: `point` (the value itself; default), `ci_lower` (the lower end of its interval, for
    /// minimums and deltas), `ci_upper` (the upper end, for maximums), and for deltas `superiority` and
    /// `non_inferiority`.
    pub rule: Option<Rule>,
    /// How much worse than the champion is still acceptable, for `non_inferiority`.
    pub margin: Option<f64>,
    /// The chance of being wrong that a test may have, for `superiority` and `non_inferiority`. Default 0.05. The
    /// level of intervals is `evaluation.confidence`.
    pub alpha: Option<f64>,
    /// What a miss means: `error` rejects (default), `warn` is shown.
    pub severity: Option<SeverityWord>,
    /// The rows that this gate needs, in place of `evaluation.min_rows`.
    pub min_rows: Option<u64>,
    /// Whether it is held on every slice too. Default: deltas yes, thresholds no.
    pub slices: Option<bool>,
}

/// How a value is held against its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The value itself.
    Point,
    /// The lower end of its confidence interval.
    CiLower,
    /// The upper end of its confidence interval.
    CiUpper,
    /// Better than the champion at `alpha`, and by `bound` at least.
    Superiority,
    /// Not worse than the champion by `margin` or more, at `alpha`.
    NonInferiority,
}

/// What a miss means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeverityWord {
    /// It is shown.
    Warn,
    /// It rejects.
    Error,
}

impl From<SeverityWord> for step_report::Severity {
    fn from(word: SeverityWord) -> Self {
        match word {
            SeverityWord::Warn => Self::Warn,
            SeverityWord::Error => Self::Error,
        }
    }
}

/// A bare number or a [`GateFile`].
#[derive(Debug, Clone, PartialEq)]
pub struct GateValue(pub GateFile);

impl JsonSchema for GateValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Gate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<GateFile>();
        json_schema!({
            "description": "A bound, or a mapping with a rule.",
            "anyOf": [{ "type": "number" }, long]
        })
    }
}

impl<'de> Deserialize<'de> for GateValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By hand and not `untagged`: that loses the message of the form that was meant.
        deserializer.deserialize_any(NumberOrMapping)
    }
}

struct NumberOrMapping;

impl NumberOrMapping {
    fn bare(bound: f64) -> GateValue {
        GateValue(GateFile {
            bound: Some(bound),
            ..GateFile::default()
        })
    }
}

impl<'de> Visitor<'de> for NumberOrMapping {
    type Value = GateValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a mapping with `bound`")
    }

    fn visit_f64<E: Error>(self, bound: f64) -> Result<GateValue, E> {
        Ok(Self::bare(bound))
    }

    fn visit_i64<E: Error>(self, bound: i64) -> Result<GateValue, E> {
        Ok(Self::bare(bound as f64))
    }

    fn visit_u64<E: Error>(self, bound: u64) -> Result<GateValue, E> {
        Ok(Self::bare(bound as f64))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<GateValue, E> {
        Err(E::custom(format!(
            "`{text}` is text; a number is needed, without quotes"
        )))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<GateValue, A::Error> {
        GateFile::deserialize(MapAccessDeserializer::new(map)).map(GateValue)
    }
}
