//! Suites of Great Expectations: 1.x (`name`, `type`) and before (`expectation_suite_name`, `expectation_type`).
//!
//! The rules are known by name to `dbt_expectations` too, where they are asked in SQL: with three answers, and with
//! `strictly` in place of `strict_min` and `strict_max`.

mod rows;

use step_contract::ConfigError;
use step_report::Severity;

use super::suite::{Each, How, Piece, Range, rest_of};
use super::value::{Args, Value};
use super::{Found, Meaning, Source, condition, types};

/// Who answers the rules of these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Great Expectations over pandas.
    Python,
    /// `dbt_expectations`.
    Sql,
}

/// Reads a suite.
///
/// # Errors
/// It is no suite of Great Expectations.
pub fn read(source: &Source<'_>) -> Result<Vec<Found>, ConfigError> {
    let root = Value::read(source.file, source.text)?;
    let rules = root.get("expectations").and_then(Value::list);
    let rules = rules.ok_or_else(|| {
        source.fault(
            "",
            "is no suite of Great Expectations: it has no list `expectations`",
        )
    })?;
    let mut found = Vec::new();
    for (key, value) in root.map().unwrap_or_default() {
        let known = [
            "name",
            "id",
            "meta",
            "notes",
            "expectations",
            "expectation_suite_name",
            "data_asset_type",
            "ge_cloud_id",
            "suite_parameters",
            "evaluation_parameters",
            "data_context",
        ];
        if !known.contains(&key.as_str()) && *value != Value::Null {
            found.push(Found::new(key, "", Err("is not understood".to_owned())));
        }
    }
    for (index, rule) in rules.iter().enumerate() {
        let name = rule
            .text_of("type")
            .or_else(|| rule.text_of("expectation_type"))
            .unwrap_or_default();
        let column = rule.get("kwargs").and_then(|kwargs| kwargs.text_of("column"));
        let shown = column.map_or_else(|| name.to_owned(), |column| format!("{name} of {column}"));
        found.push(Found::new(
            format!("expectations[{index}]"),
            shown,
            one(name, rule),
        ));
    }
    Ok(found)
}

fn one(name: &str, rule: &Value) -> Result<Meaning, String> {
    let outer = Args::new(rule.map().ok_or("is no expectation")?);
    if name.is_empty() {
        return Err("has no `type`".to_owned());
    }
    outer.ignore(&[
        "type",
        "expectation_type",
        "meta",
        "notes",
        "id",
        "description",
        "ge_cloud_id",
        "expectation_context",
        "rendered_content",
        "success_on_last_run",
    ]);
    let (severity, note) = match outer.text("severity")? {
        None | Some("critical") => (Severity::Error, None),
        Some("warning") => (Severity::Warn, None),
        Some("info") => (Severity::Warn, Some("of severity info, which is a warning here")),
        Some(other) => return Err(format!("the severity {other} is not known")),
    };
    let kwargs = match outer.get("kwargs") {
        None => &[][..],
        Some(kwargs) => kwargs.map().ok_or("`kwargs` is no mapping")?,
    };
    outer.finish()?;
    let args = Args::new(kwargs);
    args.ignore(&[
        "result_format",
        "catch_exceptions",
        "batch_id",
        "include_config",
        "meta",
    ]);
    let parser = args.text("condition_parser")?;
    let filter = args.get("row_condition").filter(|text| text.text() != Some(""));
    let filter = filter.map(|text| condition::row(text, parser)).transpose()?;
    let how = How {
        mostly: mostly(&args)?,
        severity,
        filter,
    };
    let meaning = rule_of(name, &args, how, Dialect::Python)?;
    args.finish()?;
    Ok(meaning.noted(note))
}

fn mostly(args: &Args<'_>) -> Result<f64, String> {
    let mostly = args.number("mostly")?.unwrap_or(1.0);
    if (0.0..=1.0).contains(&mostly) {
        Ok(mostly)
    } else {
        Err(format!("`mostly` is {mostly}, no share"))
    }
}

/// What the rule of this name means. What it does not ask for of `args` is for the caller to refuse.
///
/// # Errors
/// A sentence: no such rule here, or an argument that cannot be said.
pub fn rule_of(name: &str, args: &Args<'_>, how: How, dialect: Dialect) -> Result<Meaning, String> {
    let name = name.to_ascii_lowercase();
    if let Some(meaning) = rows::of_rows(&name, args, &how, dialect) {
        return meaning;
    }
    if let Some(each) = of_values(&name, args) {
        let column = args.need_text("column")?;
        return Ok(Meaning::rules([Piece::each(column, each?, how)]));
    }
    // What is left is about a column or a table as a whole.
    if how.filter.is_some() {
        return Err("`row_condition` cannot be asked of a figure here".to_owned());
    }
    if let Some(meaning) = of_order(&name, args, &how) {
        return meaning;
    }
    if how.mostly < 1.0 {
        return Err("`mostly` cannot be asked of it here".to_owned());
    }
    if let Some(meaning) = of_figures(&name, args, how.severity) {
        return meaning;
    }
    if let Some(meaning) = of_columns(&name, args, how.severity) {
        return meaning;
    }
    of_tables(&name, args, how.severity).unwrap_or_else(|| Err("there is no such rule here".to_owned()))
}

/// Rules about each value of a column.
fn of_values(name: &str, args: &Args<'_>) -> Option<Result<Each, String>> {
    Some(match name {
        "expect_column_values_to_be_between" => between(args),
        "expect_column_values_to_be_in_set" => args.need_set("value_set").map(Each::InSet),
        "expect_column_distinct_values_to_be_in_set" => args.need_set("value_set").map(Each::InSet),
        "expect_column_values_to_not_be_in_set" => args.need_set("value_set").map(Each::NotInSet),
        "expect_column_values_to_match_regex" => pattern(args).map(Each::Regex),
        "expect_column_values_to_not_match_regex" => pattern(args).map(Each::NotRegex),
        "expect_column_value_lengths_to_be_between" => length(args),
        "expect_column_value_lengths_to_equal" => args.whole("value").and_then(|value| match value {
            Some(value) => Ok(Each::Length(Some(value), Some(value))),
            None => Err("`value` is not given".to_owned()),
        }),
        "expect_column_values_to_not_be_null" => Ok(Each::NotNull),
        "expect_column_values_to_be_null" => Ok(Each::Null),
        _ => return None,
    })
}

fn pattern(args: &Args<'_>) -> Result<String, String> {
    condition::pattern(args.need_text("regex")?)
}

/// Whether each end is itself not good.
fn strict(args: &Args<'_>) -> Result<(bool, bool), String> {
    let both = args.flag("strictly")?;
    Ok((args.flag("strict_min")? || both, args.flag("strict_max")? || both))
}

fn between(args: &Args<'_>) -> Result<Each, String> {
    let (exclusive_min, exclusive_max) = strict(args)?;
    let end = |name: &str| match args.get(name) {
        Some(value) if value.is_scalar() => Ok(Some(value.clone())),
        Some(value) => Err(format!("`{name}` is {value}, no single value")),
        None => Ok(None),
    };
    let (min, max) = (end("min_value")?, end("max_value")?);
    if min.is_none() && max.is_none() {
        return Err("has neither `min_value` nor `max_value`".to_owned());
    }
    Ok(Each::Range(Range {
        min,
        max,
        exclusive_min,
        exclusive_max,
    }))
}

fn length(args: &Args<'_>) -> Result<Each, String> {
    let (above, below) = strict(args)?;
    let min = args.whole("min_value")?.map(|min| min + u64::from(above));
    let max = match args.whole("max_value")? {
        Some(0) if below => return Err("no length is below 0".to_owned()),
        max => max.map(|max| max - u64::from(below)),
    };
    if min.is_none() && max.is_none() {
        return Err("has neither `min_value` nor `max_value`".to_owned());
    }
    Ok(Each::Length(min, max))
}

/// Rules about the rows in their order, and about types and forms.
fn of_order(name: &str, args: &Args<'_>, how: &How) -> Option<Result<Meaning, String>> {
    let key = match name {
        "expect_column_values_to_be_increasing" => "increasing",
        "expect_column_values_to_be_decreasing" => "decreasing",
        "expect_column_values_to_match_strftime_format" => "datetime_format",
        _ => return None,
    };
    let say = || {
        let mut entries = Vec::new();
        if key == "datetime_format" {
            entries.push((
                "format".to_owned(),
                Value::from(args.need_text("strftime_format")?),
            ));
        } else if args.flag("strictly")? {
            entries.push(("strict".to_owned(), Value::Bool(true)));
        }
        entries.extend(how.entries());
        let value = if entries.is_empty() {
            Value::Bool(true)
        } else {
            Value::Map(entries)
        };
        Ok(Meaning::rules([Piece::key(
            args.need_text("column")?,
            key,
            value,
        )]))
    };
    Some(say())
}

/// Figures: the key of ours, whether it is a count (so that a strict bound is the next one), a share, or an end of the
/// values.
fn of_figures(name: &str, args: &Args<'_>, severity: Severity) -> Option<Result<Meaning, String>> {
    let (key, kind) = match name {
        "expect_column_mean_to_be_between" => ("mean", Kind::Number),
        "expect_column_median_to_be_between" => ("median", Kind::Number),
        "expect_column_stdev_to_be_between" => ("std", Kind::Number),
        "expect_column_sum_to_be_between" => ("sum", Kind::Number),
        "expect_column_min_to_be_between" => ("min", Kind::End),
        "expect_column_max_to_be_between" => ("max", Kind::End),
        "expect_column_unique_value_count_to_be_between" => ("distinct_count", Kind::Count),
        "expect_column_proportion_of_unique_values_to_be_between" => ("unique_rate", Kind::Share),
        "expect_column_proportion_of_non_null_values_to_be_between" => ("null_rate", Kind::Rest),
        "expect_table_row_count_to_be_between" => ("row_count", Kind::Count),
        "expect_table_column_count_to_be_between" => ("column_count", Kind::Count),
        _ => return None,
    };
    let say = || {
        let column = if name.starts_with("expect_table_") {
            None
        } else {
            Some(args.need_text("column")?)
        };
        let strict = strict(args)?;
        if let (Kind::End, Some(column)) = (kind, column)
            && let Some(meaning) = an_end(key, column, args, strict, severity)
        {
            return meaning;
        }
        let (min, max) = ends(args, kind, strict)?;
        Ok(Meaning::rules([Piece::Figure {
            column: column.map(str::to_owned),
            key,
            min,
            max,
            severity,
        }]))
    };
    Some(say())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    End,
    Count,
    Share,
    /// A share that is counted the other way round here.
    Rest,
}

type Ends = (Option<f64>, Option<f64>);

fn ends(args: &Args<'_>, kind: Kind, (above, below): (bool, bool)) -> Result<Ends, String> {
    let (min, max) = (args.number("min_value")?, args.number("max_value")?);
    if min.is_none() && max.is_none() {
        return Err("has neither `min_value` nor `max_value`".to_owned());
    }
    let (above, below) = (above && min.is_some(), below && max.is_some());
    Ok(match kind {
        Kind::Count => (
            min.map(|min| if above { min.floor() + 1.0 } else { min }),
            max.map(|max| if below { max.ceil() - 1.0 } else { max }),
        ),
        Kind::Share => (
            min.map(|min| if above { min.next_up() } else { min }),
            max.map(|max| if below { max.next_down() } else { max }),
        ),
        Kind::Number | Kind::End if above || below => {
            return Err("a strict bound of a figure cannot be said here".to_owned());
        }
        Kind::Rest if above || below => {
            let low = max.map(|max| {
                if below {
                    rest_of(max).next_up()
                } else {
                    rest_of(max)
                }
            });
            (
                low,
                min.map(|min| {
                    if above {
                        rest_of(min).next_down()
                    } else {
                        rest_of(min)
                    }
                }),
            )
        }
        Kind::Rest => (max.map(rest_of), min.map(rest_of)),
        Kind::Number | Kind::End => (min, max),
    })
}

/// The smallest value is at least x when every value is. That also says strict bounds, and dates.
fn an_end(
    key: &str,
    column: &str,
    args: &Args<'_>,
    (above, below): (bool, bool),
    severity: Severity,
) -> Option<Result<Meaning, String>> {
    let (min, max) = (args.get("min_value"), args.get("max_value"));
    let is_plain = |value: &Value| value.number().is_some();
    let range = match (key, min, max) {
        ("min", Some(min), None) if above || !is_plain(min) => Range::from(min.clone(), above),
        ("max", None, Some(max)) if below || !is_plain(max) => Range::to(max.clone(), below),
        _ => return None,
    };
    Some(Ok(Meaning::rules([Piece::each(
        column,
        Each::Range(range),
        How::severe(severity),
    )])))
}

/// Other rules about a column as a whole.
fn of_columns(name: &str, args: &Args<'_>, severity: Severity) -> Option<Result<Meaning, String>> {
    Some(match name {
        "expect_column_to_exist" => must_fail(severity).and_then(|()| {
            let place = args.get("column_index");
            match place {
                None => Ok(Meaning::rules([Piece::Exists(
                    args.need_text("column")?.to_owned(),
                )])),
                Some(_) => {
                    Err("`column_index`, the place of a single column, cannot be said here".to_owned())
                }
            }
        }),
        "expect_column_values_to_be_unique" => args
            .need_text("column")
            .map(|column| Meaning::rules([Piece::flag(column, "unique", severity)])),
        "expect_column_distinct_values_to_contain_set" => contains(args, severity, false),
        "expect_column_distinct_values_to_equal_set" => contains(args, severity, true),
        "expect_column_values_to_be_of_type" | "expect_column_type_to_be" => {
            must_fail(severity).and_then(|()| {
                let name = args
                    .text("type_")?
                    .or(args.text("column_type")?)
                    .ok_or("`type_` is not given")?;
                kind(args.need_text("column")?, &[name.to_owned()])
            })
        }
        "expect_column_values_to_be_in_type_list" => must_fail(severity).and_then(|()| {
            kind(
                args.need_text("column")?,
                &args
                    .need_texts("type_list")
                    .or_else(|_| args.need_texts("column_type_list"))?,
            )
        }),
        "expect_column_quantile_values_to_be_between" => quantiles(args, severity),
        _ => return None,
    })
}

/// Some rules have no severity here.
fn must_fail(severity: Severity) -> Result<(), String> {
    match severity {
        Severity::Warn => Err("it cannot be a warning here".to_owned()),
        Severity::Error => Ok(()),
    }
}

fn contains(args: &Args<'_>, severity: Severity, only: bool) -> Result<Meaning, String> {
    must_fail(severity)?;
    let (column, set) = (args.need_text("column")?, args.need_set("value_set")?);
    let mut pieces = vec![Piece::key(column, "contains", Value::List(set.clone()))];
    if only {
        pieces.push(Piece::each(column, Each::InSet(set), How::default()));
    }
    Ok(Meaning::rules(pieces))
}

/// A type, or several that are one of ours.
///
/// # Errors
/// A name that is none, or names of different kinds.
pub fn kind(column: &str, names: &[String]) -> Result<Meaning, String> {
    let mut kinds = Vec::new();
    for name in names {
        kinds.push(types::ours(name).ok_or_else(|| format!("the type `{name}` has no word here"))?);
    }
    kinds.sort_unstable();
    kinds.dedup();
    let note = names.iter().find_map(|name| types::remark(name));
    let (word, note) = match kinds.as_slice() {
        [one] => (*one, note),
        ["float", "int"] | ["decimal", "float", "int"] => ("number", None),
        [] => return Err("names no type".to_owned()),
        _ => {
            return Err(format!(
                "{} are several kinds, and a column has one here",
                names.join(", ")
            ));
        }
    };
    Ok(Meaning::rules([Piece::key(column, "type", Value::from(word))]).noted(note))
}

fn quantiles(args: &Args<'_>, severity: Severity) -> Result<Meaning, String> {
    let column = args.need_text("column")?;
    let ranges = match (args.get("quantile_ranges"), args.number("quantile")?) {
        (Some(ranges), _) => pairs_of(ranges)?,
        (None, Some(p)) => vec![(p, ends(args, Kind::Number, strict(args)?)?)],
        _ => return Err("`quantile_ranges` is not given".to_owned()),
    };
    let how = args.get("allow_relative_error");
    let say = |(p, (min, max)): (f64, Ends)| {
        let mut entries = vec![("p".to_owned(), Value::figure(p))];
        entries.extend(
            super::suite::bounds(min, max, severity)
                .map()
                .unwrap_or_default()
                .iter()
                .cloned(),
        );
        Value::Map(entries)
    };
    let list = Value::List(ranges.into_iter().map(say).collect());
    let meaning = Meaning::rules([Piece::key(column, "quantiles", list)]);
    match how {
        // `quantile` is the argument of dbt_expectations, which interpolates.
        None if args.get("quantile").is_some() => Ok(meaning),
        Some(Value::Text(word)) if word == "linear" => Ok(meaning),
        None | Some(Value::Bool(false)) => Ok(meaning.losing(
            "the value nearest to the quantile is taken there, and this suite interpolates between two",
        )),
        Some(other) => Err(format!(
            "`allow_relative_error` {other} is another quantile than the one here"
        )),
    }
}

fn pairs_of(ranges: &Value) -> Result<Vec<(f64, Ends)>, String> {
    let wrong = || "`quantile_ranges` is not `quantiles` with as many `value_ranges`".to_owned();
    let args = Args::new(ranges.map().ok_or_else(wrong)?);
    let shares = args.get("quantiles").and_then(Value::list).ok_or_else(wrong)?;
    let values = args.get("value_ranges").and_then(Value::list).ok_or_else(wrong)?;
    args.finish()?;
    if shares.len() != values.len() {
        return Err(wrong());
    }
    let end = |value: &Value| match value {
        Value::Null => Ok(None),
        value => value.number().map(Some).ok_or_else(wrong),
    };
    let one = |(share, range): (&Value, &Value)| match range.list() {
        Some([min, max]) => Ok((share.number().ok_or_else(wrong)?, (end(min)?, end(max)?))),
        _ => Err(wrong()),
    };
    shares.iter().zip(values).map(one).collect()
}

/// Rules about the table.
fn of_tables(name: &str, args: &Args<'_>, severity: Severity) -> Option<Result<Meaning, String>> {
    let exactly = |key: &'static str| {
        let value = args.number("value")?.ok_or("`value` is not given")?;
        Ok(Meaning::rules([Piece::Figure {
            column: None,
            key,
            min: Some(value),
            max: Some(value),
            severity,
        }]))
    };
    Some(match name {
        "expect_table_row_count_to_equal" => exactly("row_count"),
        "expect_table_column_count_to_equal" => exactly("column_count"),
        "expect_table_row_count_to_equal_other_table" => args
            .need_text("other_table_name")
            .map(|other| as_many(other, severity)),
        "expect_table_columns_to_match_ordered_list" => must_fail(severity).and_then(|()| {
            Ok(Meaning::rules([Piece::Table(
                "column_order",
                Value::texts(args.need_texts("column_list")?),
            )]))
        }),
        "expect_table_columns_to_match_set" => must_fail(severity).and_then(|()| {
            let names = args
                .need_texts("column_set")
                .or_else(|_| args.need_texts("column_list"))?;
            let exact = args.maybe_flag("exact_match")?.unwrap_or(true);
            let mut distinct = names.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let count = exact.then_some(Piece::Figure {
                column: None,
                key: "column_count",
                min: Some(distinct.len() as f64),
                max: Some(distinct.len() as f64),
                severity,
            });
            Ok(Meaning::rules(
                names
                    .into_iter()
                    .map(Piece::Exists)
                    .chain(count)
                    .collect::<Vec<_>>(),
            ))
        }),
        "expect_compound_columns_to_be_unique" => args.need_texts("column_list").and_then(|columns| {
            let meaning = Meaning::key(columns, severity);
            match args.text("ignore_row_if")? {
                None | Some("all_values_are_missing") => Ok(meaning),
                Some("any_value_is_missing") => Ok(Meaning::rules(meaning.pieces)),
                Some(other) => Err(format!("`ignore_row_if` {other} cannot be said here")),
            }
        }),
        _ => return None,
    })
}

/// As many rows as another table.
#[must_use]
pub fn as_many(table: &str, severity: Severity) -> Meaning {
    let mut entries = vec![("table".to_owned(), Value::from(table))];
    entries.extend(
        super::suite::bounds(Some(1.0), Some(1.0), severity)
            .map()
            .unwrap_or_default()
            .iter()
            .cloned(),
    );
    Meaning::rules([Piece::Table("row_count_against", Value::Map(entries))])
}
