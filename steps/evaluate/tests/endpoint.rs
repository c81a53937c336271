//! `evaluate gate` on served models: a stub that answers as told, for everything that a real server cannot be told.

#![expect(clippy::expect_used, reason = "a test ends where its ground is missing")]

mod common;

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Dir, Ran};
use serde_json::{Value, json};
use step_testkit::{ModelStub, Reply};

/// Rows with two features: `x` tells the class, `z` is noise, `region` is neither.
fn data(n: usize) -> String {
    let mut text = "id,late,x,z,region\n".to_owned();
    for row in 0..n {
        let label = row * 7 % 5 < 2;
        let x = if label { 0.6 } else { -0.6 } + ((row * 37 % 101) as f64 / 50.0 - 1.0);
        let z = (row * 53 % 97) as f64 / 48.0 - 1.0;
        writeln!(
            text,
            "{row},{},{x},{z},{}",
            u8::from(label),
            ["north", "south"][row % 2]
        )
        .unwrap_or_default();
    }
    text
}

/// A model that scores a matrix row by row.
fn model(of: impl Fn(f64, f64) -> f64 + Send + Sync + 'static) -> ModelStub {
    let script = move |_: usize, body: &Value| {
        let floats = body["inputs"][0]["data"].as_array().cloned().unwrap_or_default();
        let scores: Vec<f64> = floats
            .chunks(2)
            .map(|row| of(row[0].as_f64().unwrap_or(0.0), row[1].as_f64().unwrap_or(0.0)))
            .map(|logit| 1.0 / (1.0 + (-logit).exp()))
            .collect();
        let tensor =
            json!({"name": "predict", "shape": [scores.len(), 1], "datatype": "FP64", "data": scores});
        Reply::Body(json!({"model_name": "m", "outputs": [tensor]}).to_string())
    };
    ModelStub::start(Duration::ZERO, script).expect("a free port")
}

const GATES: &str = "evaluation: {minimum_thresholds: {auc_roc: 0.8}, champion_improvement: {auc_roc_delta: 0.01}, \
                     latency: {p95_ms: 2000, p99_ms: 3000, requests: 1000}, \
                     fairness: {max_disparity: 0.2, columns: [region]}}";

fn gate(dir: &Dir, gates: &str, challenger: &str, more: &[&str]) -> Ran {
    dir.file("gates.yaml", gates);
    dir.file("data.csv", data(600));
    let args = [
        "gate",
        "--gates",
        "gates.yaml",
        "--endpoint",
        challenger,
        "--model",
        "m",
        "--data",
        "data.csv",
    ];
    let columns = ["--label-column", "late", "--feature-columns", "x,z"];
    dir.run(&[&args[..], &columns, more].concat())
}

#[test]
fn both_models_are_asked_about_the_same_rows() {
    let (dir, better, worse) = (Dir::new(), model(|x, _| 3.0 * x), model(|x, z| 2.0 * x + 3.0 * z));
    let champion = worse.url();
    let ran = gate(
        &dir,
        GATES,
        &better.url(),
        &["--champion-endpoint", &champion, "--slice-columns", "region"],
    );
    ran.says("PASS", 0)
        .outcome("champion:auc_roc", "pass", &["600 rows"])
        .outcome("champion:auc_roc:region=north", "pass", &[])
        .outcome("latency:p99_ms", "pass", &["1,000 requests"]);
    assert_eq!(ran.report["bindings"]["scored_by"], "endpoint");
    assert_eq!(ran.report["bindings"]["champion.scored_by"], "endpoint");
    gate(&dir, GATES, &champion, &["--champion-endpoint", &better.url()]).says("FAIL", 3);
}

#[test]
fn behaviour_is_tried_on_the_model() {
    let (dir, server) = (Dir::new(), model(|x, z| 3.0 * x + 0.2 * z));
    let floor = "evaluation: {minimum_thresholds: {auc_roc: 0.6}}";
    let run = |tests: &str| {
        dir.file("behaviour.yaml", tests);
        gate(&dir, floor, &server.url(), &["--behaviour", "behaviour.yaml"])
    };
    let ran = run("behaviour:
  - {name: a large x is late, type: mft, label: 1, change: [{column: x, set: 4}]}
  - {name: z hardly matters, type: inv, tolerance: 0.12, change: [{column: z, one_of: [-1, 0.5, 1]}]}
  - {name: more x is later, type: dir, direction: increase, change: [{column: x, add: 0.5}]}
  - name: two that anyone can tell
    type: mft
    cases:
      - {row: {x: 5, z: 0}, label: 1}
      - {row: {x: -5, z: 0}, label: 0}
");
    ran.says("PASS", 0)
        .outcome("behaviour:a large x is late", "pass", &["MFT", "500 of 500"])
        .outcome("behaviour:z hardly matters", "pass", &["INV"])
        .outcome("behaviour:more x is later", "pass", &["DIR"])
        .outcome("behaviour:two that anyone can tell", "pass", &["2 of 2"]);
    assert_eq!(
        ran.check("behaviour:more x is later")["interval"]["method"],
        "Wilson"
    );
    let ran = run(
        "behaviour: [{name: x must not matter, type: inv, change: [{column: x, multiply: 0.1}]},
                    {name: less x is later, type: dir, direction: increase, change: [{column: x, add: -1}]}]",
    );
    ran.says("FAIL", 3)
        .outcome("behaviour:x must not matter", "fail", &["against 0.95"])
        .outcome("behaviour:less x is later", "fail", &["0 of 500"]);
    assert!(
        ran.check("behaviour:less x is later")["samples"][0]["detail"]
            .to_string()
            .contains("becomes")
    );
    let few = "behaviour: [{name: few, type: mft, label: 1, sample: 20, change: [{column: x, set: 9}]}]";
    run(few)
        .says("FAIL", 3)
        .outcome("behaviour:few", "insufficient", &["20 of 20", "more rows"]);
    let bad = |tests: &str, words: &[&str]| {
        run(tests).refuses(2, words);
    };
    bad("behaviour: []", &["behaviour.yaml", "no test"]);
    bad(
        "behaviour: [{name: n, type: dir, change: [{column: x, add: 1}]}]",
        &["direction"],
    );
    bad(
        "behaviour: [{name: n, type: inv, change: [{column: xx, add: 1}]}]",
        &["`xx` is no feature"],
    );
    bad(
        "behaviour: [{name: n, type: inv, change: [{column: x, set: high}]}]",
        &["\"high\" is no number"],
    );
    bad(
        "behaviour: [{name: n, type: mft, cases: [{row: {x: 1}, label: 1}]}]",
        &["case 0 has no `z`"],
    );
    bad(
        "behaviour: [{name: n, type: inv, change: [{column: x}]}]",
        &["exactly one of"],
    );
    bad("behaviour: [{name: n, typ: inv}]", &["behaviour.yaml:1", "typ"]);
}

#[test]
fn a_server_that_is_away_or_answers_nonsense_is_no_verdict() {
    let dir = Dir::new();
    let floor = "evaluation: {minimum_thresholds: {auc_roc: 0.8}}";
    gate(&dir, floor, "http://127.0.0.1:9", &[]).refuses(4, &["127.0.0.1:9"]);
    let told =
        |reply: Reply| ModelStub::start(Duration::ZERO, move |_, _| reply.clone()).expect("a free port");
    let fails = told(Reply::Fail(503));
    gate(&dir, floor, &fails.url(), &[]).refuses(4, &["503"]);
    let breaks = told(Reply::Fail(500));
    gate(&dir, floor, &breaks.url(), &[]).refuses(2, &["500", "told to fail"]);
    let short = told(Reply::Predict(0.5));
    gate(&dir, floor, &short.url(), &[]).refuses(2, &["512"]);
    let odd = told(Reply::Body("[]".to_owned()));
    gate(&dir, floor, &odd.url(), &[]).refuses(2, &["cannot be used"]);
    let server = model(|x, _| x);
    gate(&dir, floor, &server.url(), &["--feature-columns", "x,zz"]).refuses(2, &["zz"]);
}

#[test]
fn an_answer_without_a_prediction_is_no_answer_in_time() {
    let dir = Dir::new();
    // It scores tables, and answers single rows at once with nothing.
    let script = |_: usize, body: &Value| {
        let rows = body["inputs"][0]["shape"][0].as_u64().unwrap_or(0);
        let data = vec![0.5; rows as usize];
        let tensor = json!({"name": "predict", "shape": [rows, 1], "datatype": "FP64", "data": data});
        match rows {
            1 => Reply::Body("{}".to_owned()),
            _ => Reply::Body(json!({"model_name": "m", "outputs": [tensor]}).to_string()),
        }
    };
    let server = ModelStub::start(Duration::ZERO, script).expect("a free port");
    let gates = "evaluation: {latency: {p95_ms: 1000, requests: 100}}";
    let ran = gate(&dir, gates, &server.url(), &[]);
    ran.says("FAIL", 3)
        .outcome("latency:p95_ms", "fail", &["100 of 100 requests failed"]);
}

#[test]
fn sigterm_while_the_server_stalls_ends_at_once() {
    let dir = Dir::new();
    let stalls = ModelStub::start(Duration::ZERO, |_, _| Reply::Stall(Duration::from_secs(25), 0.5))
        .expect("a free port");
    dir.file("gates.yaml", "evaluation: {minimum_thresholds: {auc_roc: 0.8}}");
    dir.file("data.csv", data(600));
    let args = [
        "gate",
        "--gates",
        "gates.yaml",
        "--endpoint",
        &stalls.url(),
        "--model",
        "m",
        "--data",
        "data.csv",
    ];
    let columns = ["--label-column", "late", "--feature-columns", "x,z"];
    let child = dir
        .command(&[&args[..], &columns].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let patience = Instant::now() + Duration::from_secs(60);
    while stalls.seen() == 0 {
        assert!(Instant::now() < patience, "the server was never asked");
        std::thread::sleep(Duration::from_millis(10));
    }
    let asked = Instant::now();
    common::signal("TERM", child.id());
    let ran = Ran::of(child.wait_with_output().expect("it ends"), dir.path());
    assert_eq!((ran.exit, ran.stdout.as_str()), (143, ""), "{}", ran.stderr);
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    assert!(!dir.path().join("verdict").exists());
}
