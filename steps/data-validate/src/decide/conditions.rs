//! Conditions over the columns of a row.

use step_report::{Bound, Check, Format};

use super::{on_column, sample, say, such_as};
use crate::config::{ExpressionRule, TableRules};
use crate::gather::TableEvidence;
use crate::gather::conditions::ConditionMeasured;

/// Judges every condition of a table.
pub(super) fn judge(rules: &TableRules, table: &TableEvidence, checks: &mut Vec<Check>) {
    let nothing = ConditionMeasured::default();
    for (index, rule) in rules.expressions.iter().enumerate() {
        checks.push(one(rule, table.conditions.get(index).unwrap_or(&nothing), table));
    }
}

fn one(rule: &ExpressionRule, found: &ConditionMeasured, table: &TableEvidence) -> Check {
    let label = rule.label();
    let which = rule
        .filter
        .as_ref()
        .map_or_else(String::new, |filter| format!(" where {filter}"));
    let check = on_column("expression", label, table)
        .severity(rule.severity)
        .detail("must", format!("{}{which}", rule.expression))
        .detail("mostly", rule.mostly);
    let columns = super::expression_columns(rule);
    if let Some(broken) = columns.iter().find(|name| table.broken.contains_key(*name)) {
        let why = format!(
            "`{broken}` does not decode (see readable:{}.{broken})",
            table.name
        );
        return check.not_observed("no values").judge(false, why);
    }
    if let Some(why) = &found.fault {
        let why = format!("`{}` cannot be asked of `{}`: {why}", rule.expression, table.name);
        return check
            .not_observed("it does not fit the columns")
            .judge(false, why);
    }
    let rows = &found.rows;
    if rows.tested == 0 {
        let why = format!(
            "`{label}` found no row to judge: {} of `{}` were for it, and in {} of them it is unknown for a null",
            say::counted(found.unknown, "row"),
            table.name,
            say::count(found.unknown)
        );
        return check.not_observed("no rows").judge(false, why);
    }
    let top = rows.top();
    let judged = say::counted(rows.tested, "row");
    let why = if rows.bad == 0 {
        format!("all {judged}{which} meet `{label}`{}", unknown(found))
    } else {
        let most = if rule.mostly < 1.0 {
            format!("; {} must", say::percent(rule.mostly))
        } else {
            String::new()
        };
        format!(
            "{} of {judged}{which} do not meet `{label}`{}{most}{}",
            say::count(rows.bad),
            such_as(top.iter().map(|(value, _, _)| *value)),
            unknown(found)
        )
    };
    let samples = top
        .into_iter()
        .map(|(value, count, spot)| sample(value, count, Some(spot), Some(table)));
    let check = check
        .n(rows.tested)
        .samples(samples)
        .detail("bad", rows.bad)
        .detail("unknown", found.unknown)
        .detail("aside", found.aside);
    let good = say::share(rows.tested - rows.bad, rows.tested);
    let check = if rule.mostly < 1.0 {
        check
            .observed(good)
            .bound(Bound::at_least(rule.mostly))
            .format(Format::Percent)
    } else {
        check
            .observed(rows.bad)
            .bound(Bound::at_most(0.0))
            .format(Format::Count)
    };
    check.judge(good >= rule.mostly && (rule.mostly < 1.0 || rows.bad == 0), why)
}

fn unknown(found: &ConditionMeasured) -> String {
    if found.unknown == 0 {
        String::new()
    } else {
        format!(
            " (unknown in {} more, for a null)",
            say::counted(found.unknown, "row")
        )
    }
}
