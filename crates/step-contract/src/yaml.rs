//! The one door for YAML. Errors name the file, the line, the field and what is allowed.

use serde::de::DeserializeOwned;

/// A configuration that cannot be used, with the place to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    file: String,
    line: Option<u64>,
    column: Option<u64>,
    field: String,
    message: String,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl ConfigError {
    /// A value that parses and makes no sense: `field` is the dotted path, as in
    /// `evaluation.latency.p95_ms` or `rules[2].column`; its line is looked up in `text`.
    #[must_use]
    pub fn at(file: &str, text: &str, field: &str, message: impl Into<String>) -> Self {
        let place = locate::locate(text, field);
        Self {
            file: file.to_owned(),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            field: field.to_owned(),
            message: message.into(),
        }
    }

    /// The dotted path of the field, empty when the document as a whole is at fault.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The line, from 1.
    #[must_use]
    pub const fn line(&self) -> Option<u64> {
        self.line
    }
}

fn options() -> serde_yaml::Options {
    // `yes` and `on` stay text: a column may be called so.
    serde_yaml::options! {
        strict_booleans: true,
        non_finite_float_policy: serde_yaml::NonFiniteFloatPolicy::PassThrough,
    }
}

/// Reads a YAML (or JSON) document that a person wrote into `T`. `file` is only for messages.
///
/// A key with nothing after it is refused: whoever wrote `threshold:` meant a threshold, and a rule that is silently
/// not there lets everything pass.
///
/// ```
/// #[derive(Debug, serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Gate { min: f64 }
/// let error = step_contract::load_yaml::<Gate>("gates.yaml", "min: 0.8\nmax: 1\n").unwrap_err();
/// assert_eq!(error.to_string(), "gates.yaml:2:1: max: unknown field `max`, expected one of min");
/// ```
///
/// # Errors
/// [`ConfigError`] with file, line, column and field path; a duplicate key, an alias bomb and an empty
/// document are errors too.
pub fn load_yaml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, ConfigError> {
    match locate::nothing(text) {
        Some(field) => Err(ConfigError::at(
            file,
            text,
            &field,
            "has nothing in it; write a value, or leave the key out",
        )),
        None => load_foreign_yaml(file, text),
    }
}

/// As [`load_yaml`], for a document that another program wrote, such as MLflow: its `null` says that there is nothing.
///
/// # Errors
/// As [`load_yaml`], but for keys with nothing after them.
pub fn load_foreign_yaml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, ConfigError> {
    let mut field = String::new();
    let parsed = serde_yaml::with_deserializer_from_str_with_options(text, options(), |de| {
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(de, &mut track);
        T::deserialize(tracked).inspect_err(|_| field = track.path().to_string())
    });
    parsed.map_err(|error| {
        let place = error.location();
        // The path ends in `?` where the engine stopped before it knew the key.
        let known = field.trim_end_matches('?').trim_end_matches('.').len();
        field.truncate(known);
        let message = plain(&error.without_snippet().to_string());
        ConfigError {
            file: file.to_owned(),
            line: place.map(|l| l.line()),
            column: place.map(|l| l.column()),
            field,
            message,
        }
    })
}

/// The engine ends its message with a place; ours stands in front already.
fn plain(message: &str) -> String {
    let first = message.lines().next().unwrap_or(message).trim();
    let cut = first
        .rfind(" at line ")
        .or_else(|| first.rfind(" (line "))
        .unwrap_or(first.len());
    let message = first[..cut].trim_end_matches([',', ' ']);
    said_plainly(message).unwrap_or_else(|| hinted(message))
}

/// What the engine says in words of its own, said in words of the file's.
fn said_plainly(message: &str) -> Option<String> {
    let whole = |from: &str| format!("is not a whole number {from}");
    if let Some(rest) = message.strip_prefix("duplicate mapping key: ") {
        let key = rest.split(", set ").next().unwrap_or(rest);
        return Some(format!("the key `{key}` stands twice; each key may stand once"));
    }
    if let Some(kind) = message.strip_prefix("invalid ") {
        return match kind.split([' ', ':', ',']).next().unwrap_or(kind) {
            "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => Some(whole("from 0 up")),
            "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => Some(whole("(such as -1, 0 or 7)")),
            "f32" | "f64" | "floating" => Some("is not a number (such as 0.8 or 1e-3)".to_owned()),
            "bool" | "boolean" => Some("is neither `true` nor `false`".to_owned()),
            _ => None,
        };
    }
    if message.starts_with("multiple YAML documents") {
        return Some(
            "the file holds more than one YAML document (a line of ---); one is expected".to_owned(),
        );
    }
    if message.starts_with("unexpected end of input") {
        return Some("the file is empty".to_owned());
    }
    if message.starts_with("expected mapping start") {
        return Some("a mapping (`key: value` lines) is expected here".to_owned());
    }
    if message.starts_with("expected sequence start") {
        return Some("a list (`- item` lines) is expected here".to_owned());
    }
    None
}

/// Adds the likely meaning of an unknown field or variant to the list of the known ones.
fn hinted(message: &str) -> String {
    let hint = message
        .split_once(", expected one of ")
        .and_then(|(unknown, known)| {
            let unknown = unknown.split('`').nth(1)?;
            crate::nearest(unknown, known.split(", ").map(|word| word.trim_matches('`')))
        });
    match hint {
        Some(hint) => format!("{message}; did you mean `{hint}`?"),
        None => message.to_owned(),
    }
}

mod locate {
    //! Line and column of a field path in a YAML text.

    use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
    use serde_yaml::Spanned;

    struct Node(Spanned<Kind>);
    struct Key(Spanned<String>);

    enum Kind {
        Map(Vec<(Key, Node)>),
        List(Vec<Node>),
        Leaf,
        Nothing,
    }

    impl<'de> Deserialize<'de> for Node {
        fn deserialize<D: Deserializer<'de>>(de: D) -> Result<Self, D::Error> {
            Spanned::deserialize(de).map(Self)
        }
    }

    impl<'de> Deserialize<'de> for Kind {
        fn deserialize<D: Deserializer<'de>>(de: D) -> Result<Self, D::Error> {
            de.deserialize_any(KindVisitor)
        }
    }

    struct KindVisitor;

    macro_rules! leaf {
        ($($name:ident: $ty:ty),*) => {
            $(fn $name<E: serde::de::Error>(self, _: $ty) -> Result<Kind, E> { Ok(Kind::Leaf) })*
        };
    }

    impl<'de> Visitor<'de> for KindVisitor {
        type Value = Kind;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("any YAML")
        }

        leaf!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128,
              visit_f64: f64, visit_str: &str);

        fn visit_unit<E: serde::de::Error>(self) -> Result<Kind, E> {
            Ok(Kind::Nothing)
        }

        fn visit_none<E: serde::de::Error>(self) -> Result<Kind, E> {
            Ok(Kind::Nothing)
        }

        fn visit_some<D: Deserializer<'de>>(self, de: D) -> Result<Kind, D::Error> {
            Kind::deserialize(de)
        }

        fn visit_newtype_struct<D: Deserializer<'de>>(self, de: D) -> Result<Kind, D::Error> {
            IgnoredAny::deserialize(de).map(|_| Kind::Leaf)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = seq.next_element()? {
                items.push(item);
            }
            Ok(Kind::List(items))
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
            let mut entries = Vec::new();
            while let Some(key) = map.next_key::<Spanned<String>>()? {
                entries.push((Key(key), map.next_value()?));
            }
            Ok(Kind::Map(entries))
        }
    }

    fn read(text: &str) -> Option<Node> {
        serde_yaml::with_deserializer_from_str_with_options(text, super::options(), |de| {
            Node::deserialize(de)
        })
        .ok()
    }

    pub(super) fn locate(text: &str, field: &str) -> Option<(u64, u64)> {
        find(&read(text)?, None, field)
    }

    /// The path of the first key or list item with nothing in it.
    pub(super) fn nothing(text: &str) -> Option<String> {
        nothing_below(&read(text)?, "")
    }

    fn nothing_below(node: &Node, path: &str) -> Option<String> {
        let look = |path: String, value: &Node| match value.0.value {
            Kind::Nothing => Some(path),
            _ => nothing_below(value, &path),
        };
        match &node.0.value {
            Kind::Map(entries) => entries.iter().find_map(|(key, value)| {
                let dot = if path.is_empty() { "" } else { "." };
                look(format!("{path}{dot}{}", key.0.value), value)
            }),
            Kind::List(items) => items
                .iter()
                .enumerate()
                .find_map(|(index, item)| look(format!("{path}[{index}]"), item)),
            Kind::Leaf | Kind::Nothing => None,
        }
    }

    fn find(node: &Node, key: Option<&Key>, path: &str) -> Option<(u64, u64)> {
        if path.is_empty() {
            let place = key.map_or(&node.0.referenced, |key| &key.0.referenced);
            return Some((place.line(), place.column()));
        }
        match &node.0.value {
            Kind::Map(entries) => entries.iter().find_map(|(key, value)| {
                // Keys may hold dots: try the whole key, not the text before the next dot.
                let rest = path.strip_prefix(key.0.value.as_str())?;
                let rest = match rest.chars().next() {
                    None | Some('[') => rest,
                    Some('.') => &rest[1..],
                    Some(_) => return None,
                };
                find(value, Some(key), rest)
            }),
            Kind::List(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                find(
                    items.get(index.parse::<usize>().ok()?)?,
                    None,
                    rest.strip_prefix('.').unwrap_or(rest),
                )
            }
            Kind::Leaf | Kind::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        inner: Vec<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only read")]
        min: f64,
    }

    fn error(text: &str) -> String {
        load_yaml::<Outer>("f.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn names_the_line_and_the_field() {
        assert_eq!(
            error("inner:\n  - min: 1\n  - mni: 2\n"),
            "f.yaml:3:5: inner[1].mni: unknown field `mni`, expected one of min; did you mean `min`?"
        );
        let wrong_type = error("inner:\n  - min: high\n");
        assert!(
            wrong_type.starts_with("f.yaml:2:10: inner[0].min: "),
            "{wrong_type}"
        );
    }

    #[test]
    fn refuses_a_duplicate_key_and_an_empty_file() {
        assert!(
            error("inner: []\ninner: []\n").contains("f.yaml:2"),
            "{}",
            error("inner: []\ninner: []\n")
        );
        assert!(error("").ends_with("the file is empty"), "{}", error(""));
        assert_eq!(
            error("inner: 3\n"),
            "f.yaml:1:8: inner: a list (`- item` lines) is expected here"
        );
        assert!(
            error("- a\n").ends_with("a mapping (`key: value` lines) is expected here"),
            "{}",
            error("- a\n")
        );
        assert!(error("inner: []\n---\ninner: []\n").contains("more than one YAML document"));
        assert!(error("inner: []\ninner: []\n").contains("the key `inner` stands twice"));
        assert!(error("inner: [{min: many}]\n").ends_with("is not a number (such as 0.8 or 1e-3)"));
        assert!(
            error("inner: [\n").starts_with("f.yaml:"),
            "{}",
            error("inner: [\n")
        );
    }

    #[test]
    fn a_key_with_nothing_in_it_is_no_key_that_was_left_out() {
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct Rules {
            max: Option<f64>,
            names: Vec<String>,
            more: Option<Box<Rules>>,
        }
        let said = |text: &str| load_yaml::<Rules>("f.yaml", text).unwrap_err().to_string();
        let wanted = "has nothing in it; write a value, or leave the key out";
        for (text, place) in [
            ("names: [a]\nmax:\n", "f.yaml:2:1: max"),
            ("more:\n  names: [a]\n  max: # soon\n", "f.yaml:3:3: more.max"),
            ("more:\n", "f.yaml:1:1: more"),
            ("max: ~\n", "f.yaml:1:1: max"),
            ("max: null\n", "f.yaml:1:1: max"),
            ("{\"max\": null}", "f.yaml:1:2: max"),
            ("names:\n  - a\n  -\n", "f.yaml:3:4: names[1]"),
        ] {
            assert_eq!(said(text), format!("{place}: {wanted}"));
        }
        let empty: Rules = load_yaml("f.yaml", "names: []\nmore: {}\n").unwrap();
        assert!(empty.max.is_none() && empty.names.is_empty() && empty.more.is_some());
        assert!(load_yaml::<Rules>("f.yaml", "names: ['', \"null\", '~']\n").is_ok());
        // What other programs write may say that there is nothing.
        let foreign: Rules = load_foreign_yaml("MLmodel", "max: null\n").unwrap();
        assert!(foreign.max.is_none());
    }

    #[test]
    fn finds_the_line_of_a_value_that_makes_no_sense() {
        let text = "inner:\n  - min: 1\n  - min: .nan\n";
        let parsed: Outer = load_yaml("f.yaml", text).unwrap();
        assert_eq!(parsed.inner.len(), 2);
        let error = ConfigError::at("f.yaml", text, "inner[1].min", "is NaN; a number is needed");
        assert_eq!(
            error.to_string(),
            "f.yaml:3:5: inner[1].min: is NaN; a number is needed"
        );
        let dotted = ConfigError::at("f.yaml", "a.b:\n  c: 1\n", "a.b.c", "x");
        assert_eq!(dotted.line(), Some(2));
        assert_eq!(
            ConfigError::at("f.yaml", text, "nowhere", "x").to_string(),
            "f.yaml: nowhere: x"
        );
    }
}
