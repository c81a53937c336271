//! Referential integrity: keys of one table that must exist in another.

use step_report::{Bound, Check, Format};

use super::{samples, say, such_as};
use crate::gather::{RelationEvidence, TableEvidence};
use crate::plan::RelationPlan;

/// What the check of a relationship is called.
pub(crate) fn id(plan: &RelationPlan) -> String {
    format!("references:{} -> {}", plan.from, plan.to)
}

/// Judges each bound of a relationship by itself.
pub(super) fn judge(
    plan: &RelationPlan,
    found: &Result<RelationEvidence, String>,
    table: Option<&TableEvidence>,
    checks: &mut Vec<Check>,
) {
    let rule = &plan.rule;
    let new = |suffix: &str| {
        Check::new(format!("{}{suffix}", id(plan)), "references")
            .table(&plan.from.table)
            .column(plan.from.columns.join(", "))
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
    if found.referring == 0 {
        let why = format!(
            "{} refers to nothing at all: {} have a null in it",
            plan.from,
            say::counted(found.with_null, "row")
        );
        checks.push(new("").not_observed("no values").judge(false, why));
        return;
    }
    let (rows, keys) = (found.orphans.rows, found.orphans.keys);
    let share = say::share(rows, found.referring);
    let seen = if rows == 0 {
        format!(
            "all {} of {} are found in {}",
            say::counted(found.referring, "value"),
            plan.from,
            plan.to
        )
    } else {
        format!(
            "{} of {} of {} ({}), of {}{}, are not in {}",
            say::count(rows),
            say::counted(found.referring, "row"),
            plan.from,
            say::percent(share),
            say::counted(keys, "different key"),
            such_as(found.examples.iter().map(|example| example.value.as_str())),
            plan.to
        )
    };
    let with_evidence = |check: Check| {
        check
            .n(found.referring)
            .samples(samples(&found.examples, table))
            .detail("orphan_rows", rows)
            .detail("orphan_keys", keys)
            .detail("orphan_fraction", share)
            .detail("rows_with_null", found.with_null)
            .detail("keys_referred_to", found.parents)
    };
    let only = [
        rule.max_orphan_rows.is_some(),
        rule.max_orphan_fraction.is_some(),
        rule.max_orphan_keys.is_some(),
    ];
    let several = only.iter().filter(|given| **given).count() > 1;
    let suffix = |name: &str| {
        if several {
            format!(" ({name})")
        } else {
            String::new()
        }
    };
    let none = rule.max_orphan_fraction.is_none() && rule.max_orphan_keys.is_none();
    if let Some(max) = rule.max_orphan_rows.or(none.then_some(0)) {
        let why = format!("{seen}; at most {} may", say::counted(max, "row"));
        let check = new(&suffix("rows"))
            .observed(rows)
            .bound(Bound::at_most(max as f64))
            .format(Format::Count);
        checks.push(with_evidence(check).judge(rows <= max, why));
    }
    if let Some(max) = rule.max_orphan_fraction {
        let why = format!("{seen}; at most {} may", say::percent(max));
        let check = new(&suffix("fraction"))
            .observed(share)
            .bound(Bound::at_most(max))
            .format(Format::Percent);
        checks.push(with_evidence(check).judge(share <= max, why));
    }
    if let Some(max) = rule.max_orphan_keys {
        let why = format!("{seen}; at most {} may", say::counted(max, "different key"));
        let check = new(&suffix("keys"))
            .observed(keys)
            .bound(Bound::at_most(max as f64))
            .format(Format::Count);
        let check = with_evidence(check);
        checks.push(if found.keys_are_least && keys <= max {
            check.insufficient(format!(
                "{why}; profiles with so many do not tell how many more there are"
            ))
        } else {
            check.judge(keys <= max, why)
        });
    }
}
