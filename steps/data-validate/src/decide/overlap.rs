//! Leakage: rows of the part that a model is judged on that are also in the part that it is trained on.

use step_report::{Bound, Check, Format};

use super::{samples, say, such_as};
use crate::config::SplitRules;
use crate::gather::{Evidence, OverlapEvidence};

/// Judges `max_overlap_rows` and `max_overlap_fraction`.
pub(super) fn judge(
    rule: &SplitRules,
    found: &Result<OverlapEvidence, String>,
    evidence: &Evidence,
    checks: &mut Vec<Check>,
) {
    let new = |suffix: &str| {
        Check::new(
            format!("row_overlap:{} ~ {}{suffix}", rule.train, rule.test),
            "row_overlap",
        )
        .table(&rule.test)
        .severity(rule.severity)
    };
    let found = match found {
        Ok(found) => found,
        Err(why) => {
            checks.push(
                new("")
                    .not_observed("could not be looked at")
                    .judge(false, why.clone()),
            );
            return;
        }
    };
    let what = if rule.key.is_empty() {
        "every column that both have".to_owned()
    } else {
        format!("`{}`", rule.key.join(", "))
    };
    if found.rows == 0 {
        let why = format!("no row of `{}` could be compared by {what}", rule.test);
        checks.push(new("").not_observed("no values").judge(false, why));
        return;
    }
    let table = evidence.tables.iter().find(|table| table.name == rule.test);
    let rows = found.shared.rows;
    let share = say::share(rows, found.rows);
    let seen = format!(
        "{} of {} of `{}` are also in `{}` by {what}{}",
        say::count(rows),
        say::counted(found.rows, "row"),
        rule.test,
        rule.train,
        such_as(found.examples.iter().map(|example| example.value.as_str()))
    );
    let with_evidence = |check: Check| {
        check
            .n(found.rows)
            .samples(samples(&found.examples, table))
            .detail("compared_by", found.columns.clone())
            .detail("shared_keys", found.shared.keys)
            .detail("train_rows_with_null", found.with_null.0)
            .detail("test_rows_with_null", found.with_null.1)
    };
    let several = rule.max_overlap_rows.is_some() && rule.max_overlap_fraction.is_some();
    let suffix = |name: &str| {
        if several {
            format!(" ({name})")
        } else {
            String::new()
        }
    };
    if let Some(max) = rule
        .max_overlap_rows
        .or(rule.max_overlap_fraction.is_none().then_some(0))
    {
        let why = format!("{seen}; at most {} may", say::count(max));
        let check = new(&suffix("rows"))
            .observed(rows)
            .bound(Bound::at_most(max as f64))
            .format(Format::Count);
        checks.push(with_evidence(check).judge(rows <= max, why));
    }
    if let Some(max) = rule.max_overlap_fraction {
        let why = format!("{seen}; at most {} may", say::percent(max));
        let check = new(&suffix("fraction"))
            .observed(share)
            .bound(Bound::at_most(max))
            .format(Format::Percent);
        checks.push(with_evidence(check).judge(share <= max, why));
    }
}
