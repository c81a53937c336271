//! How two columns go together.

use step_report::Check;

use super::{on_column, say};
use crate::config::TableRules;
use crate::gather::TableEvidence;

/// Fewer rows say nothing about a correlation.
const FEWEST: u64 = 3;

/// Judges every correlation of a table.
pub(super) fn judge(rules: &TableRules, table: &TableEvidence, checks: &mut Vec<Check>) {
    for (index, rule) in rules.correlations.iter().enumerate() {
        let [a, b] = &rule.columns;
        let bounds = rule.bounds();
        let check = on_column("correlation", &format!("({a}, {b})"), table)
            .severity(rule.severity)
            .bound(bounds.shown());
        if let Some(missing) = rule.columns.iter().find(|name| table.field(name).is_none()) {
            checks.push(
                check
                    .not_observed("no such column")
                    .judge(false, table.missing(missing)),
            );
            continue;
        }
        let found = table.pairs.get(index).cloned().unwrap_or_default();
        let figure = match found.without {
            Some(why) => Err(why),
            None if found.pairs.count < FEWEST => Err(format!(
                "only {} have a finite number in both, of {FEWEST} that it takes",
                say::counted(found.pairs.count, "row")
            )),
            None => found
                .pairs
                .correlation()
                .ok_or_else(|| "one of the two does not vary".to_owned()),
        };
        checks.push(match figure {
            Ok(value) => {
                let why = format!(
                    "the correlation of `{a}` and `{b}` is {}; must be {}",
                    say::number(value),
                    say::bounds(&bounds, say::number)
                );
                check
                    .observed(value)
                    .n(found.pairs.count)
                    .judge(bounds.allow(value), why)
            }
            Err(why) => {
                let why = format!("the correlation of `{a}` and `{b}` cannot be had: {why}");
                check.not_observed("too little to go by").judge(false, why)
            }
        });
    }
}
