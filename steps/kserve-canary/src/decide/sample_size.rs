//! How many requests the canary needs before it can be promoted, and how many it has.

use step_report::{Bound, Check, Format};

use super::share::Comparison;
use crate::config::Config;
use crate::evidence::Evidence;

pub(super) fn check(
    evidence: &Evidence,
    errors: Option<&Comparison>,
    latency: Option<&Comparison>,
    config: &Config,
) -> Check {
    let has = evidence.canary.total();
    let check = Check::new("sample_size", "samples")
        .metric("canary_requests")
        .observed(has)
        .format(Format::Count)
        .n(has)
        .detail("has_canary", has)
        .detail("has_champion", evidence.champion.total());
    let Some(errors) = errors else {
        return check.insufficient("an arm has no request");
    };
    // Latency counts successful requests only: some more must be sent.
    let sent_for = |successes: u64| {
        let share = (1.0 - errors.canary.share()).max(1e-9);
        (successes as f64 / share).ceil() as u64
    };
    let of_latency =
        |of: fn(&Comparison) -> Option<u64>| latency.map_or(Some(0), |found| of(found).map(sent_for));
    let (Some(fewest), Some(for_errors), Some(for_latency)) = (
        errors
            .fewest
            .zip(of_latency(|found| found.fewest))
            .map(|(a, b)| a.max(b)),
        errors.needed,
        of_latency(|found| found.needed),
    ) else {
        return check.insufficient(format!(
            "no number of requests would prove the margin at the champion's own shares; the canary has {has}; widen errors.max_increase or latency.max_increase"
        ));
    };
    let needed = for_errors.max(for_latency);
    let ratio = evidence.champion.total() as f64 / has.max(1) as f64;
    let check = check
        .bound(Bound::at_least(fewest as f64))
        .detail("fewest_canary", fewest)
        .detail("needed_canary", needed)
        .detail("needed_champion", (needed as f64 * ratio).ceil() as u64)
        .detail("needed_for_errors", for_errors)
        .detail("needed_for_latency", for_latency);
    let equal = if errors.repairs || latency.is_some_and(|found| found.repairs) {
        "two arms as healthy as the healthier one"
    } else {
        "one that equals the champion"
    };
    let plan = format!(
        "{needed} give {equal} a chance of {:.0} % to show it within {}",
        config.power * 100.0,
        margins(config, latency.is_some())
    );
    if has >= fewest {
        check.pass(format!(
            "the canary has {has} requests, at least {fewest} are needed; {plan}"
        ))
    } else {
        check.insufficient(format!(
            "the canary needs at least {fewest} requests, has {has}; {plan}"
        ))
    }
}

/// What is to be shown.
fn margins(config: &Config, latency: bool) -> String {
    let points = |increase: f64| format!("{:.2} points", increase * 100.0);
    let (errors, slow) = (config.errors.max_increase, config.latency.max_increase);
    if latency {
        format!(
            "{} of errors and {} of slow answers",
            points(errors),
            points(slow)
        )
    } else {
        format!("{} of errors", points(errors))
    }
}
