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
