//! A pipeline run up to the door of the registry: a real run with a real model in a real MLflow, and the
//! records and reports that the steps before would have written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use mlflow_client::{ArtifactRoot, Client, NewRun, Options, RunStatus};
use provenance::{
    DataObject, Dataset, ModelRef, Record, Split, Statement, TrainingRun, Trigger, digest_bytes, digest_dir,
};
use serde_json::Value;
use step_report::{Bound, Check, Report};
use step_testkit::MlflowServer;
use tempfile::TempDir;

/// One server for the tests that run at the same time; the last one to end stops it.
pub(crate) fn server() -> Arc<MlflowServer> {
    static SERVER: Mutex<Weak<MlflowServer>> = Mutex::new(Weak::new());
    let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let started = Arc::new(MlflowServer::start().unwrap());
        *shared = Arc::downgrade(&started);
        started
    })
}

pub(crate) struct Story {
    pub(crate) server: Arc<MlflowServer>,
    pub(crate) dir: TempDir,
    pub(crate) name: String,
    pub(crate) run: TrainingRun,
    runtime: tokio::runtime::Runtime,
}

/// What one run of the binary gave.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Story {
    /// `name` is the registered model and the experiment; `extra` makes the model's bytes its own.
    pub(crate) fn new(name: &str, extra: &str) -> Self {
        Self::on(server(), name, extra)
    }

    /// The same on a server of the test's own.
    pub(crate) fn on(server: Arc<MlflowServer>, name: &str, extra: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let model = dir.path().join("model");
        copy(
            &Path::new(env!("MLOPS_STEPS_ROOT")).join("steps/mlflow-register/tests/data/model"),
            &model,
        );
        fs::write(model.join("notes.txt"), extra).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let run = runtime.block_on(trained(&server.url(), name, extra, &model));
        let story = Self {
            server,
            dir,
            name: name.to_owned(),
            run,
            runtime,
        };
        story.write();
        story
    }

    /// Writes what the steps before have written: all good.
    pub(crate) fn write(&self) {
        let dataset = dataset();
        fs::write(self.path("dataset.json"), dataset.to_json()).unwrap();
        fs::write(self.path("run.json"), self.run.to_json()).unwrap();
        self.save("validation.json", &validation(&dataset));
        self.save("evaluation.json", &self.evaluation());
        for (step, command, file) in [
            ("data-validate", "check", "validation.json"),
            ("train-launch", "run", "run.json"),
            ("evaluate", "gate", "evaluation.json"),
        ] {
            let at = "2026-11-23T14:00:00Z".parse().unwrap();
            let digest = digest_bytes(fs::read(self.path(file)).unwrap());
            let statement = Statement::builder(step, command, "0.1.0")
                .subject(file, &digest)
                .build(at, at);
            fs::write(
                self.path(&file.replace(".json", ".statement.json")),
                statement.to_json(),
            )
            .unwrap();
        }
    }

    pub(crate) fn save(&self, file: &str, report: &Report) {
        fs::write(self.path(file), report.to_json()).unwrap();
    }

    pub(crate) fn evaluation(&self) -> Report {
        evaluation(&self.run)
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// `register` with the files of the story, and other arguments; one that is given goes before the story's.
    pub(crate) fn register(&self, more: &[&str]) -> Command {
        let mut command = self.step("register");
        let file = |name: &str| self.path(name).display().to_string();
        for (flag, value) in [
            ("run", file("run.json")),
            ("validation", file("validation.json")),
            ("evaluation", file("evaluation.json")),
            ("dataset", file("dataset.json")),
            ("name", self.name.clone()),
            ("model-version", file("model-version.json")),
            ("card", file("card.md")),
            ("dependencies", file("dependencies.json")),
            ("deployment", file("deployment.json")),
        ] {
            if !more.iter().any(|given| given.starts_with(&format!("--{flag}="))) {
                command.arg(format!("--{flag}={value}"));
            }
        }
        command.args(more);
        command
    }

    pub(crate) fn promote(&self, more: &[&str]) -> Command {
        let mut command = self.step("promote");
        command.arg(format!(
            "--model-version={}",
            self.path("model-version.json").display()
        ));
        command.arg(format!("--promoted={}", self.path("promoted.json").display()));
        command.args(more);
        command
    }

    pub(crate) fn rollback(&self, more: &[&str]) -> Command {
        let mut command = self.step("rollback");
        command.arg(format!(
            "--model-version={}",
            self.path("model-version.json").display()
        ));
        command.args(more);
        command
    }

    /// A sub-command with its report in the story's directory.
    pub(crate) fn step(&self, name: &str) -> Command {
        let mut command = binary();
        command
            .arg(name)
            .env("MLFLOW_TRACKING_URI", self.server.url())
            .current_dir(self.dir.path());
        for (flag, file) in [
            ("report", "report.json"),
            ("report-md", "report.md"),
            ("report-html", "report.html"),
            ("report-junit", "report.junit.xml"),
            ("statement", "statement.json"),
            ("verdict", "verdict"),
        ] {
            command.arg(format!("--{flag}={}", self.path(file).display()));
        }
        command
    }

    pub(crate) fn report(&self) -> Report {
        Report::from_json("report.json", &fs::read(self.path("report.json")).unwrap()).unwrap()
    }

    /// Outcome of a check of the last report.
    pub(crate) fn outcome(&self, id: &str) -> String {
        let report = self.report();
        report
            .find(id)
            .unwrap_or_else(|| panic!("no check {id}"))
            .outcome
            .word()
            .to_owned()
    }

    pub(crate) fn json(&self, file: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(file)).unwrap()).unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(Options::new(&self.server.url()).unwrap()).unwrap()
    }

    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Versions of the registered model, newest first.
    pub(crate) fn versions(&self) -> Vec<mlflow_client::ModelVersion> {
        let filter = format!("name = '{}'", self.name);
        self.wait(self.client().search_versions(&filter)).unwrap()
    }

    /// Where an alias points.
    pub(crate) fn alias(&self, alias: &str) -> Option<String> {
        self.wait(self.client().alias(&self.name, alias))
            .unwrap()
            .map(|version| version.version)
    }

    /// The model's files where the server keeps them.
    pub(crate) fn kept(&self) -> PathBuf {
        let root = self.run.artifact_uri.trim_start_matches("mlflow-artifacts:/");
        self.server.artifacts().join(root).join("model")
    }
}

pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlflow-register"));
    // Nothing of the machine that the tests run on.
    for name in [
        "MLFLOW_TRACKING_TOKEN",
        "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_RUN_ID",
    ] {
        command.env_remove(name);
    }
    command.env("MLFLOW_RETRY_SECONDS", "10");
    command
}

pub(crate) fn end(mut command: Command) -> Ended {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Ended {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Ends with this word and code, and nothing else on standard output.
#[track_caller]
pub(crate) fn ends(command: Command, word: &str, code: i32) -> Ended {
    let ended = end(command);
    assert_eq!(
        (ended.stdout.as_str(), ended.code),
        (format!("{word}\n").as_str(), Some(code)),
        "{}",
        ended.stderr
    );
    ended
}

/// Ends without a verdict, saying this.
#[track_caller]
pub(crate) fn fails(command: Command, code: i32, says: &str) -> Ended {
    let ended = end(command);
    assert_eq!(
        (ended.stdout.as_str(), ended.code),
        ("", Some(code)),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains(says),
        "{says:?} is not in: {}",
        ended.stderr
    );
    ended
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn trained(url: &str, name: &str, extra: &str, model: &Path) -> TrainingRun {
    let client = Client::new(Options::new(url).unwrap()).unwrap();
    let experiment = client.ensure_experiment(name).await.unwrap();
    let new = NewRun {
        experiment_id: experiment.experiment_id.clone(),
        run_name: "story".to_owned(),
        start_time: 1_795_444_000_000,
        tags: BTreeMap::new(),
        key: digest_bytes(format!("{name} {extra}")).hex(),
    };
    let (run, _) = client.ensure_run(&new).await.unwrap();
    let (digest, files) = digest_dir(model).unwrap();
    let ArtifactRoot::Proxy(root) = ArtifactRoot::parse(&run.artifact_uri).unwrap().join("model") else {
        panic!("{}", run.artifact_uri)
    };
    for file in &files {
        client
            .upload_artifact(&format!("{root}/{}", file.path), &model.join(&file.path))
            .await
            .unwrap();
    }
    let uri = format!("runs:/{}/model", run.run_id);
    let dataset = dataset().reference();
    // As train-launch tags it.
    for (key, value) in [
        ("mlflow.source.git.commit", "8c1f0d"),
        ("data.digest", &dataset.digest.to_string()),
        ("data.version", "flights-2013-q1"),
        ("trigger.kind", "manual"),
        ("model.digest", &digest.to_string()),
        ("model.uri", &uri),
    ] {
        client.set_run_tag(&run.run_id, key, value).await.unwrap();
    }
    client
        .update_run(&run.run_id, RunStatus::Finished, Some(1_795_444_060_000))
        .await
        .unwrap();
    TrainingRun {
        schema: TrainingRun::SCHEMA.to_owned(),
        experiment: name.to_owned(),
        experiment_id: experiment.experiment_id,
        tracking_uri: url.to_owned(),
        artifact_uri: run.artifact_uri,
        model: ModelRef { uri, digest, files },
        run_id: run.run_id,
        dataset,
        git_sha: "8c1f0d".to_owned(),
        data_version: "flights-2013-q1".to_owned(),
        trigger: Trigger::Manual,
        command: vec!["python".to_owned(), "train.py".to_owned()],
        started: "2026-11-23T14:00:00Z".to_owned(),
        finished: "2026-11-23T14:01:00Z".to_owned(),
        tags: BTreeMap::new(),
        params: BTreeMap::from([("num_leaves".to_owned(), "4".to_owned())]),
        metrics: BTreeMap::from([("validation-auc".to_owned(), Some(0.9))]),
        workflow_uid: None,
        compute: None,
        indexed: None,
    }
}

pub(crate) fn dataset() -> Dataset {
    let split = |name: &str, rows| {
        let object = DataObject {
            uri: format!("s3://raw/flights/{name}.parquet"),
            size: 100,
            etag: None,
            version_id: None,
            rows,
            digest: digest_bytes(name),
            reference: None,
        };
        (
            name.to_owned(),
            Split::new(object.uri.clone(), vec![object]).unwrap(),
        )
    };
    Dataset::new(
        None,
        None,
        BTreeMap::from([split("train", 80_000), split("test", 20_000)]),
    )
}

fn validation(dataset: &Dataset) -> Report {
    Report::new("data-validate", "check", "0.1.0")
        .verdict("PASS", "12 checks passed on 100000 rows")
        .with_binding("dataset.digest", &dataset.digest)
        .with_check(
            Check::new("rows:train", "rows")
                .observed(80_000_u64)
                .pass("80000 rows are enough"),
        )
}

fn evaluation(run: &TrainingRun) -> Report {
    let auc = Check::new("threshold:auc_roc", "threshold")
        .metric("auc_roc")
        .bound(Bound::at_least(0.87))
        .observed(0.911)
        .n(20_000)
        .pass("auc_roc 0.911 is at least 0.87");
    let slice = Check::new("threshold:auc_roc:carrier=UA", "threshold")
        .metric("auc_roc")
        .slice("carrier=UA")
        .bound(Bound::at_least(0.8))
        .observed(0.9)
        .n(3_000)
        .pass("auc_roc 0.9 is at least 0.8");
    Report::new("evaluate", "gate", "0.1.0")
        .verdict("PASS", "2 of 2 gates passed")
        .with_binding("model.digest", &run.model.digest)
        .with_binding("dataset.digest", &run.dataset.digest)
        .with_binding("run_id", &run.run_id)
        .with_binding("split", "test")
        .with_binding("split.digest", &dataset().splits["test"].digest)
        .with_binding("scored_by", "endpoint")
        .with_check(auc)
        .with_check(slice)
}
