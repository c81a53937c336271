//! An hour of a canary at 5 % of the traffic, counted every ten seconds, and what the rule makes of it.

use drift_stats::sequential::{Arm, RatioProcess};
use kserve_canary::config::Config;
use kserve_canary::decide::{Margins, State, compare};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Seconds between two looks.
pub(crate) const TICK: u32 = 10;
/// Looks in an hour.
pub(crate) const TICKS: u32 = 3600 / TICK;
/// The canary's share of the requests.
const SHARE: f64 = 0.05;

/// What goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World {
    /// Requests a second, at both arms together.
    pub(crate) rate: f64,
    /// The champion's share of errors.
    pub(crate) errors: f64,
    /// How many times as many the canary has.
    pub(crate) times: f64,
    /// The share of slow answers of both.
    pub(crate) slow: f64,
}

/// What both arms did in one tick.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tick {
    /// Errors of canary and champion.
    pub(crate) errors: (Arm, Arm),
    /// Slow answers among those without an error.
    pub(crate) slow: (Arm, Arm),
}

/// Draws events by the gaps between them: a request at a time would take a hundred times as long.
fn among(random: &mut StdRng, trials: u64, share: f64) -> u64 {
    if share <= 0.0 {
        return 0;
    }
    let (mut events, mut at) = (0, 0.0);
    loop {
        let uniform: f64 = 1.0 - random.random::<f64>();
        at += 1.0 + (uniform.ln() / (1.0 - share).ln()).floor();
        if at > trials as f64 {
            return events;
        }
        events += 1;
    }
}

/// The hour, always the same for a seed.
pub(crate) fn hour(world: World, seed: u64) -> Vec<Tick> {
    let mut random = StdRng::seed_from_u64(seed);
    let all = (world.rate * f64::from(TICK)).round() as u64;
    (0..TICKS)
        .map(|_| {
            let canary = among(&mut random, all, SHARE);
            let mut arm = |trials: u64, errors: f64| {
                let failed = among(&mut random, trials, errors);
                let answered = trials - failed;
                let slow = among(&mut random, answered, world.slow);
                let errors = Arm {
                    trials,
                    events: failed,
                };
                let slow = Arm {
                    trials: answered,
                    events: slow,
                };
                (errors, slow)
            };
            let (canary, champion) = (
                arm(canary, world.errors * world.times),
                arm(all - canary, world.errors),
            );
            Tick {
                errors: (canary.0, champion.0),
                slow: (canary.1, champion.1),
            }
        })
        .collect()
}

/// The margins of the whole rule at its defaults: each of the two enforced checks has half of alpha.
pub(crate) fn margins() -> Margins {
    let config = Config::default();
    Margins {
        max_increase: config.errors.max_increase,
        allowed_ratio: config.errors.allowed_ratio,
        alpha: config.alpha / 2.0,
        alpha_promote: config.alpha,
        power: 1.0 - (1.0 - config.power) / 2.0,
    }
}

/// The tick, from 1, at which one comparison says that the canary is worse.
pub(crate) fn worse_at(pairs: &[(Arm, Arm)], margins: &Margins) -> Option<u32> {
    let mut process = RatioProcess::new(margins.allowed_ratio).unwrap();
    for (tick, (canary, champion)) in (1..).zip(pairs) {
        process.update(*canary, *champion).unwrap();
        // What follows is asked for only when it matters; a comparison sums up all that was.
        if process.rejects(margins.alpha).unwrap()
            && compare(&pairs[..tick as usize], margins).is_some_and(|found| found.state == State::Worse)
        {
            return Some(tick);
        }
    }
    None
}

/// The tick at which the whole rule rolls back: by errors or by slow answers.
pub(crate) fn rolled_back_at(hour: &[Tick]) -> Option<u32> {
    let margins = margins();
    let of = |part: fn(&Tick) -> (Arm, Arm)| {
        let pairs: Vec<_> = hour.iter().map(part).collect();
        worse_at(&pairs, &margins)
    };
    let found = [of(|tick| tick.errors), of(|tick| tick.slow)];
    found.into_iter().flatten().min()
}
