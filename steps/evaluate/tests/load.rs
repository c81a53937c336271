//! `evaluate load` through the real binary, against a server that can be told to stall, fail and vanish.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use kserve_api::record::{self, Request};
use serde_json::Value;
use step_testkit::{ModelStub, Reply};
use tabular::Input;

/// Answers the first feature at once.
fn healthy() -> ModelStub {
    ModelStub::start(Duration::from_millis(1), |_, body| Reply::Predict(first(body))).unwrap()
}

fn first(body: &Value) -> f64 {
    body["inputs"][0]["data"][0].as_f64().unwrap_or(f64::NAN)
}

/// Twenty rows; the first feature tells the row.
fn data(folder: &Path) {
    let rows: String = (0..20).map(|row| format!("{row}.5,{row}\n")).collect();
    std::fs::write(folder.join("requests.csv"), format!("a,b\n{rows}")).unwrap();
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evaluate"));
    command.current_dir(folder).args(["load", "--model", "m"]);
    if !args.contains(&"--data") {
        command.args(["--data", "requests.csv"]);
    }
    for (flag, file) in [
        ("--report", "report.json"),
        ("--report-md", "report.md"),
        ("--report-html", "report.html"),
        ("--report-junit", "report.xml"),
        ("--statement", "statement.json"),
        ("--verdict", "verdict"),
    ] {
        command.args([flag, file]);
    }
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    data(folder);
    command(folder, args).output().unwrap()
}

#[track_caller]
fn expect(output: &Output, code: i32, word: &str) {
    let said = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), said.trim_end()),
        (Some(code), word),
        "{log}"
    );
}

fn records(folder: &Path, name: &str) -> Vec<Request> {
    record::read(&Input::from_path(&folder.join(name)).unwrap()).unwrap()
}

fn report(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap()
}

fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["id"] == id)
        .unwrap()
}

#[test]
fn two_servers_get_the_same_rows_interleaved_and_each_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (healthy(), healthy());
    let endpoints = [format!("champion={}", one.url()), format!("canary={}", two.url())];
    let output = run(
        folder.path(),
        &[
            "--endpoint",
            &endpoints[0],
            "--endpoint",
            &endpoints[1],
            "--rate",
            "200",
            "--duration",
            "2s",
            "--p99-ms",
            "5000",
            "--warm-up",
            "5",
            "--record",
            "load.parquet",
        ],
    );
    expect(&output, 0, "PASS");
    let (first, second) = (
        records(folder.path(), "load.parquet"),
        records(folder.path(), "load-2.parquet"),
    );
    assert_eq!((first.len(), second.len()), (400, 400));
    // The warm-up was asked, and is in no record.
    assert_eq!((one.seen(), two.seen()), (405, 405));
    let rows = |requests: &[Request]| requests.iter().map(|r| r.request).collect::<Vec<_>>();
    assert_eq!(rows(&first), rows(&second));
    for request in first.iter().chain(&second) {
        assert_eq!(
            request.prediction,
            Some(request.request as f64 + 0.5),
            "the answer is to that row"
        );
        assert_eq!(request.status, 200);
    }
    // One after the other in time: never a block of one server's requests.
    let mut merged: Vec<(i64, usize)> = first.iter().map(|r| (r.intended_start, 0)).collect();
    merged.extend(second.iter().map(|r| (r.intended_start, 1)));
    merged.sort_unstable();
    assert!(merged.chunks(2).all(|pair| pair[0].1 != pair[1].1));

    let report = report(folder.path());
    assert_eq!(report["bindings"]["endpoint.canary"], two.url());
    assert_eq!(report["bindings"]["model.canary"], "m");
    let p99 = check(&report, "latency_p99_ms:canary");
    assert_eq!(
        (p99["outcome"].as_str(), p99["n"].as_u64()),
        (Some("pass"), Some(400))
    );
    assert_eq!(
        check(&report, "latency_p95_ms:canary")["outcome"],
        "skipped",
        "measured, no gate"
    );
    let statement = std::fs::read_to_string(folder.path().join("statement.json")).unwrap();
    assert!(
        statement.contains("load.parquet") && statement.contains("load-2.parquet"),
        "{statement}"
    );
}

/// A closed loop would send one request into the stall and see one slow answer.
#[test]
fn a_server_that_stalls_for_a_second_is_seen_by_every_request_of_that_second() {
    let folder = tempfile::tempdir().unwrap();
    let server = ModelStub::start(Duration::ZERO, |number, body| {
        // In the middle of 300 requests, 100 a second.
        if number == 110 {
            Reply::Stall(Duration::from_secs(1), 0.5)
        } else {
            Reply::Predict(first(body))
        }
    })
    .unwrap();
    let output = run(
        folder.path(),
        &[
            "--endpoint",
            &server.url(),
            "--rate",
            "100",
            "--duration",
            "3s",
            "--arrivals",
            "fixed",
            "--warm-up",
            "10",
            "--p95-ms",
            "400",
            "--record",
            "load.parquet",
        ],
    );
    expect(&output, 3, "FAIL");
    let slow: Vec<f64> = records(folder.path(), "load.parquet")
        .iter()
        .map(|r| r.latency_ms)
        .filter(|ms| *ms > 100.0)
        .collect();
    assert!(
        slow.len() >= 85,
        "a second's requests are slow, not one: {}",
        slow.len()
    );
    // Evenly from a second down to nothing, as their due times were.
    let middle = slow.iter().filter(|ms| (400.0..700.0).contains(*ms)).count();
    assert!((20..60).contains(&middle), "{middle}");
}

#[test]
fn failures_are_recorded_counted_and_kept_out_of_the_latency() {
    let folder = tempfile::tempdir().unwrap();
    let server = ModelStub::start(Duration::from_millis(1), |number, body| match number % 10 {
        2 => Reply::Fail(503),
        4 => Reply::Cut,
        6 => Reply::Body(r#"{"outputs":[{"name":"p","shape":[1],"data":[null]}]}"#.to_owned()),
        _ => Reply::Predict(first(body)),
    })
    .unwrap();
    let output = run(
        folder.path(),
        &[
            "--endpoint",
            &server.url(),
            "--rate",
            "200",
            "--duration",
            "2s",
            "--p99-ms",
            "5000",
            "--warm-up",
            "0",
            "--record",
            "load.parquet",
        ],
    );
    expect(&output, 3, "FAIL");
    let records = records(folder.path(), "load.parquet");
    let count = |status: i32, predicted: bool| {
        records
            .iter()
            .filter(|r| r.status == status && r.prediction.is_some() == predicted)
            .count()
    };
    assert_eq!((count(503, false), count(200, false)), (40, 40));
    assert_eq!(count(503, true) + count(0, true), 0, "no prediction on failure");
    // A cut connection may be tried again by the HTTP layer when it was an old one; most are seen.
    assert!((20..=40).contains(&count(0, false)), "{}", count(0, false));
    let report = report(folder.path());
    let errors = check(&report, "error_rate:1");
    assert_eq!(errors["outcome"], "fail");
    let p99 = check(&report, "latency_p99_ms:1");
    assert_eq!(p99["n"].as_u64().unwrap(), count(200, true) as u64);
}

#[test]
fn too_few_requests_are_inconclusive_and_say_how_many() {
    let folder = tempfile::tempdir().unwrap();
    let server = healthy();
    let args = [
        "--endpoint",
        &server.url(),
        "--rate",
        "100",
        "--duration",
        "500ms",
        "--p99-ms",
        "5000",
        "--record",
        "load.parquet",
    ];
    let output = run(folder.path(), &args);
    expect(&output, 3, "INCONCLUSIVE");
    assert!(
        report(folder.path())["reason"]
            .as_str()
            .unwrap()
            .contains("needs 299 successful requests")
    );
    assert_eq!(
        records(folder.path(), "load.parquet").len(),
        50,
        "the record is whole all the same"
    );
    expect(
        &run(folder.path(), &[&args[..], &["--on-reject", "report"]].concat()),
        0,
        "INCONCLUSIVE",
    );
}

#[test]
fn more_than_may_be_under_way_wait_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let server = ModelStub::start(Duration::from_millis(20), |_, body| Reply::Predict(first(body))).unwrap();
    // Two at once at 20 ms each bear 100 a second; 200 come.
    let output = run(
        folder.path(),
        &[
            "--endpoint",
            &server.url(),
            "--rate",
            "200",
            "--duration",
            "2s",
            "--max-in-flight",
            "2",
            "--p95-ms",
            "100",
            "--record",
            "load.parquet",
        ],
    );
    expect(&output, 3, "FAIL");
    let records = records(folder.path(), "load.parquet");
    assert_eq!(records.len(), 400, "none is dropped");
    assert!(
        records.iter().map(|r| r.latency_ms).fold(0.0, f64::max) > 500.0,
        "the wait is in the latency"
    );
    let notes = report(folder.path())["notes"].to_string();
    assert!(notes.contains("--max-in-flight"), "{notes}");
}

#[test]
fn a_rate_that_was_not_reached_is_no_pass() {
    let folder = tempfile::tempdir().unwrap();
    let server = ModelStub::start(Duration::from_millis(50), |_, body| Reply::Predict(first(body))).unwrap();
    // One at a time at 50 ms is 20 a second; 100 are asked for, and nobody has said how slow an answer may be.
    let args = |rate: &'static str| {
        [
            "--endpoint".to_owned(),
            server.url(),
            "--rate".to_owned(),
            rate.to_owned(),
            "--duration".to_owned(),
            "3s".to_owned(),
            "--max-in-flight".to_owned(),
            "1".to_owned(),
            "--max-error-rate".to_owned(),
            "0.5".to_owned(),
        ]
    };
    let asked = args("100");
    let output = run(
        folder.path(),
        &asked.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    expect(&output, 3, "INCONCLUSIVE");
    let found = report(folder.path());
    let reason = found["reason"].as_str().unwrap();
    assert!(reason.contains("requests a second were sent, 10"), "{reason}");
    assert!(reason.contains("waited for a place in flight"), "{reason}");
    let rate = found["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["kind"] == "load")
        .unwrap();
    assert!(
        rate["observed"].as_f64().is_some_and(|rate| rate < 25.0),
        "{rate}"
    );
    // What it can bear, it was driven with.
    let asked = args("10");
    let output = run(
        folder.path(),
        &asked.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    expect(&output, 0, "PASS");
}

#[test]
fn what_cannot_be_asked_is_named_before_the_clock_starts() {
    let folder = tempfile::tempdir().unwrap();
    let server = healthy();
    let url = server.url();
    let said = |code: i32, args: &[&str]| {
        let output = run(folder.path(), &[&["--record", "load.parquet"], args].concat());
        assert_eq!(
            output.status.code(),
            Some(code),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.stdout.is_empty());
        assert!(!folder.path().join("load.parquet").exists());
        assert_eq!(report(folder.path())["verdict"], "ERROR");
        report(folder.path())["reason"].as_str().unwrap().to_owned()
    };
    let to = ["--endpoint", &url];
    assert!(said(2, &[&to[..], &["--data", "nowhere.csv"]].concat()).contains("nowhere.csv"));
    assert!(said(2, &[&to[..], &["--feature-columns", "a,bb"]].concat()).contains("`bb`"));
    std::fs::write(folder.path().join("empty.csv"), "a,b\n").unwrap();
    assert!(said(2, &[&to[..], &["--data", "empty.csv"]].concat()).contains("no rows"));
    std::fs::write(folder.path().join("nothing.parquet"), "").unwrap();
    assert!(said(2, &[&to[..], &["--data", "nothing.parquet"]].concat()).contains("nothing.parquet"));
    std::fs::write(folder.path().join("text.csv"), "a,b\n1,x\n").unwrap();
    let matrix = [&to[..], &["--data", "text.csv", "--input-format", "matrix"]].concat();
    assert!(said(2, &matrix).contains("column `b` is text"));
    assert!(said(2, &["--endpoint", "localhost"]).contains("base URL"));
    assert!(said(2, &[&to[..], &["--rate", "0"]].concat()).contains("--rate is 0"));

    let html = ModelStub::start(Duration::ZERO, |_, _| Reply::Body("<html>".into())).unwrap();
    assert!(said(2, &["--endpoint", &html.url()]).contains("starts with `<html>`"));
    let strict = ModelStub::start(Duration::ZERO, |_, _| Reply::Fail(422)).unwrap();
    assert!(said(2, &["--endpoint", &strict.url()]).contains("HTTP 422: told to fail"));
    drop(server);
    let gone = ["--endpoint", &url, "--ready-timeout", "300ms"];
    assert!(said(4, &gone).contains("is the model server up"));
}

/// Starts the binary and waits until the server has seen so many requests.
fn under_way(folder: &Path, server: &ModelStub, seen: usize) -> Child {
    data(folder);
    let url = server.url();
    let args = [
        "--endpoint",
        &url,
        "--rate",
        "50",
        "--duration",
        "60s",
        "--warm-up",
        "0",
        "--record",
        "load.parquet",
    ];
    let child = command(folder, &args).spawn().unwrap();
    let began = Instant::now();
    while server.seen() < seen {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "the load does not start"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_load_that_is_stopped_or_killed_leaves_no_record_and_can_be_run_again() {
    let folder = tempfile::tempdir().unwrap();
    for (name, code) in [("-TERM", Some(143)), ("-KILL", None)] {
        let server = healthy();
        let child = under_way(folder.path(), &server, 20);
        signal(&child, name);
        let began = Instant::now();
        let output = child.wait_with_output().unwrap();
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{name}: it stops at once"
        );
        assert_eq!(output.status.code(), code, "{name}");
        assert!(
            !folder.path().join("load.parquet").exists(),
            "{name}: whole or absent"
        );
    }
    let server = healthy();
    let again = run(
        folder.path(),
        &[
            "--endpoint",
            &server.url(),
            "--rate",
            "200",
            "--duration",
            "2s",
            "--record",
            "load.parquet",
        ],
    );
    expect(&again, 0, "PASS");
    assert_eq!(records(folder.path(), "load.parquet").len(), 400);
    let left: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("load.parquet") && name != "load.parquet")
        .collect();
    assert!(left.is_empty(), "no half-written file stays: {left:?}");
}
