//! How the rows of a column are spread over its values: how many different ones, how evenly.

use step_report::{Bound, Check, Format, Interval};

use super::keys::not_collected;
use super::{numbers, on_column, say};
use crate::config::{Bounds, ColumnRules};
use crate::gather::{KeyEvidence, TableEvidence};

/// What a figure of the spread is, in a check.
struct Figure {
    kind: &'static str,
    what: &'static str,
    format: Format,
    /// Whether it follows from the number of different values.
    counts_keys: bool,
    of: fn(&KeyEvidence) -> Option<f64>,
}

const FIGURES: [Figure; 4] = [
    Figure {
        kind: "distinct_count",
        what: "the number of different values",
        format: Format::Count,
        counts_keys: true,
        of: |found| Some(found.spread.distinct as f64),
    },
    Figure {
        kind: "unique_rate",
        what: "the number of different values for each value",
        format: Format::Percent,
        counts_keys: true,
        of: |found| (found.rows > 0).then(|| say::share(found.spread.distinct, found.rows)),
    },
    Figure {
        kind: "entropy",
        what: "the entropy in nats",
        format: Format::Auto,
        counts_keys: false,
        of: |found| found.spread.entropy,
    },
    Figure {
        kind: "imbalance",
        what: "the ratio of the most frequent value to the rarest",
        format: Format::Auto,
        counts_keys: false,
        of: |found| (found.rows > 0).then(|| found.spread.commonest as f64 / found.spread.rarest as f64),
    },
];

/// Judges `distinct_count`, `unique_rate`, `entropy`, `imbalance` and `not_constant`.
pub(super) fn judge(
    name: &str,
    rules: &ColumnRules,
    found: Option<&Result<KeyEvidence, String>>,
    table: &TableEvidence,
    checks: &mut Vec<Check>,
) {
    let bounds = [
        &rules.distinct_count,
        &rules.unique_rate,
        &rules.entropy,
        &rules.imbalance,
    ];
    for (figure, rule) in FIGURES.iter().zip(bounds) {
        if let Some(rule) = rule {
            checks.push(one(figure, name, rule, found, table));
        }
    }
    if let Some(severity) = rules.not_constant {
        let check = on_column("not_constant", name, table)
            .severity(severity)
            .bound(Bound::at_least(2.0));
        checks.push(match (numbers::unusable(name, table), found) {
            (Some(why), _) => check.not_observed("no values").judge(false, why),
            (None, Some(Ok(found))) => {
                let distinct = found.spread.distinct;
                let why = match distinct {
                    0 => format!("`{name}` has no value at all"),
                    1 => format!(
                        "`{name}` has the same value in {}",
                        say::counted(found.rows, "row")
                    ),
                    _ => format!("`{name}` has {}", say::counted(distinct, "different value")),
                };
                check
                    .observed(distinct)
                    .format(Format::Count)
                    .n(found.rows)
                    .judge(distinct > 1, why)
            }
            (None, other) => not_collected(check, other),
        });
    }
}

fn one(
    figure: &Figure,
    name: &str,
    rule: &Bounds,
    found: Option<&Result<KeyEvidence, String>>,
    table: &TableEvidence,
) -> Check {
    let check = on_column(figure.kind, name, table)
        .severity(rule.severity)
        .bound(rule.shown());
    match (numbers::unusable(name, table), found) {
        (Some(why), _) => check.not_observed("no values").judge(false, why),
        (None, Some(Ok(found))) => match (figure.of)(found) {
            _ if found.distinct_within.is_some() => estimated(check, figure, name, rule, found),
            Some(value) => {
                let why = format!(
                    "{} of `{name}` is {}; must be {}",
                    figure.what,
                    figure.format.show(value),
                    say::bounds(rule, |bound| figure.format.show(bound))
                );
                check
                    .observed(value)
                    .format(figure.format)
                    .n(found.rows)
                    .judge(rule.allow(value), why)
            }
            None => {
                let why = format!("{} of `{name}` cannot be had: it has no value", figure.what);
                check.not_observed("no values").judge(false, why)
            }
        },
        (None, other) => not_collected(check, other),
    }
}

/// By profiles with too many different values to be kept: only how many there are is known, and that within ends.
fn estimated(check: Check, figure: &Figure, name: &str, rule: &Bounds, found: &KeyEvidence) -> Check {
    let of = |distinct: u64| {
        let spread = crate::gather::keys::Spectrum {
            distinct,
            ..found.spread
        };
        (figure.of)(&KeyEvidence {
            spread,
            ..found.clone()
        })
    };
    let ends = found.distinct_within.filter(|_| figure.counts_keys);
    let Some((low, high)) = ends.and_then(|(least, most)| of(least).zip(of(most))) else {
        let why = format!(
            "{} of `{name}` is not in profiles with so many different values",
            figure.what
        );
        return check.not_observed("not in the profile").insufficient(why);
    };
    let show = |value: f64| figure.format.show(value);
    let why = format!(
        "{} of `{name}` lies between {} and {} by the sketch of a profile; must be {}",
        figure.what,
        show(low),
        show(high),
        say::bounds(rule, show)
    );
    let check = check.observed(low).format(figure.format).n(found.rows);
    let check = check.interval(Interval::new(
        low,
        high,
        0.9999,
        "HyperLogLog, four standard errors",
    ));
    let is_beyond = rule.max.is_some_and(|max| low > max) || rule.min.is_some_and(|min| high < min);
    if rule.allow(low) && rule.allow(high) || is_beyond {
        check.judge(!is_beyond, why)
    } else {
        check.insufficient(why)
    }
}
