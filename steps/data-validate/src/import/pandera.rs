//! Schemas of pandera, as YAML or JSON: the minimal form, in which a check is a key of its column, and the one before, in
//! which checks stand below `checks`.
//!
//! pandas counts NaN among the nulls, and a null among the values that must be unique; where a rule of ours does not, a
//! second one says so.

use step_contract::ConfigError;
use step_report::Severity;

use super::suite::{Each, How, Piece, Range};
use super::value::{Args, Value};
use super::{Found, Meaning, Source, condition, gx, types};

/// Reads a schema.
///
/// # Errors
/// It is no schema of a data frame.
pub fn read(source: &Source<'_>) -> Result<Vec<Found>, ConfigError> {
    let root = Value::read(source.file, source.text)?;
    let columns =
        components(&root).filter(|_| root.text_of("schema_type").is_none_or(|kind| kind == "dataframe"));
    let columns = columns.ok_or_else(|| {
        source.fault(
            "",
            "is no schema of pandera: it has no `columns`, or its `schema_type` is not `dataframe`",
        )
    })?;
    let mut found = Vec::new();
    for (place, name, rules) in &columns {
        column(place, name.as_deref(), rules, &mut found);
    }
    for (index, rules) in root
        .get("index")
        .and_then(Value::list)
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        index_of(&format!("index[{index}]"), rules, &mut found);
    }
    if let Some(checks) = root.get("checks") {
        for check in listed("checks", checks) {
            let why = "a check of every cell of the frame has no word here".to_owned();
            found.push(Found::new(check.place, check.name, Err(why)));
        }
    }
    frame(&root, &columns, &mut found);
    Ok(found)
}

type Component<'a> = (String, Option<String>, &'a Value);

/// The columns: a mapping by name, or a list where a name is no text.
fn components(root: &Value) -> Option<Vec<Component<'_>>> {
    match root.get("columns")? {
        Value::Map(entries) => {
            let each = entries
                .iter()
                .map(|(name, rules)| (format!("columns.{name}"), Some(name.clone()), rules));
            Some(each.collect())
        }
        Value::List(items) => {
            let name = |rules: &Value| rules.text_of("name").map(str::to_owned);
            let each = items.iter().enumerate();
            Some(
                each.map(|(index, rules)| (format!("columns[{index}]"), name(rules), rules))
                    .collect(),
            )
        }
        _ => None,
    }
}

/// Keys of a column that ask nothing.
const QUIET: [&str; 6] = [
    "title",
    "description",
    "name",
    "metadata",
    "report_duplicates",
    "alias",
];

/// Keys of a column that are no checks.
const OWN: [&str; 9] = [
    "dtype",
    "nullable",
    "unique",
    "coerce",
    "required",
    "regex",
    "default",
    "drop_invalid_rows",
    "checks",
];

fn column(place: &str, name: Option<&str>, rules: &Value, found: &mut Vec<Found>) {
    let Some(name) = name else {
        found.push(Found::new(
            place,
            "",
            Err("a column whose name is no text is not understood".to_owned()),
        ));
        return;
    };
    let entries = rules.map().unwrap_or_default();
    let args = Args::new(entries);
    let mut say = |key: &str, meaning: Result<Meaning, String>| {
        let place = if rules.get(key).is_some() {
            format!("{place}.{key}")
        } else {
            place.to_owned()
        };
        found.push(Found::new(place, format!("{name}.{key}"), meaning));
    };
    if !matches!(rules, Value::Map(_) | Value::Null) {
        say("column", Err(format!("{rules} is no column")));
        return;
    }
    if args.get("regex") == Some(&Value::Bool(true)) {
        say(
            "regex",
            Err("a pattern in place of a column's name has no word here".to_owned()),
        );
        return;
    }
    let required = match args.flag("required") {
        Ok(false) if args.get("required").is_some() => Piece::key(name, "required", Value::Bool(false)),
        _ => Piece::Exists(name.to_owned()),
    };
    say("required", Ok(Meaning::rules([required])));
    if let Some(dtype) = args.get("dtype") {
        say("dtype", kind(name, dtype));
    }
    let nullable = args.flag("nullable");
    let is_nullable = nullable == Ok(true);
    match nullable {
        Ok(true) => {}
        Ok(false) => say(
            "nullable",
            Ok(Meaning::rules(never_null(name, args.get("dtype")))),
        ),
        Err(why) => say("nullable", Err(why)),
    }
    match args.flag("unique") {
        Ok(true) => say("unique", Ok(Meaning::rules(unique(name, is_nullable)))),
        Ok(false) => {}
        Err(why) => say("unique", Err(why)),
    }
    if args.get("coerce") == Some(&Value::Bool(true)) {
        let why = "it changes the data before they are asked; here the file is asked as it is";
        say("coerce", Ok(Meaning::nothing(why)));
    }
    if args.get("default").is_some() {
        say(
            "default",
            Err("it fills nulls before the data are asked, which is not done here".to_owned()),
        );
    }
    if args.get("drop_invalid_rows") == Some(&Value::Bool(true)) {
        say("drop_invalid_rows", Err("no row is left out here".to_owned()));
    }
    for check in checks(place, rules) {
        let meaning = meaning_of(name, &check, is_nullable);
        found.push(Found::new(check.place, format!("{name}.{}", check.name), meaning));
    }
}

fn kind(name: &str, dtype: &Value) -> Result<Meaning, String> {
    let dtype = dtype
        .text()
        .ok_or_else(|| format!("the type {dtype} has no word here"))?;
    gx::kind(name, &[dtype.to_owned()])
}

fn never_null(name: &str, dtype: Option<&Value>) -> Vec<Piece> {
    let mut pieces = vec![Piece::each(name, Each::NotNull, How::default())];
    if dtype.and_then(Value::text).and_then(types::ours) == Some("float") {
        pieces.push(at_most(name, "nan_rate", 0.0));
    }
    pieces
}

fn unique(name: &str, nullable: bool) -> Vec<Piece> {
    let mut pieces = vec![Piece::flag(name, "unique", Severity::Error)];
    if nullable {
        pieces.push(at_most(name, "null_count", 1.0));
    }
    pieces
}

fn at_most(name: &str, key: &'static str, max: f64) -> Piece {
    Piece::Figure {
        column: Some(name.to_owned()),
        key,
        min: None,
        max: Some(max),
        severity: Severity::Error,
    }
}

/// A check, in whichever form it was written.
struct Check {
    place: String,
    name: String,
    stats: Vec<(String, Value)>,
    options: Vec<(String, Value)>,
}

/// What says how a check is asked, and not what.
const OPTIONS: [&str; 12] = [
    "check_name",
    "ignore_na",
    "raise_warning",
    "n_failure_cases",
    "groupby",
    "groups",
    "error",
    "name",
    "title",
    "description",
    "element_wise",
    "determined_by_unique",
];

fn checks(place: &str, rules: &Value) -> Vec<Check> {
    let flat = rules.map().unwrap_or_default().iter();
    let flat = flat.filter(|(key, _)| !QUIET.contains(&key.as_str()) && !OWN.contains(&key.as_str()));
    let mut all: Vec<Check> = flat
        .map(|(key, value)| one(&format!("{place}.{key}"), key, value))
        .collect();
    if let Some(below) = rules.get("checks") {
        all.extend(listed(&format!("{place}.checks"), below));
    }
    all
}

/// Those below `checks`: a mapping by name, or a list that names them in `options`.
fn listed(place: &str, checks: &Value) -> Vec<Check> {
    match checks {
        Value::Map(entries) => entries
            .iter()
            .map(|(name, value)| one(&format!("{place}.{name}"), name, value))
            .collect(),
        Value::List(items) => {
            let name = |item: &Value| {
                item.get("options")
                    .and_then(|options| options.text_of("check_name"))
                    .unwrap_or_default()
                    .to_owned()
            };
            let each = items.iter().enumerate();
            each.map(|(index, item)| one(&format!("{place}[{index}]"), &name(item), item))
                .collect()
        }
        other => vec![one(place, "", other)],
    }
}

fn one(place: &str, name: &str, value: &Value) -> Check {
    let (mut stats, mut options) = (Vec::new(), Vec::new());
    match value {
        Value::Map(entries) => {
            for (key, value) in entries {
                match value {
                    Value::Map(inner) if key == "options" => options.extend(inner.iter().cloned()),
                    _ if OPTIONS.contains(&key.as_str()) => options.push((key.clone(), value.clone())),
                    _ => stats.push((key.clone(), value.clone())),
                }
            }
        }
        other => stats.push(("value".to_owned(), other.clone())),
    }
    Check {
        place: place.to_owned(),
        name: name.to_owned(),
        stats,
        options,
    }
}

fn meaning_of(column: &str, check: &Check, is_nullable: bool) -> Result<Meaning, String> {
    let options = Args::new(&check.options);
    options.ignore(&[
        "check_name",
        "n_failure_cases",
        "error",
        "name",
        "title",
        "description",
        "element_wise",
    ]);
    let severity = if options.flag("raise_warning")? {
        Severity::Warn
    } else {
        Severity::Error
    };
    if options.maybe_flag("ignore_na")? == Some(false) && is_nullable {
        return Err("`ignore_na: false` on a column that may be null has no word here".to_owned());
    }
    options.finish()?;
    let args = Args::new(&check.stats);
    let pieces = if check.name == "unique_values_eq" {
        let set = args.need_set(if args.get("value").is_some() {
            "value"
        } else {
            "values"
        })?;
        if severity == Severity::Warn {
            return Err("it cannot be a warning here".to_owned());
        }
        vec![
            Piece::key(column, "contains", Value::List(set.clone())),
            Piece::each(column, Each::InSet(set), How::default()),
        ]
    } else {
        vec![Piece::each(
            column,
            each(&check.name, &args)?,
            How::severe(severity),
        )]
    };
    args.finish()?;
    Ok(Meaning::rules(pieces))
}

/// What each value must be.
fn each(name: &str, args: &Args<'_>) -> Result<Each, String> {
    let single = |long: &str| {
        let value = args
            .get("value")
            .or(args.get(long))
            .ok_or_else(|| format!("`{long}` is not given"))?;
        if value.is_scalar() {
            Ok(value.clone())
        } else {
            Err(format!("{value} is no single value"))
        }
    };
    let word = |long: &str| match single(long)? {
        Value::Text(text) => Ok(text),
        other => Err(format!("{other} is no text")),
    };
    let set = |long: &str| {
        args.need_set(if args.get("value").is_some() {
            "value"
        } else {
            long
        })
    };
    Ok(match name {
        "equal_to" | "eq" => Each::InSet(vec![single("value")?]),
        "not_equal_to" | "ne" => Each::NotInSet(vec![single("value")?]),
        "greater_than" | "gt" => Each::Range(Range::from(single("min_value")?, true)),
        "greater_than_or_equal_to" | "ge" => Each::Range(Range::from(single("min_value")?, false)),
        "less_than" | "lt" => Each::Range(Range::to(single("max_value")?, true)),
        "less_than_or_equal_to" | "le" => Each::Range(Range::to(single("max_value")?, false)),
        "in_range" | "between" => Each::Range(Range {
            min: Some(single("min_value")?),
            max: Some(single("max_value")?),
            exclusive_min: args.maybe_flag("include_min")? == Some(false),
            exclusive_max: args.maybe_flag("include_max")? == Some(false),
        }),
        "isin" => Each::InSet(set("allowed_values")?),
        "notin" => Each::NotInSet(set("forbidden_values")?),
        // `re.match` begins at the beginning.
        "str_matches" => Each::Regex(condition::pattern(&format!(r"\A(?:{})", word("pattern")?))?),
        "str_contains" => Each::Regex(condition::pattern(&word("pattern")?)?),
        "str_startswith" => Each::Regex(format!(r"\A{}", regex::escape(&word("string")?))),
        "str_endswith" => Each::Regex(format!(r"{}\z", regex::escape(&word("string")?))),
        "str_length" => length(args)?,
        "" => return Err("a check without a name is not understood".to_owned()),
        _ => return Err("there is no such check here".to_owned()),
    })
}

fn length(args: &Args<'_>) -> Result<Each, String> {
    let exact = match args.whole("value")? {
        Some(exact) => Some(exact),
        None => args.whole("exact_value")?,
    };
    let (min, max) = (args.whole("min_value")?, args.whole("max_value")?);
    match exact {
        Some(_) if min.is_some() || max.is_some() => Err("has both an exact length and bounds".to_owned()),
        Some(exact) => Ok(Each::Length(Some(exact), Some(exact))),
        None => Ok(Each::Length(min, max)),
    }
}

/// A named index is a column of the file that pandas writes; one without a name is the number of a row.
fn index_of(place: &str, rules: &Value, found: &mut Vec<Found>) {
    if let Some(name) = rules.text_of("name") {
        column(place, Some(name), rules, found);
        return;
    }
    let numbers = rules
        .text_of("dtype")
        .is_none_or(|dtype| types::ours(dtype) == Some("int"));
    if !numbers {
        let why =
            "an index without a name is no column of a file, and its rows are not numbered so".to_owned();
        found.push(Found::new(place, "index.dtype", Err(why)));
        return;
    }
    found.push(Found::new(
        place,
        "index",
        Ok(Meaning::nothing("an index without a name numbers the rows")),
    ));
    for check in checks(place, rules) {
        let rule = format!("index.{}", check.name);
        found.push(Found::new(&check.place, rule, numbered(&check)));
    }
}

/// Rows are numbered from 0, so that a bound of their numbers is one of how many there are.
fn numbered(check: &Check) -> Result<Meaning, String> {
    let args = Args::new(&check.stats);
    let options = Args::new(&check.options);
    options.ignore(&[
        "check_name",
        "ignore_na",
        "n_failure_cases",
        "error",
        "name",
        "title",
        "description",
    ]);
    options.finish()?;
    let each = each(&check.name, &args)?;
    args.finish()?;
    let Each::Range(range) = each else {
        return Err("an index without a name is no column of a file".to_owned());
    };
    let from = range.min.as_ref().map_or(Some(0.0), Value::number);
    if range.exclusive_min || range.exclusive_max || from.is_none_or(|from| from > 0.0) {
        return Err("an index without a name is no column of a file".to_owned());
    }
    match range.max.as_ref().map(Value::number) {
        None => Ok(Meaning::nothing("rows are numbered from 0")),
        Some(Some(last)) => Ok(Meaning::rules([Piece::Figure {
            column: None,
            key: "row_count",
            min: None,
            max: Some(last.floor() + 1.0),
            severity: Severity::Error,
        }])),
        Some(None) => Err("an index without a name is no column of a file".to_owned()),
    }
}

/// What is asked of the frame as a whole.
fn frame(root: &Value, columns: &[Component<'_>], found: &mut Vec<Found>) {
    let is_strict = root.get("strict") == Some(&Value::Bool(true));
    for (key, value) in root.map().unwrap_or_default() {
        let meaning = match (key.as_str(), value) {
            (_, Value::Null | Value::Bool(false)) => continue,
            (
                "schema_type" | "version" | "api" | "dataframe_library" | "columns" | "index" | "checks"
                | "name" | "title" | "description" | "metadata" | "report_duplicates",
                _,
            ) => continue,
            ("coerce", _) => Ok(Meaning::nothing(
                "it changes the data before they are asked; here the file is asked as it is",
            )),
            ("strict", Value::Bool(true)) => {
                Ok(Meaning::rules([Piece::Table("schema", Value::from("exact"))]))
            }
            ("strict", Value::Text(word)) if word == "filter" => Ok(Meaning::nothing(
                "it leaves other columns out; here they may be there",
            )),
            ("ordered", Value::Bool(true)) => ordered(columns, is_strict),
            ("unique", Value::Text(name)) => Ok(joint(vec![name.clone()], columns)),
            ("unique", Value::List(_)) => Args::new(root.map().unwrap_or_default())
                .need_texts("unique")
                .map(|names| joint(names, columns)),
            ("dtype", _) => Err("a type for every column has no word here".to_owned()),
            ("unique_column_names", _) => Err("whether names stand twice is not asked here".to_owned()),
            ("add_missing_columns" | "drop_invalid_rows", _) => Err("data are not changed here".to_owned()),
            _ => Err("is not understood".to_owned()),
        };
        found.push(Found::new(key, key, meaning));
    }
}

fn ordered(columns: &[Component<'_>], is_strict: bool) -> Result<Meaning, String> {
    let names: Option<Vec<String>> = columns.iter().map(|(_, name, _)| name.clone()).collect();
    let all_there = columns.iter().all(|(_, _, rules)| {
        rules.get("required") != Some(&Value::Bool(false)) && rules.get("regex") != Some(&Value::Bool(true))
    });
    match names {
        Some(names) if is_strict && all_there => Ok(Meaning::rules([Piece::Table(
            "column_order",
            Value::texts(names),
        )])),
        _ => Err("the order of some of the columns, among others, has no word here".to_owned()),
    }
}

fn joint(names: Vec<String>, columns: &[Component<'_>]) -> Meaning {
    match names.as_slice() {
        [one] => {
            let rules = columns
                .iter()
                .find(|(_, name, _)| name.as_ref() == Some(one))
                .map(|(_, _, rules)| *rules);
            let nullable = rules.is_none_or(|rules| rules.get("nullable") == Some(&Value::Bool(true)));
            Meaning::rules(unique(one, nullable))
        }
        _ => Meaning::key(names, Severity::Error),
    }
}
