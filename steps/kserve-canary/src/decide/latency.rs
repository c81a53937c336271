//! Slow answers: the share beyond the champion's 99th percentile and a tolerance, or beyond the SLO.

use drift_stats::bins::quantile;
use drift_stats::rank::mann_whitney;
use step_report::{Check, Format};

use super::errors::{confidence, describe, more, percent, points, worse, worse_within};
use super::share::{Comparison, Margins, State, compare};
use super::{Chances, Judged, slices};
use crate::config::{Config, Mode};
use crate::evidence::Evidence;

pub(super) fn judge(config: &Config, evidence: &Evidence, chances: Chances) -> Judged {
    let check = Check::new("latency_tail", "latency").metric("slow_share");
    let wanted = &config.latency;
    if wanted.mode == Mode::Off {
        let check = check.skipped("the configuration turns the latency check off");
        return Judged {
            checks: vec![check],
            comparison: None,
            slow_beyond_ms: None,
        };
    }
    let champion = evidence.champion.latencies();
    let p99 = quantile(&champion, 0.99).ok();
    let Some(limit) = wanted
        .slo_ms
        .or_else(|| p99.map(|p99| p99 * (1.0 + wanted.tolerance)))
    else {
        let why = "the champion has no successful request, so there is no latency to compare with";
        let check = undecided(check.not_observed(why), wanted.mode, why.to_owned());
        return Judged {
            checks: vec![check],
            comparison: None,
            slow_beyond_ms: None,
        };
    };
    let margins = chances.margins(wanted.max_increase, wanted.allowed_ratio);
    let counts = slices::count(
        evidence,
        config.slice_seconds,
        |request| request.succeeded(),
        |request| request.latency_ms > limit,
    );
    let Some(found) = compare(&counts, &margins) else {
        let why = "an arm has no successful request, so there is no latency to compare";
        let check = undecided(check.not_observed(why), wanted.mode, why.to_owned());
        return Judged {
            checks: vec![check],
            comparison: None,
            slow_beyond_ms: Some(limit),
        };
    };
    let mut check = describe(check, &found, &margins).detail("slow_beyond_ms", limit);
    let canary = evidence.canary.latencies();
    if let (Some(p99), Ok(theirs)) = (p99, quantile(&canary, 0.99)) {
        check = check
            .detail("champion_p99_ms", p99)
            .detail("canary_p99_ms", theirs);
    }
    if let Ok(effect) = mann_whitney(&canary, &champion) {
        check = check.detail("chance_that_the_canary_is_slower", effect.cles);
    }
    let check = outcome(check, &found, &margins, limit, wanted.mode);
    let comparison = (wanted.mode == Mode::Enforce).then_some(found);
    Judged {
        checks: vec![check],
        comparison,
        slow_beyond_ms: Some(limit),
    }
}

fn outcome(check: Check, found: &Comparison, margins: &Margins, limit: f64, mode: Mode) -> Check {
    let seen = format!(
        "slower than {}: canary {} of {} answers, champion {} of {}",
        Format::Milliseconds.show(limit),
        percent(found.canary.share()),
        found.canary.trials(),
        percent(found.champion.share()),
        found.champion.trials()
    );
    match found.state {
        State::WorseWithinMargin => check.warn(format!("{seen}: {}", worse_within(found, margins))),
        State::Worse if mode == Mode::Enforce => check.fail(format!("{seen}: {}", worse(found, margins))),
        State::Worse => check.warn(format!("{seen}: {}", worse(found, margins))),
        State::WithinMargin => check.pass(format!(
            "{seen}: at most {} with {}, {} allowed",
            points(found.upper),
            confidence(margins.alpha_promote),
            points(margins.max_increase)
        )),
        State::Undecided(needed) => {
            let why = format!(
                "{seen}: up to {} is possible, {} allowed; {}",
                points(found.upper),
                points(margins.max_increase),
                more(needed, found.canary.trials())
            );
            undecided(check, mode, why)
        }
    }
}

fn undecided(check: Check, mode: Mode, why: String) -> Check {
    if mode == Mode::Enforce {
        check.insufficient(why)
    } else {
        check.skipped(why)
    }
}
