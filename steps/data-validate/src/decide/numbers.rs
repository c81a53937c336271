//! Rules about a column as a whole: nulls, NaN, mean, spread, ends, quantiles.

use step_report::{Bound, Check, Format, Interval, Severity};

use super::{on_column, say};
use crate::config::{Bounds, ColumnRules};
use crate::gather::TableEvidence;
use crate::gather::column::ColumnMeasured;

/// Why a column's rules cannot be judged, if they cannot.
pub(super) fn unusable(name: &str, table: &TableEvidence) -> Option<String> {
    if table.broken.contains_key(name) {
        return Some(format!(
            "`{name}` does not decode (see readable:{}.{name})",
            table.name
        ));
    }
    match table.columns.get(name) {
        None => Some(format!("`{name}` was not read")),
        Some(column) if column.rows == 0 => Some(format!("`{}` has no rows", table.name)),
        Some(_) => None,
    }
}

/// A rule that is to be judged, or already is not.
pub(super) fn start(
    kind: &str,
    name: &str,
    severity: Severity,
    table: &TableEvidence,
) -> Result<Check, Box<Check>> {
    let check = on_column(kind, name, table).severity(severity);
    match unusable(name, table) {
        None => Ok(check),
        Some(why) => Err(Box::new(check.not_observed("no values").judge(false, why))),
    }
}

/// Judges `not_null`, `null_rate`, `null_count`, `nan_rate` and `inf_rate`.
pub(super) fn nulls(name: &str, rules: &ColumnRules, table: &TableEvidence, checks: &mut Vec<Check>) {
    let empty = ColumnMeasured::default();
    let column = table.columns.get(name).unwrap_or(&empty);
    let (nulls, rows) = (column.nulls, column.rows);
    let of = format!(
        "{} of {} of `{name}` are null",
        say::count(nulls),
        say::counted(rows, "row")
    );
    if let Some(severity) = rules.not_null {
        checks.push(match start("not_null", name, severity, table) {
            Err(check) => *check,
            Ok(check) => {
                let why = if nulls == 0 {
                    format!("`{name}` has no null")
                } else {
                    format!("{of}; none is allowed")
                };
                let check = check
                    .observed(nulls)
                    .bound(Bound::at_most(0.0))
                    .format(Format::Count)
                    .n(rows);
                check.judge(nulls == 0, why)
            }
        });
    }
    if let Some(rule) = &rules.null_rate {
        checks.push(match start("null_rate", name, rule.severity, table) {
            Err(check) => *check,
            Ok(check) => {
                let rate = say::share(nulls, rows);
                let why = format!(
                    "{of} ({}); must be {}",
                    say::percent(rate),
                    say::bounds(rule, say::percent)
                );
                check
                    .observed(rate)
                    .bound(rule.shown())
                    .format(Format::Percent)
                    .n(rows)
                    .detail("nulls", nulls)
                    .judge(rule.allow(rate), why)
            }
        });
    }
    if let Some(rule) = &rules.null_count {
        checks.push(match start("null_count", name, rule.severity, table) {
            Err(check) => *check,
            Ok(check) => {
                let why = format!("{of}; must be {}", say::bounds(rule, say::number));
                check
                    .observed(nulls)
                    .bound(rule.shown())
                    .format(Format::Count)
                    .n(rows)
                    .judge(rule.allow(nulls as f64), why)
            }
        });
    }
    let rates = [
        ("nan_rate", "NaN", &rules.nan_rate, column.nan),
        ("inf_rate", "infinite", &rules.inf_rate, column.infinite),
    ];
    for (kind, what, rule, count) in rates {
        let Some(rule) = rule else { continue };
        checks.push(match start(kind, name, rule.severity, table) {
            Err(check) => *check,
            Ok(check) if rows == nulls => {
                let why = format!("`{name}` has no value to judge: every row is null");
                check.not_observed("no values").judge(false, why)
            }
            Ok(check) => {
                let values = rows - nulls;
                let rate = say::share(count, values);
                let why = format!(
                    "{} of {} of `{name}` are {what} ({}); must be {}",
                    say::count(count),
                    say::counted(values, "value"),
                    say::percent(rate),
                    say::bounds(rule, say::percent)
                );
                check
                    .observed(rate)
                    .bound(rule.shown())
                    .format(Format::Percent)
                    .n(values)
                    .judge(rule.allow(rate), why)
            }
        });
    }
}

/// Judges `sum`, `mean`, `std`, `skewness`, `kurtosis`, `min`, `max`, `median` and `quantiles`.
pub(super) fn judge(name: &str, rules: &ColumnRules, table: &TableEvidence, checks: &mut Vec<Check>) {
    let empty = ColumnMeasured::default();
    let column = table.columns.get(name).unwrap_or(&empty);
    let quantile = |p: f64| {
        let known = table
            .quantiles
            .get(name)?
            .iter()
            .find(|quantile| quantile.p == p)?;
        Some((known.value?, known.within))
    };
    let exact = |value: Option<f64>| value.map(|value| (value, None));
    // A 32-bit 0.1 is above the 64-bit one: a bound means what the column can hold of it.
    let precision = table.field(name).map(|field| field.precision).unwrap_or_default();
    let mut figure = |kind: String, what: &str, rule: &Bounds, value: Option<(f64, Ends)>| {
        let check = match start(&kind, name, rule.severity, table) {
            Err(check) => *check,
            Ok(check) => {
                let check = check.bound(rule.shown()).n(column.moments.count);
                match value {
                    Some((value, ends)) => {
                        let why = format!(
                            "{what} of `{name}` is {}; must be {}",
                            say::number(value),
                            say::bounds(rule, say::number)
                        );
                        let check = check
                            .observed(value)
                            .detail("not_finite", column.nan + column.infinite);
                        let (rule, round) = (rule.at(precision), |value| precision.round(value));
                        match ends {
                            Some((low, high)) => between(check, &rule, (round(low), round(high)), why),
                            None => check.judge(rule.allow(round(value)), why),
                        }
                    }
                    None => {
                        let why = format!(
                            "{what} of `{name}` cannot be had: {}",
                            nothing(column, table, name)
                        );
                        check.not_observed("too few finite numbers").judge(false, why)
                    }
                }
            }
        };
        checks.push(check);
    };
    if let Some(rule) = &rules.sum {
        figure("sum".to_owned(), "the sum", rule, exact(column.moments.sum()));
    }
    if let Some(rule) = &rules.skewness {
        figure(
            "skewness".to_owned(),
            "the skewness",
            rule,
            exact(column.moments.skewness()),
        );
    }
    if let Some(rule) = &rules.kurtosis {
        figure(
            "kurtosis".to_owned(),
            "the excess kurtosis",
            rule,
            exact(column.moments.kurtosis()),
        );
    }
    if let Some(rule) = &rules.mean {
        figure("mean".to_owned(), "the mean", rule, exact(column.moments.mean()));
    }
    if let Some(rule) = &rules.std {
        figure(
            "std".to_owned(),
            "the standard deviation",
            rule,
            exact(column.moments.std(1)),
        );
    }
    if let Some(rule) = &rules.min {
        figure(
            "min".to_owned(),
            "the smallest value",
            rule,
            exact(column.moments.min),
        );
    }
    if let Some(rule) = &rules.max {
        figure(
            "max".to_owned(),
            "the largest value",
            rule,
            exact(column.moments.max),
        );
    }
    if let Some(rule) = &rules.median {
        figure("median".to_owned(), "the median", rule, quantile(0.5));
    }
    for rule in &rules.quantiles {
        figure(
            format!("quantile_{}", rule.p),
            &format!("the {} quantile", rule.p),
            &rule.bounds(),
            quantile(rule.p),
        );
    }
}

/// What a value lies between, when it is not exact.
type Ends = Option<(f64, f64)>;

/// Judges a value of which only the ends are known that it lies between: when these are not on one side of each bound,
/// nobody knows.
fn between(check: Check, bounds: &Bounds, (low, high): (f64, f64), why: String) -> Check {
    let check = check.interval(Interval::new(low, high, 0.99, "rank error of the KLL sketch"));
    let side = |value: f64| {
        let beyond =
            |end: Option<f64>, is_beyond: fn(f64, f64) -> bool| end.is_some_and(|end| is_beyond(value, end));
        (
            beyond(bounds.min, |value, min| value < min),
            beyond(bounds.max, |value, max| value > max),
        )
    };
    if side(low) == side(high) {
        check.judge(bounds.allow(low), why)
    } else {
        check.insufficient(format!(
            "{why}; by the sketch of a profile it lies between {} and {}",
            say::number(low),
            say::number(high)
        ))
    }
}

fn nothing(column: &ColumnMeasured, table: &TableEvidence, name: &str) -> String {
    let kind = table.field(name).and_then(|field| field.kinds.first().copied());
    match kind {
        Some(kind) if !kind.is_number() && kind != tabular::Kind::Bool => {
            format!("its values are {kind}, not numbers")
        }
        _ => format!("it has {}", say::counted(column.moments.count, "finite number")),
    }
}
