//! How many rows.

use step_report::{Bound, Check, Format, Severity};

use super::{on_table, say};
use crate::gather::TableEvidence;
use crate::plan::TablePlan;

/// Judges `row_count`; without a rule, a table must have at least one row.
pub(super) fn judge(plan: &TablePlan, table: &TableEvidence, checks: &mut Vec<Check>) {
    let check = on_table("row_count", table)
        .observed(table.rows)
        .format(Format::Count);
    let rows = say::counted(table.rows, "row");
    match plan.rules.as_ref().and_then(|rules| rules.row_count) {
        Some(rule) => {
            let good = rule.allow(table.rows as f64);
            let why = format!(
                "`{}` has {rows}; must have {}",
                table.name,
                say::bounds(&rule, |value| say::count(value as u64))
            );
            checks.push(check.bound(rule.shown()).severity(rule.severity).judge(good, why));
        }
        None => {
            let why = if table.rows > 0 {
                format!("`{}` has {rows}", table.name)
            } else {
                format!(
                    "`{}` has no rows, so nothing about it could be judged",
                    table.name
                )
            };
            checks.push(
                check
                    .bound(Bound::at_least(1.0))
                    .severity(Severity::Error)
                    .judge(table.rows > 0, why),
            );
        }
    }
}

/// Judges `row_count_against`.
pub(super) fn against(
    plan: &TablePlan,
    table: &TableEvidence,
    all: &[TableEvidence],
    checks: &mut Vec<Check>,
) {
    let Some(rule) = plan
        .rules
        .as_ref()
        .and_then(|rules| rules.row_count_against.as_ref())
    else {
        return;
    };
    let bounds = rule.bounds();
    let other = all
        .iter()
        .find(|other| other.name == rule.table)
        .map_or(0, |other| other.rows);
    let check = Check::new(
        format!("row_count_against:{} / {}", table.name, rule.table),
        "row_count_against",
    )
    .table(&table.name)
    .severity(rule.severity)
    .bound(bounds.shown())
    .detail("rows", table.rows)
    .detail("other_rows", other);
    if other == 0 {
        let why = format!(
            "`{}` has no rows to hold those of `{}` against",
            rule.table, table.name
        );
        checks.push(check.not_observed("nothing to compare with").judge(false, why));
        return;
    }
    let ratio = table.rows as f64 / other as f64;
    let why = format!(
        "`{}` has {} and `{}` has {}: {} for each; must be {}",
        table.name,
        say::counted(table.rows, "row"),
        rule.table,
        say::count(other),
        say::number(ratio),
        say::bounds(&bounds, say::number)
    );
    checks.push(
        check
            .observed(ratio)
            .n(table.rows)
            .judge(bounds.allow(ratio), why),
    );
}
