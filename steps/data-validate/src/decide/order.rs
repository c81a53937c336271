//! Time order: a model is trained on what was known before what it is judged on.

use jiff::Timestamp;
use step_report::{Bound, Check};

use super::{presence, say};
use crate::config::{Order, SplitRules};
use crate::gather::Evidence;
use crate::plan::Plan;

/// Judges `time_column` with `order`.
pub(super) fn judge(rule: &SplitRules, plan: &Plan, evidence: &Evidence, checks: &mut Vec<Check>) {
    let Some(column) = &rule.time_column else { return };
    let check = Check::new(format!("time_order:{} < {}", rule.train, rule.test), "time_order")
        .table(&rule.test)
        .column(column)
        .severity(rule.severity);
    let times = |name: &str| -> Result<(Timestamp, Timestamp), String> {
        let table = evidence
            .tables
            .iter()
            .find(|table| table.name == name)
            .ok_or("the table was not read")?;
        if table.field(column).is_none() {
            return Err(table.missing(column));
        }
        let (first, last) = table
            .columns
            .get(column)
            .and_then(|measured| measured.times)
            .ok_or_else(|| format!("`{column}` of `{name}` holds no time"))?;
        Ok((instant(first), instant(last)))
    };
    checks.push(match (times(&rule.train), times(&rule.test)) {
        (Ok((_, last)), Ok((first, _))) => {
            let good = last < first || (rule.order == Order::NonStrict && last == first);
            let word = if rule.order == Order::Strict {
                "before"
            } else {
                "not after"
            };
            let why = format!(
                "`{}` ends at {last} and `{}` begins at {first}; it must end {word} that",
                rule.train, rule.test
            );
            let undated: u64 = [&rule.train, &rule.test]
                .into_iter()
                .map(|name| undated(name, column, plan, evidence))
                .sum();
            let check = check
                .observed(last.to_string())
                .bound(Bound::text(format!("{word} {first}")));
            if good && undated > 0 {
                // When they happened nobody knows, nor did anybody say that this may be so.
                check.warn(format!(
                    "{why}; {} without a `{column}` could not be placed, and no rule says whether it may be null",
                    say::counted(undated, "row")
                ))
            } else {
                check.judge(good, why)
            }
        }
        (Err(why), _) | (_, Err(why)) => check.not_observed("no times").judge(false, why),
    });
}

/// Rows without a time that no rule about nulls judges.
fn undated(name: &str, column: &str, plan: &Plan, evidence: &Evidence) -> u64 {
    let rules = plan.table(name).and_then(|table| table.rules.as_ref());
    if presence::judges_nulls(rules, column) {
        return 0;
    }
    let table = evidence.tables.iter().find(|table| table.name == name);
    table
        .and_then(|table| table.columns.get(column))
        .map_or(0, |measured| measured.nulls)
}

/// Years beyond 9999 are held at that end: which comes first is still right.
fn instant(nanos: i128) -> Timestamp {
    let end = if nanos < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_nanosecond(nanos).unwrap_or(end)
}
