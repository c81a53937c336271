//! Schemas of TensorFlow Data Validation, in the text form of protocol buffers.
//!
//! A column that the schema does not name is an anomaly there, so that `schema: exact` is said here; and one without
//! `presence` need not be there. What is held against other data is held against the tables `serving` (skew) and
//! `previous` (drift).

pub mod text;

use step_contract::ConfigError;
use step_report::Severity;

use self::text::{Field, Item};
use super::suite::{Each, How, Piece, Range};
use super::value::{Args, Value};
use super::{Found, Meaning, Source};

/// Reads a schema.
///
/// # Errors
/// It is no text of a message, or one without features.
pub fn read(source: &Source<'_>) -> Result<Vec<Found>, ConfigError> {
    let fields = text::read(source.text).map_err(|(line, why)| source.fault(&format!("line {line}"), why))?;
    if !fields.iter().any(|field| field.name == "feature") {
        return Err(source.fault(
            "",
            "is no schema of TensorFlow Data Validation: it has no `feature`",
        ));
    }
    let schema = Schema {
        environments: environments(&fields),
        fields: &fields,
    };
    let exact = Meaning::rules([Piece::Table("schema", Value::from("exact"))]);
    let mut found = vec![Found::new("the whole", "columns", Ok(exact))];
    for field in &fields {
        let place = format!("line {}", field.line);
        match (field.name.as_str(), &field.item) {
            ("feature", Item::Message(inner)) => schema.feature(&place, inner, &mut found),
            ("dataset_constraints", Item::Message(inner)) => dataset(inner, &mut found),
            (
                "string_domain"
                | "int_domain"
                | "float_domain"
                | "default_environment"
                | "annotation"
                | "tensor_representation_group"
                | "represent_variable_length_as_ragged"
                | "generate_legacy_feature_spec",
                _,
            ) => {}
            (name, _) => found.push(Found::new(place, name, Err("has no word here".to_owned()))),
        }
    }
    Ok(found)
}

struct Schema<'a> {
    fields: &'a [Field],
    environments: Environments,
}

/// The environments: those that a feature is in by default, and all that are named.
struct Environments {
    default: Vec<String>,
    all: Vec<String>,
}

fn texts(fields: &[Field], name: &str) -> Vec<String> {
    let of = |field: &Field| match &field.item {
        Item::Value(Value::Text(text)) if field.name == name => Some(text.clone()),
        _ => None,
    };
    fields.iter().filter_map(of).collect()
}

fn environments(fields: &[Field]) -> Environments {
    let default = texts(fields, "default_environment");
    let mut all = default.clone();
    for field in fields {
        if let Item::Message(inner) = &field.item {
            all.extend(texts(inner, "in_environment"));
            all.extend(texts(inner, "not_in_environment"));
        }
    }
    all.sort_unstable();
    all.dedup();
    Environments { default, all }
}

impl Environments {
    /// Those of a feature; `None` for all.
    fn of(&self, feature: &[Field]) -> Option<Vec<String>> {
        let (inside, outside) = (
            texts(feature, "in_environment"),
            texts(feature, "not_in_environment"),
        );
        let is_in =
            |name: &&String| inside.contains(name) || self.default.contains(name) && !outside.contains(name);
        let own: Vec<String> = self.all.iter().filter(is_in).cloned().collect();
        (own.len() < self.all.len()).then_some(own)
    }
}

/// A message as arguments: a field that stands several times is a list.
fn entries(fields: &[Field]) -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = Vec::new();
    for field in fields {
        let value = match &field.item {
            Item::Value(value) => value.clone(),
            Item::Message(inner) => Value::Map(entries(inner)),
        };
        match all.iter_mut().find(|(name, _)| *name == field.name) {
            None => all.push((field.name.clone(), value)),
            Some((_, Value::List(items))) => items.push(value),
            Some((_, known)) => *known = Value::List(vec![known.clone(), value]),
        }
    }
    all
}

fn message<'a>(fields: &'a [Field], name: &str) -> Option<&'a [Field]> {
    fields.iter().find_map(|field| match &field.item {
        Item::Message(inner) if field.name == name => Some(inner.as_slice()),
        _ => None,
    })
}

fn word(fields: &[Field], name: &str) -> Option<String> {
    texts(fields, name).pop()
}

impl Schema<'_> {
    fn feature(&self, place: &str, feature: &[Field], found: &mut Vec<Found>) {
        let Some(name) = word(feature, "name") else {
            found.push(Found::new(
                place,
                "feature",
                Err("a feature without a name is not understood".to_owned()),
            ));
            return;
        };
        let stage = word(feature, "lifecycle_stage").unwrap_or_default();
        let is_deprecated = feature
            .iter()
            .any(|field| field.name == "deprecated" && field.item == Item::Value(Value::Bool(true)));
        let optional = Piece::key(&name, "required", Value::Bool(false));
        if is_deprecated
            || matches!(
                stage.as_str(),
                "PLANNED" | "ALPHA" | "DEPRECATED" | "DEBUG_ONLY" | "DISABLED"
            )
        {
            let meaning = Meaning::rules([optional]).noted(Some("of a stage of which nothing else is asked"));
            found.push(Found::new(place, name, Ok(meaning)));
            return;
        }
        let there = if is_required(feature) {
            Piece::Exists(name.clone())
        } else {
            optional
        };
        found.push(Found::new(place, name.clone(), Ok(Meaning::rules([there]))));
        if let Some(own) = self.environments.of(feature) {
            let meaning = if own.is_empty() {
                Err("it is in no environment".to_owned())
            } else {
                Ok(Meaning::rules([Piece::key(
                    &name,
                    "environments",
                    Value::texts(own),
                )]))
            };
            found.push(Found::new(place, format!("{name}.environments"), meaning));
        }
        for field in feature {
            let quiet = [
                "name",
                "in_environment",
                "not_in_environment",
                "lifecycle_stage",
                "annotation",
                "validation_derived_source",
                "deprecated",
            ];
            if !quiet.contains(&field.name.as_str()) {
                let meaning = self.rule(&name, field, feature);
                found.push(Found::new(
                    format!("line {}", field.line),
                    format!("{name}.{}", field.name),
                    meaning,
                ));
            }
        }
    }

    fn rule(&self, name: &str, field: &Field, feature: &[Field]) -> Result<Meaning, String> {
        let inner = match &field.item {
            Item::Message(inner) => entries(inner),
            Item::Value(_) => Vec::new(),
        };
        let args = Args::new(&inner);
        let kind = word(feature, "type").unwrap_or_default();
        let meaning = match (field.name.as_str(), &field.item) {
            ("type", Item::Value(Value::Text(kind))) => type_of(name, kind),
            ("presence", Item::Message(_)) => presence(name, &args),
            ("value_count", Item::Message(_)) => value_count(&args),
            ("shape", Item::Message(dims)) => {
                args.ignore(&["dim"]);
                shape(dims)
            }
            ("domain", Item::Value(Value::Text(domain))) => self.shared(name, domain, feature, &kind),
            ("distribution_constraints", Item::Message(_)) => {
                args.number("min_domain_mass")?;
                Ok(Meaning::nothing(
                    "it says how much of a domain must be met, and stands in its rule",
                ))
            }
            ("unique_constraints", Item::Message(_)) => Ok(Meaning::rules([Piece::Figure {
                column: Some(name.to_owned()),
                key: "distinct_count",
                min: args.number("min")?,
                max: args.number("max")?,
                severity: Severity::Error,
            }])),
            ("skew_comparator", Item::Message(_)) => compared(name, "serving", &args),
            ("drift_comparator", Item::Message(_)) => compared(name, "previous", &args),
            (domain, Item::Message(_)) => in_domain(name, domain, &args, feature, &kind),
            _ => Err("is not understood".to_owned()),
        }?;
        args.finish()?;
        Ok(meaning)
    }

    /// A domain that several features share, by its name.
    fn shared(&self, name: &str, domain: &str, feature: &[Field], kind: &str) -> Result<Meaning, String> {
        let of = |field: &&Field| match &field.item {
            Item::Message(inner) => {
                field.name.ends_with("_domain") && word(inner, "name").as_deref() == Some(domain)
            }
            Item::Value(_) => false,
        };
        let Some(Field {
            name: which,
            item: Item::Message(inner),
            ..
        }) = self.fields.iter().find(of)
        else {
            return Err(format!("there is no domain `{domain}`"));
        };
        let inner = entries(inner);
        let args = Args::new(&inner);
        let meaning = in_domain(name, which, &args, feature, kind)?;
        args.finish()?;
        Ok(meaning)
    }
}

fn is_required(feature: &[Field]) -> bool {
    let inner = message(feature, "presence").map(entries).unwrap_or_default();
    let positive = |(name, value): &(String, Value)| {
        matches!(name.as_str(), "min_fraction" | "min_count")
            && value.number().is_some_and(|least| least > 0.0)
    };
    inner.iter().any(positive)
}

fn type_of(name: &str, kind: &str) -> Result<Meaning, String> {
    let (word, note) = match kind {
        "BYTES" => ("text", Some("bytes are taken for text")),
        "INT" => ("int", None),
        "FLOAT" => ("float", None),
        "TYPE_UNKNOWN" => return Ok(Meaning::nothing("any type is good")),
        other => return Err(format!("the type {other} has no word here")),
    };
    Ok(Meaning::rules([Piece::key(name, "type", Value::from(word))]).noted(note))
}

fn presence(name: &str, args: &Args<'_>) -> Result<Meaning, String> {
    let fraction = args.number("min_fraction")?.unwrap_or(0.0);
    let count = args.number("min_count")?.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&fraction) {
        return Err(format!("`min_fraction` is {fraction}, no share"));
    }
    let mut pieces = Vec::new();
    if fraction > 0.0 {
        let how = How {
            mostly: fraction,
            ..How::default()
        };
        pieces.push(Piece::each(name, Each::NotNull, how));
    }
    if count > 1.0 && fraction < 1.0 {
        return Err("`min_count`, a number of rows with a value, has no word here beyond 1".to_owned());
    }
    if count > 1.0 {
        // Every row has a value, so that there are as many as rows.
        pieces.push(Piece::Figure {
            column: None,
            key: "row_count",
            min: Some(count),
            max: None,
            severity: Severity::Error,
        });
    } else if count > 0.0 && fraction < 1.0 {
        pieces.push(Piece::flag(name, "not_empty", Severity::Error));
    }
    if pieces.is_empty() {
        return Ok(Meaning::nothing("it asks for no value"));
    }
    Ok(Meaning::rules(pieces))
}

const ONE_CELL: &str = "a cell holds one value";

fn value_count(args: &Args<'_>) -> Result<Meaning, String> {
    let (min, max) = (args.number("min")?, args.number("max")?);
    if min.unwrap_or(0.0) <= 1.0 && max.is_none_or(|max| max >= 1.0) {
        return Ok(Meaning::nothing(ONE_CELL));
    }
    Err("several values in a cell have no word here".to_owned())
}

fn shape(dims: &[Field]) -> Result<Meaning, String> {
    let is_one = |field: &Field| match &field.item {
        Item::Message(inner) => {
            field.name == "dim"
                && entries(inner)
                    .iter()
                    .any(|(name, size)| name == "size" && *size == Value::Whole(1))
        }
        Item::Value(_) => false,
    };
    if dims.iter().all(is_one) {
        return Ok(Meaning::nothing(ONE_CELL));
    }
    Err("several values in a cell have no word here".to_owned())
}

fn in_domain(
    name: &str,
    domain: &str,
    args: &Args<'_>,
    feature: &[Field],
    kind: &str,
) -> Result<Meaning, String> {
    args.ignore(&[
        "name",
        "is_categorical",
        "is_embedding",
        "embedding_dim",
        "embedding_type",
    ]);
    let each = |each: Each, how: How| Ok(Meaning::rules([Piece::each(name, each, how)]));
    match (domain, kind) {
        ("string_domain", "BYTES" | "") => each(
            Each::InSet(listed(args.get("value"))?),
            How {
                mostly: mass(feature)?,
                ..How::default()
            },
        ),
        ("bool_domain", "BYTES") => {
            let words = [args.text("true_value")?, args.text("false_value")?];
            each(
                Each::InSet(words.into_iter().flatten().map(Value::from).collect()),
                How::default(),
            )
        }
        ("bool_domain", "INT" | "FLOAT") => each(
            Each::InSet(vec![Value::Whole(0), Value::Whole(1)]),
            How::default(),
        ),
        ("int_domain", "INT") | ("float_domain", "FLOAT") => numbers(name, args),
        ("string_domain" | "bool_domain" | "int_domain" | "float_domain", kind) => {
            Err(format!("a {domain} of a feature of type {kind} has no word here"))
        }
        _ => Err("has no word here".to_owned()),
    }
}

fn listed(value: Option<&Value>) -> Result<Vec<Value>, String> {
    match value {
        None => Err("the domain has no values".to_owned()),
        Some(Value::List(items)) => Ok(items.clone()),
        Some(one) => Ok(vec![one.clone()]),
    }
}

/// The share of the values that a domain must hold.
fn mass(feature: &[Field]) -> Result<f64, String> {
    let inner = message(feature, "distribution_constraints")
        .map(entries)
        .unwrap_or_default();
    let mass = Args::new(&inner).number("min_domain_mass")?.unwrap_or(1.0);
    if (0.0..=1.0).contains(&mass) {
        Ok(mass)
    } else {
        Err(format!("`min_domain_mass` is {mass}, no share"))
    }
}

fn numbers(name: &str, args: &Args<'_>) -> Result<Meaning, String> {
    // An end at infinity is open.
    let end = |key: &str| match args.get(key) {
        Some(Value::Number(value)) if value.is_infinite() => Ok(None),
        Some(value) if value.number().is_some() => Ok(Some(value.clone())),
        Some(value) => Err(format!("`{key}` is {value}, no number")),
        None => Ok(None),
    };
    let (min, max) = (end("min")?, end("max")?);
    let (no_nan, no_inf) = (args.flag("disallow_nan")?, args.flag("disallow_inf")?);
    let is_bounded = min.is_some() || max.is_some();
    let mut pieces = Vec::new();
    if is_bounded {
        let range = Range {
            min,
            max,
            ..Range::default()
        };
        pieces.push(Piece::each(name, Each::Range(range), How::default()));
    }
    for (on, key) in [(no_nan && !no_inf, "nan_rate"), (no_inf && !no_nan, "inf_rate")] {
        if on {
            pieces.push(Piece::Figure {
                column: Some(name.to_owned()),
                key,
                min: None,
                max: Some(0.0),
                severity: Severity::Error,
            });
        }
    }
    if no_nan && no_inf {
        pieces.push(Piece::flag(name, "finite", Severity::Error));
    }
    if pieces.is_empty() {
        return Ok(Meaning::nothing("it bounds nothing"));
    }
    Ok(Meaning::rules(pieces))
}

/// Held against other data. Both programs cut values into bins, each in its own way.
fn compared(name: &str, reference: &str, args: &Args<'_>) -> Result<Meaning, String> {
    let threshold = |key: &str, also: &[&str]| {
        let Some(inner) = args.get(key).and_then(Value::map) else {
            return Ok(None);
        };
        let inner = Args::new(inner);
        inner.ignore(also);
        let threshold = inner.number("threshold")?;
        inner.finish()?;
        Ok::<_, String>(threshold)
    };
    let norm = threshold("infinity_norm", &[])?;
    let divergence = threshold("jensen_shannon_divergence", &["source"])?;
    let most = |value: f64| super::suite::bounds(None, Some(value), Severity::Error);
    let mut rule = vec![("reference".to_owned(), Value::from(reference))];
    rule.extend(norm.map(|norm| ("l_infinity".to_owned(), most(norm))));
    // A divergence there, its root here.
    rule.extend(divergence.map(|divergence| ("js".to_owned(), most(divergence.sqrt()))));
    if rule.len() == 1 {
        return Err("bounds nothing that has a word here".to_owned());
    }
    rule.push(("categories".to_owned(), Value::Whole(500)));
    let list = Value::List(vec![Value::Map(rule)]);
    Ok(
        Meaning::rules([Piece::key(name, "distribution", list)]).losing(format!(
            "values are put into other bins there than here; the other data are the table `{reference}`"
        )),
    )
}

fn dataset(fields: &[Field], found: &mut Vec<Found>) {
    for field in fields {
        let inner = match &field.item {
            Item::Message(inner) => entries(inner),
            Item::Value(value) => vec![("count".to_owned(), value.clone())],
        };
        let place = format!("line {}", field.line);
        found.push(Found::new(
            place,
            format!("dataset.{}", field.name),
            of_dataset(&field.name, &Args::new(&inner)),
        ));
    }
}

fn of_dataset(name: &str, args: &Args<'_>) -> Result<Meaning, String> {
    let rows = |min: Option<f64>, max: Option<f64>| Piece::Figure {
        column: None,
        key: "row_count",
        min,
        max,
        severity: Severity::Error,
    };
    let piece = match name {
        "min_examples_count" => rows(args.number("count")?, None),
        "max_examples_count" => rows(None, args.number("count")?),
        "num_examples_drift_comparator" => against("previous", args)?,
        "num_examples_version_comparator" => against("previous_version", args)?,
        _ => return Err("has no word here".to_owned()),
    };
    args.finish()?;
    Ok(Meaning::rules([piece]))
}

/// Rows for each of another table.
fn against(table: &str, args: &Args<'_>) -> Result<Piece, String> {
    let (min, max) = (
        args.number("min_fraction_threshold")?,
        args.number("max_fraction_threshold")?,
    );
    let mut entries = vec![("table".to_owned(), Value::from(table))];
    entries.extend(
        super::suite::bounds(min, max, Severity::Error)
            .map()
            .unwrap_or_default()
            .iter()
            .cloned(),
    );
    Ok(Piece::Table("row_count_against", Value::Map(entries)))
}
