//! Requests without a usable prediction.

use step_report::{Bound, Check, Format, Interval};

use super::share::{Comparison, Margins, State, compare};
use super::{Chances, Judged, slices};
use crate::config::Config;
use crate::evidence::Evidence;

pub(super) fn judge(config: &Config, evidence: &Evidence, chances: Chances) -> Judged {
    let margins = chances.margins(config.errors.max_increase, config.errors.allowed_ratio);
    let counts = slices::count(evidence, config.slice_seconds, |_| true, |r| !r.succeeded());
    let comparison = compare(&counts, &margins);
    let check = Check::new("error_rate", "errors").metric("error_rate");
    let checks = match &comparison {
        None => vec![
            check
                .not_observed("an arm has no request")
                .insufficient("an arm has no request"),
        ],
        Some(found) => vec![
            increase(describe(check, found, &margins), found, &margins),
            ceiling(config, found),
        ],
    };
    Judged {
        checks,
        comparison,
        slow_beyond_ms: None,
    }
}

/// What both kinds of event report alike.
pub(super) fn describe(check: Check, found: &Comparison, margins: &Margins) -> Check {
    check
        .observed(found.increase)
        .bound(Bound::at_most(margins.max_increase))
        .format(Format::Percent)
        .interval(Interval::new(
            found.lower,
            found.upper,
            1.0 - margins.alpha - margins.alpha_promote,
            "miettinen-nurminen, increase over the champion",
        ))
        .n(found.canary.trials())
        .test(
            format!("e-process, ratio at most {}", margins.allowed_ratio),
            found.p_value,
        )
        .detail("canary_events", found.canary.successes())
        .detail("canary_requests", found.canary.trials())
        .detail("champion_events", found.champion.successes())
        .detail("champion_requests", found.champion.trials())
        .detail("e_value", found.e_value)
        .detail("fewest", found.fewest)
        .detail("needed", found.needed)
}

pub(super) fn percent(share: f64) -> String {
    Format::Percent.show(share)
}

pub(super) fn points(increase: f64) -> String {
    format!("{:+.2} points", increase * 100.0)
}

pub(super) fn confidence(alpha: f64) -> String {
    format!("{} % confidence", Format::Auto.show(100.0 * (1.0 - alpha)))
}

pub(super) fn more(needed: Option<u64>, has: u64) -> String {
    match needed {
        Some(needed) => format!("needs about {needed} requests in the canary, has {has}"),
        None => format!("no number of requests would tell, has {has}; widen the margin"),
    }
}

/// How surely it is worse.
pub(super) fn worse(found: &Comparison, margins: &Margins) -> String {
    let times = match margins.allowed_ratio {
        1.0 => "surely more".to_owned(),
        ratio => format!("surely more than {ratio} times as many"),
    };
    format!(
        "{times} (p {} at any look), {}, and not surely within the {} allowed",
        Format::PValue.show(found.p_value),
        points(found.increase),
        points(margins.max_increase)
    )
}

/// Sure and yet small.
pub(super) fn worse_within(found: &Comparison, margins: &Margins) -> String {
    format!(
        "surely more (p {} at any look), but at most {} with {}, {} allowed",
        Format::PValue.show(found.p_value),
        points(found.upper),
        confidence(margins.alpha_promote),
        points(margins.max_increase)
    )
}

fn increase(check: Check, found: &Comparison, margins: &Margins) -> Check {
    let seen = format!(
        "errors: canary {} of {} ({}), champion {} of {} ({})",
        found.canary.successes(),
        found.canary.trials(),
        percent(found.canary.share()),
        found.champion.successes(),
        found.champion.trials(),
        percent(found.champion.share())
    );
    match found.state {
        State::Worse => check.fail(format!("{seen}: {}", worse(found, margins))),
        State::WorseWithinMargin => check.warn(format!("{seen}: {}", worse_within(found, margins))),
        State::WithinMargin => check.pass(format!(
            "{seen}: at most {} with {}, {} allowed",
            points(found.upper),
            confidence(margins.alpha_promote),
            points(margins.max_increase)
        )),
        State::Undecided(needed) => check.insufficient(format!(
            "{seen}: up to {} is possible, {} allowed; {}",
            points(found.upper),
            points(margins.max_increase),
            more(needed, found.canary.trials())
        )),
    }
}

/// A canary that fails often is not promoted even when the champion fails as often: the comparison then
/// rests on what is left of a sick system.
fn ceiling(config: &Config, found: &Comparison) -> Check {
    let (rate, bound) = (found.canary.share(), config.errors.max_rate);
    let check = Check::new("error_ceiling", "errors")
        .metric("error_rate")
        .observed(rate)
        .bound(Bound::at_most(bound))
        .format(Format::Percent)
        .n(found.canary.trials());
    if rate <= bound {
        check.pass(format!(
            "the canary fails {} of the time, {} allowed",
            percent(rate),
            percent(bound)
        ))
    } else {
        check.insufficient(format!(
            "the canary fails {} of the time, {} allowed for a promotion whatever the champion does",
            percent(rate),
            percent(bound)
        ))
    }
}
