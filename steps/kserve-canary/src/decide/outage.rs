//! An arm that answers nothing at all.

use step_report::Check;

use crate::evidence::Evidence;

/// So many failures in a row, and not one success, are an outage and not bad luck.
const ENOUGH: u64 = 5;

pub(super) fn check(evidence: &Evidence) -> Check {
    let of = |arm: &crate::evidence::Arm| (arm.total() - arm.errors(), arm.total());
    let ((canary, canary_all), (champion, champion_all)) = (of(&evidence.canary), of(&evidence.champion));
    let check = Check::new("outage", "errors")
        .metric("successes")
        .observed(canary)
        .n(canary_all)
        .detail("canary_successes", canary)
        .detail("champion_successes", champion);
    match (canary, champion) {
        (0, 0) => check.insufficient(format!(
            "neither arm answered a single request ({canary_all} at the canary, {champion_all} at the champion): an outage of both is no difference between them"
        )),
        (0, _) if canary_all >= ENOUGH => check.fail(format!(
            "the canary answered none of {canary_all} requests, the champion {champion} of {champion_all}"
        )),
        (0, _) => check.insufficient(format!(
            "the canary answered none of only {canary_all} requests; {ENOUGH} tell an outage"
        )),
        (_, 0) => check.insufficient(format!(
            "the champion answered none of {champion_all} requests: there is nothing to compare with; look at the champion first"
        )),
        _ => check.pass(format!(
            "both arms answer: canary {canary} of {canary_all}, champion {champion} of {champion_all}"
        )),
    }
}
