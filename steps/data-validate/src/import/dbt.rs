//! The tests of a dbt `schema.yml`: those of dbt itself, of `dbt_expectations`, and the common ones of `dbt_utils`.
//!
//! SQL leaves a row aside whose answer is unknown for a null, and so do conditions here. Columns that are only described
//! need not be there, in dbt as here.

use step_contract::ConfigError;
use step_report::Severity;

use super::suite::{Each, How, Piece, Range, rest_of};
use super::value::{Args, Value};
use super::{Found, Meaning, Source, condition, gx};

/// Reads the tests of one table.
///
/// # Errors
/// It describes no tables, or several and none of the name that was asked for.
pub fn read(source: &Source<'_>) -> Result<Vec<Found>, ConfigError> {
    let root = Value::read(source.file, source.text)?;
    let mut found = Vec::new();
    let all = tables(&root, &mut found);
    let names: Vec<&str> = all.iter().map(|(_, name, _)| *name).collect();
    let chosen = match (
        all.iter().position(|(_, name, _)| *name == source.table),
        all.len(),
    ) {
        (Some(at), _) => at,
        (None, 1) => 0,
        (None, 0) => {
            let what =
                "is no schema file of dbt: it has no `models`, `sources`, `seeds` or `snapshots` with names";
            return Err(source.fault("", what));
        }
        (None, _) => {
            let what = format!(
                "describes {}; --table {} is none of them",
                names.join(", "),
                source.table
            );
            return Err(source.fault("", what));
        }
    };
    for (index, (place, name, rules)) in all.iter().enumerate() {
        if index == chosen {
            table(place, rules, &mut found);
        } else {
            let why = format!("it is about `{name}`, another table");
            found.push(Found::new(place.clone(), "", Ok(Meaning::nothing(why))));
        }
    }
    Ok(found)
}

type Described<'a> = (String, &'a str, &'a Value);

fn tables<'a>(root: &'a Value, found: &mut Vec<Found>) -> Vec<Described<'a>> {
    let mut all = Vec::new();
    for (key, value) in root.map().unwrap_or_default() {
        let items = value.list().unwrap_or_default();
        match key.as_str() {
            "models" | "seeds" | "snapshots" => named(key, items, &mut all),
            "sources" => {
                for (index, item) in items.iter().enumerate() {
                    let place = format!("{key}[{index}]");
                    if item.get("freshness").is_some() {
                        let why = "the freshness of a whole source has no word here".to_owned();
                        found.push(Found::new(format!("{place}.freshness"), "", Err(why)));
                    }
                    named(
                        &format!("{place}.tables"),
                        item.get("tables").and_then(Value::list).unwrap_or_default(),
                        &mut all,
                    );
                }
            }
            "version" | "exposures" | "metrics" | "semantic_models" | "groups" | "macros" | "analyses"
            | "unit_tests" | "saved_queries" | "anchors" => {}
            _ => found.push(Found::new(key, "", Err("is not understood".to_owned()))),
        }
    }
    all
}

fn named<'a>(key: &str, items: &'a [Value], all: &mut Vec<Described<'a>>) {
    for (index, item) in items.iter().enumerate() {
        if let Some(name) = item.text_of("name") {
            all.push((format!("{key}[{index}]"), name, item));
        }
    }
}

/// Keys that ask nothing of the data.
const QUIET: [&str; 33] = [
    "name",
    "description",
    "meta",
    "tags",
    "docs",
    "config",
    "access",
    "group",
    "latest_version",
    "deprecation_date",
    "time_spine",
    "quote",
    "policy_tags",
    "granularity",
    "identifier",
    "loader",
    "quoting",
    "external",
    "database",
    "schema",
    "loaded_at_field",
    "primary_entity",
    "alias",
    "relation",
    "strategy",
    "unique_key",
    "updated_at",
    "check_cols",
    "source_meta",
    "overrides",
    "dimension",
    "entity",
    "contract",
];

fn is_enforced(rules: &Value) -> bool {
    let of = |value: &Value| value.get("contract")?.get("enforced").cloned();
    rules.get("config").and_then(of).or_else(|| of(rules)) == Some(Value::Bool(true))
}

fn table(place: &str, rules: &Value, found: &mut Vec<Found>) {
    let enforced = is_enforced(rules);
    for (key, value) in rules.map().unwrap_or_default() {
        let place = format!("{place}.{key}");
        match key.as_str() {
            "tests" | "data_tests" => tests(&place, value, None, found),
            "columns" => {
                for (index, rules) in value.list().unwrap_or_default().iter().enumerate() {
                    column(&format!("{place}[{index}]"), rules, enforced, found);
                }
            }
            "constraints" => constraints(&place, value, None, enforced, found),
            "freshness" => found.push(Found::new(
                place,
                key,
                fresh(value, rules.text_of("loaded_at_field")),
            )),
            quiet if QUIET.contains(&quiet) || *value == Value::Null => {}
            _ => found.push(Found::new(place, key, Err("is not understood".to_owned()))),
        }
    }
}

fn column(place: &str, rules: &Value, enforced: bool, found: &mut Vec<Found>) {
    let Some(name) = rules.text_of("name") else {
        found.push(Found::new(
            place,
            "",
            Err("a column without a name is not understood".to_owned()),
        ));
        return;
    };
    for (key, value) in rules.map().unwrap_or_default() {
        let place = format!("{place}.{key}");
        match key.as_str() {
            "tests" | "data_tests" => tests(&place, value, Some(name), found),
            "constraints" => constraints(&place, value, Some(name), enforced, found),
            "data_type" => {
                let kind = value
                    .text()
                    .ok_or_else(|| format!("the type {value} has no word here"));
                let meaning = if enforced {
                    kind.and_then(|kind| gx::kind(name, &[kind.to_owned()]))
                } else {
                    Ok(Meaning::nothing(
                        "it is said to readers: the contract is not enforced",
                    ))
                };
                found.push(Found::new(place, format!("{name}.data_type"), meaning));
            }
            quiet if QUIET.contains(&quiet) || *value == Value::Null => {}
            _ => found.push(Found::new(
                place,
                format!("{name}.{key}"),
                Err("is not understood".to_owned()),
            )),
        }
    }
}

fn tests(place: &str, list: &Value, column: Option<&str>, found: &mut Vec<Found>) {
    let Some(items) = list.list() else {
        found.push(Found::new(place, "", Err(format!("{list} is no list of tests"))));
        return;
    };
    for (index, item) in items.iter().enumerate() {
        let (name, rest) = match item {
            Value::Text(name) => (name.as_str(), Ok(Vec::new())),
            Value::Map(entries) => called(entries),
            other => ("", Err(format!("{other} is no test"))),
        };
        let rule = column.map_or_else(|| name.to_owned(), |column| format!("{column}.{name}"));
        let meaning = rest.and_then(|rest| test(name, &rest, column));
        found.push(Found::new(format!("{place}[{index}]"), rule, meaning));
    }
}

/// The arguments of a test, or why they are none.
type Given = Result<Vec<(String, Value)>, String>;

/// A test's name and all that goes with it, wherever it stands.
fn called(entries: &[(String, Value)]) -> (&str, Given) {
    if let Some((_, Value::Text(name))) = entries.iter().find(|(key, _)| key == "test_name") {
        let rest = entries.iter().filter(|(key, _)| key != "test_name").cloned();
        return (name, Ok(rest.collect()));
    }
    match entries {
        [(name, Value::Null)] => (name, Ok(Vec::new())),
        [(name, Value::Map(rest))] => (name, Ok(rest.clone())),
        [(name, other)] => (name, Err(format!("{other} is no mapping of arguments"))),
        _ => ("", Err("a test of several names is not understood".to_owned())),
    }
}

fn test(name: &str, entries: &[(String, Value)], column: Option<&str>) -> Result<Meaning, String> {
    let mut flat: Vec<(String, Value)> = Vec::new();
    for (key, value) in entries {
        match value {
            Value::Map(inner) if key == "config" || key == "arguments" => flat.extend(inner.iter().cloned()),
            _ => flat.push((key.clone(), value.clone())),
        }
    }
    let given = flat
        .iter()
        .find(|(key, _)| key == "column_name")
        .and_then(|(_, value)| value.text());
    if let Some(column) = column.or(given.filter(|name| is_name(name))) {
        flat.push(("column".to_owned(), Value::from(column)));
        flat.retain(|(key, _)| key != "column_name");
    }
    let args = Args::new(&flat);
    args.ignore(&[
        "name",
        "description",
        "meta",
        "tags",
        "alias",
        "store_failures",
        "store_failures_as",
        "schema",
        "database",
        "group",
        "quote_columns",
        "quote_values",
        "quote",
        "limit",
        "docs",
    ]);
    if args.maybe_flag("enabled")? == Some(false) {
        return Ok(Meaning::nothing("it is switched off"));
    }
    for threshold in ["warn_if", "error_if"] {
        match args.text(threshold)?.map(|text| text.replace(' ', "")).as_deref() {
            None | Some("!=0" | ">0" | ">=1") => {}
            Some(_) => return Err(format!("`{threshold}`, a number of bad rows, has no word here")),
        }
    }
    let severity = match args.text("severity")?.map(str::to_ascii_lowercase).as_deref() {
        None | Some("error") => Severity::Error,
        Some("warn") => Severity::Warn,
        Some(other) => return Err(format!("the severity {other} is not known")),
    };
    let filters = [args.text("where")?, args.text("row_condition")?];
    let filters = filters
        .into_iter()
        .flatten()
        .map(condition::sql)
        .collect::<Result<Vec<_>, _>>()?;
    let filter = match filters.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(
            many.iter()
                .map(|one| format!("({one})"))
                .collect::<Vec<_>>()
                .join(" and "),
        ),
    };
    let how = How {
        mostly: 1.0,
        severity,
        filter,
    };
    let meaning = meaning_of(name, &args, how)?;
    // A test of a table may stand below a column.
    args.ignore(&["column"]);
    args.finish()?;
    Ok(meaning)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .chars()
            .all(|next| next.is_ascii_alphanumeric() || next == '_')
}

fn meaning_of(name: &str, args: &Args<'_>, how: How) -> Result<Meaning, String> {
    if let Some(expectation) = name.strip_prefix("dbt_expectations.") {
        return expected(expectation, args, how);
    }
    let bare = name.strip_prefix("dbt_utils.").unwrap_or(name);
    if let Some(each) = of_values(bare, args) {
        return Ok(Meaning::rules([Piece::each(
            args.need_text("column")?,
            each?,
            how,
        )]));
    }
    if bare == "expression_is_true" {
        return expression(args, how);
    }
    if how.filter.is_some() {
        return Err("`where` cannot be asked of it here".to_owned());
    }
    let severity = how.severity;
    let column = || args.need_text("column");
    Ok(match bare {
        "unique" => Meaning::rules([Piece::flag(column()?, "unique", severity)]),
        "not_constant" => Meaning::rules([Piece::flag(column()?, "not_constant", severity)]),
        "at_least_one" => Meaning::rules([Piece::flag(column()?, "not_empty", severity)]),
        "relationships" => Meaning::rules([Piece::Relation {
            from: vec![column()?.to_owned()],
            table: table_of(args.need_text("to")?)?,
            to: vec![args.need_text("field")?.to_owned()],
            severity,
        }]),
        "unique_combination_of_columns" => Meaning::key(args.need_texts("combination_of_columns")?, severity),
        "not_null_proportion" => Meaning::rules([Piece::Figure {
            column: Some(column()?.to_owned()),
            key: "null_rate",
            min: args.number("at_most")?.filter(|most| *most < 1.0).map(rest_of),
            max: args.number("at_least")?.map(rest_of),
            severity,
        }]),
        "equal_rowcount" => gx::as_many(&table_of(args.need_text("compare_model")?)?, severity),
        "recency" if args.maybe_flag("ignore_time_component")? == Some(true) => {
            return Err("`ignore_time_component` has no word here".to_owned());
        }
        "recency" => recent(args.need_text("field")?, args, severity)?,
        _ => return Err("there is no such rule here".to_owned()),
    })
}

fn of_values(name: &str, args: &Args<'_>) -> Option<Result<Each, String>> {
    Some(match name {
        "not_null" => Ok(Each::NotNull),
        "accepted_values" => args.need_set("values").map(Each::InSet),
        "not_accepted_values" => args.need_set("values").map(Each::NotInSet),
        "accepted_range" => range(args),
        "not_empty_string" => args
            .maybe_flag("trim_whitespace")
            .map(|trim| Each::NotRegex(if trim == Some(false) { r"\A\z" } else { r"\A *\z" }.to_owned())),
        _ => return None,
    })
}

fn range(args: &Args<'_>) -> Result<Each, String> {
    let exclusive = args.maybe_flag("inclusive")? == Some(false);
    let (min, max) = (args.number("min_value")?, args.number("max_value")?);
    if min.is_none() && max.is_none() {
        return Err("has neither `min_value` nor `max_value`".to_owned());
    }
    Ok(Each::Range(Range {
        exclusive_min: exclusive && min.is_some(),
        exclusive_max: exclusive && max.is_some(),
        min: min.map(Value::figure),
        max: max.map(Value::figure),
    }))
}

/// A condition; below a column the column stands before it.
fn expression(args: &Args<'_>, how: How) -> Result<Meaning, String> {
    let text = args.need_text("expression")?;
    let text = match args.text("column")? {
        Some(column) => condition::sql(&format!("{} {text}", condition::column(column)))?,
        None => condition::sql(text)?,
    };
    Ok(Meaning::rules([Piece::Condition { text, how }]))
}

fn expected(name: &str, args: &Args<'_>, how: How) -> Result<Meaning, String> {
    let severity = how.severity;
    match name.to_ascii_lowercase().as_str() {
        "expect_column_values_to_be_increasing" | "expect_column_values_to_be_decreasing" => {
            Err("rows have no order in a database, and the order of a file is another".to_owned())
        }
        "expression_is_true" => expression(args, how),
        "expect_table_row_count_to_equal_other_table" if how.filter.is_none() => Ok(gx::as_many(
            &table_of(args.need_text("compare_model")?)?,
            severity,
        )),
        "expect_table_columns_to_contain_set" if severity == Severity::Error => Ok(Meaning::rules(
            args.need_texts("column_list")?
                .into_iter()
                .map(Piece::Exists)
                .collect::<Vec<_>>(),
        )),
        "expect_column_distinct_count_to_equal" if how.filter.is_none() => {
            let value = args.number("value")?.ok_or("`value` is not given")?;
            Ok(Meaning::rules([Piece::Figure {
                column: Some(args.need_text("column")?.to_owned()),
                key: "distinct_count",
                min: Some(value),
                max: Some(value),
                severity,
            }]))
        }
        "expect_row_values_to_have_recent_data" if how.filter.is_none() => {
            recent(args.need_text("column")?, args, severity)
        }
        _ => gx::rule_of(name, args, how, gx::Dialect::Sql),
    }
}

/// The last point in time is so young.
fn recent(column: &str, args: &Args<'_>, severity: Severity) -> Result<Meaning, String> {
    let count = args
        .number("interval")?
        .filter(|count| count.fract() == 0.0 && *count > 0.0);
    age(column, count, args.need_text("datepart")?, severity)
}

fn age(column: &str, count: Option<f64>, unit: &str, severity: Severity) -> Result<Meaning, String> {
    if !is_name(column) {
        return Err(format!("`{column}` is no column, but more"));
    }
    let count = count.ok_or("its length is no whole number")?;
    let unit = match unit.to_ascii_lowercase().as_str() {
        "minute" => "m",
        "hour" => "h",
        "day" => "d",
        "week" => "w",
        other => return Err(format!("a {other} is no fixed length of time")),
    };
    let mut entries = vec![("max_age".to_owned(), Value::Text(format!("{count}{unit}")))];
    entries.extend(super::suite::severity(severity));
    Ok(Meaning::rules([Piece::key(
        column,
        "freshness",
        Value::Map(entries),
    )]))
}

fn fresh(rules: &Value, column: Option<&str>) -> Result<Meaning, String> {
    let args = Args::new(rules.map().ok_or("is no mapping")?);
    let column = column.ok_or("`loaded_at_field` is not given")?;
    let (error, warn) = (args.get("error_after"), args.get("warn_after"));
    args.finish()?;
    let (after, severity) = match (error, warn) {
        (Some(_), Some(_)) => {
            return Err("a column has one age here, and not one to warn of and one to fail".to_owned());
        }
        (Some(after), None) => (after, Severity::Error),
        (None, Some(after)) => (after, Severity::Warn),
        (None, None) => return Ok(Meaning::nothing("it bounds nothing")),
    };
    let count = after
        .get("count")
        .and_then(Value::number)
        .filter(|count| count.fract() == 0.0 && *count > 0.0);
    age(
        column,
        count,
        after.text_of("period").unwrap_or_default(),
        severity,
    )
}

/// The table of `ref('x')` or `source('s', 'x')`.
fn table_of(text: &str) -> Result<String, String> {
    let bare = text.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
    let unclear = || format!("`{text}` names no table that is known");
    if is_name(bare) {
        return Ok(bare.to_owned());
    }
    let inner = ["ref(", "source("]
        .iter()
        .find_map(|call| bare.strip_prefix(call)?.strip_suffix(')'));
    let parts = inner.ok_or_else(unclear)?.split(',').map(str::trim);
    let mut quoted = parts.filter_map(|part| {
        let quote = part.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
        part.strip_prefix(quote)?.strip_suffix(quote)
    });
    quoted
        .next_back()
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .ok_or_else(unclear)
}

fn constraints(place: &str, list: &Value, column: Option<&str>, enforced: bool, found: &mut Vec<Found>) {
    for (index, item) in list.list().unwrap_or_default().iter().enumerate() {
        let kind = item.text_of("type").unwrap_or_default();
        let meaning = if enforced {
            constraint(kind, item, column)
        } else {
            Ok(Meaning::nothing("the contract is not enforced"))
        };
        let rule = column.map_or_else(|| kind.to_owned(), |column| format!("{column}.{kind}"));
        found.push(Found::new(format!("{place}[{index}]"), rule, meaning));
    }
}

fn constraint(kind: &str, item: &Value, column: Option<&str>) -> Result<Meaning, String> {
    let args = Args::new(item.map().ok_or("is no constraint")?);
    args.ignore(&["type", "name", "warn_unenforced", "warn_unsupported"]);
    let names = match column {
        Some(column) => vec![column.to_owned()],
        None if kind == "check" => Vec::new(),
        None => args.need_texts("columns")?,
    };
    let never_null = names
        .iter()
        .map(|name| Piece::each(name, Each::NotNull, How::default()));
    let unique = match names.as_slice() {
        [one] => Piece::flag(one, "unique", Severity::Error),
        many => Piece::Unique(many.to_vec(), Severity::Error),
    };
    let meaning = match kind {
        "not_null" => Meaning::rules(never_null.collect::<Vec<_>>()),
        // A database takes a row with a null in the key for no other's equal.
        "unique" => Meaning::rules([unique]),
        "primary_key" => Meaning::rules(never_null.chain([unique]).collect::<Vec<_>>()),
        "check" => Meaning::rules([Piece::Condition {
            text: condition::sql(args.need_text("expression")?)?,
            how: How::default(),
        }]),
        _ => return Err("there is no such constraint here".to_owned()),
    };
    args.finish()?;
    Ok(meaning)
}
