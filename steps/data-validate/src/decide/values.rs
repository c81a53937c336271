//! Rules that judge value by value: range, set, pattern, length.

use step_report::{Bound, Check, Format, Severity};

use super::{numbers, on_column, sample, say, such_as};
use crate::config::{ColumnRules, RangeRule};
use crate::gather::TableEvidence;
use crate::gather::footers::Outlier;
use crate::gather::values::{ValueRule, Violations};

/// Judges every rule of the column about single values.
pub(super) fn judge(name: &str, rules: &ColumnRules, table: &TableEvidence, checks: &mut Vec<Check>) {
    for rule in ValueRule::of(rules) {
        let Some((kind, wanted, mostly, severity)) = describe(rule, rules) else {
            continue;
        };
        let check = on_column(kind, name, table)
            .severity(severity)
            .detail("must", wanted.clone());
        if let Some(why) = numbers::unusable(name, table) {
            checks.push(check.not_observed("no values").judge(false, why));
            continue;
        }
        let measured = table.columns.get(name).and_then(|column| column.tests.get(&rule));
        checks.push(match measured {
            Some(Err(why)) => check
                .not_observed("the rule does not fit the column")
                .judge(false, format!("`{name}`: {why}")),
            Some(Ok(found)) if found.tested > 0 => judged(check, name, &wanted, mostly, found, table),
            _ => {
                let why = format!("`{name}` has no value to judge: every row is null");
                check.not_observed("no values").judge(false, why)
            }
        });
    }
}

/// Judges a rule by one value that a footer shows; `None` when one bad value does not decide it.
pub(super) fn in_a_footer(
    name: &str,
    rules: &ColumnRules,
    table: &TableEvidence,
    bad: &Outlier,
) -> Option<Check> {
    let (kind, wanted, mostly, severity) = describe(bad.rule, rules)?;
    let value = match &bad.value {
        Some(value) => format!("the value {value}"),
        None => "a value".to_owned(),
    };
    let why = format!(
        "`{name}` has {value}, as the footer of {} says of row group {}; every value must be {wanted}",
        bad.object, bad.group
    );
    let check = on_column(kind, name, table)
        .severity(severity)
        .bound(Bound::text(wanted));
    let check = match &bad.value {
        Some(value) => check.observed(value.clone()),
        None => check.not_observed("values are not shown"),
    };
    (mostly >= 1.0).then(|| check.judge(false, why))
}

/// Judges `increasing` and `decreasing`.
pub(super) fn order(name: &str, rules: &ColumnRules, table: &TableEvidence, checks: &mut Vec<Check>) {
    for (index, (kind, direction, rule)) in rules.directions().enumerate() {
        let check = on_column(kind, name, table).severity(rule.severity);
        if let Some(why) = numbers::unusable(name, table) {
            checks.push(check.not_observed("no values").judge(false, why));
            continue;
        }
        let wanted = match (direction.falling, direction.strict) {
            (false, false) => "at least the one before",
            (false, true) => "above the one before",
            (true, false) => "at most the one before",
            (true, true) => "below the one before",
        };
        let found = table
            .columns
            .get(name)
            .and_then(|column| column.sequences.get(index));
        checks.push(match found {
            Some(found) if found.fault.is_some() => {
                let why = format!("`{name}`: {}", found.fault.as_deref().unwrap_or_default());
                check
                    .not_observed("the rule does not fit the column")
                    .judge(false, why)
            }
            Some(found) if found.bad.tested > 0 => {
                judged(check, name, wanted, rule.mostly, &found.bad, table)
            }
            _ => {
                let why = format!("`{name}` has no value to judge: every row is null");
                check.not_observed("no values").judge(false, why)
            }
        });
    }
}

/// The check's kind, what values must be, the share that must be so, the severity.
pub(crate) fn describe(
    rule: ValueRule,
    rules: &ColumnRules,
) -> Option<(&'static str, String, f64, Severity)> {
    Some(match rule {
        ValueRule::Range => {
            let rule = rules.range.as_ref()?;
            ("range", range(rule), rule.mostly, rule.severity)
        }
        ValueRule::InSet => {
            let rule = rules.in_set.as_ref()?;
            (
                "in_set",
                format!("in {}", set(&rule.values)),
                rule.mostly,
                rule.severity,
            )
        }
        ValueRule::NotInSet => {
            let rule = rules.not_in_set.as_ref()?;
            (
                "not_in_set",
                format!("not in {}", set(&rule.values)),
                rule.mostly,
                rule.severity,
            )
        }
        ValueRule::Regex => {
            let rule = rules.regex.as_ref()?;
            (
                "regex",
                format!("matching {}", rule.pattern),
                rule.mostly,
                rule.severity,
            )
        }
        ValueRule::NotRegex => {
            let rule = rules.not_regex.as_ref()?;
            (
                "not_regex",
                format!("not matching {}", rule.pattern),
                rule.mostly,
                rule.severity,
            )
        }
        ValueRule::Length => {
            let rule = rules.length.as_ref()?;
            let length = match (rule.min, rule.max) {
                (Some(min), Some(max)) if min == max => format!("{min} characters long"),
                (Some(min), Some(max)) => format!("{min} to {max} characters long"),
                (Some(min), None) => format!("at least {min} characters long"),
                (None, max) => format!("at most {} characters long", max.unwrap_or_default()),
            };
            ("length", length, rule.mostly, rule.severity)
        }
        ValueRule::Finite => {
            let rule = rules.finite?;
            ("finite", "finite".to_owned(), rule.mostly, rule.severity)
        }
        ValueRule::Castable => {
            let rule = rules.castable?;
            (
                "castable",
                format!("readable as {}", rule.to.word()),
                rule.mostly,
                rule.severity,
            )
        }
        ValueRule::DatetimeFormat => {
            let rule = rules.datetime_format.as_ref()?;
            (
                "datetime_format",
                format!("of the form {}", rule.format),
                rule.mostly,
                rule.severity,
            )
        }
    })
}

fn range(rule: &RangeRule) -> String {
    let above = if rule.exclusive_min { "above" } else { "at least" };
    let below = if rule.exclusive_max { "below" } else { "at most" };
    match (&rule.min, &rule.max) {
        (Some(min), Some(max)) => format!("{above} {min} and {below} {max}"),
        (Some(min), None) => format!("{above} {min}"),
        (None, Some(max)) => format!("{below} {max}"),
        (None, None) => "anything".to_owned(),
    }
}

fn set(values: &[crate::config::Scalar]) -> String {
    const SHOWN: usize = 8;
    let mut words: Vec<String> = values.iter().take(SHOWN).map(ToString::to_string).collect();
    if values.len() > SHOWN {
        words.push(format!("… {} in all", values.len()));
    }
    format!("{{{}}}", words.join(", "))
}

fn judged(
    check: Check,
    name: &str,
    wanted: &str,
    mostly: f64,
    found: &Violations,
    table: &TableEvidence,
) -> Check {
    let top = found.top();
    let good = say::share(found.tested - found.bad, found.tested);
    let values = say::counted(found.tested, "value");
    let why = if found.bad == 0 {
        format!("all {values} of `{name}` are {wanted}")
    } else {
        let most = if mostly < 1.0 {
            format!("; {} must be", say::percent(mostly))
        } else {
            String::new()
        };
        format!(
            "{} of {values} of `{name}` are not {wanted}{}{most}",
            say::count(found.bad),
            such_as(top.iter().map(|(value, _, _)| *value)),
        )
    };
    let samples = top
        .into_iter()
        .map(|(value, count, spot)| sample(value, count, Some(spot), Some(table)));
    let check = check
        .n(found.tested)
        .samples(samples)
        .detail("bad", found.bad)
        .detail("mostly", mostly);
    let check = if mostly < 1.0 {
        check
            .observed(good)
            .bound(Bound::at_least(mostly))
            .format(Format::Percent)
    } else {
        check
            .observed(found.bad)
            .bound(Bound::at_most(0.0))
            .format(Format::Count)
    };
    check.judge(good >= mostly && (mostly < 1.0 || found.bad == 0), why)
}
