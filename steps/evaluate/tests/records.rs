//! `evaluate gate` bound to a run and a dataset, and killed: whatever is refused is refused before a verdict.

#![expect(clippy::expect_used, reason = "a test ends where its ground is missing")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Dir, Ran, csv, rows};
use provenance::{DataObject, Dataset, FileDigest, Record as _, Split, Window, digest_bytes, digest_files};
use serde_json::{Value, json};

const FLOOR: &str = "evaluation: {minimum_thresholds: {auc_roc: 0.8}}";

/// `test.csv` with its record, `preds.csv` of the same rows, `run.json` of a model trained on the same dataset.
fn bound(dir: &Dir) -> (String, String) {
    let text = csv(&rows(400, 4.0));
    let path = dir.file("test.csv", &text);
    let object = DataObject {
        uri: path.display().to_string(),
        size: text.len() as u64,
        etag: None,
        version_id: None,
        rows: 400,
        digest: digest_bytes(&text),
        reference: None,
    };
    let split = Split::new(object.uri.clone(), vec![object]).expect("one object");
    let dataset = Dataset::new(None, None, BTreeMap::from([("test".to_owned(), split)]));
    dir.file("dataset.json", dataset.to_json());
    let file = FileDigest {
        path: "MLmodel".to_owned(),
        size: 5,
        digest: digest_bytes("model"),
    };
    let list = digest_files(std::slice::from_ref(&file))
        .expect("one file")
        .to_string();
    let run = json!({
        "schema": "mlops-steps/run/v1", "run_id": "4f2a", "experiment": "delays", "experiment_id": "1",
        "tracking_uri": "http://mlflow", "artifact_uri": "mlflow-artifacts:/1/4f2a",
        "model": {"uri": "runs:/4f2a/model", "digest": list, "files": [file]},
        "dataset": {"digest": dataset.digest.to_string(), "version": dataset.version},
        "git_sha": "abc", "data_version": "v1", "trigger": "manual", "command": ["train"],
        "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:01Z",
    });
    dir.file("run.json", run.to_string());
    (dataset.digest.to_string(), list)
}

fn gate(dir: &Dir, more: &[&str]) -> Ran {
    let records = ["--dataset", "dataset.json", "--run", "run.json"];
    dir.gate(FLOOR, &rows(400, 4.0), None, &[&records[..], more].concat())
}

#[test]
fn the_report_is_bound_to_the_model_and_the_bytes() {
    let dir = Dir::new();
    let (dataset, model) = bound(&dir);
    let ran = gate(&dir, &["--split", "test"]);
    ran.says("PASS", 0);
    let bindings = &ran.report["bindings"];
    assert_eq!(bindings["dataset.digest"], dataset.as_str());
    assert_eq!(bindings["model.digest"], model.as_str());
    assert_eq!(
        (&bindings["run_id"], &bindings["split"]),
        (&Value::from("4f2a"), &Value::from("test"))
    );
    let statement = std::fs::read_to_string(dir.path().join("statement.json")).expect("a statement");
    assert!(statement.contains(&model["sha256:".len()..]), "{statement}");
    // A copy under another name holds the same bytes.
    std::fs::copy(dir.path().join("test.csv"), dir.path().join("copy.csv")).expect("a copy");
    gate(&dir, &["--split", "test", "--data", "copy.csv"]).says("PASS", 0);
}

#[test]
fn the_report_is_bound_to_the_champion_that_it_compares_with() {
    let dir = Dir::new();
    bound(&dir);
    let digest = digest_bytes("champion").to_string();
    let version = json!({
        "schema": "mlops-steps/model-version/v1", "name": "delays", "version": "7",
        "model_uri": "models:/delays/7", "source": "runs:/3e1b/model", "run_id": "3e1b",
        "tracking_uri": "http://mlflow", "digest": digest,
        "dataset": {"digest": digest_bytes("data").to_string(), "version": "v0"},
        "evaluation": digest_bytes("evaluation").to_string(), "aliases": ["champion"],
    });
    dir.file("champion.json", version.to_string());
    let scores = rows(400, 4.0);
    let named = ["--champion-version", "champion.json"];
    let ran = dir.gate(FLOOR, &scores, Some(&scores), &named);
    ran.says("PASS", 0);
    let bindings = &ran.report["bindings"];
    assert_eq!(
        (&bindings["champion.digest"], &bindings["champion.version"]),
        (&Value::from(digest.as_str()), &Value::from("7"))
    );
    let statement = std::fs::read_to_string(dir.path().join("statement.json")).expect("a statement");
    assert!(statement.contains(&digest["sha256:".len()..]), "{statement}");
    // A champion that nothing asks, and a file that is none.
    let alone = dir.gate(FLOOR, &scores, None, &named);
    alone.refuses(2, &["champion.json", "nothing asks it"]);
    let other = ["--champion-version", "run.json"];
    dir.gate(FLOOR, &scores, Some(&scores), &other)
        .refuses(2, &["run.json", "mlops-steps/model-version/v1"]);
}

#[test]
fn bytes_that_changed_and_rows_of_another_split_are_refused() {
    let dir = Dir::new();
    bound(&dir);
    gate(&dir, &["--split", "tset"]).refuses(2, &["`tset`", "did you mean `test`"]);
    gate(&dir, &[]).refuses(2, &["--split"]);
    dir.file("test.csv", csv(&rows(400, 3.9)));
    gate(&dir, &["--split", "test"])
        .refuses(2, &["test.csv", "split `test`", "changed after the validation"]);
    bound(&dir);
    dir.file("other.csv", csv(&rows(399, 4.0)));
    gate(&dir, &["--split", "test", "--data", "other.csv"]).refuses(2, &["other.csv", "split `test`"]);
    dir.gate(
        FLOOR,
        &rows(399, 4.0),
        None,
        &["--dataset", "dataset.json", "--split", "test"],
    )
    .refuses(2, &["1 id of data matches no row of predictions", "`r00399`"]);
    dir.file("dataset.json", "{\"schema\": \"mlops-steps/run/v1\"}");
    gate(&dir, &["--split", "test"]).refuses(2, &["dataset.json", "mlops-steps/dataset/v1"]);
}

/// `test.csv` of 400 rows of which the first 300 lie in the window, and its record; beside it a file that the window
/// left out whole.
fn windowed(dir: &Dir, recorded: u64) {
    of_window(dir, recorded, true);
}

/// The same, cut by the window or not.
fn of_window(dir: &Dir, recorded: u64, cut: bool) {
    let text = |from: usize, to: usize| {
        let mut text = "id,label,at\n".to_owned();
        for (at, row) in rows(500, 4.0).iter().enumerate().take(to).skip(from) {
            let day = match at {
                0..300 => "2013-06-30T23:59:59Z",
                300..350 => "2013-07-01T00:00:00Z",
                350..380 => "2013-05-31T23:59:59Z",
                _ => "",
            };
            text += &format!("{},{},{day}\n", row.id, row.label);
        }
        text
    };
    let (test, older) = (text(0, 400), text(350, 380));
    std::fs::create_dir_all(dir.path().join("data")).expect("a folder");
    let path = dir.file("data/test.csv", &test);
    dir.file("data/older.csv", older.replace('r', "o"));
    let object = DataObject {
        uri: path.display().to_string(),
        size: test.len() as u64,
        etag: None,
        version_id: None,
        rows: recorded,
        digest: digest_bytes(&test),
        reference: None,
    };
    let split = Split::new(object.uri.clone(), vec![object])
        .expect("one object")
        .windowed(cut);
    let window = Window {
        column: "at".to_owned(),
        as_of: "2013-07-01".to_owned(),
        length: "30d".to_owned(),
        from: "2013-06-01T00:00:00Z".to_owned(),
        to: "2013-07-01T00:00:00Z".to_owned(),
    };
    let dataset = Dataset::new(None, Some(window), BTreeMap::from([("test".to_owned(), split)]));
    dir.file("dataset.json", dataset.to_json());
}

/// Rows outside of the window were not validated: scores of them are nobody's evidence.
#[test]
fn rows_outside_of_the_window_are_not_judged() {
    let dir = Dir::new();
    windowed(&dir, 300);
    let good = rows(500, 4.0);
    // What lies outside would fail any floor.
    let mixed: Vec<common::Row> = rows(400, -4.0)
        .into_iter()
        .enumerate()
        .map(|(at, bad)| if at < 300 { good[at].clone() } else { bad })
        .collect();
    let judged = ["--dataset", "dataset.json", "--split", "test"];
    for more in [&[][..], &["--data", "data/test.csv"], &["--data", "data"]] {
        let ran = dir.gate(FLOOR, &mixed, Some(&mixed), &[&judged[..], more].concat());
        ran.says("PASS", 0)
            .outcome("rows:all", "pass", &["300 rows"])
            .outcome("threshold:auc_roc", "pass", &["300 rows"]);
        assert!(
            ran.report["notes"].to_string().contains("outside of the window"),
            "{}",
            ran.report["notes"]
        );
        assert_eq!(
            ran.report["bindings"]["window"],
            "at from 2013-06-01T00:00:00Z to 2013-07-01T00:00:00Z"
        );
    }
    // Predictions of the window alone are as good; a row of it that is missing is missed.
    dir.gate(FLOOR, &mixed[..300], None, &judged).says("PASS", 0);
    dir.gate(FLOOR, &mixed[1..], None, &judged)
        .refuses(2, &["1 id of data matches no row of predictions", "`r00000`"]);
    dir.gate(FLOOR, &good[..401], None, &judged)
        .refuses(2, &["1 id of predictions matches no row of data", "`r00400`"]);
    windowed(&dir, 299);
    dir.gate(FLOOR, &mixed, None, &judged)
        .refuses(2, &["test.csv", "300 rows lie in the window", "says 299"]);
    windowed(&dir, 300);
    let blind = std::fs::read_to_string(dir.path().join("dataset.json")).expect("the record");
    dir.file("dataset.json", blind.replace("\"at\"", "\"when\""));
    dir.gate(FLOOR, &mixed, None, &judged)
        .refuses(2, &["test.csv", "column `when`", "not there"]);
}

/// The rows that a model is judged on come after the window that it is trained on.
#[test]
fn a_reference_is_judged_whole() {
    let dir = Dir::new();
    of_window(&dir, 400, false);
    let judged = ["--dataset", "dataset.json", "--split", "test"];
    let ran = dir.gate(FLOOR, &rows(400, 4.0), None, &judged);
    ran.says("PASS", 0).outcome("rows:all", "pass", &["400 rows"]);
    assert!(ran.report["bindings"].get("window").is_none());
}

/// Work that grows with the square of what is missing would take minutes here.
#[test]
fn a_file_without_one_score_is_told_at_once() {
    let dir = Dir::new();
    let mut ours = rows(300_000, 3.0);
    ours.iter_mut().for_each(|row| row.score.clear());
    ours[0].score = "0.5".to_owned();
    let began = Instant::now();
    dir.gate(FLOOR, &ours, None, &[]).says("FAIL", 3).outcome(
        "scores:challenger",
        "fail",
        &["299,999 scores of the challenger"],
    );
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

/// Slow on purpose: as many resamples as the file may ask for.
const SLOW: &str = "evaluation: {minimum_thresholds: {f1_score: 0.6}, champion_improvement: {f1_score_delta: -0.5}, \
                    bootstrap: {replicates: 100000}}";

/// Starts a gate and waits until it resamples.
fn resampling(dir: &Dir) -> std::process::Child {
    dir.file("gates.yaml", SLOW);
    dir.file("preds.csv", csv(&rows(20_000, 3.0)));
    dir.file("champion.csv", csv(&rows(20_000, 2.9)));
    let args = [
        "gate",
        "--gates",
        "gates.yaml",
        "--predictions",
        "preds.csv",
        "--champion-predictions",
        "champion.csv",
    ];
    let mut child = dir
        .command(&args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let log = BufReader::new(child.stderr.take().expect("a log"));
    let line = log
        .lines()
        .map_while(Result::ok)
        .find(|line| line.contains("holding the evidence to the gates"));
    assert!(line.is_some(), "it never came to the decision");
    child
}

#[test]
fn sigterm_in_the_decision_leaves_no_verdict() {
    let dir = Dir::new();
    let child = resampling(&dir);
    let asked = Instant::now();
    common::signal("TERM", child.id());
    let ran = Ran::of(child.wait_with_output().expect("it ends"), dir.path());
    assert_eq!((ran.exit, ran.stdout.as_str()), (143, ""));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    for name in ["report.json", "statement.json", "verdict"] {
        assert!(!dir.path().join(name).exists(), "{name} speaks for no decision");
    }
}

#[test]
fn sigkill_leaves_nothing_torn_and_a_retry_decides_the_same() {
    let dir = Dir::new();
    let child = resampling(&dir);
    common::signal("KILL", child.id());
    let ran = Ran::of(child.wait_with_output().expect("it ends"), dir.path());
    assert_eq!((ran.exit, ran.stdout.as_str()), (-1, ""));
    for name in ["report.json", "report.md", "statement.json", "verdict"] {
        assert!(!dir.path().join(name).exists(), "{name} is torn");
    }
    dir.file("gates.yaml", SLOW.replace("100000", "2000"));
    let args = [
        "gate",
        "--gates",
        "gates.yaml",
        "--predictions",
        "preds.csv",
        "--champion-predictions",
        "champion.csv",
    ];
    let once = dir.run(&args);
    let again = dir.run(&args);
    once.says("PASS", 0);
    assert_eq!(once.report["checks"], again.report["checks"]);
}
