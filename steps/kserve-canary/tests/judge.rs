//! `kserve-canary judge` through the real binary: verdict, exit, report, and what it refuses to read.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{NOON, Traffic};
use kserve_api::record::{self, Request};
use serde_json::Value;

fn save(folder: &Path, name: &str, requests: &[Request]) {
    std::fs::write(folder.join(name), record::to_parquet(requests).unwrap()).unwrap();
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kserve-canary"));
    command.current_dir(folder).arg("judge");
    for (flag, file) in [
        ("--report", "canary.json"),
        ("--report-md", "canary.md"),
        ("--report-html", "canary.html"),
        ("--report-junit", "canary.xml"),
        ("--statement", "statement.json"),
        ("--verdict", "verdict"),
    ] {
        command.args([flag, file]);
    }
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

#[track_caller]
fn expect(folder: &Path, args: &[&str], code: i32, word: &str) -> Value {
    let output = run(folder, args);
    let said = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), said.trim_end()),
        (Some(code), word),
        "{log}"
    );
    serde_json::from_slice(&std::fs::read(folder.join("canary.json")).unwrap()).unwrap()
}

const PAIR: [&str; 4] = ["--champion", "champion.parquet", "--canary", "canary.parquet"];

/// The reason of an exit 2.
#[track_caller]
fn refused(folder: &Path, args: &[&str]) -> String {
    let report = expect(folder, args, 2, "");
    assert_eq!(report["verdict"], "ERROR");
    report["reason"].as_str().unwrap().to_owned()
}

#[test]
fn three_words_with_their_exits() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    save(at, "champion.parquet", &Traffic::healthy(600, 1).requests());
    save(at, "canary.parquet", &Traffic::healthy(600, 2).requests());
    let report = expect(at, &PAIR, 0, "PROMOTE");
    assert_eq!(report["inputs"][1]["name"], "canary");
    assert_eq!(report["inputs"][1]["rows"], 600);
    assert_eq!(std::fs::read_to_string(at.join("verdict")).unwrap(), "PROMOTE");
    let html = std::fs::read_to_string(at.join("canary.html")).unwrap();
    for title in [
        "Side by side",
        "Latency: share of successful requests",
        "Predictions",
        "The same rows asked of both",
    ] {
        assert!(html.contains(title), "{title}");
    }

    save(
        at,
        "canary.parquet",
        &Traffic {
            error_rate: 0.1,
            ..Traffic::healthy(600, 2)
        }
        .requests(),
    );
    expect(at, &PAIR, 3, "ROLLBACK");
    expect(
        at,
        &[&PAIR[..], &["--on-reject", "report"]].concat(),
        0,
        "ROLLBACK",
    );

    save(at, "canary.parquet", &Traffic::healthy(50, 2).requests());
    save(at, "champion.parquet", &Traffic::healthy(50, 1).requests());
    let report = expect(at, &PAIR, 3, "INCONCLUSIVE");
    let reason = report["reason"].as_str().unwrap();
    assert!(reason.contains("needs ") && reason.contains("has 50"), "{reason}");
}

#[test]
fn a_load_that_was_too_short_is_extended_by_a_further_record() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (arm, seed) in [("champion", 1), ("canary", 2)] {
        save(
            at,
            &format!("{arm}.parquet"),
            &Traffic::healthy(200, seed).requests(),
        );
        let more = Traffic {
            start: NOON + 60_000_000_000,
            ..Traffic::healthy(400, seed + 2)
        };
        save(at, &format!("{arm}-more.parquet"), &more.requests());
    }
    expect(at, &PAIR, 3, "INCONCLUSIVE");
    let more = [
        "--champion",
        "champion-more.parquet",
        "--canary",
        "canary-more.parquet",
    ];
    let report = expect(at, &[&PAIR[..], &more].concat(), 0, "PROMOTE");
    assert!(report["reason"].as_str().unwrap().contains("over 600 requests"));
    // Also as lines of one value, as a workflow parameter gives them.
    let lines = [
        "--champion=champion.parquet\nchampion-more.parquet",
        "--canary=canary.parquet\ncanary-more.parquet\n",
    ];
    expect(at, &lines, 0, "PROMOTE");
    let twice = [&PAIR[..], &["--canary", "canary.parquet"]].concat();
    assert!(refused(at, &twice).contains("overlap in time"));
}

#[test]
fn records_that_cannot_be_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let good = Traffic::healthy(400, 1).requests();
    save(at, "champion.parquet", &good);
    let with = |change: &dyn Fn(&mut Vec<Request>)| {
        let mut requests = Traffic::healthy(400, 2).requests();
        change(&mut requests);
        save(at, "canary.parquet", &requests);
        refused(at, &PAIR)
    };
    assert!(with(&|r| r[7].latency_ms = f64::NAN).contains("canary.parquet, row 7: `latency_ms` is NaN"));
    assert!(with(&|r| r[7].latency_ms = -2.5).contains("row 7: `latency_ms` is -2.5"));
    assert!(with(&|r| r[7].status = 7).contains("row 7: `status` is 7"));
    assert!(with(&|r| r.swap(7, 90)).contains("in the order of time"));
    assert!(with(&Vec::clear).contains("canary.parquet: the record holds no request"));

    std::fs::copy(at.join("champion.parquet"), at.join("canary.parquet")).unwrap();
    assert!(refused(at, &PAIR).contains("are one record"));
    let whole = record::to_parquet(&good).unwrap();
    std::fs::write(at.join("canary.parquet"), &whole[..whole.len() / 2]).unwrap();
    assert!(refused(at, &PAIR).contains("canary.parquet"));
    std::fs::write(at.join("canary.parquet"), "").unwrap();
    assert!(refused(at, &PAIR).contains("empty"));
    std::fs::remove_file(at.join("canary.parquet")).unwrap();
    assert!(refused(at, &PAIR).contains("canary.parquet"));
}

/// A copy stays a copy when its bytes differ: packed anew by a tool that keeps floats of 32 bits, cut, or joined.
#[test]
fn a_record_that_was_packed_anew_is_not_a_second_arm() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let good = Traffic::healthy(1200, 1).requests();
    save(at, "champion.parquet", &good);
    let says = "--canary canary.parquet and --champion champion.parquet are one record";
    let mut packed = good;
    for request in &mut packed {
        request.latency_ms = f64::from(request.latency_ms as f32);
        request.prediction = request.prediction.map(|p| f64::from(p as f32));
    }
    save(at, "canary.parquet", &packed);
    assert!(refused(at, &PAIR).contains(says));
    save(at, "canary.parquet", &packed[100..]);
    assert!(refused(at, &PAIR).contains(says));
    // One of several records is enough.
    let later = Traffic {
        start: NOON + 3_600_000_000_000,
        ..Traffic::healthy(300, 3)
    };
    save(at, "canary-more.parquet", &later.requests());
    let more = [&PAIR[..], &["--canary", "canary-more.parquet"]].concat();
    assert!(refused(at, &more).contains(says));
    // The same rows at the same times with latencies of its own are an arm of its own.
    save(at, "canary.parquet", &Traffic::healthy(1200, 2).requests());
    expect(at, &PAIR, 0, "PROMOTE");
}

/// Long enough that the judgement itself is stopped, and not what comes before it.
#[test]
fn a_long_judgement_stops_when_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (arm, seed) in [("champion", 1), ("canary", 2)] {
        let many = Traffic {
            rate: 2000.0,
            ..Traffic::healthy(2_000_000, seed)
        };
        save(at, &format!("{arm}.parquet"), &many.requests());
    }
    // A slice of its own for every request: the slowest way to count.
    std::fs::write(at.join("canary.yaml"), "canary: {slice_seconds: 0.001}").unwrap();
    let mut child = command(at, &[&PAIR[..], &["--config", "canary.yaml"]].concat())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("judging") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it ended before it judged");
    }
    let stopped = Instant::now();
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(
        stopped.elapsed() < Duration::from_secs(2),
        "{:?}",
        stopped.elapsed()
    );
    for file in ["canary.json", "statement.json", "verdict"] {
        assert!(!at.join(file).exists(), "{file}");
    }
}

#[test]
fn a_configuration_that_cannot_be_names_line_and_field() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    save(at, "champion.parquet", &Traffic::healthy(400, 1).requests());
    save(at, "canary.parquet", &Traffic::healthy(400, 2).requests());
    let with = |text: &str| {
        std::fs::write(at.join("canary.yaml"), text).unwrap();
        refused(at, &[&PAIR[..], &["--config", "canary.yaml"]].concat())
    };
    let said = with("canary:\n  errors:\n    max_incraese: 0.1\n");
    assert!(
        said.contains("canary.yaml:3") && said.contains("max_incraese"),
        "{said}"
    );
    assert!(with("canary:\n  alpha: .nan\n").contains("canary.alpha"));
    let said = with("canary:\n  alpha: 1e-300\n");
    assert!(
        said.contains("canary.yaml:2")
            && said.contains("canary.alpha: is 1e-300; 0.000001 to 0.49 are expected"),
        "{said}"
    );
    assert!(refused(at, &[&PAIR[..], &["--config", "nowhere.yaml"]].concat()).contains("nowhere.yaml"));
    assert!(refused(at, &["--champion", "champion.parquet", "--cannary", "x"]).contains("--cannary"));
}

/// Whenever it is killed, a file is whole or absent, and a retry says the same.
#[test]
fn a_judge_that_is_killed_leaves_whole_files_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    save(at, "champion.parquet", &Traffic::healthy(4000, 1).requests());
    save(at, "canary.parquet", &Traffic::healthy(4000, 2).requests());
    for (round, name) in ["-KILL", "-TERM"].iter().cycle().take(12).enumerate() {
        let mut child = command(at, &PAIR).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(4 * round as u64));
        // It may have ended by itself before.
        let _ = Command::new("kill")
            .arg(name)
            .arg(child.id().to_string())
            .status()
            .unwrap();
        let code = child.wait().unwrap().code();
        assert!(matches!(code, None | Some(0 | 143)), "{name}: {code:?}");
        if let Ok(bytes) = std::fs::read(at.join("canary.json")) {
            serde_json::from_slice::<Value>(&bytes).unwrap();
        }
    }
    expect(at, &PAIR, 0, "PROMOTE");
}

#[test]
fn the_same_records_give_the_same_report() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    save(at, "champion.parquet", &Traffic::healthy(600, 1).requests());
    save(at, "canary.parquet", &Traffic::healthy(600, 2).requests());
    let once = || {
        let mut report = expect(at, &PAIR, 0, "PROMOTE");
        for time in ["started", "finished"] {
            report[time] = Value::Null;
        }
        report
    };
    assert_eq!(once(), once());
}
