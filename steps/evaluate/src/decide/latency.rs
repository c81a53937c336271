//! Bounds on the answer time.

use step_report::{Bound, Check, Format, Interval};

use super::count;
use super::figures::{apart, show};
use crate::config::Gates;
use crate::evidence::{Answered, Evidence};
use crate::load::requests_needed;

/// Holds every bound.
pub(super) fn hold(gates: &Gates, evidence: &Evidence) -> Vec<Check> {
    let Some(latency) = &gates.latency else {
        return Vec::new();
    };
    latency
        .bounds
        .iter()
        .map(|(quantile, bound)| {
            let check = Check::new(format!("latency:{}", quantile.name()), "latency")
                .metric(quantile.name())
                .format(Format::Milliseconds)
                .severity(latency.severity)
                .bound(Bound::at_most(*bound));
            match &evidence.latency {
                Some(answered) => one(check, answered, quantile.name(), quantile.share(), *bound),
                None => check
                    .not_observed("not measured")
                    .error(format!("{} was not measured", quantile.name())),
            }
        })
        .collect()
}

fn one(check: Check, answered: &Answered, name: &str, share: f64, bound: f64) -> Check {
    let check = check
        .n(answered.requests)
        .detail("source", answered.source.clone());
    if let (Some(failed), true) = (&answered.failed, answered.quantiles.is_empty()) {
        return check.not_observed("no request succeeded").fail(failed.clone());
    }
    let Some(seen) = answered.quantiles.iter().find(|seen| seen.name == name) else {
        return check
            .not_observed("not reported")
            .error(format!("{} does not report {name}", answered.source));
    };
    let mut check = check.observed(seen.value);
    if let Some(ends) = seen.interval {
        check = check.interval(Interval::new(
            ends.lower,
            ends.upper,
            ends.level,
            "binomial order statistics",
        ));
    }
    if let Some(failed) = &answered.failed {
        return check.fail(format!("{name} says nothing, for {failed}"));
    }
    if !seen.value.is_finite() {
        return check.error(format!("{name} of {} is no number", answered.source));
    }
    let needed = requests_needed(share);
    if answered.requests < needed {
        return check.insufficient(format!(
            "{name} rests on {}; {} are needed",
            count(answered.requests, "request", "requests"),
            needed
        ));
    }
    let (shown, bound_shown) = apart(seen.value, bound);
    let good = seen.value <= bound;
    let says = if good { "is at most" } else { "is above" };
    let interval = seen.interval.map_or_else(String::new, |ends| {
        format!(
            ", {} interval {} to {} ms",
            Format::Percent.show(ends.level),
            show(ends.lower),
            show(ends.upper)
        )
    });
    check.judge(
        good,
        format!(
            "{name} {shown} {says} {bound_shown} ms ({}, {}{interval})",
            answered.source,
            count(answered.requests, "request", "requests")
        ),
    )
}
