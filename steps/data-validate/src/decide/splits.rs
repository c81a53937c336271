//! Between the parts that a model is trained and judged on, beside the overlap by key: equal rows, groups, new values, the
//! mix of labels, the sizes.

use step_report::{Bound, Check, Format};

use super::{samples, say, such_as};
use crate::config::SplitRules;
use crate::gather::splits::{LabelEvidence, SplitEvidence};
use crate::gather::{Evidence, OverlapEvidence};

/// Judges `max_same_rows_fraction`, `group`, `new_categories`, `label` and `size_ratio`.
pub(super) fn judge(rule: &SplitRules, found: &SplitEvidence, evidence: &Evidence, checks: &mut Vec<Check>) {
    let pair = format!("{} ~ {}", rule.train, rule.test);
    let new = |kind: &str, id: String| Check::new(id, kind).table(&rule.test).severity(rule.severity);
    let mut share =
        |kind: &str, column: Option<&str>, rows: &Result<OverlapEvidence, String>, max: f64, what: String| {
            let id = match column {
                Some(column) => format!("{kind}:{pair}.{column}"),
                None => format!("{kind}:{pair}"),
            };
            let check = new(kind, id).bound(Bound::at_most(max)).format(Format::Percent);
            let check = match column {
                Some(column) => check.column(column),
                None => check,
            };
            checks.push(few(check, rule, rows, max, &what, evidence));
        };
    if let (Some(max), Some(rows)) = (rule.max_same_rows_fraction, &found.same_rows) {
        let what = format!(
            "are equal to a row of `{}` in every column that both have",
            rule.train
        );
        share("same_rows", None, rows, max, what);
    }
    if let Some(rows) = &found.group {
        let group = rule.group.join(", ");
        let what = format!("are about a `{group}` of `{}`", rule.train);
        share(
            "group_overlap",
            Some(&group),
            rows,
            rule.max_group_overlap_fraction,
            what,
        );
    }
    for (column, rows) in &found.new {
        let what = format!("have a `{column}` that `{}` has not", rule.train);
        share(
            "new_category",
            Some(column),
            rows,
            rule.max_new_category_fraction,
            what,
        );
    }
    if let (Some(column), Some(label)) = (&rule.label, &found.label) {
        let check = new("label_shift", format!("label_shift:{pair}.{column}")).column(column);
        checks.push(mix(check, rule, column, label));
    }
    if let Some(ratio) = &rule.size_ratio {
        let check = new("size_ratio", format!("size_ratio:{pair}"));
        checks.push(size(check, rule, ratio.with(rule.severity), evidence));
    }
}

/// A share of the rows of `test` that must be small.
fn few(
    check: Check,
    rule: &SplitRules,
    found: &Result<OverlapEvidence, String>,
    max: f64,
    what: &str,
    evidence: &Evidence,
) -> Check {
    let found = match found {
        Ok(found) => found,
        Err(why) => {
            return check
                .not_observed("could not be looked at")
                .judge(false, why.clone());
        }
    };
    if found.rows == 0 {
        let why = format!(
            "no row of `{}` could be compared by `{}`",
            rule.test,
            found.columns.join(", ")
        );
        return check.not_observed("no values").judge(false, why);
    }
    let rows = found.shared.rows;
    let share = say::share(rows, found.rows);
    let why = format!(
        "{} of {} of `{}` {what}{}; at most {} may",
        say::count(rows),
        say::counted(found.rows, "row"),
        rule.test,
        such_as(found.examples.iter().map(|example| example.value.as_str())),
        say::percent(max)
    );
    let table = evidence.tables.iter().find(|table| table.name == rule.test);
    check
        .observed(share)
        .n(found.rows)
        .samples(samples(&found.examples, table))
        .detail("rows", rows)
        .detail("keys", found.shared.keys)
        .detail("compared_by", found.columns.clone())
        .judge(share <= max, why)
}

fn mix(check: Check, rule: &SplitRules, column: &str, found: &Result<LabelEvidence, String>) -> Check {
    let max = rule.label_shift();
    let check = check.bound(Bound::at_most(max)).format(Format::Percent);
    let found = match found {
        Ok(found) => found,
        Err(why) => {
            return check
                .not_observed("could not be looked at")
                .judge(false, why.clone());
        }
    };
    let (before, now) = (
        say::share(found.rows.0, found.of.0),
        say::share(found.rows.1, found.of.1),
    );
    let shift = (before - now).abs();
    let why = format!(
        "`{column}` is {} in {} of `{}` and in {} of `{}`, and no share differs more; by at most {} may it",
        found.value,
        say::percent(before),
        rule.train,
        say::percent(now),
        rule.test,
        say::percent(max)
    );
    check
        .observed(shift)
        .n(found.of.1)
        .detail("value", found.value.clone())
        .detail("train_share", before)
        .detail("test_share", now)
        .judge(shift <= max, why)
}

fn size(check: Check, rule: &SplitRules, bounds: crate::config::Bounds, evidence: &Evidence) -> Check {
    let rows = |name: &str| {
        evidence
            .tables
            .iter()
            .find(|table| table.name == name)
            .map_or(0, |table| table.rows)
    };
    let (train, test) = (rows(&rule.train), rows(&rule.test));
    let check = check.bound(bounds.shown());
    if train == 0 {
        return check
            .not_observed("no rows")
            .judge(false, format!("`{}` has no rows", rule.train));
    }
    let ratio = test as f64 / train as f64;
    let why = format!(
        "`{}` has {} and `{}` {}: {} for each; must be {}",
        rule.test,
        say::counted(test, "row"),
        rule.train,
        say::count(train),
        say::number(ratio),
        say::bounds(&bounds, say::number)
    );
    check.observed(ratio).n(test).judge(bounds.allow(ratio), why)
}
