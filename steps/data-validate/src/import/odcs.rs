//! Data contracts of the Open Data Contract Standard, version 3: the properties of one object of `schema`, and the rules of
//! the standard's library below `quality`.

mod library;

use step_contract::ConfigError;
use step_report::Severity;

use super::suite::{Each, How, Piece, Range};
use super::value::{Args, Value};
use super::{Found, Meaning, Source, condition, gx, types};

/// Reads the rules of one object.
///
/// # Errors
/// It is no contract of version 3, or describes several objects and none of the name that was asked for.
pub fn read(source: &Source<'_>) -> Result<Vec<Found>, ConfigError> {
    let root = Value::read(source.file, source.text)?;
    let version = root.text_of("apiVersion").unwrap_or_default();
    let objects = root
        .get("schema")
        .and_then(Value::list)
        .filter(|objects| !objects.is_empty());
    let objects = objects.filter(|_| root.text_of("kind").is_none_or(|kind| kind == "DataContract"));
    let objects = objects.filter(|_| version.trim_start_matches('v').starts_with('3'));
    let objects = objects.ok_or_else(|| {
        source.fault("", "is no data contract of version 3: it needs `apiVersion: v3…`, `kind: DataContract` and a list `schema`")
    })?;
    let is_it = |object: &Value| {
        ["name", "physicalName"]
            .iter()
            .any(|key| object.text_of(key) == Some(source.table))
    };
    let chosen = match (objects.iter().position(is_it), objects.len()) {
        (Some(at), _) => at,
        (None, 1) => 0,
        (None, _) => {
            let names: Vec<&str> = objects
                .iter()
                .filter_map(|object| object.text_of("name"))
                .collect();
            let what = format!(
                "describes {}; --table {} is none of them",
                names.join(", "),
                source.table
            );
            return Err(source.fault("schema", what));
        }
    };
    let mut found = Vec::new();
    for (index, rules) in objects.iter().enumerate() {
        let place = format!("schema[{index}]");
        if index == chosen {
            object(&place, rules, &mut found);
        } else {
            let name = rules.text_of("name").unwrap_or_default();
            found.push(Found::new(
                place,
                "",
                Ok(Meaning::nothing(format!("it is about `{name}`, another table"))),
            ));
        }
    }
    for key in ["slaProperties", "quality"] {
        if root.get(key).is_some() {
            let meaning = match key {
                "quality" => Err("rules of a whole contract have no word here".to_owned()),
                _ => Ok(Meaning::nothing("the level of a service is no rule of a table")),
            };
            found.push(Found::new(key, "", meaning));
        }
    }
    Ok(found)
}

/// Keys that describe.
const QUIET: [&str; 28] = [
    "id",
    "name",
    "physicalName",
    "physicalType",
    "description",
    "businessName",
    "tags",
    "classification",
    "examples",
    "criticalDataElement",
    "authoritativeDefinitions",
    "partitioned",
    "partitionKeyPosition",
    "primaryKeyPosition",
    "encryptedName",
    "transformSourceObjects",
    "transformLogic",
    "transformDescription",
    "customProperties",
    "dataGranularityDescription",
    "logicalTypeOptions",
    "semanticConcept",
    "stereotype",
    "deprecated",
    "primaryKey",
    "logicalType",
    "properties",
    "order",
];

fn object(place: &str, rules: &Value, found: &mut Vec<Found>) {
    for (key, value) in rules.map().unwrap_or_default() {
        let place = format!("{place}.{key}");
        match key.as_str() {
            "properties" => properties(&place, "", value, found),
            "quality" => library::quality(&place, value, None, found),
            "relationships" => relations(&place, value, None, found),
            quiet if QUIET.contains(&quiet) || *value == Value::Null => {}
            _ => found.push(Found::new(place, key, Err("is not understood".to_owned()))),
        }
    }
    primary_key(place, rules, found);
}

/// The columns of the primary key, in its order.
fn primary_key(place: &str, rules: &Value, found: &mut Vec<Found>) {
    let all = rules.get("properties").and_then(Value::list).unwrap_or_default();
    let mut keys: Vec<(i128, String)> = Vec::new();
    for rules in all
        .iter()
        .filter(|rules| rules.get("primaryKey") == Some(&Value::Bool(true)))
    {
        let at = match rules.get("primaryKeyPosition") {
            Some(Value::Whole(at)) => *at,
            _ => i128::MAX,
        };
        keys.push((at, name_of(rules, "").unwrap_or_default()));
    }
    keys.sort_by_key(|(at, _)| *at);
    let names: Vec<String> = keys.into_iter().map(|(_, name)| name).collect();
    let unique = match names.as_slice() {
        [] => return,
        [one] => Piece::flag(one, "unique", Severity::Error),
        many => Piece::Unique(many.to_vec(), Severity::Error),
    };
    let never_null = names
        .iter()
        .map(|name| Piece::each(name, Each::NotNull, How::default()));
    let meaning = Meaning::rules(never_null.chain([unique]).collect::<Vec<_>>());
    found.push(Found::new(
        format!("{place}.properties"),
        "primaryKey",
        Ok(meaning),
    ));
}

/// The name in the data; of a part of a record its path.
fn name_of(rules: &Value, above: &str) -> Option<String> {
    let own = rules.text_of("physicalName").or_else(|| rules.text_of("name"))?;
    Some(if above.is_empty() {
        own.to_owned()
    } else {
        format!("{above}.{own}")
    })
}

fn properties(place: &str, above: &str, list: &Value, found: &mut Vec<Found>) {
    for (index, rules) in list.list().unwrap_or_default().iter().enumerate() {
        let place = format!("{place}[{index}]");
        match name_of(rules, above) {
            Some(name) => property(&place, &name, rules, found),
            None => found.push(Found::new(
                place,
                "",
                Err("a property without a name is not understood".to_owned()),
            )),
        }
    }
}

fn property(place: &str, name: &str, rules: &Value, found: &mut Vec<Found>) {
    let is_record = rules.text_of("logicalType") == Some("object");
    if !is_record {
        found.push(Found::new(
            place,
            name,
            Ok(Meaning::rules([Piece::Exists(name.to_owned())])),
        ));
    }
    for (key, value) in rules.map().unwrap_or_default() {
        let place = format!("{place}.{key}");
        let rule = format!("{name}.{key}");
        let on = match value {
            Value::Bool(on) => Ok(*on),
            other => Err(format!("{other} is neither true nor false")),
        };
        let flag = |pieces: Vec<Piece>| {
            on.map(|on| {
                if on {
                    Meaning::rules(pieces)
                } else {
                    Meaning::nothing("it is off")
                }
            })
        };
        let meaning = match key.as_str() {
            _ if *value == Value::Null => continue,
            "required" => flag(vec![Piece::each(name, Each::NotNull, How::default())]),
            "unique" => flag(vec![Piece::flag(name, "unique", Severity::Error)]),
            "properties" => {
                properties(&place, name, value, found);
                continue;
            }
            "items" => Err("the items of a list cannot be asked here".to_owned()),
            "quality" => {
                library::quality(&place, value, Some(name), found);
                continue;
            }
            "relationships" => {
                relations(&place, value, Some(name), found);
                continue;
            }
            "logicalType" if is_record => continue,
            "logicalType" => kind(name, value),
            "physicalType" if rules.get("logicalType").is_none() => physical(name, value),
            "logicalTypeOptions" => {
                options(&place, name, value, found);
                continue;
            }
            quiet if QUIET.contains(&quiet) => continue,
            _ => Err("is not understood".to_owned()),
        };
        // What is off asks nothing, and is not worth a line.
        if !matches!(&meaning, Ok(meaning) if meaning.pieces.is_empty()) {
            found.push(Found::new(place, rule, meaning));
        }
    }
}

fn kind(name: &str, value: &Value) -> Result<Meaning, String> {
    let word = value
        .text()
        .ok_or_else(|| format!("the type {value} has no word here"))?;
    match word {
        "array" | "time" => Err(format!("the type `{word}` has no word here")),
        word => gx::kind(name, &[word.to_owned()]),
    }
}

/// The type of a database says something of the data where it is one of ours.
fn physical(name: &str, value: &Value) -> Result<Meaning, String> {
    match value.text().and_then(types::ours) {
        Some(_) => kind(name, value),
        None => Ok(Meaning::nothing("it is the word of a database")),
    }
}

fn options(place: &str, name: &str, value: &Value, found: &mut Vec<Found>) {
    let Some(entries) = value.map() else { return };
    let args = Args::new(entries);
    let mut say = |key: &str, each: Result<Option<Each>, String>| match each {
        Ok(None) => {}
        Ok(Some(each)) => {
            let meaning = Meaning::rules([Piece::each(name, each, How::default())]);
            found.push(Found::new(
                format!("{place}.{key}"),
                format!("{name}.{key}"),
                Ok(meaning),
            ));
        }
        Err(why) => found.push(Found::new(
            format!("{place}.{key}"),
            format!("{name}.{key}"),
            Err(why),
        )),
    };
    let first = |keys: &[&str]| {
        keys.iter()
            .find(|key| value.get(key).is_some())
            .map_or_else(|| keys[0].to_owned(), |key| (*key).to_owned())
    };
    say(&first(&["minLength", "maxLength"]), length(&args));
    let limits = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
    say(&first(&limits), limits_of(&args));
    say(
        "pattern",
        args.text("pattern")
            .and_then(|text| text.map(condition::pattern).transpose())
            .map(|text| text.map(Each::Regex)),
    );
    args.ignore(&["timezone", "defaultTimezone"]);
    let known = ["minLength", "maxLength", "pattern", "timezone", "defaultTimezone"];
    for (key, value) in entries {
        if !known.contains(&key.as_str()) && !limits.contains(&key.as_str()) && *value != Value::Null {
            say(key, Err("has no word here".to_owned()));
        }
    }
}

fn length(args: &Args<'_>) -> Result<Option<Each>, String> {
    let (min, max) = (args.whole("minLength")?, args.whole("maxLength")?);
    Ok((min.is_some() || max.is_some()).then_some(Each::Length(min, max)))
}

/// `exclusiveMinimum` is a bound of its own, or, in 3.0, says how `minimum` is meant.
fn limits_of(args: &Args<'_>) -> Result<Option<Each>, String> {
    let end = |plain: &str, exclusive: &str| match (args.get(plain), args.get(exclusive)) {
        (value, None | Some(Value::Bool(false))) => Ok((value.cloned(), false)),
        (Some(value), Some(Value::Bool(true))) => Ok((Some(value.clone()), true)),
        (None, Some(value)) if !matches!(value, Value::Bool(_)) => Ok((Some(value.clone()), true)),
        _ => Err(format!("`{plain}` and `{exclusive}` together are not understood")),
    };
    let (min, exclusive_min) = end("minimum", "exclusiveMinimum")?;
    let (max, exclusive_max) = end("maximum", "exclusiveMaximum")?;
    if min.is_none() && max.is_none() {
        return Ok(None);
    }
    Ok(Some(Each::Range(Range {
        min,
        max,
        exclusive_min,
        exclusive_max,
    })))
}

fn relations(place: &str, list: &Value, column: Option<&str>, found: &mut Vec<Found>) {
    for (index, item) in list.list().unwrap_or_default().iter().enumerate() {
        found.push(Found::new(
            format!("{place}[{index}]"),
            column.unwrap_or_default(),
            relation(item, column),
        ));
    }
}

fn relation(item: &Value, column: Option<&str>) -> Result<Meaning, String> {
    let args = Args::new(item.map().ok_or("is no relationship")?);
    args.ignore(&["customProperties", "description", "id", "name"]);
    if args.text("type")?.is_some_and(|kind| kind != "foreignKey") {
        return Err("only a foreign key is understood".to_owned());
    }
    let names = |key: &str| match args.get(key) {
        Some(Value::Text(one)) => Ok(vec![one.clone()]),
        Some(Value::List(_)) => args.need_texts(key),
        _ => Err(format!("`{key}` is not given")),
    };
    let last = |names: Vec<String>| {
        names
            .into_iter()
            .map(|name| name.rsplit('.').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let from = match column {
        Some(column) => vec![column.to_owned()],
        None => last(names("from")?),
    };
    let to = names("to")?;
    let table = match to
        .first()
        .map(|first| first.rsplit('.').collect::<Vec<_>>())
        .as_deref()
    {
        Some([_, table, ..]) if !table.contains('/') => (*table).to_owned(),
        _ => return Err("`to` is not of the form table.column".to_owned()),
    };
    args.finish()?;
    Ok(Meaning::rules([Piece::Relation {
        from,
        table,
        to: last(to),
        severity: Severity::Error,
    }]))
}
