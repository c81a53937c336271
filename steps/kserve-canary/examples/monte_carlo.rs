//! How often and how fast each rule rolls back, by simulation: `cargo run --release --example monte_carlo [RUNS]`.
//!
//! Beside the rule of `kserve-canary judge` at its defaults: Flagger's (a check a minute, the canary's own share of errors
//! against a threshold, rolled back at the fifth failed check), Argo Rollouts' (a measurement every five minutes, aborted
//! above three failed ones) and Kayenta's (Mann-Whitney over the minutes of the hour, judged once at its end), as their
//! documents have them. The first two know no champion: their threshold is 2 %, twice the share of errors here.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program of the bench")]

#[path = "../tests/common/trace.rs"]
mod trace;

use statrs::distribution::{ContinuousCDF as _, Normal};
use trace::{TICK, TICKS, Tick, World, hour, margins, rolled_back_at, worse_at};

/// The tick at which a rule rolls back.
type Rule = fn(&[Tick]) -> Option<u32>;

const RULES: [(&str, Rule); 5] = [
    ("ours", rolled_back_at),
    ("ours, errors alone at alpha .05", errors_alone),
    ("Flagger", flagger),
    ("Argo Rollouts", rollouts),
    ("Kayenta", kayenta),
];

fn errors_alone(hour: &[Tick]) -> Option<u32> {
    let pairs: Vec<_> = hour.iter().map(|tick| tick.errors).collect();
    let mut margins = margins();
    margins.alpha *= 2.0;
    worse_at(&pairs, &margins)
}

/// The canary's share of errors over each so many ticks; none where it had no request.
fn shares(hour: &[Tick], ticks: usize, of: fn(&Tick) -> drift_stats::sequential::Arm) -> Vec<Option<f64>> {
    hour.chunks(ticks)
        .map(|part| {
            let sum = |field: fn(drift_stats::sequential::Arm) -> u64| {
                part.iter().map(|tick| field(of(tick))).sum::<u64>()
            };
            let (trials, events) = (sum(|arm| arm.trials), sum(|arm| arm.events));
            (trials > 0).then(|| events as f64 / trials as f64)
        })
        .collect()
}

/// A look without a value fails, as it does there.
fn threshold(hour: &[Tick], ticks: u32, failures: usize) -> Option<u32> {
    let failed = (1..)
        .zip(shares(hour, ticks as usize, |tick| tick.errors.0))
        .filter(|(_, share)| share.is_none_or(|share| share > 0.02))
        .nth(failures - 1);
    failed.map(|(look, _)| look * ticks)
}

fn flagger(hour: &[Tick]) -> Option<u32> {
    threshold(hour, 60 / TICK, 5)
}

fn rollouts(hour: &[Tick]) -> Option<u32> {
    threshold(hour, 300 / TICK, 4)
}

/// High when the 98 % interval of the shift, by the normal approximation with ties, is above a quarter of its estimate.
fn kayenta(hour: &[Tick]) -> Option<u32> {
    let minutes = |of| -> Vec<f64> {
        let shares = shares(hour, (60 / TICK) as usize, of);
        shares.into_iter().flatten().collect()
    };
    let (canary, champion) = (minutes(|tick| tick.errors.0), minutes(|tick| tick.errors.1));
    let mut shifts: Vec<f64> = canary
        .iter()
        .flat_map(|a| champion.iter().map(move |b| a - b))
        .collect();
    shifts.sort_by(f64::total_cmp);
    let (n, m) = (canary.len() as f64, champion.len() as f64);
    let z = Normal::standard().inverse_cdf(0.99);
    let rank = (n * m / 2.0 - z * (n * m * (n + m + 1.0) / 12.0).sqrt())
        .floor()
        .max(0.0);
    let (lower, middle) = (shifts[rank as usize], shifts[shifts.len() / 2]);
    (lower > 0.25 * middle.abs()).then_some(TICKS)
}

/// Every run's tick, for every rule.
fn simulate(world: World, runs: u64) -> Vec<Vec<Option<u32>>> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let parts = std::thread::scope(|scope| {
        let started: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || {
                    (worker..runs)
                        .step_by(workers as usize)
                        .map(|seed| {
                            let hour = hour(world, seed);
                            RULES.map(|(_, rule)| rule(&hour))
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        started
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    (0..RULES.len())
        .map(|rule| parts.iter().map(|run| run[rule]).collect())
        .collect()
}

fn main() {
    let runs = std::env::args()
        .nth(1)
        .map_or(10_000, |runs| runs.parse().unwrap());
    println!(
        "{runs} runs a cell: an hour, 5 % canary, 1 % errors at the champion, 0.5 % slow answers at both, a look every {TICK} s.\n\
         Rolled back within the hour, and the median minute of it over all runs.\n"
    );
    println!(
        "| requests a second | canary's errors | {} |",
        RULES.map(|(name, _)| name).join(" | ")
    );
    println!("|---|---|{}", "---|".repeat(RULES.len()));
    for (times, name) in [(1.0, "equal"), (2.0, "doubled"), (5.0, "five-fold")] {
        for rate in [2.0, 10.0, 50.0] {
            let world = World {
                rate,
                errors: 0.01,
                times,
                slow: 0.005,
            };
            let cells: Vec<String> = simulate(world, runs)
                .into_iter()
                .map(|mut ticks| {
                    let found = ticks.iter().flatten().count();
                    ticks.sort_by_key(|tick| tick.unwrap_or(u32::MAX));
                    let median = ticks[ticks.len() / 2];
                    let share = 100.0 * found as f64 / ticks.len() as f64;
                    match median {
                        Some(tick) => format!("{share:.1} %, {:.1} min", f64::from(tick * TICK) / 60.0),
                        None => format!("{share:.1} %"),
                    }
                })
                .collect();
            println!("| {rate} | {name} | {} |", cells.join(" | "));
        }
    }
}
