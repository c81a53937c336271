//! Short and long forms of one rule, told apart by their shape, so that errors stay about the form that was written.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, de};
use step_report::Severity;

use super::bounds::Scalar;
use super::columns::{FormatRule, RegexRule, SetRule};

pub(super) fn yes() -> bool {
    true
}

pub(super) fn all() -> f64 {
    1.0
}

/// One mapping, or a list of them; only for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes a form to schemars")]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

/// A list of values, or a mapping; only for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes a form to schemars")]
pub(super) enum ListOr<T> {
    List(Vec<serde_json::Value>),
    Long(T),
}

/// A text, or a mapping; only for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes a form to schemars")]
pub(super) enum TextOr<T> {
    Text(String),
    Long(T),
}

pub(super) fn one_or_many<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    struct Visitor<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a mapping, or a list of mappings")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            Ok(vec![T::deserialize(MapAccessDeserializer::new(map))?])
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Vec<T>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }
    from.deserialize_any(Visitor(PhantomData))
}

pub(super) fn set<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SetRule>, D::Error> {
    struct Visitor;
    impl<'de> de::Visitor<'de> for Visitor {
        type Value = SetRule;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of values, or a mapping with `values`")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<SetRule, A::Error> {
            let values = Vec::<Scalar>::deserialize(SeqAccessDeserializer::new(list))?;
            Ok(SetRule {
                values,
                mostly: all(),
                severity: Severity::default(),
            })
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<SetRule, A::Error> {
            SetRule::deserialize(MapAccessDeserializer::new(map))
        }
    }
    from.deserialize_any(Visitor).map(Some)
}

pub(super) fn regex<'de, D: Deserializer<'de>>(from: D) -> Result<Option<RegexRule>, D::Error> {
    struct Visitor;
    impl<'de> de::Visitor<'de> for Visitor {
        type Value = RegexRule;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a pattern, or a mapping with `pattern`")
        }

        fn visit_str<E>(self, pattern: &str) -> Result<RegexRule, E> {
            Ok(RegexRule {
                pattern: pattern.to_owned(),
                mostly: all(),
                severity: Severity::default(),
            })
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<RegexRule, A::Error> {
            RegexRule::deserialize(MapAccessDeserializer::new(map))
        }
    }
    from.deserialize_any(Visitor).map(Some)
}

pub(super) fn format<'de, D: Deserializer<'de>>(from: D) -> Result<Option<FormatRule>, D::Error> {
    struct Visitor;
    impl<'de> de::Visitor<'de> for Visitor {
        type Value = FormatRule;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a form such as `%Y-%m-%d`, or a mapping with `format`")
        }

        fn visit_str<E>(self, format: &str) -> Result<FormatRule, E> {
            Ok(FormatRule {
                format: format.to_owned(),
                mostly: all(),
                severity: Severity::default(),
            })
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<FormatRule, A::Error> {
            FormatRule::deserialize(MapAccessDeserializer::new(map))
        }
    }
    from.deserialize_any(Visitor).map(Some)
}
