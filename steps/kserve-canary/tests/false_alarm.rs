//! How often the judge is wrong, by simulation with a seed: rollbacks of canaries that are no worse, looked at
//! three times on the way, stay below alpha; harm is found; an equal canary passes on the planned number, and one
//! that is worse by the margin does not.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

mod common;
#[path = "common/trace.rs"]
mod trace;

use common::Traffic;
use drift_stats::sequential::Arm;
use kserve_canary::Evidence;
use kserve_canary::config::Config;
use kserve_canary::decide::{Margins, State, Verdict, compare, decide};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

const RUNS: u64 = 400;

/// The share of runs in which any of the looks ends with the verdict.
fn share_of(verdict: Verdict, looks: &[usize], champion: Traffic, canary: Traffic) -> f64 {
    let config = Config::default();
    let hits = (0..RUNS)
        .filter(|run| {
            let arm = |traffic: Traffic, salt| {
                Traffic {
                    seed: run * 2 + salt,
                    ..traffic
                }
                .requests()
            };
            let (champion, canary) = (arm(champion, 0), arm(canary, 1));
            looks.iter().any(|n| {
                let seen = Evidence {
                    champion: champion[..*n].to_vec().into(),
                    canary: canary[..*n].to_vec().into(),
                };
                decide(&config, &seen).verdict == verdict
            })
        })
        .count();
    hits as f64 / RUNS as f64
}

#[test]
fn a_canary_that_is_no_worse_is_seldom_rolled_back() {
    for error_rate in [0.0, 0.01, 0.05] {
        let equal = Traffic {
            error_rate,
            ..Traffic::healthy(600, 0)
        };
        let rate = share_of(Verdict::Rollback, &[200, 400, 600], equal, equal);
        // Alpha is 0.05; three standard deviations of the simulation are 0.033.
        assert!(rate <= 0.05, "at {error_rate}: {rate}");
    }
}

#[test]
fn harm_is_found() {
    let champion = Traffic {
        error_rate: 0.01,
        ..Traffic::healthy(600, 0)
    };
    let failing = Traffic {
        error_rate: 0.06,
        ..champion
    };
    let rate = share_of(Verdict::Rollback, &[200, 400, 600], champion, failing);
    assert!(rate >= 0.9, "{rate}");
    let slow = Traffic {
        slowdown: 1.6,
        ..champion
    };
    let rate = share_of(Verdict::Rollback, &[600], champion, slow);
    assert!(rate >= 0.9, "{rate}");
}

/// The number of requests an arm that the judge asks for when it sees much of such traffic.
fn planned(traffic: Traffic) -> usize {
    let long = |seed| {
        Traffic {
            requests: 20_000,
            seed,
            ..traffic
        }
        .requests()
    };
    let seen = Evidence {
        champion: long(1).into(),
        canary: long(2).into(),
    };
    let checks = decide(&Config::default(), &seen).checks;
    let plan = checks.iter().find(|check| check.id == "sample_size").unwrap();
    usize::try_from(plan.details["needed_canary"].as_u64().unwrap()).unwrap()
}

#[test]
fn an_equal_canary_passes_on_the_planned_number_of_requests() {
    for error_rate in [0.0, 0.01] {
        let traffic = Traffic {
            error_rate,
            ..Traffic::healthy(0, 0)
        };
        let plan = planned(traffic);
        let equal = Traffic {
            requests: plan,
            ..traffic
        };
        let rate = share_of(Verdict::Promote, &[plan], equal, equal);
        // Power is 0.9; three standard deviations of the simulation are 0.045.
        assert!(rate >= 0.855, "{plan} requests at {error_rate}: {rate}");
    }
}

#[test]
fn a_canary_that_is_worse_by_the_margin_is_seldom_let_through() {
    let margins = Margins {
        max_increase: 0.01,
        allowed_ratio: 1.0,
        alpha: 0.025,
        alpha_promote: 0.05,
        power: 0.95,
    };
    let runs = 4000;
    let mut random = StdRng::seed_from_u64(20_260_105);
    let mut events = |trials, share| Arm {
        trials,
        events: (0..trials).filter(|_| random.random::<f64>() < share).count() as u64,
    };
    for (share, trials) in [(0.0, 800), (0.01, 800), (0.01, 2500)] {
        let passed = (0..runs)
            .filter(|_| {
                let pair = (
                    events(trials, share + margins.max_increase),
                    events(trials, share),
                );
                compare(&[pair], &margins).unwrap().state == State::WithinMargin
            })
            .count();
        let rate = passed as f64 / f64::from(runs);
        // Alpha is 0.05; three standard deviations of the simulation are 0.010.
        assert!(rate <= 0.06, "{trials} requests at {share}: {rate}");
    }
}

/// What `make bench` shows on 10,000 runs a cell, on as many as a test has time for.
#[test]
fn the_whole_rule_keeps_its_numbers_when_it_is_read_every_tick() {
    let ticks = |rate: f64, times: f64, runs: u64| -> Vec<Option<u32>> {
        let world = trace::World {
            rate,
            errors: 0.01,
            times,
            slow: 0.005,
        };
        let mut ticks: Vec<_> = (0..runs)
            .map(|seed| trace::rolled_back_at(&trace::hour(world, seed)))
            .collect();
        ticks.sort_by_key(|tick| tick.unwrap_or(u32::MAX));
        ticks
    };
    let share = |ticks: &[Option<u32>]| ticks.iter().flatten().count() as f64 / ticks.len() as f64;
    let median =
        |ticks: &[Option<u32>]| ticks[ticks.len() / 2].map(|tick| f64::from(tick * trace::TICK) / 60.0);
    for rate in [2.0, 10.0, 50.0] {
        let equal = ticks(rate, 1.0, 2000);
        // 2 % are allowed; three standard deviations of the simulation are 0.009.
        assert!(share(&equal) <= 0.02, "{rate} a second: {}", share(&equal));
    }
    let doubled = ticks(10.0, 2.0, 500);
    assert!(share(&doubled) >= 0.65, "{}", share(&doubled));
    let doubled = ticks(50.0, 2.0, 500);
    assert!(median(&doubled).unwrap() < 10.0, "{:?}", median(&doubled));
    let five = ticks(10.0, 5.0, 500);
    assert!(median(&five).unwrap() <= 4.0, "{:?}", median(&five));
}
