//! What is refused: exit 2, one sentence that says what to do, an ERROR report, and no other output.

use crate::common::{CALM, Folder, Traffic, WATCHED, config, csv, enrolled};

fn refused(ended: &crate::common::Ended, said: &str) {
    assert_eq!((ended.code, ended.word.as_str()), (2, ""), "{}", ended.log);
    assert!(ended.log.contains(said), "{said}: {}", ended.log);
}

#[test]
fn configurations() {
    let folder = enrolled(WATCHED);
    for (text, said) in [
        ("drift_config:\n  threshholds: {}\n", "did you mean `thresholds`"),
        (
            "drift_config:\n  thresholds:\n    psi_retrain: .nan\n",
            "drift.yaml:3:5: drift_config.thresholds.psi_retrain: is NaN",
        ),
        (
            "drift_config:\n  thresholds: {psi_alert: 0.5}\n",
            "above psi_retrain",
        ),
        (
            "drift_config:\n  columns: {include: [tmp]}\n",
            "did you mean `temp`?",
        ),
        ("", "drift.yaml"),
        ("drift_config: [\n", "drift.yaml:"),
    ] {
        folder.write("drift.yaml", text);
        refused(&folder.check(&["--data", "train.csv"]), said);
        let report = folder.json("report.json");
        assert_eq!(
            (report["verdict"].as_str(), report["exit"].as_str()),
            (Some("ERROR"), Some("usage"))
        );
    }
}

#[test]
fn data() {
    let folder = enrolled(WATCHED);
    folder
        .write("empty.csv", "")
        .write("torn.parquet", b"PAR1 and then nothing")
        .write("notes.md", "hello");
    std::fs::create_dir(folder.path("none")).unwrap();
    for (data, said) in [
        ("empty.csv", "empty.csv"),
        ("torn.parquet", "torn.parquet"),
        ("notes.md", "no known table format"),
        ("missing.csv", "missing.csv"),
        ("none", "none"),
        ("gs://bucket/x.csv", "the scheme `gs` is not known"),
    ] {
        refused(&folder.check(&["--data", data]), said);
        let enrolling = Folder::new();
        enrolling
            .write("drift.yaml", config(WATCHED))
            .write("baseline.json", "of an earlier model");
        if let Ok(bytes) = std::fs::read(folder.path(data)) {
            enrolling.write(data, bytes);
        } else if folder.path(data).is_dir() {
            std::fs::create_dir(enrolling.path(data)).unwrap();
        }
        refused(&enrolling.enroll(&["--data", data]), said);
        assert!(
            !enrolling.path("baseline.json").exists(),
            "a check would hold the new model against the old baseline"
        );
    }
    refused(
        &folder.check(&["--data", "train.csv", "--data", "train.csv"]),
        "named twice",
    );
    refused(&folder.check(&[]), "--data");
}

#[test]
fn baselines() {
    let folder = enrolled(WATCHED);
    let whole = folder.read("baseline.json");
    for (text, said) in [
        (whole[..whole.len() / 2].to_owned(), "baseline.json"),
        (
            whole.replacen("baseline/v1", "baseline/v2", 1),
            "this step reads `mlops-steps/baseline/v1`",
        ),
        (
            whole.replacen("\"nulls\": 0", "\"nulls\": 7", 1),
            "was changed after it was written",
        ),
        (whole.replacen("\"method\"", "\"methods\"", 1), "methods"),
        ("{}".to_owned(), "schema is missing"),
    ] {
        folder.write("baseline.json", text);
        refused(&folder.check(&["--data", "train.csv"]), said);
    }
}

#[test]
fn flags() {
    let folder = enrolled(WATCHED);
    refused(
        &folder.check(&["--data", "train.csv", "--fail-on", "RETRAINS"]),
        "did you mean RETRAIN?",
    );
    refused(
        &folder.check(&["--data", "train.csv", "--as-of", "2013-07-01"]),
        "time_column is not",
    );
    folder.write("drift.yaml", config("  time_column: when\n"));
    refused(&folder.check(&["--data", "train.csv"]), "has no column `when`");
    folder.write("drift.yaml", config("  time_column: carrier\n"));
    refused(
        &folder.check(&["--data", "train.csv"]),
        "a timestamp or date is needed",
    );
    folder.write("drift.yaml", config("  columns: {exclude: [\"*\"]}\n"));
    refused(
        &folder.check(&["--data", "train.csv"]),
        "no column of the baseline to watch",
    );
    folder.write("drift.yaml", config("  prediction_column: scor\n"));
    refused(
        &folder.check(&["--data", "train.csv"]),
        "the baseline has no column `scor`",
    );
    // From here on there is no baseline: an enrolment that fails leaves none.
    refused(&folder.enroll(&["--data", "train.csv"]), "did you mean `score`?");
    folder.write("drift.yaml", config(""));
    refused(&folder.enroll(&[]), "give --data or --dataset");
    refused(
        &folder.enroll(&["--data", "train.csv", "--schedule", "61 25 * * *"]),
        "the minute `61`",
    );
    folder.write("drift.yaml", config("  time_column: tem\n"));
    refused(&folder.enroll(&["--data", "train.csv"]), "did you mean `temp`?");
    folder.write("drift.yaml", config("  columns: {exclude: [\"*\"]}\n"));
    refused(&folder.enroll(&["--data", "train.csv"]), "left to watch");
}

#[test]
fn a_baseline_of_two_schemas_or_of_unreadable_cells() {
    let folder = Folder::new();
    folder
        .write("drift.yaml", config(""))
        .write("data/a.csv", "x,y\n1,2\n")
        .write("data/b.csv", "x\n1\n");
    refused(&folder.enroll(&["--data", "data"]), "has no column `y`");
    folder.write("data/b.csv", "x,y\n1,two\n");
    refused(&folder.enroll(&["--data", "data"]), "a baseline is of one schema");
    folder.write("data/b.csv", "x,y\n");
    folder.write("data/a.csv", "x,y\n");
    refused(&folder.enroll(&["--data", "data"]), "no row in");
    assert!(!folder.path("baseline.json").exists());
}

#[test]
fn a_store_that_is_down_is_no_fault_of_the_caller() {
    let folder = enrolled(WATCHED);
    let mut command = folder.command(&folder.check_args(&["--data", "s3://lake/live/"]));
    command
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("AWS_ACCESS_KEY_ID", "a")
        .env("AWS_SECRET_ACCESS_KEY", "b")
        .env("AWS_REGION", "us-east-1")
        .env("STORE_RETRY_SECONDS", "1");
    let end = crate::common::ended(command.output().unwrap());
    assert_eq!((end.code, end.word.as_str()), (4, ""), "{}", end.log);
    assert_eq!(folder.json("report.json")["exit"], "unavailable");
}

#[test]
fn the_seed_form_enrols_and_checks_as_it_stands() {
    let folder = Folder::new();
    let seed = r#"drift_config: {monitoring_window_hours: 24, reference_dataset: "s3://…", thresholds: {psi_alert: 0.1, psi_retrain: 0.2, prediction_drift_p_value: 0.05}, retraining_trigger: {webhook: "https://…/api/v1/events/default/mlops-retrain", include_drift_report: true, notification_channel: "slack://ml-ops-alerts"}}"#;
    let plain = |traffic| {
        csv(traffic)
            .lines()
            .map(|line| line.split_once(',').unwrap().1.to_owned() + "\n")
            .collect::<String>()
    };
    folder
        .write("drift.yaml", seed)
        .write("train.csv", plain(CALM))
        .write("live.csv", plain(Traffic { seed: 2, ..CALM }));
    assert_eq!(folder.enroll(&["--data", "train.csv"]).code, 0);
    assert_eq!(folder.check(&["--data", "live.csv"]).word, "OK");
    refused(&folder.enroll(&[]), "s3://…");
}
