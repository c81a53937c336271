//! An arm that answers nothing at all.

use drift_stats::{Confidence, Proportion};
use step_report::{Check, Format};

use crate::evidence::Evidence;

/// Fewer failures are no outage, however surely the champion answers.
const ENOUGH: u64 = 5;
/// The chance of calling an arm dead that fails as often as the other.
const ALPHA: f64 = 0.001;

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
        (0, _) => {
            let chance = of_bad_luck(canary_all, champion, champion_all);
            let check = check.test("no answer by chance", chance);
            let seen = format!(
                "the canary answered none of {canary_all} requests, the champion {champion} of {champion_all}"
            );
            if canary_all < ENOUGH {
                check.insufficient(format!("{seen}; {ENOUGH} tell an outage"))
            } else if chance <= ALPHA {
                check.fail(seen)
            } else {
                check.insufficient(format!(
                    "{seen}: one that fails as often as the champion does so with a chance of up to {}",
                    Format::PValue.show(chance)
                ))
            }
        }
        (_, 0) => check.insufficient(format!(
            "the champion answered none of {champion_all} requests: there is nothing to compare with; look at the champion first"
        )),
        _ => check.pass(format!(
            "both arms answer: canary {canary} of {canary_all}, champion {champion} of {champion_all}"
        )),
    }
}

/// The largest chance that an arm which fails as often as the champion answers none of so many, over all rates that are not
/// ruled out for the champion, with the chance of having ruled out the true one (Berger and Boos 1994).
fn of_bad_luck(none_of: u64, successes: u64, all: u64) -> f64 {
    let beta = ALPHA / 10.0;
    let least = Confidence::one_sided(beta)
        .and_then(|confidence| Proportion::new(successes, all)?.clopper_pearson(confidence))
        .map_or(0.0, |interval| interval.lower);
    (1.0 - least).powf(none_of as f64) + beta
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arm_is_dead_when_the_other_makes_its_silence_unlikely() {
        // scipy.stats.beta.ppf(1e-4, 99, 2) = 0.88787..., (1 - 0.88787)**5 + 1e-4
        let chance = of_bad_luck(5, 99, 100);
        assert!((1.1e-4..1.2e-4).contains(&chance), "{chance}");
        // Both fail seven times of ten: five times in a row is nothing.
        assert!(of_bad_luck(5, 30, 100) > 0.17);
        assert!(of_bad_luck(60, 30, 100) < ALPHA);
    }
}
