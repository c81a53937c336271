//! What is predicted: population stability index on bins at the champion's quantiles, and Kolmogorov-Smirnov.

use drift_stats::bins::Edges;
use drift_stats::ks::ks_two_sample;
use drift_stats::psi::{FLOOR, expected_noise, psi, psi_p_value};
use drift_stats::{Confidence, Proportion, Shares, StatError};
use step_report::{Bound, Check, Format};

use crate::config::{Config, Mode, Predictions};
use crate::evidence::Evidence;

pub(super) fn check(config: &Config, evidence: &Evidence, alpha: f64) -> Check {
    let wanted = &config.predictions;
    let check = Check::new("prediction_shift", "predictions")
        .metric("psi")
        .bound(Bound::at_most(wanted.max_psi));
    if wanted.mode == Mode::Off {
        return check.skipped("the configuration turns the prediction check off");
    }
    let (champion, canary) = (evidence.champion.predictions(), evidence.canary.predictions());
    let fewest = champion.len().min(canary.len()) as u64;
    let check = check.n(canary.len() as u64);
    if fewest < wanted.min_predictions.max(2) {
        let why = format!(
            "predictions: {} in the canary and {} in the champion; {} in each are needed to compare distributions",
            canary.len(),
            champion.len(),
            wanted.min_predictions.max(2)
        );
        let check = check.not_observed("too few predictions");
        return if wanted.mode == Mode::Enforce {
            check.insufficient(why)
        } else {
            check.skipped(why)
        };
    }
    match measure(wanted, &champion, &canary) {
        Ok(found) => judge(check, wanted, &found, (&canary, &champion), alpha),
        Err(why) => check.error(format!("predictions cannot be compared: {why}")),
    }
}

struct Shift {
    psi: f64,
    noise: f64,
    psi_p: f64,
    ks: f64,
    ks_p: f64,
}

fn measure(wanted: &Predictions, champion: &[f64], canary: &[f64]) -> Result<Shift, StatError> {
    let edges = Edges::quantiles(champion, wanted.bins)?;
    let count = |values: &[f64]| {
        let mut counts = vec![0_u64; edges.bins()];
        for value in values {
            counts[edges.bin(*value)] += 1;
        }
        counts
    };
    let (before, now) = (count(champion), count(canary));
    let used = before.iter().zip(&now).filter(|(a, b)| **a + **b > 0).count();
    let (n, m) = (champion.len() as u64, canary.len() as u64);
    let index = psi(&Shares::from_counts(&before)?, &Shares::from_counts(&now)?, FLOOR)?.value;
    let ks = ks_two_sample(champion, canary)?;
    Ok(Shift {
        psi: index,
        noise: expected_noise(n, m, used)?,
        psi_p: psi_p_value(index, n, m, used)?,
        ks: ks.statistic,
        ks_p: ks.p_value,
    })
}

fn judge(
    check: Check,
    wanted: &Predictions,
    found: &Shift,
    (canary, champion): (&[f64], &[f64]),
    alpha: f64,
) -> Check {
    // What chance alone adds is taken off, or every small canary would seem to differ.
    let size = (found.psi - found.noise).max(0.0);
    let check = check
        .observed(size)
        .test("psi against chance", found.psi_p)
        .detail("psi_raw", found.psi)
        .detail("psi_of_chance", found.noise)
        .detail("ks", found.ks)
        .detail("ks_p", found.ks_p);
    let first = canary[0];
    if canary.iter().all(|p| *p == first) && found.ks > 0.0 {
        let chance = of_one_value(
            canary.len(),
            champion.iter().filter(|p| **p == first).count(),
            champion.len(),
            alpha,
        );
        if chance < alpha {
            return miss(
                check,
                wanted.mode,
                format!(
                    "predictions: every one of the canary's {} is {first}, which the champion would do with a chance of at \
                     most {}",
                    canary.len(),
                    Format::PValue.show(chance)
                ),
            );
        }
    }
    let seen = format!(
        "predictions: PSI {size:.3} beyond chance (raw {:.3}), KS {:.3}, {} allowed",
        found.psi, found.ks, wanted.max_psi
    );
    // Size and significance both: either alone is noise or trifle.
    if size > wanted.max_psi && found.psi_p < alpha {
        let new = "; a new model may well differ: see that it is meant";
        return miss(check, wanted.mode, format!("{seen}{new}"));
    }
    check.pass(seen)
}

/// The largest chance that the champion would give one value so many times in a row, over all its shares of that value that
/// are not ruled out, with the chance of having ruled out the true one (Berger and Boos 1994).
fn of_one_value(times: usize, champion: usize, all: usize, alpha: f64) -> f64 {
    let beta = alpha / 10.0;
    let most = Confidence::one_sided(beta)
        .and_then(|confidence| Proportion::new(champion as u64, all as u64)?.clopper_pearson(confidence))
        .map_or(1.0, |interval| interval.upper);
    most.powf(times as f64) + beta
}

fn miss(check: Check, mode: Mode, why: String) -> Check {
    if mode == Mode::Enforce {
        check.fail(why)
    } else {
        check.warn(why)
    }
}
