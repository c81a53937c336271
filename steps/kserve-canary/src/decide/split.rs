//! Did the canary get its share of requests, and at the same time as the champion?

use drift_stats::sequential::ShareProcess;
use step_report::{Bound, Check, Format};

use super::slices;
use crate::config::Config;
use crate::evidence::Evidence;

/// A wrong split stops a rollout: a false alarm of one in a thousand is rare enough.
const ALPHA: f64 = 0.001;

pub(super) fn share(config: &Config, evidence: &Evidence) -> Check {
    let (canary, champion) = (evidence.canary.total(), evidence.champion.total());
    let all = canary + champion;
    let observed = canary as f64 / all.max(1) as f64;
    let check = Check::new("split", "samples")
        .metric("canary_share")
        .observed(observed)
        .format(Format::Percent)
        .n(all);
    let seen = format!(
        "the canary had {} of {all} requests",
        Format::Percent.show(observed)
    );
    let Some(expected) = config.split.expected_share else {
        return check.skipped(format!("{seen}; no share is configured to compare with"));
    };
    let check = check.bound(Bound::equals(expected));
    let wrong = ShareProcess::new(expected).and_then(|mut process| {
        process.update(canary, all)?;
        process.rejects(ALPHA)
    });
    match wrong {
        Ok(false) => check.pass(format!("{seen}, {} configured", Format::Percent.show(expected))),
        Ok(true) => check.insufficient(format!(
            "{seen}, {} configured: the split is not in effect, so what was judged is not what was rolled out",
            Format::Percent.show(expected)
        )),
        Err(why) => check.error(format!("the split cannot be tested: {why}")),
    }
}

pub(super) fn same_time(config: &Config, evidence: &Evidence) -> Check {
    let shared = slices::shared(evidence, config.slice_seconds);
    let check = Check::new("same_time", "samples")
        .metric("shared_time")
        .observed(shared)
        .bound(Bound::at_least(0.5))
        .format(Format::Percent);
    if shared >= 0.5 {
        check.pass(format!(
            "{} of the requests are from times that both arms have",
            Format::Percent.show(shared)
        ))
    } else {
        check.warn(format!(
            "the arms were not driven at the same time ({} of the requests are from times that both have): what differs may be the hour and not the model",
            Format::Percent.show(shared)
        ))
    }
}
