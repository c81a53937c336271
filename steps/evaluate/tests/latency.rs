//! `evaluate gate` on answer times: whose they are, how many they rest on, and whether anything was answered.

mod common;

use std::time::Duration;

use common::{Dir, LoadReport, Ran, rows};
use step_testkit::{ModelStub, Reply};

const GATES: &str = "evaluation: {latency: {p95_ms: 50, p99_ms: 100}}";

fn gate(dir: &Dir, report: &str, more: &[&str]) -> Ran {
    dir.file("load.json", report);
    let load = ["--load-report", "load.json", "--model", "m"];
    dir.gate(GATES, &rows(200, 2.0), None, &[&load[..], more].concat())
}

#[test]
fn times_are_held_to_their_bounds() {
    let dir = Dir::new();
    let slow = LoadReport {
        p95: 60.0,
        p99: 90.0,
        ..LoadReport::default()
    };
    gate(&dir, &slow.json(), &[])
        .says("FAIL", 3)
        .outcome("latency:p95_ms", "fail", &["60 is above 50 ms"])
        .outcome("latency:p99_ms", "pass", &[]);
    gate(&dir, "{}", &[]).refuses(2, &["load.json", "schema"]);
    let p50 = "evaluation: {latency: {p50_ms: 5}}";
    dir.file("load.json", LoadReport::default().json());
    let load = ["--load-report", "load.json", "--model", "m"];
    dir.gate(p50, &rows(200, 2.0), None, &load)
        .says("FAIL", 3)
        .outcome("latency:p50_ms", "error", &["does not report p50_ms"]);
}

/// The fewest n with 0.99^n <= 0.05 is 299, and for 0.95 it is 59.
#[test]
fn a_quantile_needs_as_many_requests_here_as_under_load() {
    let dir = Dir::new();
    let of = |requests| {
        LoadReport {
            requests,
            ..LoadReport::default()
        }
        .json()
    };
    gate(&dir, &of(299), &[]).says("PASS", 0);
    gate(&dir, &of(298), &[])
        .says("FAIL", 3)
        .outcome(
            "latency:p99_ms",
            "insufficient",
            &["298 requests; 299 are needed"],
        )
        .outcome("latency:p95_ms", "pass", &[]);
    gate(&dir, &of(58), &[]).outcome("latency:p95_ms", "insufficient", &["59 are needed"]);
}

#[test]
fn an_interval_carries_the_level_that_it_has() {
    let ran = gate(&Dir::new(), &LoadReport::default().json(), &[]);
    ran.says("PASS", 0)
        .outcome("latency:p95_ms", "pass", &["90% interval 11 to 13 ms"]);
    assert_eq!(ran.check("latency:p95_ms")["interval"]["level"], 0.9);
}

/// Failures are fast: unless it is shown that requests succeed, their times say nothing.
#[test]
fn times_of_requests_that_are_not_shown_to_succeed_are_no_evidence() {
    let dir = Dir::new();
    for errors in ["fail", "insufficient", "skipped", "error"] {
        let report = LoadReport {
            errors,
            ..LoadReport::default()
        };
        gate(&dir, &report.json(), &[]).says("FAIL", 3).outcome(
            "latency:p95_ms",
            "fail",
            &["not shown that requests succeed", "90 of 600 requests failed"],
        );
    }
    let without = LoadReport::default().json().replace("\"errors\"", "\"others\"");
    gate(&dir, &without, &[])
        .says("FAIL", 3)
        .outcome("latency:p95_ms", "fail", &["has no error rate"]);
}

#[test]
fn times_of_another_model_are_refused() {
    let dir = Dir::new();
    let other = LoadReport {
        model: "old",
        ..LoadReport::default()
    };
    gate(&dir, &other.json(), &[]).refuses(2, &["load.json", "drove model `old`", "challenger is `m`"]);
    let named = LoadReport {
        label: "challenger",
        ..other
    };
    gate(&dir, &named.json(), &[]).refuses(2, &["drove model `old`"]);
    let champion = LoadReport {
        label: "champion",
        ..LoadReport::default()
    };
    gate(&dir, &champion.json(), &[]).refuses(2, &["the load test drove champion"]);
    let unnamed = LoadReport::default().json().replace("model.1", "model.2");
    gate(&dir, &unnamed, &[]).refuses(2, &["drove model ``"]);
}

#[test]
fn of_two_endpoints_the_challenger_is_taken() {
    let dir = Dir::new();
    let champion = LoadReport {
        label: "champion",
        ..LoadReport::default()
    };
    let slow = |label| LoadReport {
        label,
        endpoint: "http://h:8081/",
        p95: 70.0,
        ..LoadReport::default()
    };
    let ran = gate(&dir, &LoadReport::of(&[champion, slow("challenger")]), &[]);
    ran.says("FAIL", 3)
        .outcome("latency:p95_ms", "fail", &["70 is above 50 ms"]);
    assert_eq!(ran.report["bindings"]["latency.endpoint"], "http://h:8081/");
    assert_eq!(ran.report["bindings"]["latency.model"], "m");
    let pair = LoadReport::of(&[LoadReport::default(), slow("2")]);
    gate(&dir, &pair, &[]).refuses(2, &["drove 1 and 2", "challenger=URL"]);
}

/// What `load` writes is what `gate` reads: 300 requests are enough for both.
#[test]
fn a_load_is_evidence_for_the_gate_of_its_model() {
    let dir = Dir::new();
    let server = ModelStub::start(Duration::ZERO, |_, _| Reply::Predict(0.5)).expect("a free port");
    dir.file("requests.csv", "a,b\n1,2\n3,4\n");
    let url = server.url();
    let load = dir.run(&[
        "load",
        "--endpoint",
        &url,
        "--model",
        "m",
        "--data",
        "requests.csv",
        "--rate",
        "300",
        "--duration",
        "1s",
        "--arrivals",
        "fixed",
        "--record",
        "load.parquet",
    ]);
    load.says("PASS", 0);
    let report = std::fs::read_to_string(dir.path().join("report.json")).expect("a report");
    dir.file("load.json", report);
    let gates = "evaluation: {latency: {p95_ms: 5000, p99_ms: 9000}}";
    let of = |model: &str| {
        let load = ["--load-report", "load.json", "--model", model];
        dir.gate(gates, &rows(200, 2.0), None, &load)
    };
    of("m")
        .says("PASS", 0)
        .outcome("latency:p99_ms", "pass", &["300 requests", "90% interval"]);
    of("another").refuses(2, &["drove model `m`", "challenger is `another`"]);
}
