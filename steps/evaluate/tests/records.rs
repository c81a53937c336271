//! `evaluate gate` bound to a run and a dataset, and killed: whatever is refused is refused before a verdict.

#![expect(clippy::expect_used, reason = "a test ends where its ground is missing")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use common::{Dir, Ran, csv, rows};
use provenance::{DataObject, Dataset, FileDigest, Record as _, Split, digest_bytes, digest_files};
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
    common::signal("TERM", child.id());
    let ran = Ran::of(child.wait_with_output().expect("it ends"), dir.path());
    assert_eq!((ran.exit, ran.stdout.as_str()), (143, ""));
    assert!(!dir.path().join("verdict").exists());
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
