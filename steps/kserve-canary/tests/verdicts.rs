//! What the canary's behaviour leads to, on the pure decision; among them the examples on which Kayenta is
//! known to be wrong.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

mod common;

use common::{NOON, Traffic};
use kserve_api::record::Request;
use kserve_canary::Evidence;
use kserve_canary::config::{self, Config};
use kserve_canary::decide::{Decision, Verdict, decide};
use step_report::{Check, Outcome};

fn judge(champion: Traffic, canary: Traffic) -> Decision {
    with_config(&Config::default(), champion.requests(), canary.requests())
}

fn with(yaml: &str, champion: Vec<Request>, canary: Vec<Request>) -> Decision {
    with_config(&config::load("canary.yaml", yaml).unwrap(), champion, canary)
}

fn with_config(config: &Config, champion: Vec<Request>, canary: Vec<Request>) -> Decision {
    let evidence = Evidence {
        champion: champion.into(),
        canary: canary.into(),
    };
    decide(config, &evidence)
}

#[track_caller]
fn expect(decision: &Decision, verdict: Verdict, words: &str) {
    assert_eq!(decision.verdict, verdict, "{}", decision.reason);
    assert!(decision.reason.contains(words), "{}", decision.reason);
}

fn check<'a>(decision: &'a Decision, id: &str) -> &'a Check {
    decision.checks.iter().find(|check| check.id == id).unwrap()
}

/// One request a second with this latency and status.
fn series(latencies: &[f64], each: usize, status: impl Fn(usize) -> i32) -> Vec<Request> {
    (0..latencies.len() * each)
        .map(|at| {
            let status = status(at);
            Request {
                request: at as i64,
                intended_start: NOON + at as i64 * 1_000_000_000,
                latency_ms: latencies[at / each],
                status,
                prediction: (status == 200).then_some(0.5 + (at % 7) as f64 / 100.0),
            }
        })
        .collect()
}

#[test]
fn an_equal_canary_is_promoted_when_there_is_enough() {
    let decision = judge(Traffic::healthy(1000, 1), Traffic::healthy(1000, 2));
    expect(&decision, Verdict::Promote, "over 1000 requests");
}

#[test]
fn too_few_requests_say_how_many_are_needed() {
    let decision = judge(Traffic::healthy(100, 1), Traffic::healthy(100, 2));
    expect(&decision, Verdict::Inconclusive, "requests in the canary");
    let guard = check(&decision, "sample_size");
    assert_eq!(guard.outcome, Outcome::Insufficient);
    let needed = guard.details["needed_canary"].as_u64().unwrap();
    let fewest = guard.details["fewest_canary"].as_u64().unwrap();
    // One slow answer of a hundred: some hundreds show the margin of a point, some thousands do so with power.
    assert!((269..1000).contains(&fewest), "{fewest}");
    assert!((1000..5000).contains(&needed), "{needed}");
    for said in [
        format!("at least {fewest} requests, has 100"),
        format!("{needed} give"),
    ] {
        assert!(guard.why.contains(&said), "{}", guard.why);
    }
    // And so many are enough.
    let enough = judge(
        Traffic::healthy(needed as usize, 1),
        Traffic::healthy(needed as usize, 2),
    );
    assert_eq!(check(&enough, "sample_size").outcome, Outcome::Pass);
}

#[test]
fn more_errors_roll_back() {
    let sick = Traffic {
        error_rate: 0.08,
        ..Traffic::healthy(600, 2)
    };
    let champion = Traffic {
        error_rate: 0.005,
        ..Traffic::healthy(600, 1)
    };
    expect(&judge(champion, sick), Verdict::Rollback, "errors: canary");
}

#[test]
fn slower_answers_roll_back_and_fast_failures_do_not_hide_them() {
    let slow = Traffic {
        slowdown: 2.5,
        error_rate: 0.004,
        ..Traffic::healthy(600, 2)
    };
    expect(
        &judge(Traffic::healthy(600, 1), slow),
        Verdict::Rollback,
        "slower than",
    );
    // A twentieth slower is within the tolerance.
    let near = Traffic {
        slowdown: 1.05,
        ..Traffic::healthy(1000, 2)
    };
    expect(
        &judge(Traffic::healthy(1000, 1), near),
        Verdict::Promote,
        "slower than",
    );
}

#[test]
fn an_slo_replaces_the_champions_own_limit() {
    let slow = Traffic {
        slowdown: 2.5,
        ..Traffic::healthy(600, 2)
    };
    let run = |yaml: &str| with(yaml, Traffic::healthy(600, 1).requests(), slow.requests());
    expect(
        &run("canary: {latency: {slo_ms: 250}}"),
        Verdict::Promote,
        "slower than 250 ms",
    );
    expect(
        &run("canary: {latency: {slo_ms: 10}}"),
        Verdict::Rollback,
        "slower than 10 ms",
    );
    expect(
        &run("canary: {latency: {mode: warn}}"),
        Verdict::Promote,
        "but slower than",
    );
    expect(
        &run("canary: {latency: {mode: off}}"),
        Verdict::Promote,
        "errors:",
    );
}

#[test]
fn other_predictions_warn_by_default_and_decide_when_enforced() {
    let run = |yaml: &str, shift| {
        let moved = Traffic {
            shift,
            ..Traffic::healthy(1000, 2)
        };
        with(yaml, Traffic::healthy(1000, 1).requests(), moved.requests())
    };
    expect(&run("canary: {}", 0.4), Verdict::Promote, "but predictions: PSI");
    expect(
        &run("canary: {predictions: {mode: enforce}}", 0.4),
        Verdict::Rollback,
        "predictions: PSI",
    );
    expect(
        &run("canary: {predictions: {mode: enforce}}", 0.0),
        Verdict::Promote,
        "errors:",
    );
    let few = with(
        "canary: {predictions: {mode: enforce, min_predictions: 5000}}",
        Traffic::healthy(1000, 1).requests(),
        Traffic::healthy(1000, 2).requests(),
    );
    expect(&few, Verdict::Inconclusive, "5000 in each are needed");
}

#[test]
fn a_canary_that_always_says_the_same_is_pointed_out() {
    let mut canary = Traffic::healthy(1000, 2).requests();
    canary.iter_mut().for_each(|r| r.prediction = Some(0.25));
    let decision = with("canary: {}", Traffic::healthy(1000, 1).requests(), canary);
    expect(
        &decision,
        Verdict::Promote,
        "every one of the canary's 1000 is 0.25",
    );
}

#[test]
fn an_outage_of_one_or_both_arms_never_promotes() {
    let down = |seed| Traffic {
        error_rate: 1.0,
        ..Traffic::healthy(1000, seed)
    };
    let up = |seed| Traffic::healthy(1000, seed);
    expect(
        &judge(down(1), down(2)),
        Verdict::Inconclusive,
        "neither arm answered",
    );
    expect(
        &judge(up(1), down(2)),
        Verdict::Rollback,
        "the canary answered none of 1000",
    );
    expect(
        &judge(down(1), up(2)),
        Verdict::Inconclusive,
        "the champion answered none of 1000",
    );
    let few = Traffic {
        requests: 5,
        ..down(2)
    };
    expect(&judge(up(1), few), Verdict::Rollback, "answered none of 5");
    let handful = |traffic| Traffic {
        requests: 3,
        ..traffic
    };
    expect(
        &judge(handful(up(1)), handful(down(2))),
        Verdict::Inconclusive,
        "none of 3 requests, the champion 3 of 3; 5 tell an outage",
    );
}

#[test]
fn arms_that_both_fail_mostly_are_no_outage_of_one() {
    // Both fail seven times of ten, and the canary's first five happen to be among them.
    let sick = Traffic {
        error_rate: 0.7,
        ..Traffic::healthy(100, 1)
    };
    let unlucky = Traffic {
        error_rate: 1.0,
        ..Traffic::healthy(5, 2)
    };
    expect(
        &judge(sick, unlucky),
        Verdict::Inconclusive,
        "one that fails as often as the champion does so with a chance of up to",
    );
}

#[test]
fn a_rare_class_that_does_not_come_up_is_no_collapse() {
    let classes = |seed, rare: usize| {
        let mut requests = Traffic::healthy(if rare == 0 { 100 } else { 2000 }, seed).requests();
        for (at, request) in requests.iter_mut().enumerate() {
            request.prediction = Some(if rare > 0 && at % rare == 0 { 1.0 } else { 0.0 });
        }
        requests
    };
    let yaml = "canary: {predictions: {mode: enforce}}";
    // One of two hundred at the champion, none of a hundred at the canary.
    let decision = with(yaml, classes(1, 200), classes(2, 0));
    assert_eq!(
        check(&decision, "prediction_shift").outcome,
        Outcome::Pass,
        "{}",
        decision.reason
    );
    // One of five is another matter.
    let decision = with(yaml, classes(1, 5), classes(2, 0));
    expect(&decision, Verdict::Rollback, "every one of the canary's 100 is 0");
}

#[test]
fn more_errors_that_are_surely_within_the_margin_do_not_roll_back() {
    let failing = |seed, error_rate| Traffic {
        error_rate,
        ..Traffic::healthy(150_000, seed)
    };
    let decision = judge(failing(1, 0.005), failing(2, 0.009));
    expect(
        &decision,
        Verdict::Promote,
        "surely more (p <0.001 at any look), but at most",
    );
    assert_eq!(check(&decision, "error_rate").outcome, Outcome::Warn);
}

#[test]
fn arms_that_fail_alike_but_often_are_not_promoted() {
    let sick = |seed| Traffic {
        error_rate: 0.3,
        ..Traffic::healthy(60_000, seed)
    };
    expect(&judge(sick(1), sick(2)), Verdict::Inconclusive, "fails 30");
}

#[test]
fn a_canary_that_repairs_a_sick_champion_is_promoted() {
    let sick = |requests| Traffic {
        error_rate: 0.3,
        ..Traffic::healthy(requests, 1)
    };
    let decision = judge(sick(2000), Traffic::healthy(2000, 2));
    expect(&decision, Verdict::Promote, "errors: canary 0 of 2000");
    let guard = check(&decision, "sample_size");
    // Two arms that fail three times of ten would need more than ten thousand.
    let fewest = guard.details["fewest_canary"].as_u64().unwrap();
    assert!((269..2000).contains(&fewest), "{fewest}");
    assert!(
        guard.why.contains("as healthy as the healthier one"),
        "{}",
        guard.why
    );
    // It needs as many as any other canary.
    let few = judge(sick(200), Traffic::healthy(200, 2));
    expect(&few, Verdict::Inconclusive, "the canary needs at least");
    // One that fails as often, or only a little less, repairs nothing.
    let little = Traffic {
        error_rate: 0.29,
        ..Traffic::healthy(2000, 2)
    };
    expect(
        &judge(sick(2000), little),
        Verdict::Inconclusive,
        "errors: canary",
    );
    // Half of it repaired is still sick.
    let half = Traffic {
        error_rate: 0.15,
        ..Traffic::healthy(20_000, 2)
    };
    expect(&judge(sick(20_000), half), Verdict::Inconclusive, "fails 15");
    // Slowness is repaired in the same way.
    let slow = Traffic {
        slowdown: 2.0,
        ..Traffic::healthy(1000, 1)
    };
    let decision = with(
        "canary: {latency: {slo_ms: 20}}",
        slow.requests(),
        Traffic::healthy(1000, 2).requests(),
    );
    expect(&decision, Verdict::Promote, "slower than 20 ms: canary 0");
}

/// Every number at both its ends still leads to a decision on what was seen.
#[test]
fn the_bounds_of_the_configuration_are_bounds_of_sense() {
    for yaml in [
        "alpha: 0.000001",
        "alpha: 0.49",
        "power: 0.9999",
        "slice_seconds: 0.001",
        "slice_seconds: 86400",
        "errors: {max_increase: 0.000001}",
        "errors: {max_increase: 0.99}",
        "errors: {allowed_ratio: 1}",
        "errors: {allowed_ratio: 1000}",
        "latency: {slo_ms: 0.001}",
        "latency: {tolerance: 100}",
        "latency: {allowed_ratio: 1000}",
        "predictions: {mode: enforce, max_psi: 0.000001}",
        "split: {expected_share: 0.000001}",
    ] {
        let decision = with(
            &format!("canary: {{{yaml}}}"),
            Traffic::healthy(1000, 1).requests(),
            Traffic::healthy(1000, 2).requests(),
        );
        for id in ["error_rate", "latency_tail", "sample_size"] {
            let why = &check(&decision, id).why;
            assert!(
                !why.contains("no request") && !why.contains("cannot"),
                "{yaml}: {why}"
            );
        }
        assert!(!decision.reason.contains("cannot"), "{yaml}: {}", decision.reason);
        assert_ne!(decision.verdict, Verdict::Rollback, "{yaml}: {}", decision.reason);
    }
}

#[test]
fn a_canary_that_answers_200_with_nothing_usable_fails() {
    let mut canary = Traffic::healthy(1000, 2).requests();
    canary.iter_mut().step_by(4).for_each(|r| r.prediction = None);
    let decision = with("canary: {}", Traffic::healthy(1000, 1).requests(), canary);
    expect(&decision, Verdict::Rollback, "canary 250 of 1000");
}

#[test]
fn a_split_that_is_not_in_effect_is_inconclusive() {
    let champion = Traffic {
        rate: 190.0,
        ..Traffic::healthy(9500, 1)
    };
    let canary = Traffic {
        rate: 10.0,
        ..Traffic::healthy(500, 2)
    };
    let run = |share: f64| {
        let yaml = format!("canary: {{split: {{expected_share: {share}}}}}");
        with(&yaml, champion.requests(), canary.requests())
    };
    expect(&run(0.05), Verdict::Promote, "errors:");
    expect(&run(0.2), Verdict::Inconclusive, "the split is not in effect");
}

#[test]
fn arms_driven_one_after_the_other_are_judged_with_a_warning() {
    let later = Traffic {
        start: NOON + 3_600_000_000_000,
        ..Traffic::healthy(1000, 2)
    };
    expect(
        &judge(Traffic::healthy(1000, 1), later),
        Verdict::Promote,
        "not driven at the same time",
    );
    let sick = Traffic {
        error_rate: 0.2,
        ..later
    };
    expect(
        &judge(Traffic::healthy(1000, 1), sick),
        Verdict::Rollback,
        "errors: canary",
    );
}

/// spinnaker/kayenta#426: errors 0,1,2,1,0,0 a minute against none was a Pass.
#[test]
fn kayenta_426_sparse_errors_are_no_pass() {
    let errors = [0, 1, 2, 1, 0, 0];
    let canary = series(&[8.0; 6], 100, |at| {
        if at % 100 < errors[at / 100] { 503 } else { 200 }
    });
    let decision = with("canary: {}", series(&[8.0; 6], 100, |_| 200), canary);
    expect(&decision, Verdict::Inconclusive, "errors: canary 4 of 600");
    // Ten times as long, and it is harm.
    let canary = series(&[8.0; 60], 100, |at| {
        if at % 100 < 3 * errors[at / 100 % 6] {
            503
        } else {
            200
        }
    });
    let decision = with("canary: {}", series(&[8.0; 60], 100, |_| 200), canary);
    expect(&decision, Verdict::Rollback, "errors: canary 120 of 6000");
}

/// spinnaker/spinnaker#6278: seven points of 100 and three of 1 against ones was a Pass.
#[test]
fn kayenta_6278_two_thirds_slow_is_no_pass() {
    let canary = [100.0, 100.0, 1.0, 100.0, 100.0, 1.0, 100.0, 100.0, 1.0, 100.0];
    let decision = with(
        "canary: {}",
        series(&[1.0; 10], 20, |_| 200),
        series(&canary, 20, |_| 200),
    );
    expect(&decision, Verdict::Rollback, "slower than");
}

/// spinnaker/kayenta#633: 650 % more was a Pass.
#[test]
fn kayenta_633_six_times_slower_is_no_pass() {
    let slow = Traffic {
        slowdown: 7.5,
        ..Traffic::healthy(300, 2)
    };
    expect(
        &judge(Traffic::healthy(300, 1), slow),
        Verdict::Rollback,
        "slower than",
    );
}

/// spinnaker/kayenta#799, #377: no control to compare with, and errors in the canary.
#[test]
fn kayenta_799_no_control_is_no_pass() {
    let champion = Traffic {
        error_rate: 1.0,
        ..Traffic::healthy(300, 1)
    };
    let canary = Traffic {
        error_rate: 0.05,
        ..Traffic::healthy(300, 2)
    };
    expect(
        &judge(champion, canary),
        Verdict::Inconclusive,
        "nothing to compare with",
    );
}

#[test]
fn the_same_evidence_always_gives_the_same_checks() {
    let once = || judge(Traffic::healthy(500, 1), Traffic::healthy(500, 2));
    assert_eq!(once().checks, once().checks);
}
