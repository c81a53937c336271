//! A suite with the reason of each rule beside it, as YAML that a person edits.

use std::fmt::Write as _;

use super::one_line;
use crate::import::value::{Value, quoted};

/// How a rule stands in the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// It holds.
    Asked,
    /// As a comment: a person knows whether it should hold.
    Maybe,
    /// It is not there; only the remark is.
    Not,
}

/// A rule, or a remark where there is none.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) stands: Stands,
    pub(super) key: &'static str,
    pub(super) value: Value,
    pub(super) why: String,
}

impl Line {
    /// `key: value`.
    pub(super) fn rule(&self) -> String {
        match self.stands {
            Stands::Not => String::new(),
            Stands::Asked | Stands::Maybe => format!("{}: {}", self.key, self.value),
        }
    }

    fn write(&self, indent: &str, out: &mut String) {
        let why = one_line(&self.why);
        _ = match self.stands {
            Stands::Asked => writeln!(out, "{indent}# {why}\n{indent}{}", self.rule()),
            Stands::Maybe => writeln!(out, "{indent}# Maybe: {why}\n{indent}# {}", self.rule()),
            Stands::Not => writeln!(out, "{indent}# {why}"),
        };
    }
}

/// The rules of a column, or of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(Vec<Line>);

impl Lines {
    /// A rule that holds.
    pub(super) fn ask(&mut self, key: &'static str, value: Value, why: impl Into<String>) {
        self.push(Stands::Asked, key, value, why.into());
    }

    /// A rule that may be right.
    pub(super) fn suggest(&mut self, key: &'static str, value: Value, why: impl Into<String>) {
        self.push(Stands::Maybe, key, value, why.into());
    }

    /// Why there is no rule.
    pub(super) fn say(&mut self, why: impl Into<String>) {
        self.push(Stands::Not, "", Value::Null, why.into());
    }

    fn push(&mut self, stands: Stands, key: &'static str, value: Value, why: String) {
        self.0.push(Line {
            stands,
            key,
            value,
            why,
        });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Line> {
        self.0.iter()
    }

    /// Whether no rule holds.
    pub(super) fn asks_nothing(&self) -> bool {
        self.iter().all(|line| line.stands != Stands::Asked)
    }

    fn write(&self, indent: &str, out: &mut String) {
        self.0.iter().for_each(|line| line.write(indent, out));
    }
}

/// The rules of a table.
#[derive(Debug, Clone)]
pub(super) struct TableLines<'a> {
    pub(super) name: &'a str,
    pub(super) lines: Lines,
    pub(super) columns: Vec<(&'a str, Lines)>,
}

/// The YAML of all tables.
pub(super) fn to_yaml(tables: &[TableLines<'_>]) -> String {
    let mut out = String::from("tables:\n");
    for table in tables {
        _ = writeln!(out, "  {}:", quoted(table.name));
        table.lines.write("    ", &mut out);
        if !table.columns.is_empty() {
            out.push_str("    columns:\n");
        }
        for (name, lines) in &table.columns {
            _ = writeln!(out, "      {}:", quoted(name));
            lines.write("        ", &mut out);
        }
    }
    out
}

/// A mapping of the suite.
pub(super) fn map<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
    let there = entries
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Map(there.collect())
}

/// Bounds as a mapping.
pub(super) fn between(min: Option<f64>, max: Option<f64>) -> Value {
    map([("min", min.map(Value::figure)), ("max", max.map(Value::figure))])
}

/// The share that must meet a rule; nothing where all must.
pub(super) fn share(mostly: f64) -> Option<Value> {
    (mostly < 1.0).then(|| Value::figure(mostly))
}
