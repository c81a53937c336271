//! Short and long forms of one rule, told apart by their shape, so that errors stay about the form that was written.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, de};
use step_report::Severity;

use super::bounds::Scalar;
use super::columns::{CastRule, ColumnType, FormatRule, Most, RegexRule, SequenceRule, SetRule};

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

/// `true`, or a mapping; only for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes a form to schemars")]
pub(super) enum Flag {
    Plain(bool),
    Long(Most),
}

/// The same of an order; only for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes a form to schemars")]
pub(super) enum SequenceForm {
    Plain(bool),
    Long(SequenceRule),
}

/// What a flag may be with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlySeverity {
    #[serde(default)]
    severity: Severity,
}

/// `true`, or a mapping that makes it.
fn switched<'de, T: Default, D: Deserializer<'de>, L: Deserialize<'de>>(
    from: D,
    long: fn(L) -> T,
) -> Result<Option<T>, D::Error> {
    struct Visitor<T, L>(fn(L) -> T);
    impl<'de, T: Default, L: Deserialize<'de>> de::Visitor<'de> for Visitor<T, L> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("true, false or a mapping with `severity`")
        }

        fn visit_bool<E>(self, on: bool) -> Result<Option<T>, E> {
            Ok(on.then(T::default))
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
            L::deserialize(MapAccessDeserializer::new(map))
                .map(self.0)
                .map(Some)
        }
    }
    from.deserialize_any(Visitor(long))
}

pub(super) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Severity>, D::Error> {
    switched(from, |long: OnlySeverity| long.severity)
}

pub(super) fn most<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Most>, D::Error> {
    switched(from, |long: Most| long)
}

pub(super) fn sequence<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SequenceRule>, D::Error> {
    switched(from, |long: SequenceRule| long)
}

pub(super) fn cast<'de, D: Deserializer<'de>>(from: D) -> Result<Option<CastRule>, D::Error> {
    struct Visitor;
    impl<'de> de::Visitor<'de> for Visitor {
        type Value = CastRule;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a type such as `int`, or a mapping with `to`")
        }

        fn visit_str<E: de::Error>(self, word: &str) -> Result<CastRule, E> {
            let Most { mostly, severity } = Most::default();
            let to = ColumnType::deserialize(de::value::StrDeserializer::<E>::new(word))?;
            Ok(CastRule { to, mostly, severity })
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<CastRule, A::Error> {
            CastRule::deserialize(MapAccessDeserializer::new(map))
        }
    }
    from.deserialize_any(Visitor).map(Some)
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
