//! Time order: a model is trained on what was known before what it is judged on.

use jiff::Timestamp;
use step_report::{Bound, Check};

use crate::config::{Order, SplitRules};
use crate::gather::Evidence;

/// Judges `time_column` with `order`.
pub(super) fn judge(rule: &SplitRules, evidence: &Evidence, checks: &mut Vec<Check>) {
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
            check
                .observed(last.to_string())
                .bound(Bound::text(format!("{word} {first}")))
                .judge(good, why)
        }
        (Err(why), _) | (_, Err(why)) => check.not_observed("no times").judge(false, why),
    });
}

/// Years beyond 9999 are held at that end: which comes first is still right.
fn instant(nanos: i128) -> Timestamp {
    let end = if nanos < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_nanosecond(nanos).unwrap_or(end)
}
