//! Is a kind of event (an error, a slow answer) more frequent in the canary? The one comparison behind both.

use drift_stats::proportion::{miettinen_nurminen, miettinen_nurminen_test};
use drift_stats::sequential::{Arm as Count, RatioProcess};
use drift_stats::{Confidence, Proportion};
use statrs::distribution::{Binomial, ContinuousCDF as _, DiscreteCDF as _, Normal};

use super::slices::Pair;

/// How much is allowed, and how sure one must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margins {
    /// Of the canary's share over the champion's.
    pub max_increase: f64,
    /// Of the ratio of shares.
    pub allowed_ratio: f64,
    /// The chance of finding harm where there is none.
    pub alpha: f64,
    /// The chance that the margin is wrongly found to be kept.
    pub alpha_promote: f64,
    /// The chance that an equal canary is found to be within the margin on the planned number of requests.
    pub power: f64,
}

/// Where the evidence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The increase is surely within the margin, and not only because the canary was lucky early on.
    WithinMargin,
    /// More frequent beyond chance, and surely within the margin: with enough requests every difference is sure.
    WorseWithinMargin,
    /// More frequent beyond chance.
    Worse,
    /// Neither; about so many requests in the canary would tell, where that can be said.
    Undecided(Option<u64>),
}

/// Both arms' shares and what can be said of their difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Events in the canary.
    pub canary: Proportion,
    /// Events in the champion.
    pub champion: Proportion,
    /// Wealth of the e-process against "at most the allowed ratio".
    pub e_value: f64,
    /// Its always-valid p-value.
    pub p_value: f64,
    /// Whether the e-process has ever reached one over alpha.
    pub ratio_rejected: bool,
    /// The canary's share less the champion's.
    pub increase: f64,
    /// One-sided lower limit of the increase, at alpha.
    pub lower: f64,
    /// One-sided upper limit of the increase, at the alpha of promotion.
    pub upper: f64,
    /// Whether the canary is surely no worse at all: it repairs what ails the champion.
    pub repairs: bool,
    /// The fewest requests in the canary on which two equal arms show that they are equal; below, a canary could
    /// only pass by having been luckier than the champion. `None` when no number suffices.
    pub fewest: Option<u64>,
    /// The plan: requests in the canary on which an equal one passes with the wished power. `None` when no number
    /// suffices.
    pub needed: Option<u64>,
    /// Where the evidence stands.
    pub state: State,
}

/// Compares the counts of both arms. `None` when an arm has no request that counts.
///
/// Harm is found by the e-process over the slices, at any look. Its absence is found by the upper limit of the increase
/// within the margin (Miettinen and Nurminen 1985), once the fewest requests are there.
///
/// How many those are follows from the share of events, which is the champion's: that is what an equal canary has.
/// A canary that is surely no worse than a sick champion is no equal of it, and the share of the sick one says
/// nothing of how many requests it needs: there the canary's own share counts when it asks for fewer.
#[must_use]
pub fn compare(slices: &[Pair], margins: &Margins) -> Option<Comparison> {
    let mut process = RatioProcess::new(margins.allowed_ratio).ok()?;
    for (canary, champion) in slices {
        process.update(*canary, *champion).ok()?;
    }
    let total = |of: fn(&Pair) -> Count| {
        let sum = |part: fn(Count) -> u64| slices.iter().map(|pair| part(of(pair))).sum::<u64>();
        Proportion::new(sum(|c| c.events), sum(|c| c.trials)).ok()
    };
    let (canary, champion) = (total(|pair| pair.0)?, total(|pair| pair.1)?);
    let interval = |alpha: f64| miettinen_nurminen(canary, champion, Confidence::one_sided(alpha).ok()?).ok();
    let lower = interval(margins.alpha)?.lower;
    let upper = interval(margins.alpha_promote)?.upper;
    let ratio_rejected = process.rejects(margins.alpha).ok()?;
    let repairs = upper <= 0.0;
    let ratio = champion.trials() as f64 / canary.trials() as f64;
    let plan = |power: f64| {
        let equal = needed(champion.share(), ratio, margins, power);
        if !repairs {
            return equal;
        }
        let own = needed(canary.share(), ratio, margins, power);
        equal.into_iter().chain(own).min()
    };
    let (fewest, needed) = (plan(EQUAL), plan(margins.power));
    let enough = fewest.is_some_and(|fewest| canary.trials() >= fewest);
    let increase = canary.share() - champion.share();
    let within = enough && upper <= margins.max_increase;
    let state = if ratio_rejected && within {
        State::WorseWithinMargin
    } else if ratio_rejected {
        State::Worse
    } else if within {
        State::WithinMargin
    } else if needed.is_some_and(|needed| canary.trials() >= needed) {
        State::Undecided(by_width(
            canary.trials(),
            increase,
            lower,
            upper,
            margins.max_increase,
        ))
    } else {
        State::Undecided(needed)
    };
    Some(Comparison {
        canary,
        champion,
        e_value: process.e_value(),
        p_value: process.p_value(),
        ratio_rejected,
        increase,
        lower,
        upper,
        repairs,
        fewest,
        needed,
        state,
    })
}

/// From so many trials on, the binomial quantile is the normal one to far within a request in a thousand, and
/// its own bisection loses its way in rounding.
const NORMAL_FROM: u64 = 1_000_000;

/// The power at which both arms have just the expected number of events.
const EQUAL: f64 = 0.5;

/// The fewest requests in the canary with which it passes when both arms have this share of events, with this
/// power: even with as many events as it has by then with that chance, the upper limit is within the margin. The
/// champion is taken to grow with it, in this ratio, and to have its expected number of events; that it may have
/// fewer widens the canary's surplus by the root of one and the ratio of the arms.
fn needed(share: f64, ratio: f64, margins: &Margins, power: f64) -> Option<u64> {
    let both = (1.0 + 1.0 / ratio).sqrt();
    let passes = |trials: u64| {
        let count = || -> Option<bool> {
            let surplus = if share > 0.0 && share < 1.0 && trials > NORMAL_FROM {
                let spread = (trials as f64 * share * (1.0 - share)).sqrt();
                Normal::new(0.0, spread).ok()?.inverse_cdf(power)
            } else if share > 0.0 && share < 1.0 {
                Binomial::new(share, trials).ok()?.inverse_cdf(power) as f64 - trials as f64 * share
            } else {
                0.0
            };
            let events = (trials as f64 * share + surplus * both).round() as u64;
            let others = ((trials as f64 * ratio).round() as u64).max(1);
            let theirs = ((others as f64 * share).round() as u64).min(others);
            let a = Proportion::new(events.min(trials), trials).ok()?;
            let b = Proportion::new(theirs, others).ok()?;
            Some(miettinen_nurminen_test(a, b, margins.max_increase).ok()?.p_less <= margins.alpha_promote)
        };
        count().unwrap_or(false)
    };
    let mut high = 8_u64;
    while !passes(high) {
        high *= 2;
        if high > 1 << 32 {
            return None;
        }
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = u64::midpoint(low, high);
        if passes(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// An interval shrinks with the root of the number of requests: how many bring a limit to the margin if the
/// shares stay as they are. Held to a hundred times what there is: beyond, the increase is the margin.
fn by_width(trials: u64, increase: f64, lower: f64, upper: f64, margin: f64) -> Option<u64> {
    let reach = if increase <= margin {
        upper - increase
    } else {
        increase - lower
    };
    let factor = (reach / (margin - increase).abs()).powi(2) * 1.1;
    (factor.is_finite() && factor <= 100.0).then(|| ((trials as f64 * factor).ceil() as u64).max(trials + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARGINS: Margins = Margins {
        max_increase: 0.01,
        allowed_ratio: 1.25,
        alpha: 0.025,
        alpha_promote: 0.05,
        power: 0.9,
    };

    fn of(canary: (u64, u64), champion: (u64, u64)) -> Comparison {
        let count = |(events, trials)| Count { trials, events };
        compare(&[(count(canary), count(champion))], &MARGINS).unwrap()
    }

    #[test]
    fn without_a_single_event_some_hundreds_are_needed() {
        let few = of((0, 200), (0, 200));
        let needed = few.needed.unwrap();
        // One arm alone: the rule of three says 300. Two arms: z^2 / margin.
        assert!((260..310).contains(&needed), "{needed}");
        assert_eq!(few.state, State::Undecided(Some(needed)));
        assert_eq!(
            few.fewest,
            Some(needed),
            "nothing can be luckier than no event at all"
        );
        assert_eq!(of((0, needed), (0, needed)).state, State::WithinMargin);
        assert_eq!(
            of((0, needed - 1), (0, needed - 1)).state,
            State::Undecided(Some(needed))
        );
    }

    #[test]
    fn harm_is_found_early_and_a_small_increase_is_not_harm() {
        assert_eq!(of((30, 200), (2, 200)).state, State::Worse);
        assert_eq!(of((22, 4000), (20, 4000)).state, State::WithinMargin);
        assert!(matches!(of((4, 60), (0, 60)).state, State::Undecided(Some(_))));
    }

    #[test]
    fn a_canary_that_repairs_needs_what_a_healthy_one_needs() {
        // Two equal arms that fail three times of ten show a point on some twelve thousand requests.
        let alike = of((600, 2000), (600, 2000));
        assert!(
            !alike.repairs && alike.fewest.unwrap() > 10_000,
            "{:?}",
            alike.fewest
        );
        assert!(matches!(alike.state, State::Undecided(_)));
        // One that fails never is held to what a champion that fails never would ask for.
        let healthy = of((0, 200), (0, 200)).fewest.unwrap();
        let repaired = of((0, healthy), (healthy * 3 / 10, healthy));
        assert!(repaired.repairs);
        assert_eq!(
            (repaired.fewest, repaired.state),
            (Some(healthy), State::WithinMargin)
        );
        assert!(matches!(of((0, 100), (30, 100)).state, State::Undecided(Some(_))));
        // A little better may be chance.
        let little = of((590, 2000), (600, 2000));
        assert!(!little.repairs && matches!(little.state, State::Undecided(_)));
    }

    #[test]
    fn a_share_that_no_number_of_requests_tells_apart_says_so() {
        let margins = Margins {
            max_increase: 1e-6,
            ..MARGINS
        };
        let count = |events, trials| Count { trials, events };
        let half = compare(&[(count(500, 1000), count(500, 1000))], &margins).unwrap();
        assert_eq!(half.state, State::Undecided(None));
    }

    #[test]
    fn an_empty_arm_is_no_comparison() {
        let count = |events, trials| Count { trials, events };
        assert!(compare(&[(count(0, 0), count(0, 10))], &MARGINS).is_none());
        assert!(compare(&[], &MARGINS).is_none());
    }
}
