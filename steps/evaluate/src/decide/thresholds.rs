//! Bounds on metrics.

use std::collections::BTreeMap;

use step_report::{Bound, Check, Interval};

use super::estimate::{Known, Valued};
use super::figures::{apart, range};
use super::{Size, count};
use crate::config::{Gates, Side, ThresholdGate, ThresholdRule};
use crate::metrics::{Metric, MetricError};

/// Holds every threshold on all rows.
pub(super) fn all_rows(gates: &Gates, known: &BTreeMap<Metric, Known>, size: Size) -> Vec<Check> {
    gates
        .thresholds
        .iter()
        .filter(|gate| gate.on.all)
        .map(|gate| {
            let check = Check::new(id(gate), "threshold");
            let value = known.get(&gate.metric).map(|known| &known.challenger);
            let lack = size.lacks(gate.min_rows, gates.min_per_class);
            hold(check, gate, value, (size, lack), gates.confidence)
        })
        .collect()
}

/// `threshold:auc_roc`; a maximum beside a minimum of the same metric is told apart.
pub(super) fn id(gate: &ThresholdGate) -> String {
    match gate.side {
        Side::Minimum => format!("threshold:{}", gate.metric),
        Side::Maximum => format!("threshold:{}:max", gate.metric),
    }
}

/// Holds one threshold on some rows.
pub(super) fn hold(
    check: Check,
    gate: &ThresholdGate,
    value: Option<&Result<Valued, MetricError>>,
    (size, lack): (Size, Option<String>),
    level: f64,
) -> Check {
    let bound = match gate.side {
        Side::Minimum => Bound::at_least(gate.bound),
        Side::Maximum => Bound::at_most(gate.bound),
    };
    let check = check
        .metric(gate.metric.name())
        .bound(bound)
        .severity(gate.severity)
        .n(size.rows);
    let valued = match value {
        None => {
            return check
                .not_observed("scores are missing")
                .error(format!("{} was not computed: scores are missing", gate.metric));
        }
        Some(Err(error)) if lack.is_none() => {
            return check.not_observed(error.to_string()).fail(error.to_string());
        }
        Some(Err(error)) => {
            return check
                .not_observed(error.to_string())
                .insufficient(error.to_string());
        }
        Some(Ok(valued)) => valued,
    };
    let mut check = check.observed(valued.value);
    if let Some((low, high)) = valued.interval {
        check = check.interval(Interval::new(low, high, level, &*valued.method));
    }
    if let Some(lack) = lack {
        return check.insufficient(format!("{} rests on too few rows: {lack}", gate.metric));
    }
    let (held, what) = match (gate.rule, valued.interval, gate.side) {
        (ThresholdRule::Point, ..) => (valued.value, String::new()),
        (ThresholdRule::Interval, Some((low, _)), Side::Minimum) => (low, "the lower end of ".to_owned()),
        (ThresholdRule::Interval, Some((_, high)), Side::Maximum) => (high, "the upper end of ".to_owned()),
        (ThresholdRule::Interval, None, _) => {
            let why = format!(
                "{} has no interval on these rows, which its rule asks for",
                gate.metric
            );
            return check.fail(why);
        }
    };
    let (shown, bound) = apart(held, gate.bound);
    let (good, says) = match gate.side {
        Side::Minimum if held >= gate.bound => (true, "is at least"),
        Side::Minimum => (false, "is below"),
        Side::Maximum if held <= gate.bound => (true, "is at most"),
        Side::Maximum => (false, "is above"),
    };
    let interval = valued
        .interval
        .map_or_else(String::new, |ends| format!(", interval {}", range(ends)));
    let why = format!(
        "{what}{} {shown} {says} {bound} (on {}{interval})",
        gate.metric,
        count(size.rows, "row", "rows")
    );
    check.judge(good, why)
}
