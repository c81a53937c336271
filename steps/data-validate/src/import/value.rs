//! What stands in a document of another program, and how it is taken out of it without leaving anything behind.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess};
use step_contract::ConfigError;

/// How deep lists and mappings may lie in each other.
const DEPTH: usize = 60;

/// A value of YAML or JSON; mappings keep their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number, exact.
    Whole(i128),
    /// Another number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A mapping.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// Reads a document. JSON is read as JSON, whose escapes YAML does not know; anything else as YAML.
    ///
    /// ```
    /// use data_validate::import::value::Value;
    /// let found = Value::read("s.json", r#"{"a": [1, "\ud83d\ude00"]}"#)?;
    /// assert_eq!(found.get("a"), Some(&Value::List(vec![Value::Whole(1), Value::Text("😀".into())])));
    /// # Ok::<(), step_contract::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// With file and line: it is neither, a key stands twice, or it is nested too deep.
    pub fn read(file: &str, text: &str) -> Result<Self, ConfigError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim_start().starts_with(['{', '['])
            && let Ok(value) = serde_json::from_str(text)
        {
            return Ok(value);
        }
        step_contract::load_foreign_yaml(file, text)
    }

    /// The value of a key; `None` where there is none, or nothing in it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.map()?
            .iter()
            .find(|(known, value)| known == key && *value != Self::Null)
            .map(|(_, value)| value)
    }

    /// The text of a key.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// Its entries, if it is a mapping.
    #[must_use]
    pub fn map(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Its items, if it is a list.
    #[must_use]
    pub fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// Its text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Its number, if it is one that is finite.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(value) => Some(*value as f64),
            Self::Number(value) => Some(*value).filter(|value| value.is_finite()),
            _ => None,
        }
    }

    /// Whether a set may hold it.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        !matches!(self, Self::Null | Self::List(_) | Self::Map(_))
    }

    /// A list of texts.
    #[must_use]
    pub fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(
            items
                .into_iter()
                .map(|item| Self::Text(item.to_string()))
                .collect(),
        )
    }

    /// A number, whole where it is.
    #[must_use]
    pub fn figure(value: f64) -> Self {
        if value.fract() == 0.0 && value.abs() < 9.0e15 {
            Self::Whole(value as i128)
        } else {
            Self::Number(value)
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(i128::from(value))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// As flow YAML on one line, which our suite is written in.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Whole(value) => value.fmt(f),
            // With a point or an exponent, so that it stays what it is.
            Self::Number(value) if value.is_nan() => f.write_str(".nan"),
            Self::Number(value) if value.is_infinite() => {
                f.write_str(if *value > 0.0 { ".inf" } else { "-.inf" })
            }
            Self::Number(value) => write!(f, "{value:?}"),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(
                        f,
                        "{}{}: {value}",
                        if index == 0 { "" } else { ", " },
                        quoted(key)
                    )?;
                }
                f.write_str("}")
            }
        }
    }
}

/// A text as YAML: bare where nothing could take it for anything else.
#[must_use]
pub fn quoted(text: &str) -> String {
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|next| next.is_ascii_alphanumeric() || matches!(next, '_' | '.' | '-'));
    let words = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf",
    ];
    if plain && !words.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for next in text.chars() {
        match next {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // What is no character of YAML is written by its number.
            next if next.is_control()
                || matches!(
                    next,
                    '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                ) =>
            {
                out.push_str(&format!("\\u{:04x}", u32::from(next)));
            }
            next => out.push(next),
        }
    }
    out.push('"');
    out
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Below(0).deserialize(from)
    }
}

/// A value so deep in the document.
#[derive(Clone, Copy)]
struct Below(usize);

impl Below {
    fn next<E: de::Error>(self) -> Result<Self, E> {
        if self.0 >= DEPTH {
            return Err(E::custom(format!(
                "lists and mappings lie more than {DEPTH} deep in each other"
            )));
        }
        Ok(Self(self.0 + 1))
    }
}

impl<'de> DeserializeSeed<'de> for Below {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for Below {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Whole(i128::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Whole(i128::from(value)))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Whole(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let below = self.next()?;
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(below)? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let below = self.next()?;
        let (mut entries, mut known) = (Vec::new(), BTreeSet::new());
        while let Some(key) = from.next_key::<String>()? {
            if !known.insert(key.clone()) {
                return Err(de::Error::custom(format!(
                    "the key `{key}` stands twice; each key may stand once"
                )));
            }
            entries.push((key, from.next_value_seed(below)?));
        }
        Ok(Value::Map(entries))
    }
}

/// The arguments of a rule. What nobody asked for is an error in the end: a rule that is half understood is not
/// understood.
#[derive(Debug)]
pub struct Args<'a> {
    entries: &'a [(String, Value)],
    seen: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Args<'a> {
    /// Those of a mapping.
    #[must_use]
    pub fn new(entries: &'a [(String, Value)]) -> Self {
        Self {
            entries,
            seen: RefCell::default(),
        }
    }

    /// An argument that is there and not nothing.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        let (key, value) = self.entries.iter().find(|(key, _)| key == name)?;
        self.seen.borrow_mut().insert(key);
        Some(value).filter(|value| **value != Value::Null)
    }

    /// Arguments that change nothing.
    pub fn ignore(&self, names: &[&str]) {
        for name in names {
            self.get(name);
        }
    }

    /// A text.
    ///
    /// # Errors
    /// It is something else.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        self.typed(name, "a text", Value::text)
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// It is not, or is something else.
    pub fn need_text(&self, name: &str) -> Result<&'a str, String> {
        self.text(name)?.ok_or_else(|| format!("`{name}` is not given"))
    }

    /// A finite number.
    ///
    /// # Errors
    /// It is something else.
    pub fn number(&self, name: &str) -> Result<Option<f64>, String> {
        self.typed(name, "a finite number", Value::number)
    }

    /// A whole number from 0 up.
    ///
    /// # Errors
    /// It is something else.
    pub fn whole(&self, name: &str) -> Result<Option<u64>, String> {
        match self.number(name)? {
            None => Ok(None),
            Some(value) if value.fract() == 0.0 && (0.0..9.0e15).contains(&value) => Ok(Some(value as u64)),
            Some(value) => Err(format!("`{name}` is {value}, no whole number from 0 up")),
        }
    }

    /// A switch; off without it.
    ///
    /// # Errors
    /// It is something else.
    pub fn flag(&self, name: &str) -> Result<bool, String> {
        Ok(self.maybe_flag(name)?.unwrap_or(false))
    }

    /// A switch, if it was set.
    ///
    /// # Errors
    /// It is something else.
    pub fn maybe_flag(&self, name: &str) -> Result<Option<bool>, String> {
        self.typed(name, "true or false", |value| match value {
            Value::Bool(on) => Some(*on),
            _ => None,
        })
    }

    /// A list of single values that must be there.
    ///
    /// # Errors
    /// It is not, or is something else.
    pub fn need_set(&self, name: &str) -> Result<Vec<Value>, String> {
        let values = self.typed(name, "a list of single values", |value| {
            value.list().filter(|items| items.iter().all(Value::is_scalar))
        })?;
        values
            .map(<[_]>::to_vec)
            .ok_or_else(|| format!("`{name}` is not given"))
    }

    /// A list of texts that must be there.
    ///
    /// # Errors
    /// It is not, or is something else.
    pub fn need_texts(&self, name: &str) -> Result<Vec<String>, String> {
        let texts = self.typed(name, "a list of texts", |value| {
            value
                .list()?
                .iter()
                .map(|item| item.text().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
        })?;
        texts.ok_or_else(|| format!("`{name}` is not given"))
    }

    fn typed<T>(
        &self,
        name: &str,
        what: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        read(value)
            .map(Some)
            .ok_or_else(|| format!("`{name}` is {value}, not {what}"))
    }

    /// That every argument was asked for.
    ///
    /// # Errors
    /// The names of those that were not, and are set.
    pub fn finish(&self) -> Result<(), String> {
        let seen = self.seen.borrow();
        let left = self
            .entries
            .iter()
            .filter(|(key, value)| !seen.contains(key.as_str()) && !matches!(value, Value::Null));
        let left: Vec<String> = left.map(|(key, _)| format!("`{key}`")).collect();
        match left.as_slice() {
            [] => Ok(()),
            [one] => Err(format!("{one} is not understood")),
            many => Err(format!("{} are not understood", many.join(", "))),
        }
    }
}
