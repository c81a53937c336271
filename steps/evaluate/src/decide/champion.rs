//! Bounds on the improvement over the champion, on all rows.

use std::collections::BTreeMap;

use step_report::{Bound, Check, Interval};

use super::estimate::{Improvement, Known};
use super::figures::{apart, p_value, range, show};
use super::{Size, count};
use crate::comparison::power::minimum_detectable_effect;
use crate::config::{ChampionGate, ChampionRule, FirstModel, Gates};
use crate::evidence::Evidence;
use crate::metrics::Metric;

/// The power that the minimum detectable effect is given for.
const POWER: f64 = 0.8;

/// Holds every improvement on all rows.
pub(super) fn all_rows(
    gates: &Gates,
    evidence: &Evidence,
    known: &BTreeMap<Metric, Known>,
    size: Size,
) -> Vec<Check> {
    gates
        .champion
        .iter()
        .map(|gate| {
            let check = Check::new(format!("champion:{}", gate.metric), "champion")
                .metric(gate.metric.name())
                .bound(bound(gate))
                .severity(gate.severity)
                .n(size.rows);
            if evidence.champion.is_none() {
                return first_model(check, gates.first_model);
            }
            let lack = size.lacks(gate.min_rows, gates.min_per_class);
            one(check, gate, known.get(&gate.metric), lack, gates.confidence)
        })
        .collect()
}

fn bound(gate: &ChampionGate) -> Bound {
    match gate.rule {
        ChampionRule::Point(bound) | ChampionRule::CiLower(bound) => Bound::at_least(bound),
        ChampionRule::Superiority(bound) if bound > 0.0 => Bound::at_least(bound),
        ChampionRule::Superiority(bound) => Bound::more_than(bound),
        ChampionRule::NonInferiority(margin) => Bound::more_than(-margin),
    }
}

fn first_model(check: Check, policy: Option<FirstModel>) -> Check {
    let check = check.not_observed("no champion was given");
    match policy {
        Some(FirstModel::PassThresholds) => check.skipped(
            "no champion was given: the first model is held to its thresholds only \
             (champion.first_model: pass_thresholds)",
        ),
        Some(FirstModel::Refuse) => check.fail("no champion was given, and champion.first_model is refuse"),
        None => check.fail("no champion was given, and champion.first_model does not say what then"),
    }
}

fn one(check: Check, gate: &ChampionGate, known: Option<&Known>, lack: Option<String>, level: f64) -> Check {
    let metric = gate.metric;
    let Some(known) = known else {
        return check
            .not_observed("scores are missing")
            .error(format!("{metric} was not compared: scores are missing"));
    };
    let values = match (&known.challenger, &known.champion) {
        (Ok(ours), Some(Ok(theirs))) => (ours.value, theirs.value),
        (Err(error), _) => return undefined(check, &error.to_string(), lack.as_ref()),
        (_, Some(Err(error))) => {
            return undefined(check, &format!("of the champion, {error}"), lack.as_ref());
        }
        (Ok(_), None) => {
            return check
                .not_observed("scores of the champion are missing")
                .error(format!(
                    "{metric} was not compared: scores of the champion are missing"
                ));
        }
    };
    let Some(improvement) = &known.improvement else {
        return undefined(
            check,
            &format!("{metric} has no value on too many resamples"),
            lack.as_ref(),
        );
    };
    let check = describe(check, improvement, level)
        .detail("challenger", values.0)
        .detail("champion", values.1)
        .detail(
            "minimum_detectable_effect",
            minimum_detectable_effect(improvement.se, gate.alpha, POWER),
        );
    match lack {
        Some(lack) => check.insufficient(format!("{metric} was compared on too few rows: {lack}")),
        None => judge(check, gate, improvement, values),
    }
}

fn undefined(check: Check, why: &str, lack: Option<&String>) -> Check {
    let check = check.not_observed(why);
    if lack.is_some() {
        check.insufficient(why)
    } else {
        check.fail(why)
    }
}

/// What every comparison shows, whatever its rule.
pub(super) fn describe(check: Check, improvement: &Improvement, level: f64) -> Check {
    let mut check = check
        .observed(improvement.valued.value)
        .test(improvement.test, improvement.p[1])
        .detail("standard_error", improvement.se);
    if let Some((low, high)) = improvement.valued.interval {
        check = check.interval(Interval::new(low, high, level, &*improvement.valued.method));
    }
    if let Some(counts) = improvement.discordant {
        check = check
            .detail("only_challenger_right", counts.gained)
            .detail("only_champion_right", counts.lost);
    }
    check
}

fn judge(check: Check, gate: &ChampionGate, improvement: &Improvement, values: (f64, f64)) -> Check {
    let delta = improvement.valued.value;
    let ends = improvement.valued.interval;
    let compared = format!(
        "{} {} against the champion's {}",
        gate.metric,
        show(values.0),
        show(values.1)
    );
    let seen = format!(
        "{compared}, on {} paired; {} {}; a true difference below {} would go unseen one time in five",
        count(check.n.unwrap_or_default(), "row", "rows"),
        improvement.test,
        p_value(improvement.p[1]),
        show(minimum_detectable_effect(improvement.se, gate.alpha, POWER)),
    );
    match gate.rule {
        ChampionRule::Point(bound) => {
            let (shown, bound_shown) = apart(delta, bound);
            let says = if delta >= bound { "is at least" } else { "is below" };
            check.judge(
                delta >= bound,
                format!("improvement {shown} {says} {bound_shown} ({seen})"),
            )
        }
        ChampionRule::CiLower(bound) => match ends {
            None => check.fail(format!(
                "the improvement has no interval, which its rule asks for ({seen})"
            )),
            Some((low, _)) => {
                let (shown, bound_shown) = apart(low, bound);
                let says = if low >= bound { "is at least" } else { "is below" };
                let why = format!(
                    "the lower end {shown} of the improvement {} {says} {bound_shown} ({seen})",
                    show(delta)
                );
                check.judge(low >= bound, why)
            }
        },
        ChampionRule::Superiority(bound) => {
            let p = improvement.p_better();
            let sure = p <= gate.alpha && delta > 0.0;
            let check = check.test(format!("{}, one-sided: better", improvement.test), p);
            let why = if !sure {
                format!(
                    "improvement {} is not above 0 with {} against alpha {} ({seen})",
                    show(delta),
                    p_value(p),
                    gate.alpha
                )
            } else if delta < bound {
                format!(
                    "improvement {} is above 0 but below {} ({seen})",
                    show(delta),
                    show(bound)
                )
            } else {
                format!(
                    "improvement {} is above 0 with {} ({seen})",
                    show(delta),
                    p_value(p)
                )
            };
            check.judge(sure && delta >= bound, why)
        }
        ChampionRule::NonInferiority(margin) => {
            let p = improvement.p_above(-margin);
            let sure = p <= gate.alpha && delta > -margin;
            let check = check.test(
                format!("{}, one-sided: not worse by {margin}", improvement.test),
                p,
            );
            let interval = ends.map_or_else(String::new, |ends| format!(", interval {}", range(ends)));
            let says = if sure { "is above" } else { "is not surely above" };
            check.judge(
                sure,
                format!(
                    "improvement {}{interval} {says} -{margin} with {} against alpha {} ({seen})",
                    show(delta),
                    p_value(p),
                    gate.alpha
                ),
            )
        }
    }
}
