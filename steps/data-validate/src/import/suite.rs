//! A small neutral model of rules, put together into a suite of ours and written as YAML.
//!
//! Every rule is read back through [`Suite::read`] before it is taken in: what the suite would refuse is not translated,
//! and the suite's own sentence is the reason.

mod model;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use step_report::Severity;

use super::value::{Value, quoted};
use crate::config::Suite;
use model::{below_column, is_of_texts, map};

pub use model::{Each, How, Piece, Range, bounds, rest_of};
pub(super) use model::{as_condition, severity};

/// A suite that grows rule by rule.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    name: String,
    table: Vec<(String, Value)>,
    columns: Vec<(String, Vec<(String, Value)>)>,
    places: BTreeMap<String, usize>,
    conditions: Vec<(String, Vec<(String, Value)>)>,
    unique: Vec<Value>,
    relations: Vec<Value>,
}

impl Draft {
    /// No rules yet, for a table of that name.
    #[must_use]
    pub fn new(table: &str) -> Self {
        Self {
            name: table.to_owned(),
            ..Self::default()
        }
    }

    /// Takes in a rule, whole or not at all; where each part of it stands then.
    ///
    /// # Errors
    /// A sentence: the suite would refuse it, or another rule stands there already and the two cannot be said together.
    pub fn add(&mut self, pieces: &[Piece]) -> Result<Vec<String>, String> {
        let before = (pieces.len() > 1).then(|| self.clone());
        let mut places = Vec::new();
        for piece in pieces {
            match self.add_one(piece) {
                Ok(place) => places.push(place),
                Err(why) => {
                    if let Some(before) = before {
                        *self = before;
                    }
                    return Err(why);
                }
            }
        }
        Ok(places)
    }

    fn add_one(&mut self, piece: &Piece) -> Result<String, String> {
        match piece {
            Piece::Each { column, each, how } => self.add_each(column, each, how),
            Piece::Condition { text, how } => self.add_condition(text, how),
            Piece::Figure {
                column,
                key,
                min,
                max,
                severity,
            } => {
                let value = bounds(*min, *max, *severity);
                match column {
                    Some(column) => self.set(column, key, value),
                    None => self.set_table(key, value),
                }
            }
            Piece::Column { column, key, value } => self.set(column, key, value.clone()),
            Piece::Exists(column) => {
                self.column(column);
                Ok(format!("columns.{column}"))
            }
            Piece::Table(key, value) => self.set_table(key, value.clone()),
            Piece::Unique(columns, severe) => Ok(self.add_key(columns, None, *severe)),
            Piece::Repeated(columns, rows, severe) => Ok(self.add_key(columns, Some(*rows), *severe)),
            Piece::Relation {
                from,
                table,
                to,
                severity: severe,
            } => {
                let side = |table: &str, columns: &[String]| {
                    Value::Map(map([
                        ("table", Some(Value::from(table))),
                        ("columns", Some(Value::texts(columns))),
                    ]))
                };
                let mut entries = map([
                    ("from", Some(side(&self.name, from))),
                    ("to", Some(side(table, to))),
                ]);
                entries.extend(severity(*severe));
                let value = Value::Map(entries);
                read(&format!("relationships: [{value}]"))?;
                push_new(&mut self.relations, value);
                Ok(format!("relationships: {} in {table}", from.join(", ")))
            }
        }
    }

    fn add_key(&mut self, columns: &[String], rows: Option<u64>, severe: Severity) -> String {
        let mut entries = map([
            ("columns", Some(Value::texts(columns))),
            ("max_duplicate_rows", rows.map(Value::from)),
        ]);
        entries.extend(severity(severe));
        push_new(&mut self.unique, Value::Map(entries));
        format!("unique: {}", columns.join(", "))
    }

    /// Below its column where there is room; else as a condition.
    fn add_each(&mut self, column: &str, each: &Each, how: &How) -> Result<String, String> {
        if how.filter.is_none() {
            let (key, value) = below_column(each, how);
            match self.set(column, key, value.clone()) {
                Ok(place) => return Ok(place),
                // A share of nulls is no rule about rows that a condition could ask again.
                Err(why) if *each == Each::Null => return Err(why),
                Err(why) => {
                    let alone = read(&format!("tables: {{t: {{columns: {{c: {{{key}: {value}}}}}}}}}"));
                    if alone.is_err() && !is_of_texts(each) {
                        return Err(why);
                    }
                }
            }
        }
        self.add_condition(&as_condition(column, each), how)
    }

    fn add_condition(&mut self, text: &str, how: &How) -> Result<String, String> {
        let mut entries = map([
            ("expression", Some(Value::from(text))),
            ("where", how.filter.as_deref().map(Value::from)),
        ]);
        entries.extend(how.entries());
        if let Some((label, _)) = self.conditions.iter().find(|(_, known)| *known == entries) {
            return Ok(format!("expressions: {label}"));
        }
        read(&format!(
            "tables: {{t: {{expressions: [{}]}}}}",
            Value::Map(entries.clone())
        ))?;
        let filtered = how.filter.as_ref().map(|filter| format!("{text} where {filter}"));
        let mut label = text.to_owned();
        let mut tried = 1;
        while self.conditions.iter().any(|(known, _)| *known == label) {
            tried += 1;
            label = match (&filtered, tried) {
                (Some(filtered), 2) => filtered.clone(),
                _ => format!("{text} ({tried})"),
            };
        }
        self.conditions.push((label.clone(), entries));
        Ok(format!("expressions: {label}"))
    }

    fn column(&mut self, name: &str) -> &mut Vec<(String, Value)> {
        let at = *self.places.entry(name.to_owned()).or_insert_with(|| {
            self.columns.push((name.to_owned(), Vec::new()));
            self.columns.len() - 1
        });
        &mut self.columns[at].1
    }

    fn set(&mut self, column: &str, key: &str, value: Value) -> Result<String, String> {
        let known = self.places.get(column).map(|at| &self.columns[*at].1);
        let known = known.and_then(|rules| rules.iter().find(|(known, _)| known == key));
        let value = match known {
            Some((_, known)) => together(&format!("columns.{column}"), key, known, value)?,
            None => value,
        };
        read(&format!("tables: {{t: {{columns: {{c: {{{key}: {value}}}}}}}}}"))?;
        put(self.column(column), key, value);
        Ok(format!("columns.{column}.{key}"))
    }

    fn set_table(&mut self, key: &str, value: Value) -> Result<String, String> {
        let value = match self.table.iter().find(|(known, _)| known == key) {
            Some((_, known)) => together("the table", key, known, value)?,
            None => value,
        };
        read(&format!(
            "tables: {{t: {{{key}: {value}, columns: {{c: {{}}}}}}}}"
        ))?;
        put(&mut self.table, key, value);
        Ok(key.to_owned())
    }

    /// Whether a column may hold no null, as an error.
    #[must_use]
    pub fn is_never_null(&self, column: &str) -> bool {
        let rules = self.places.get(column).map(|at| &self.columns[*at].1);
        rules.is_some_and(|rules| {
            let of = |key: &str| {
                rules
                    .iter()
                    .find(|(known, _)| known == key)
                    .map(|(_, value)| value)
            };
            let always = of("required").is_none() && of("environments").is_none();
            always && of("not_null") == Some(&Value::Bool(true))
        })
    }

    /// The columns that rules stand below, in their order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// The YAML.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        let has_table = !(self.table.is_empty()
            && self.columns.is_empty()
            && self.conditions.is_empty()
            && self.unique.is_empty());
        if has_table {
            _ = writeln!(out, "tables:\n  {}:", quoted(&self.name));
            for (key, value) in &self.table {
                _ = writeln!(out, "    {key}: {value}");
            }
            list(&mut out, "    ", "unique", &self.unique);
            let conditions: Vec<Value> = self
                .conditions
                .iter()
                .map(|(label, entries)| named(label, entries))
                .collect();
            list(&mut out, "    ", "expressions", &conditions);
            self.write_columns(&mut out);
        }
        list(&mut out, "", "relationships", &self.relations);
        out
    }

    fn write_columns(&self, out: &mut String) {
        if self.columns.is_empty() {
            return;
        }
        out.push_str("    columns:\n");
        for (name, rules) in &self.columns {
            if rules.is_empty() {
                _ = writeln!(out, "      {}: {{}}", quoted(name));
                continue;
            }
            _ = writeln!(out, "      {}:", quoted(name));
            for (key, value) in rules {
                _ = writeln!(out, "        {key}: {value}");
            }
        }
    }
}

fn named(label: &str, entries: &[(String, Value)]) -> Value {
    let is_own = entries
        .iter()
        .any(|(key, value)| key == "expression" && value.text() == Some(label));
    let name = (!is_own).then(|| ("name".to_owned(), Value::from(label)));
    Value::Map(name.into_iter().chain(entries.iter().cloned()).collect())
}

fn list(out: &mut String, indent: &str, key: &str, items: &[Value]) {
    if items.is_empty() {
        return;
    }
    _ = writeln!(out, "{indent}{key}:");
    for item in items {
        _ = writeln!(out, "{indent}- {item}");
    }
}

fn put(rules: &mut Vec<(String, Value)>, key: &str, value: Value) {
    match rules.iter_mut().find(|(known, _)| known == key) {
        Some(slot) => slot.1 = value,
        None => rules.push((key.to_owned(), value)),
    }
}

fn push_new(items: &mut Vec<Value>, item: Value) {
    if !items.contains(&item) {
        items.push(item);
    }
}

/// Two rules of one key, said as one.
fn together(place: &str, key: &str, known: &Value, new: Value) -> Result<Value, String> {
    if *known == new {
        return Ok(new);
    }
    let taken = || format!("another `{key}` of {place} is there already ({known}), and the suite takes one");
    if let (Value::List(known), Value::List(new)) = (known, &new)
        && matches!(key, "quantiles" | "distribution")
    {
        return Ok(Value::List(known.iter().chain(new).cloned().collect()));
    }
    let (Some(a), Some(b)) = (known.map(), new.map()) else {
        return Err(taken());
    };
    let alike = |name: &str| known.get(name) == new.get(name);
    if !alike("severity") {
        return Err(taken());
    }
    let numbers = a
        .iter()
        .chain(b)
        .all(|(name, value)| name == "severity" || value.number().is_some());
    let ends = a
        .iter()
        .chain(b)
        .all(|(name, _)| matches!(name.as_str(), "min" | "max" | "severity"));
    if numbers && ends && !matches!(key, "length" | "range") {
        let of = |value: &Value, end: &str| value.get(end).and_then(Value::number);
        let both = |end: &str, pick: fn(f64, f64) -> f64| match (of(known, end), of(&new, end)) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            (a, b) => a.or(b),
        };
        let warn = known.get("severity").map_or(Severity::Error, |_| Severity::Warn);
        return Ok(bounds(both("min", f64::max), both("max", f64::min), warn));
    }
    // Of a range the one may say the lower end and the other the upper.
    let apart = ["min", "max"]
        .iter()
        .all(|end| known.get(end).is_none() || new.get(end).is_none());
    if matches!(key, "length" | "range")
        && apart
        && known.get("mostly").is_none()
        && new.get("mostly").is_none()
    {
        let order = ["min", "max", "exclusive_min", "exclusive_max", "severity"];
        let entries = order.iter().filter_map(|name| {
            Some((
                (*name).to_owned(),
                known.get(name).or_else(|| new.get(name))?.clone(),
            ))
        });
        return Ok(Value::Map(entries.collect()));
    }
    Err(taken())
}

/// The suite's own word on a rule.
fn read(text: &str) -> Result<(), String> {
    Suite::read("suite", text).map(|_| ()).map_err(|error| {
        let said = error.to_string();
        let field = error.field();
        let after = (!field.is_empty())
            .then(|| said.split_once(&format!("{field}: ")))
            .flatten();
        after.map_or(said.clone(), |(_, message)| message.to_owned())
    })
}
