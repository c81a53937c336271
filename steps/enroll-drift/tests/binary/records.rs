//! What binds a baseline to a model and to validated bytes, and stops on the way.

use std::io::Read as _;
use std::net::TcpListener;

use serde_json::json;

use crate::common::{CALM, Folder, Traffic, WATCHED, config, csv, enrolled, spawn};

/// sha256 of the letter at the start of the alphabet, as sha256sum prints it.
const ONE: &str = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
const OTHER: &str = "sha256:3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d";

fn version(digest: &str) -> String {
    json!({
        "schema": "mlops-steps/model-version/v1", "name": "flight-delays", "version": "7",
        "model_uri": "models:/flight-delays/7", "source": "runs:/r1/model", "run_id": "r1",
        "tracking_uri": "http://mlflow", "digest": digest, "dataset": {"digest": ONE, "version": "v1"},
        "evaluation": ONE, "aliases": ["champion"]
    })
    .to_string()
}

#[test]
fn a_baseline_is_of_one_model() {
    let folder = Folder::new();
    folder
        .write("drift.yaml", config(WATCHED))
        .write("train.csv", csv(CALM))
        .write("v7.json", version(ONE))
        .write("v8.json", version(OTHER));
    assert_eq!(
        folder
            .enroll(&["--data", "train.csv", "--model-version", "v7.json"])
            .code,
        0
    );
    let model = &folder.json("baseline.json")["model"];
    assert_eq!(
        (model["digest"].as_str(), model["version"].as_str()),
        (Some(ONE), Some("7"))
    );
    assert_eq!(folder.json("enroll.json")["bindings"]["model.digest"], ONE);
    assert_eq!(
        folder
            .check(&["--data", "train.csv", "--model-version", "v7.json"])
            .word,
        "OK"
    );
    let end = folder.check(&["--data", "train.csv", "--model-version", "v8.json"]);
    assert_eq!(end.code, 2);
    assert!(end.log.contains("enroll the model that serves"), "{}", end.log);
    let end = folder.enroll(&[
        "--data",
        "train.csv",
        "--model-version",
        "v7.json",
        "--model",
        "other",
    ]);
    assert!(
        end.code == 2 && end.log.contains("--model is `other`"),
        "{}",
        end.log
    );
}

#[test]
fn the_same_data_gives_the_same_baseline() {
    let folder = enrolled(WATCHED);
    let first = folder.read("baseline.json");
    folder.enroll(&["--data", "train.csv", "--model", "Flight Delays"]);
    assert_eq!(folder.read("baseline.json"), first);
    let cron = folder.read("cron.yaml");
    assert!(
        cron.contains("name: drift-flight-delays\n") && cron.contains("template: check}"),
        "{cron}"
    );
    // In parts, the counts are those of the whole.
    let text = folder.read("train.csv");
    let (head, rows) = text.split_once('\n').unwrap();
    let lines: Vec<&str> = rows.lines().collect();
    for (i, part) in lines.chunks(1_100).enumerate() {
        folder.write(
            &format!("parts/{i}.csv"),
            format!("{head}\n{}\n", part.join("\n")),
        );
    }
    folder.enroll(&["--data", "parts", "--model", "Flight Delays"]);
    let (whole, parts): (serde_json::Value, serde_json::Value) = (
        serde_json::from_str(&first).unwrap(),
        folder.json("baseline.json"),
    );
    for column in ["temp", "legs", "carrier"] {
        assert_eq!(
            whole["columns"][column]["bins"], parts["columns"][column]["bins"],
            "{column}"
        );
        assert_eq!(
            whole["columns"][column]["counts"], parts["columns"][column]["counts"],
            "{column}"
        );
    }
}

#[test]
fn a_validated_split_is_taken_and_refused_when_its_bytes_change() {
    let folder = Folder::new();
    folder
        .write("drift.yaml", config(WATCHED))
        .write("train.csv", csv(CALM));
    // The digests of a dataset follow from its objects: let another run of the binary tell that of the file.
    folder.enroll(&["--data", "train.csv"]);
    let object = folder.json("baseline.json")["data"][0].clone();
    folder.write("dataset.json", dataset(&object));
    let end = folder.enroll(&["--dataset", "dataset.json"]);
    assert_eq!(end.code, 0, "{}", end.log);
    assert_eq!(folder.json("baseline.json")["rows"], 3_000);
    let end = folder.enroll(&["--dataset", "dataset.json", "--split", "trian"]);
    assert!(end.code == 2 && end.log.contains("it has train"), "{}", end.log);
    let end = folder.enroll(&["--dataset", "dataset.json", "--data", "train.csv"]);
    assert!(end.code == 2 && end.log.contains("give one"), "{}", end.log);
    folder.write("train.csv", csv(Traffic { seed: 5, ..CALM }));
    let end = folder.enroll(&["--dataset", "dataset.json"]);
    assert!(
        end.code == 2 && end.log.contains("has changed since it was validated"),
        "{}",
        end.log
    );
}

/// A dataset of one split with this object, digested as `provenance::dataset` says.
fn dataset(object: &serde_json::Value) -> String {
    let hex = |digest: &str| digest.trim_start_matches("sha256:").to_owned();
    let uri = object["uri"].as_str().unwrap();
    let split = sha256(&format!("{}  {uri}\n", hex(object["digest"].as_str().unwrap())));
    let whole = sha256(&format!("{}  train\n", hex(&split)));
    json!({
        "schema": "mlops-steps/dataset/v1", "version": "v1", "digest": whole,
        "splits": {"train": {"uri": uri, "digest": split, "rows": object["rows"], "objects": [object]}}
    })
    .to_string()
}

/// By `sha256sum`, which is no part of what is tested.
fn sha256(text: &str) -> String {
    use std::io::Write as _;
    let mut child = std::process::Command::new("sha256sum")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    format!("sha256:{}", out.split(' ').next().unwrap())
}

#[test]
fn an_enrolment_that_is_stopped_or_killed_leaves_nothing_and_can_be_tried_again() {
    let folder = Folder::new();
    folder
        .write("drift.yaml", config(WATCHED))
        .write("train.csv", csv(CALM));
    // A data server that takes the request and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/train.csv", silent.local_addr().unwrap());
    for signal in ["TERM", "KILL"] {
        let args = [
            "enroll",
            "--config",
            "drift.yaml",
            "--baseline",
            "baseline.json",
            "--report",
            "enroll.json",
        ];
        let mut command = folder.command(&args);
        command.args(["--data", &url]);
        let mut child = spawn(command);
        let (mut request, _) = silent.accept().unwrap();
        request.read_exact(&mut [0; 4]).unwrap();
        let kill = std::process::Command::new("kill")
            .args([&format!("-{signal}"), &child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        let status = child.wait().unwrap();
        if signal == "TERM" {
            assert_eq!(status.code(), Some(143));
        }
        assert!(!folder.path("baseline.json").exists() && !folder.path("enroll.json").exists());
    }
    assert_eq!(folder.enroll(&["--data", "train.csv"]).word, "ENROLLED");
}
