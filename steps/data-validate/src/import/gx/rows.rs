//! Rules over the columns of a row, which become conditions.

use super::super::suite::{How, Piece};
use super::super::value::{Args, Value};
use super::super::{Meaning, condition};
use super::Dialect;

/// Rules over the columns of a row.
pub(super) fn of_rows(
    name: &str,
    args: &Args<'_>,
    how: &How,
    dialect: Dialect,
) -> Option<Result<Meaning, String>> {
    let said = match name {
        "expect_column_pair_values_a_to_be_greater_than_b" => pair(args).and_then(|[a, b]| {
            let sign = if args.flag("or_equal")? { ">=" } else { ">" };
            Ok((format!("{a} {sign} {b}"), vec![a, b]))
        }),
        "expect_column_pair_values_to_be_equal" => {
            pair(args).map(|[a, b]| (format!("{a} = {b}"), vec![a, b]))
        }
        "expect_column_pair_values_to_be_in_set" if dialect == Dialect::Python => pairs(args),
        "expect_multicolumn_sum_to_equal" => columns(args).and_then(|names| {
            let total = args.number("sum_total")?.ok_or("`sum_total` is not given")?;
            Ok((format!("{} = {}", names.join(" + "), Value::figure(total)), names))
        }),
        "expect_select_column_values_to_be_unique_within_record"
        | "expect_multicolumn_values_to_be_unique" => {
            columns(args).map(|names| (all_pairs(&names, differ), names))
        }
        "expect_multicolumn_values_to_be_equal" if dialect == Dialect::Python => columns(args).map(|names| {
            let (first, rest) = names
                .split_first()
                .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
            let same = rest
                .iter()
                .map(|other| format!("coalesce({first} = {other}, {first} is null and {other} is null)"));
            (same.collect::<Vec<_>>().join(" and "), names)
        }),
        "expect_column_values_to_match_like_pattern" | "expect_column_values_to_not_match_like_pattern" => {
            like(args, name.contains("_not_"))
        }
        "expect_column_values_to_match_like_pattern_list"
        | "expect_column_values_to_not_match_like_pattern_list" => likes(args, name.contains("_not_")),
        "expect_column_values_to_match_regex_list" | "expect_column_values_to_not_match_regex_list" => {
            regexes(args, name.contains("_not_"))
        }
        _ => return None,
    };
    Some(said.and_then(|(text, names)| {
        // One column: a null is left aside on both sides. Several: it depends.
        let several = names.len() > 1;
        let (text, filter) = match several.then(|| rows(args, &names, dialect)).transpose()? {
            // What is put together of such parts is never unknown.
            Some((true, filter)) if text.starts_with("coalesce(") => (text, filter),
            Some((true, filter)) => (format!("coalesce({text}, false)"), filter),
            Some((false, filter)) => (text, filter),
            None => (text, None),
        };
        let filter = match (filter, how.filter.clone()) {
            (Some(a), Some(b)) => Some(format!("({a}) and ({b})")),
            (a, b) => a.or(b),
        };
        let how = How {
            filter,
            ..how.clone()
        };
        Ok(Meaning::rules([Piece::Condition { text, how }]))
    }))
}

/// Which rows with nulls are judged: whether an unknown answer is a no, and the filter.
fn rows(args: &Args<'_>, names: &[String], dialect: Dialect) -> Result<(bool, Option<String>), String> {
    if dialect == Dialect::Sql {
        return match args.text("ignore_row_if")? {
            None
            | Some(
                "both_values_are_missing"
                | "all_values_are_missing"
                | "any_value_is_missing"
                | "either_value_is_missing",
            ) => Ok((false, None)),
            Some(other) => Err(format!("`ignore_row_if` {other} is not understood")),
        };
    }
    let any = names
        .iter()
        .map(|name| format!("{name} is not null"))
        .collect::<Vec<_>>();
    match args.text("ignore_row_if")? {
        None | Some("both_values_are_missing" | "all_values_are_missing") => {
            Ok((true, Some(any.join(" or "))))
        }
        Some("either_value_is_missing" | "any_value_is_missing") => Ok((false, Some(any.join(" and ")))),
        Some("neither" | "never") => Ok((true, None)),
        Some(other) => Err(format!("`ignore_row_if` {other} is not understood")),
    }
}

fn pair(args: &Args<'_>) -> Result<[String; 2], String> {
    Ok([
        condition::column(args.need_text("column_A")?),
        condition::column(args.need_text("column_B")?),
    ])
}

fn columns(args: &Args<'_>) -> Result<Vec<String>, String> {
    let names = args.need_texts("column_list")?;
    if names.len() < 2 {
        return Err("`column_list` names fewer than two columns".to_owned());
    }
    Ok(names.iter().map(|name| condition::column(name)).collect())
}

fn pairs(args: &Args<'_>) -> Result<(String, Vec<String>), String> {
    let [a, b] = pair(args)?;
    let set = args
        .get("value_pairs_set")
        .and_then(Value::list)
        .filter(|set| !set.is_empty());
    let set = set.ok_or("`value_pairs_set` is no list of pairs")?;
    let same = |name: &str, value: &Value| match value {
        Value::Null => Ok(format!("{name} is null")),
        value if value.is_scalar() => Ok(format!("{name} = {}", condition::literal(value))),
        other => Err(format!("`value_pairs_set` holds {other}")),
    };
    let one = |item: &Value| match item.list() {
        Some([x, y]) => Ok(format!("({} and {})", same(&a, x)?, same(&b, y)?)),
        _ => Err(format!("`value_pairs_set` holds {item}, no pair")),
    };
    let text = set
        .iter()
        .map(one)
        .collect::<Result<Vec<_>, String>>()?
        .join(" or ");
    Ok((text, vec![a, b]))
}

/// A null is one more value there.
fn differ(a: &str, b: &str) -> String {
    format!("coalesce({a} <> {b}, {a} is not null or {b} is not null)")
}

fn all_pairs(names: &[String], say: impl Fn(&str, &str) -> String) -> String {
    let mut parts = Vec::new();
    for (index, a) in names.iter().enumerate() {
        parts.extend(names[index + 1..].iter().map(|b| say(a, b)));
    }
    parts.join(" and ")
}

fn like(args: &Args<'_>, negated: bool) -> Result<(String, Vec<String>), String> {
    let name = condition::column(args.need_text("column")?);
    let text = like_text(&name, args.need_text("like_pattern")?, negated)?;
    Ok((text, vec![name]))
}

fn like_text(name: &str, pattern: &str, negated: bool) -> Result<String, String> {
    if pattern.contains('\\') {
        return Err(format!(
            "the pattern {pattern} has an escape, which there is none of here"
        ));
    }
    let word = if negated { "not like" } else { "like" };
    Ok(format!("{name} {word} {}", condition::text(pattern)))
}

fn likes(args: &Args<'_>, negated: bool) -> Result<(String, Vec<String>), String> {
    let name = condition::column(args.need_text("column")?);
    let list = args.need_texts("like_pattern_list")?;
    let parts = list
        .iter()
        .map(|pattern| like_text(&name, pattern, negated))
        .collect::<Result<Vec<_>, _>>()?;
    joined(args, &parts, negated).map(|text| (text, vec![name]))
}

fn regexes(args: &Args<'_>, negated: bool) -> Result<(String, Vec<String>), String> {
    let name = condition::column(args.need_text("column")?);
    let word = if negated { "not matches" } else { "matches" };
    let say = |text: &String| {
        Ok(format!(
            "{name} {word} {}",
            condition::text(&condition::pattern(text)?)
        ))
    };
    let parts = args
        .need_texts("regex_list")?
        .iter()
        .map(say)
        .collect::<Result<Vec<_>, String>>()?;
    joined(args, &parts, negated).map(|text| (text, vec![name]))
}

fn joined(args: &Args<'_>, parts: &[String], negated: bool) -> Result<String, String> {
    if parts.is_empty() {
        return Err("the list of patterns is empty".to_owned());
    }
    match args.text("match_on")? {
        _ if negated => Ok(parts.join(" and ")),
        None | Some("any") => Ok(parts.join(" or ")),
        Some("all") => Ok(parts.join(" and ")),
        Some(other) => Err(format!("`match_on` {other} is not understood")),
    }
}
