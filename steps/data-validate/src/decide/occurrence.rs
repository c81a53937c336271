//! Single values that must occur, or be a share of all; and whether there is anything at all, and anything new.

use step_report::{Bound, Check, Format, Severity};

use super::{numbers, say};
use crate::config::ColumnRules;
use crate::gather::TableEvidence;
use crate::gather::column::ColumnMeasured;

/// Judges `not_empty`, `value_shares`, `contains` and `freshness`.
pub(super) fn judge(
    name: &str,
    rules: &ColumnRules,
    table: &TableEvidence,
    now: i128,
    checks: &mut Vec<Check>,
) {
    let empty = ColumnMeasured::default();
    let column = table.columns.get(name).unwrap_or(&empty);
    let values = column.rows - column.nulls;
    let start = |kind: &str, severity| numbers::start(kind, name, severity, table);
    if let Some(severity) = rules.not_empty {
        checks.push(start("not_empty", severity).map_or_else(
            |check| *check,
            |check| {
                let why = format!(
                    "`{name}` has a value in {} of {}",
                    say::count(values),
                    say::counted(column.rows, "row")
                );
                check
                    .observed(values)
                    .bound(Bound::at_least(1.0))
                    .format(Format::Count)
                    .n(column.rows)
                    .judge(values > 0, why)
            },
        ));
    }
    let counted = |index: usize| {
        column
            .named
            .get(index)
            .cloned()
            .unwrap_or_else(|| Err("it was not counted".to_owned()))
    };
    for (index, (value, rule)) in rules.value_shares.iter().enumerate() {
        let check = match start("value_share", rule.severity) {
            Ok(check) => check,
            Err(check) => {
                checks.push(*check);
                continue;
            }
        };
        let check = Check {
            id: format!("value_share:{}.{name}={value}", table.name),
            ..check
        }
        .bound(rule.shown());
        checks.push(match counted(index) {
            Ok(count) if values > 0 => {
                let share = say::share(count, values);
                let why = format!(
                    "{} of {} of `{name}` are {value} ({}); must be {}",
                    say::count(count),
                    say::counted(values, "value"),
                    say::percent(share),
                    say::bounds(rule, say::percent)
                );
                check
                    .observed(share)
                    .format(Format::Percent)
                    .n(values)
                    .judge(rule.allow(share), why)
            }
            Ok(_) => check.not_observed("no values").judge(
                false,
                format!("`{name}` has no value to judge: every row is null"),
            ),
            Err(why) => check
                .not_observed("the rule does not fit the column")
                .judge(false, format!("`{name}`: {why}")),
        });
    }
    if !rules.contains.is_empty() {
        checks.push(start("contains", Severity::Error).map_or_else(
            |check| *check,
            |check| {
                let from = rules.value_shares.len();
                let found: Vec<_> = rules
                    .contains
                    .iter()
                    .enumerate()
                    .map(|(index, value)| (value, counted(from + index)))
                    .collect();
                let check = check
                    .n(values)
                    .bound(Bound::text(format!("all {} values", found.len())));
                if let Some((_, Err(why))) = found.iter().find(|(_, count)| count.is_err()) {
                    return check
                        .not_observed("the rule does not fit the column")
                        .judge(false, format!("`{name}`: {why}"));
                }
                let missing: Vec<String> = found
                    .iter()
                    .filter(|(_, count)| *count == Ok(0))
                    .map(|(value, _)| value.to_string())
                    .collect();
                let why = if missing.is_empty() {
                    format!(
                        "each of the {} occurs in `{name}`",
                        say::counted(found.len() as u64, "value")
                    )
                } else {
                    format!(
                        "{} of {} do not occur in `{name}`{}",
                        say::count(missing.len() as u64),
                        say::counted(found.len() as u64, "value"),
                        super::such_as(missing.iter().map(String::as_str))
                    )
                };
                check
                    .observed(format!("{} of {}", found.len() - missing.len(), found.len()))
                    .detail("missing", missing.clone())
                    .judge(missing.is_empty(), why)
            },
        ));
    }
    if let Some(rule) = &rules.freshness {
        checks.push(start("freshness", rule.severity).map_or_else(
            |check| *check,
            |check| fresh(check, name, &rule.max_age, column, now),
        ));
    }
}

fn fresh(check: Check, name: &str, max_age: &str, column: &ColumnMeasured, now: i128) -> Check {
    const HOUR: f64 = 3.6e12;
    let check = check.bound(Bound::text(format!("at most {max_age} old")));
    let (Ok(most), Some((_, last))) = (crate::window::age(max_age), column.times) else {
        let why = format!("`{name}` has no point in time, so its age is unknown");
        return check.not_observed("no times").judge(false, why);
    };
    let at = |nanos: i128| {
        jiff::Timestamp::from_nanosecond(nanos)
            .map_or_else(|_| "a time beyond all calendars".to_owned(), |at| at.to_string())
    };
    let age = now - last;
    let hours = format!("{:.1} h", age as f64 / HOUR);
    let why = if age < 0 {
        format!("the last `{name}` is {}, which lies after {}", at(last), at(now))
    } else {
        format!(
            "the last `{name}` is {}, {hours} before {}; at most {max_age} is allowed",
            at(last),
            at(now)
        )
    };
    check
        .observed(hours)
        .detail("last", at(last))
        .detail("measured_at", at(now))
        .judge(age <= most, why)
}
