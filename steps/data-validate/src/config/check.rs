//! What a suite must fulfil beyond its types.

use super::{Bounds, ColumnRules, ColumnType, Scalar, Suite, TableRules};
use crate::expression::Expression;
use crate::pattern;

type Fault = (String, String);

/// The first thing that makes no sense: its field path and a sentence.
pub(super) fn faults(suite: &Suite) -> Option<Fault> {
    let mut found = Vec::new();
    let mut checks = 0;
    for (name, table) in &suite.tables {
        checks += table_faults(&format!("tables.{name}"), table, &mut found);
    }
    for (index, rule) in suite.relationships.iter().enumerate() {
        let at = format!("relationships[{index}]");
        checks += 1;
        share(
            &format!("{at}.max_orphan_fraction"),
            rule.max_orphan_fraction,
            &mut found,
        );
        for (side, columns) in [("from", &rule.from), ("to", &rule.to)] {
            if columns.columns.is_empty() {
                found.push((format!("{at}.{side}"), "names no columns".to_owned()));
            }
        }
        if rule.from.columns.len() != rule.to.columns.len() {
            let what = format!(
                "`from` has {} columns and `to` has {}; they are compared one by one",
                rule.from.columns.len(),
                rule.to.columns.len()
            );
            found.push((format!("{at}.to"), what));
        }
    }
    for (index, rule) in suite.splits.iter().enumerate() {
        checks += 1;
        let shares = [
            ("max_overlap_fraction", rule.max_overlap_fraction),
            ("max_same_rows_fraction", rule.max_same_rows_fraction),
            (
                "max_group_overlap_fraction",
                Some(rule.max_group_overlap_fraction),
            ),
            ("max_label_shift", rule.max_label_shift),
            ("max_new_category_fraction", Some(rule.max_new_category_fraction)),
        ];
        for (name, bound) in shares {
            share(&format!("splits[{index}].{name}"), bound, &mut found);
        }
        if let Some(ratio) = &rule.size_ratio {
            bounds(
                &format!("splits[{index}].size_ratio"),
                &ratio.with(rule.severity),
                &mut found,
            );
        }
        if rule.max_label_shift.is_some() && rule.label.is_none() {
            found.push((
                format!("splits[{index}].max_label_shift"),
                "needs `label`, the column that it is about".to_owned(),
            ));
        }
        if rule.train == rule.test {
            found.push((
                format!("splits[{index}].test"),
                "is the same table as `train`".to_owned(),
            ));
        }
    }
    if checks == 0 {
        let what = "the suite has no check at all, so nothing could fail; add a rule below `tables`, `relationships` \
                    or `splits`";
        found.push((String::new(), what.to_owned()));
    }
    found.into_iter().next()
}

/// Returns the number of checks.
fn table_faults(at: &str, table: &TableRules, found: &mut Vec<Fault>) -> usize {
    let mut checks = table.columns.len() + table.unique.len();
    if let Some(rows) = &table.row_count {
        checks += 1;
        bounds(&format!("{at}.row_count"), rows, found);
    }
    if let Some(rows) = &table.duplicate_rows {
        checks += 1;
        bounds(&format!("{at}.duplicate_rows"), rows, found);
    }
    checks += usize::from(table.column_order.is_some());
    if let Some(columns) = &table.column_count {
        checks += 1;
        bounds(&format!("{at}.column_count"), columns, found);
    }
    if let Some(rule) = &table.row_count_against {
        checks += 1;
        bounds(&format!("{at}.row_count_against"), &rule.bounds(), found);
    }
    if let Some(Err(why)) = table.filter.as_deref().map(Expression::read) {
        found.push((format!("{at}.where"), why));
    }
    checks += table.expressions.len() + table.correlations.len();
    for (index, rule) in table.expressions.iter().enumerate() {
        let at = format!("{at}.expressions[{index}]");
        share(&format!("{at}.mostly"), Some(rule.mostly), found);
        let filter = rule.filter.as_ref().map(|filter| ("where", filter));
        for (field, text) in [("expression", &rule.expression)].into_iter().chain(filter) {
            if let Err(why) = Expression::read(text) {
                found.push((format!("{at}.{field}"), why));
            }
        }
        if table.expressions[..index]
            .iter()
            .any(|other| other.label() == rule.label())
        {
            found.push((
                at,
                format!(
                    "`{}` is there twice; give one of them another `name`",
                    rule.label()
                ),
            ));
        }
    }
    for (index, rule) in table.correlations.iter().enumerate() {
        let at = format!("{at}.correlations[{index}]");
        bounds(&at, &rule.bounds(), found);
        for (field, bound) in [("min", rule.min), ("max", rule.max)] {
            if bound.is_some_and(|bound| !(-1.0..=1.0).contains(&bound)) {
                found.push((
                    format!("{at}.{field}"),
                    "a correlation lies between -1 and 1".to_owned(),
                ));
            }
        }
        if rule.columns[0] == rule.columns[1] {
            found.push((at, "is of a column with itself".to_owned()));
        }
    }
    for (index, key) in table.unique.iter().enumerate() {
        if key.columns.is_empty() {
            found.push((
                format!("{at}.unique[{index}].columns"),
                "names no columns".to_owned(),
            ));
        }
    }
    if let Some(delimiter) = table.delimiter
        && (!delimiter.is_ascii() || matches!(delimiter, '\n' | '\r') || is_quote(table, delimiter))
    {
        found.push((
            format!("{at}.delimiter"),
            "must be one ASCII character, and no quote or line break".to_owned(),
        ));
    }
    if let Some(csv) = &table.csv {
        let faults = csv.faults(table.delimiter);
        found.extend(
            faults
                .into_iter()
                .map(|(field, why)| (format!("{at}.csv.{field}"), why)),
        );
    }
    for (name, column) in &table.columns {
        column_faults(&format!("{at}.columns.{name}"), column, found);
    }
    checks
}

fn is_quote(table: &TableRules, delimiter: char) -> bool {
    match table.csv.as_ref().and_then(|csv| csv.quote.as_deref()) {
        None => delimiter == '"',
        Some(quote) => quote.chars().eq([delimiter]),
    }
}

fn column_faults(at: &str, column: &ColumnRules, found: &mut Vec<Fault>) {
    let rates = [
        ("null_rate", &column.null_rate),
        ("nan_rate", &column.nan_rate),
        ("inf_rate", &column.inf_rate),
        ("unique_rate", &column.unique_rate),
    ];
    for (name, rule) in rates {
        if let Some(rule) = rule {
            let at = format!("{at}.{name}");
            bounds(&at, rule, found);
            share(&format!("{at}.min"), rule.min, found);
            share(&format!("{at}.max"), rule.max, found);
        }
    }
    let numbers = [
        ("null_count", &column.null_count),
        ("distinct_count", &column.distinct_count),
        ("entropy", &column.entropy),
        ("imbalance", &column.imbalance),
        ("sum", &column.sum),
        ("skewness", &column.skewness),
        ("kurtosis", &column.kurtosis),
        ("mean", &column.mean),
        ("std", &column.std),
        ("min", &column.min),
        ("max", &column.max),
        ("median", &column.median),
    ];
    for (name, rule) in numbers {
        if let Some(rule) = rule {
            bounds(&format!("{at}.{name}"), rule, found);
        }
    }
    for (index, rule) in column.quantiles.iter().enumerate() {
        let at = format!("{at}.quantiles[{index}]");
        bounds(&at, &rule.bounds(), found);
        share(&format!("{at}.p"), Some(rule.p), found);
    }
    if let Some(rule) = &column.range {
        range_faults(&format!("{at}.range"), rule, found);
    }
    let shares = [
        ("range", column.range.as_ref().map(|rule| rule.mostly)),
        ("in_set", column.in_set.as_ref().map(|rule| rule.mostly)),
        ("not_in_set", column.not_in_set.as_ref().map(|rule| rule.mostly)),
        ("regex", column.regex.as_ref().map(|rule| rule.mostly)),
        ("not_regex", column.not_regex.as_ref().map(|rule| rule.mostly)),
        ("length", column.length.as_ref().map(|rule| rule.mostly)),
        ("increasing", column.increasing.as_ref().map(|rule| rule.mostly)),
        ("decreasing", column.decreasing.as_ref().map(|rule| rule.mostly)),
        ("finite", column.finite.as_ref().map(|rule| rule.mostly)),
        ("castable", column.castable.as_ref().map(|rule| rule.mostly)),
        (
            "datetime_format",
            column.datetime_format.as_ref().map(|rule| rule.mostly),
        ),
    ];
    for (name, mostly) in shares {
        share(&format!("{at}.{name}.mostly"), mostly, found);
    }
    for (name, rule) in [("in_set", &column.in_set), ("not_in_set", &column.not_in_set)] {
        if let Some(rule) = rule {
            if rule.values.is_empty() {
                found.push((format!("{at}.{name}"), "the set is empty".to_owned()));
            }
            if rule
                .values
                .iter()
                .any(|value| value.number().is_some_and(|number| !number.is_finite()))
            {
                found.push((
                    format!("{at}.{name}"),
                    "NaN and infinity are no members of a set".to_owned(),
                ));
            }
        }
    }
    for (name, rule) in [("regex", &column.regex), ("not_regex", &column.not_regex)] {
        if let Some(Err(last)) = rule.as_ref().map(|rule| pattern::compiled(&rule.pattern)) {
            found.push((
                format!("{at}.{name}"),
                format!("the pattern does not compile ({last})"),
            ));
        }
    }
    for (index, rule) in column.distribution.iter().enumerate() {
        let at = format!("{at}.distribution[{index}]");
        let measures = rule.measures();
        if measures.is_empty() {
            found.push((
                at.clone(),
                "bounds nothing; name psi, js, l_infinity, ks or chi_squared_p".to_owned(),
            ));
        }
        for (name, rule) in measures {
            bounds(&format!("{at}.{name}"), &rule, found);
        }
        if !(2..=1000).contains(&rule.bins) {
            found.push((
                format!("{at}.bins"),
                format!("{} is not between 2 and 1000", rule.bins),
            ));
        }
        if !(1..=500).contains(&rule.categories) {
            found.push((
                format!("{at}.categories"),
                format!("{} is not between 1 and 500", rule.categories),
            ));
        }
    }
    for (value, rule) in &column.value_shares {
        let at = format!("{at}.value_shares.{value}");
        bounds(&at, rule, found);
        share(&format!("{at}.min"), rule.min, found);
        share(&format!("{at}.max"), rule.max, found);
    }
    if let Some(rule) = &column.datetime_format
        && let Err(error) = jiff::fmt::strtime::format(&rule.format, &jiff::Zoned::default())
    {
        found.push((
            format!("{at}.datetime_format"),
            format!("`{}` is no form of times ({error})", rule.format),
        ));
    }
    if let Some(rule) = &column.freshness
        && let Err(why) = crate::window::age(&rule.max_age)
    {
        found.push((format!("{at}.freshness.max_age"), why));
    }
    if let Some(rule) = &column.castable
        && matches!(rule.to, ColumnType::Text | ColumnType::Bytes)
    {
        found.push((
            format!("{at}.castable"),
            "every text is a text; name another type".to_owned(),
        ));
    }
    if let Some(rule) = &column.length {
        if rule.min.is_none() && rule.max.is_none() {
            found.push((format!("{at}.length"), NEEDS_A_BOUND.to_owned()));
        }
        if rule.min.zip(rule.max).is_some_and(|(min, max)| min > max) {
            found.push((format!("{at}.length"), "min is above max".to_owned()));
        }
    }
}

const NEEDS_A_BOUND: &str = "needs `min`, `max` or both";

fn bounds(at: &str, rule: &Bounds, found: &mut Vec<Fault>) {
    if rule.min.is_none() && rule.max.is_none() {
        found.push((at.to_owned(), NEEDS_A_BOUND.to_owned()));
    }
    for (name, value) in [("min", rule.min), ("max", rule.max)] {
        if let Some(value) = value {
            finite(&format!("{at}.{name}"), value, found);
        }
    }
    if rule.min.zip(rule.max).is_some_and(|(min, max)| min > max) {
        found.push((
            at.to_owned(),
            "min is above max, so nothing could pass".to_owned(),
        ));
    }
}

fn range_faults(at: &str, rule: &super::RangeRule, found: &mut Vec<Fault>) {
    if rule.min.is_none() && rule.max.is_none() {
        found.push((at.to_owned(), NEEDS_A_BOUND.to_owned()));
    }
    for (name, limit) in [("min", &rule.min), ("max", &rule.max)] {
        let at = format!("{at}.{name}");
        match limit {
            Some(Scalar::Bool(_)) => found.push((at, "must be a number, a date or a time".to_owned())),
            Some(limit @ Scalar::Text(text)) if limit.nanos().is_none() => {
                let what = format!("`{text}` is no number, date (2013-01-31) or time (2013-01-31T05:00:00Z)");
                found.push((at, what));
            }
            Some(limit) => {
                if let Some(number) = limit.number() {
                    finite(&at, number, found);
                }
            }
            None => {}
        }
    }
    if let (Some(min), Some(max)) = (&rule.min, &rule.max) {
        let above = match (min.number().zip(max.number()), min.nanos().zip(max.nanos())) {
            (Some((min, max)), _) => min > max,
            (_, Some((min, max))) => min > max,
            _ => {
                found.push((
                    at.to_owned(),
                    "min and max must both be numbers or both be times".to_owned(),
                ));
                false
            }
        };
        if above {
            found.push((
                at.to_owned(),
                "min is above max, so nothing could pass".to_owned(),
            ));
        }
    }
}

fn finite(at: &str, value: f64, found: &mut Vec<Fault>) {
    if value.is_nan() {
        found.push((
            at.to_owned(),
            "NaN is no bound; leave the key out for no bound".to_owned(),
        ));
    } else if value.is_infinite() {
        found.push((
            at.to_owned(),
            "infinity is no bound; leave the key out for no bound".to_owned(),
        ));
    }
}

fn share(at: &str, value: Option<f64>, found: &mut Vec<Fault>) {
    if let Some(value) = value
        && !(0.0..=1.0).contains(&value)
    {
        found.push((
            at.to_owned(),
            format!("{value} is no share; it must lie between 0 and 1"),
        ));
    }
}
