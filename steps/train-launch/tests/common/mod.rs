//! A place to launch training in: data with its record, and the binary with clean surroundings.

#![allow(dead_code, reason = "each test file uses its part")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where its ground is missing"
)]

pub(crate) mod cluster;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mlflow_client::{Client, Options, Run};
use provenance::{DataObject, Dataset, Record as _, Split, digest_bytes};
use serde_json::Value;
use tempfile::TempDir;

/// A training that saves a small model and counts how often it ran.
pub(crate) const TRAIN: &str = r#"echo once >> "$COUNT"; echo training; mkdir -p "$TRAIN_OUTPUT/model/data";
printf 'flavors: {}\n' > "$TRAIN_OUTPUT/model/MLmodel"; printf 'weights' > "$TRAIN_OUTPUT/model/data/w.bin""#;

/// The place.
pub(crate) struct Place {
    pub dir: TempDir,
    pub tracking_uri: String,
}

/// What a launch came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub report: Value,
}

impl Ran {
    /// It ended with this code and this word; what it logged when not.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32, word: &str) {
        let ended = (self.code, self.stdout.trim());
        assert_eq!(ended, (Some(code), word), "{}", self.stderr);
    }
}

impl Place {
    pub(crate) fn new(tracking_uri: &str) -> Self {
        let place = Self {
            dir: TempDir::new().unwrap(),
            tracking_uri: tracking_uri.to_owned(),
        };
        for month in ["2013-01", "2013-02", "2013-03"] {
            std::fs::write(place.path(&format!("{month}.csv")), format!("x,y\n{month},1\n")).unwrap();
        }
        place.write_dataset(None);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `dataset.json` over the three months, with paths, or below `prefix` in a store.
    pub(crate) fn write_dataset(&self, prefix: Option<&str>) {
        let objects = ["2013-01", "2013-02", "2013-03"].map(|month| {
            let bytes = std::fs::read(self.path(&format!("{month}.csv"))).unwrap();
            let path = self.path(&format!("{month}.csv")).display().to_string();
            DataObject {
                uri: prefix.map_or(path, |prefix| format!("{prefix}{month}.csv")),
                size: bytes.len() as u64,
                etag: prefix.map(|_| "\"0123\"".to_owned()),
                version_id: None,
                rows: 1,
                digest: digest_bytes(&bytes),
                reference: None,
            }
        });
        let split = Split::new("flights", objects.to_vec()).unwrap();
        let dataset = Dataset::new(None, None, BTreeMap::from([("train".to_owned(), split)]));
        std::fs::write(self.path("dataset.json"), dataset.to_json()).unwrap();
    }

    /// The launcher with its usual flags; `name` tells trainings apart.
    pub(crate) fn command(&self, name: &str, script: &str) -> Command {
        self.command_without(name, script, "")
    }

    /// `reproduce` of a run, with the outputs of `name`.
    pub(crate) fn reproduction(&self, name: &str, run: &str) -> Command {
        let mut command = self.program();
        command.args(["reproduce", "--run", run, "--workflow-uid", name]);
        for (flag, value) in self.outputs(name) {
            // What `run` calls --run is a run's id there.
            command.args([if flag == "--run" { "--record" } else { flag }, value.as_str()]);
        }
        self.surround(name, command)
    }

    /// As [`Place::command`], without one of the usual flags.
    pub(crate) fn command_without(&self, name: &str, script: &str, left_out: &str) -> Command {
        let mut command = self.program();
        let mut usual = vec![
            ("--dataset", "dataset.json".to_owned()),
            ("--experiment", "flights".to_owned()),
            ("--git-sha", "0123abcd".to_owned()),
            ("--workflow-uid", name.to_owned()),
            ("--command", "sh".to_owned()),
            ("--command", "-ec".to_owned()),
            ("--command", script.to_owned()),
        ];
        usual.extend(self.outputs(name));
        command.arg("run");
        for (flag, value) in usual.iter().filter(|(flag, _)| *flag != left_out) {
            command.args([*flag, value]);
        }
        self.surround(name, command)
    }

    fn outputs(&self, name: &str) -> Vec<(&'static str, String)> {
        let file = |suffix: &str| self.path(&format!("{name}.{suffix}")).display().to_string();
        vec![
            ("--output-dir", file("out")),
            ("--run", file("run.json")),
            ("--model-uri", file("model-uri")),
            ("--model-digest", file("model-digest")),
            ("--run-id", file("run-id")),
            ("--report", file("report.json")),
            ("--report-md", file("report.md")),
            ("--report-html", file("report.html")),
            ("--report-junit", file("report.xml")),
            ("--statement", file("statement.json")),
            ("--verdict", file("verdict")),
        ]
    }

    /// The binary, without the surroundings of whoever runs the tests.
    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_train-launch"));
        for (variable, _) in std::env::vars_os() {
            let text = variable.to_string_lossy();
            if ["MLFLOW_", "AWS_", "TRAIN_", "ARGO_"]
                .iter()
                .any(|prefix| text.starts_with(prefix))
            {
                command.env_remove(&variable);
            }
        }
        command.current_dir(self.dir.path());
        command
    }

    fn surround(&self, name: &str, mut command: Command) -> Command {
        command
            .env("MLFLOW_TRACKING_URI", &self.tracking_uri)
            .env("MLFLOW_RETRY_SECONDS", "30")
            .env("COUNT", self.path(&format!("{name}.count")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn launch(&self, name: &str, script: &str) -> Ran {
        self.finish(name, self.command(name, script).spawn().unwrap())
    }

    /// Waits for the end of a launch.
    pub(crate) fn finish(&self, name: &str, child: Child) -> Ran {
        let output = child.wait_with_output().unwrap();
        let report = std::fs::read(self.path(&format!("{name}.report.json"))).unwrap_or_default();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            report: serde_json::from_slice(&report).unwrap_or(Value::Null),
        }
    }

    /// How often the training command ran.
    pub(crate) fn trained(&self, name: &str) -> usize {
        std::fs::read_to_string(self.path(&format!("{name}.count")))
            .unwrap_or_default()
            .lines()
            .count()
    }

    /// What was left for the workflow: the model's URI, its digest, the run's id.
    pub(crate) fn left(&self, name: &str) -> [Option<String>; 3] {
        ["model-uri", "model-digest", "run-id"]
            .map(|left| std::fs::read_to_string(self.path(&format!("{name}.{left}"))).ok())
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        let path = self.path(name);
        serde_json::from_slice(&std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
            .unwrap()
    }
}

/// Waits for something to become true, at most two minutes: a Python under load takes its time.
pub(crate) fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let started = Instant::now();
    while !seen() {
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "waited in vain for: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal to one process by its id.
pub(crate) fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .arg(format!("-{signal}"))
        .arg(child.id().to_string())
        .status();
    assert!(sent.unwrap().success());
}

/// All runs of one workflow uid, as MLflow has them.
pub(crate) fn runs(url: &str, name: &str) -> Vec<Run> {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = Client::new(Options::new(url).unwrap()).unwrap();
        let Some(experiment) = client.experiment("flights").await.unwrap() else {
            return Vec::new();
        };
        let filter = format!("tags.`argo.workflow.uid` = '{name}'");
        client
            .search_runs(&[&experiment.experiment_id], &filter)
            .await
            .unwrap()
    })
}

/// Whether a file holds a text.
pub(crate) fn holds(path: &Path, text: &str) -> bool {
    std::fs::read_to_string(path).is_ok_and(|content| content.contains(text))
}
