//! The process executor against a real MLflow server: what it makes, what it refuses, what it survives.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where its ground is missing"
)]

mod common;

use common::{Place, TRAIN, runs};
use mlflow_client::{Client, Options, RunStatus};
use provenance::{Record as _, Statement, TrainingRun};
use serde_json::json;
use step_testkit::process::from_setup;
use step_testkit::{Fault, FaultProxy, MlflowServer};

#[test]
fn trains_and_says_so() {
    let server = MlflowServer::start().unwrap();
    let place = Place::new(&server.url());
    whole_story(&place, &server);
    again_is_the_same(&place, &server);
    failures(&place, &server);
    passing_trouble(&place, &server);
    no_model(&place);
    deadline(&place, &server);
    changed_data(&place, &server);
    somebody_elses_model(&place, &server);
    credentials(&place, &server);
    refused_after_the_run_was_made(&place, &server);
    taken_back(&place, &server);
    window(&place, &server);
    python_with_odd_numbers(&place, &server);
}

fn whole_story(place: &Place, server: &MlflowServer) {
    let mut command = place.command("good", TRAIN);
    let ran = place.finish(
        "good",
        command
            .args(["--trigger", "drift", "--trigger-id", "e-1"])
            .spawn()
            .unwrap(),
    );
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(0), "TRAINED\n"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("training\n"), "{}", ran.stderr);
    let bytes = std::fs::read(place.path("good.run.json")).unwrap();
    let record = TrainingRun::parse("run.json", &bytes).unwrap();
    assert_eq!(record.model.uri, format!("runs:/{}/model", record.run_id));
    let (digest, files) = provenance::tree::digest_dir(&place.path("good.out/model")).unwrap();
    assert_eq!((record.model.digest, &record.model.files), (digest, &files));
    assert_eq!(record.model.files.len(), 2);
    assert_eq!(record.workflow_uid.as_deref(), Some("good"));
    let left = [
        record.model.uri.clone(),
        digest.to_string(),
        record.run_id.clone(),
    ];
    assert_eq!(place.left("good"), left.map(Some));

    let found = runs(&server.url(), "good");
    let [run] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!((run.status, &run.run_id), (RunStatus::Finished, &record.run_id));
    for (tag, value) in [
        ("mlflow.source.git.commit", "0123abcd"),
        ("trigger.kind", "drift"),
        ("trigger.id", "e-1"),
        ("argo.step", "train"),
        ("model.digest", &digest.to_string()),
        ("data.digest", &record.dataset.digest.to_string()),
        ("data.version", &record.data_version),
        ("launch.exit_code", "0"),
    ] {
        assert_eq!(run.tags.get(tag).map(String::as_str), Some(value), "{tag}");
    }
    let objects: Vec<&str> = run.tags["data.objects"].lines().collect();
    assert_eq!(objects.len(), 3);
    assert!(objects[2].ends_with("/2013-03.csv"), "{objects:?}");
    for (param, value) in [
        ("launch.git_sha", "0123abcd"),
        ("launch.trigger", "drift"),
        ("launch.step", "train"),
        ("launch.data", &record.dataset.digest.to_string()),
    ] {
        assert_eq!(run.params.get(param).map(String::as_str), Some(value), "{param}");
    }
    let took = record.compute.unwrap();
    assert!(
        took.train_seconds.is_some_and(|seconds| seconds > 0.0),
        "{took:?}"
    );
    assert_eq!((took.pods, took.gpu_hours), (None, None));
    // What the server holds on its disk is the model.
    let held = server.artifacts().join(format!(
        "{}/{}/artifacts/model",
        record.experiment_id, record.run_id
    ));
    assert_eq!(provenance::tree::digest_dir(&held).unwrap().0, digest);

    assert_eq!(ran.report["verdict"], "TRAINED");
    assert_eq!(ran.report["bindings"]["model.digest"], digest.to_string());
    assert_eq!(
        ran.report["bindings"]["dataset.digest"],
        record.dataset.digest.to_string()
    );
    let statement = std::fs::read(place.path("good.statement.json")).unwrap();
    let statement = Statement::parse("statement.json", &statement).unwrap();
    assert!(statement.has_subject(&digest) && statement.has_subject(&provenance::digest_bytes(&bytes)));
    assert!(statement.has_material(&record.dataset.digest));
}

/// A retry of what is done trains nothing and writes the same record, from the disk or from the server.
fn again_is_the_same(place: &Place, server: &MlflowServer) {
    let first = std::fs::read(place.path("good.run.json")).unwrap();
    for gone in ["good.run.json", "good.out"] {
        let path = place.path(gone);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
        let mut command = place.command("good", TRAIN);
        let ran = place.finish(
            "good",
            command
                .args(["--trigger", "drift", "--trigger-id", "e-1"])
                .spawn()
                .unwrap(),
        );
        assert_eq!(ran.stdout, "TRAINED\n", "{}", ran.stderr);
        assert_eq!(std::fs::read(place.path("good.run.json")).unwrap(), first);
    }
    assert_eq!((place.trained("good"), runs(&server.url(), "good").len()), (1, 1));
    // It says what it did itself, and no more.
    let check = &place.json("good.report.json")["checks"][0];
    assert_eq!(
        (&check["id"], &check["outcome"]),
        (&json!("dataset"), &json!("skipped")),
        "{check}"
    );
}

fn failures(place: &Place, server: &MlflowServer) {
    let script = "for i in $(seq 300); do echo line $i; done; printf 'token is '; echo \"$MY_TOKEN at $DB\"; \
                  echo \"token is $MY_TOKEN\" >&2; exit 7";
    let mut command = place.command("bad", script);
    command
        .env("MY_TOKEN", "s3cr3t-token")
        .env("DB", "postgres://ann:s3cr3t-word@db/x");
    let ran = place.finish("bad", command.spawn().unwrap());
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(3), "FAILED\n"),
        "{}",
        ran.stderr
    );
    let reason = ran.report["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("the training command ended with exit code 7"),
        "{reason}"
    );
    let text = ran.report.to_string();
    assert!(
        text.contains("line 300") && !text.contains("line 90\\n") && !text.contains("s3cr3t"),
        "{text}"
    );
    assert!(
        ran.stderr.contains("token is *** at postgres://ann:***@db/x\n") && !ran.stderr.contains("s3cr3t"),
        "{}",
        ran.stderr
    );
    assert!(!place.path("bad.run.json").exists());
    assert_eq!(place.left("bad"), [None, None, None]);
    let run = &runs(&server.url(), "bad")[0];
    assert_eq!(run.status, RunStatus::Failed);
    let why = &run.tags["failure.reason"];
    assert!(why.contains("exit code 7") && !why.contains("s3cr3t"), "{why}");

    // The retry of a failed training trains again, in the same run; `--on-reject report` exits 0.
    let mut command = place.command("bad", script);
    let ran = place.finish("bad", command.args(["--on-reject", "report"]).spawn().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "FAILED\n"));
    assert_eq!(runs(&server.url(), "bad").len(), 1);

    let ran = place.launch("killed", "kill -KILL $$");
    assert!(
        ran.report["reason"]
            .as_str()
            .unwrap()
            .contains("killed by signal 9"),
        "{:?}",
        ran.report["reason"]
    );
    // What an earlier training left is not taken for this one's.
    std::fs::write(place.path("typo.model-uri"), "runs:/earlier/model").unwrap();
    let mut command = place.command("typo", TRAIN);
    command.args(["--workdir", "/none"]);
    let ran = place.finish("typo", command.spawn().unwrap());
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("cannot start `sh` in /none"),
        "{}",
        ran.stderr
    );
    assert_eq!(place.left("typo"), [None, None, None]);
}

/// The first attempt ends in passing trouble, the second fails for good, the third trains.
fn passing_trouble(place: &Place, server: &MlflowServer) {
    let tries = place.path("tries");
    let script = format!(
        "echo again >> {0}; case $(wc -l < {0}) in 1) echo no node; exit 75;; 2) exit 64;; esac; {TRAIN}",
        tries.display()
    );
    let again = || {
        let mut command = place.command("passing", &script);
        place.finish(
            "passing",
            command.args(["--fatal-exit-code", "64"]).spawn().unwrap(),
        )
    };
    let run = || {
        let mut runs = runs(&server.url(), "passing");
        assert_eq!(runs.len(), 1);
        runs.remove(0)
    };
    let ran = again();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(4), ""), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("its last line: no node; it is none of --fatal-exit-code"),
        "{}",
        ran.stderr
    );
    assert_eq!(run().status, RunStatus::Running);
    let ran = again();
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(3), "FAILED\n"),
        "{}",
        ran.stderr
    );
    assert!(run().tags["failure.reason"].contains("exit code 64"));
    let ran = again();
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(0), "TRAINED\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        (run().status, run().tags["failure.reason"].as_str()),
        (RunStatus::Finished, "")
    );
}

fn no_model(place: &Place) {
    let ran = place.launch(
        "none",
        "mkdir -p \"$TRAIN_OUTPUT/lgbm\"; echo x > \"$TRAIN_OUTPUT/lgbm/MLmodel\"",
    );
    assert_eq!(ran.stdout, "FAILED\n", "{}", ran.stderr);
    let reason = ran.report["reason"].as_str().unwrap();
    assert!(
        reason.contains("there is a model in `lgbm`: save it as `model`"),
        "{reason}"
    );
    let script = format!("{TRAIN}; ln -s w.bin \"$TRAIN_OUTPUT/model/data/link\"");
    let ran = place.launch("link", &script);
    assert!(
        ran.report["reason"].as_str().unwrap().contains("symbolic link"),
        "{:?}",
        ran.report["reason"]
    );
}

fn deadline(place: &Place, server: &MlflowServer) {
    // It ignores TERM, and so does what it started.
    let script = "trap '' TERM; (trap '' TERM; sleep 600 & echo $! > \"$COUNT.pid\"; wait) & while :; do sleep 1; done";
    let mut command = place.command("slow", script);
    command.args(["--deadline", "1s", "--stop-grace", "1s"]);
    let ran = place.finish("slow", command.spawn().unwrap());
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(
        ran.report["reason"]
            .as_str()
            .unwrap()
            .contains("within --deadline 1s"),
        "{:?}",
        ran.report["reason"]
    );
    assert_eq!(runs(&server.url(), "slow")[0].status, RunStatus::Failed);
    let pid = std::fs::read_to_string(place.path("slow.count.pid")).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.trim())).unwrap_or_default();
    assert!(
        !status.contains("sleeping"),
        "what training started lives on: {status}"
    );
}

fn changed_data(place: &Place, server: &MlflowServer) {
    let february = place.path("2013-02.csv");
    let bytes = std::fs::read(&february).unwrap();
    // As long as before, so that only the bytes tell.
    std::fs::write(
        &february,
        String::from_utf8(bytes.clone()).unwrap().replace('1', "7"),
    )
    .unwrap();
    let ran = place.launch("changed", TRAIN);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("2013-02.csv changed since it was validated"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        (place.trained("changed"), ran.report["verdict"].as_str()),
        (0, Some("ERROR"))
    );
    std::fs::write(&february, &bytes).unwrap();

    // As long as before, and with the time of before: only the bytes tell.
    let script = format!(
        "{TRAIN}; touch -r 2013-02.csv then; tr 1 7 < 2013-02.csv > now; cat now > 2013-02.csv; touch -r then 2013-02.csv"
    );
    let ran = place.launch("meanwhile", &script);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("changed while training ran"),
        "{}",
        ran.stderr
    );
    assert_eq!(runs(&server.url(), "meanwhile")[0].status, RunStatus::Failed);
    std::fs::remove_file(&february).unwrap();
    let ran = place.launch("gone", TRAIN);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("2013-02.csv: no such file"), "{}", ran.stderr);
    std::fs::write(&february, bytes).unwrap();
}

/// Tags are written by who may write to MLflow: a model of another run is not this training's.
fn somebody_elses_model(place: &Place, server: &MlflowServer) {
    assert_eq!(place.launch("foreign", "exit 1").stdout, "FAILED\n");
    let (run, other) = (
        &runs(&server.url(), "foreign")[0],
        &place.json("good.run.json")["model"],
    );
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = Client::new(Options::new(&server.url()).unwrap()).unwrap();
        for (tag, value) in [("model.uri", &other["uri"]), ("model.digest", &other["digest"])] {
            client
                .set_run_tag(&run.run_id, tag, value.as_str().unwrap())
                .await
                .unwrap();
        }
    });
    // The same training again: what it fails with now says that it was started.
    let ran = place.launch("foreign", "exit 1");
    assert_eq!(ran.stdout, "FAILED\n", "{}", ran.stderr);
}

/// A server's password comes in its address, and is nowhere in what is written.
fn credentials(place: &Place, server: &MlflowServer) {
    let script = format!(
        "{TRAIN}; printf '%s %s %s' \"$MLFLOW_TRACKING_URI\" \"$MLFLOW_TRACKING_USERNAME\" \
         \"$MLFLOW_TRACKING_PASSWORD\" > \"$COUNT.given\"; echo \"with $MLFLOW_TRACKING_PASSWORD\""
    );
    let mut command = place.command("password", &script);
    let address = server.url().replace("http://", "http://ann:s3cr3t%40word@");
    let ran = place.finish(
        "password",
        command.env("MLFLOW_TRACKING_URI", address).spawn().unwrap(),
    );
    assert_eq!(ran.stdout, "TRAINED\n", "{}", ran.stderr);
    let given = std::fs::read_to_string(place.path("password.count.given")).unwrap();
    assert_eq!(given, format!("{} ann s3cr3t@word", server.url()));
    assert_eq!(place.json("password.run.json")["tracking_uri"], server.url());
    assert!(ran.stderr.contains("with ***"), "{}", ran.stderr);
    for file in [
        "run.json",
        "report.json",
        "report.md",
        "report.html",
        "statement.json",
    ] {
        let text = std::fs::read_to_string(place.path(&format!("password.{file}"))).unwrap();
        assert!(
            !text.contains("s3cr3t") && !ran.stderr.contains("s3cr3t"),
            "{file}"
        );
    }
}

/// A run that was made does not stay RUNNING when what comes next is refused.
fn refused_after_the_run_was_made(place: &Place, server: &MlflowServer) {
    let proxy = FaultProxy::before(&server.url()).unwrap();
    let refusal = Fault::Status {
        status: 400,
        retry_after: None,
    };
    proxy.fail_when(|line| line.contains("runs/log-batch"), 1, refusal);
    let mut command = place.command("refused", TRAIN);
    let ran = place.finish(
        "refused",
        command.env("MLFLOW_TRACKING_URI", proxy.url()).spawn().unwrap(),
    );
    assert_eq!(
        (ran.code, place.trained("refused")),
        (Some(2), 0),
        "{}",
        ran.stderr
    );
    assert_eq!(runs(&server.url(), "refused")[0].status, RunStatus::Failed);
}

/// The run goes away while training runs: the retry has another one, and does not train again.
fn taken_back(place: &Place, server: &MlflowServer) {
    let delete = "import json, os; from urllib.request import Request, urlopen\n\
                  urlopen(Request(os.environ['MLFLOW_TRACKING_URI'] + '/api/2.0/mlflow/runs/delete',\n\
                  json.dumps({'run_id': os.environ['MLFLOW_RUN_ID']}).encode(), {'Content-Type': 'application/json'}))\n";
    std::fs::write(place.path("delete.py"), delete).unwrap();
    let python = from_setup("venv/bin/python").unwrap();
    let script = format!("{TRAIN}; {} delete.py", python.display());
    let ran = place.launch("taken", &script);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("was deleted while training ran"),
        "{}",
        ran.stderr
    );
    let ran = place.launch("taken", &script);
    assert_eq!(
        (ran.stdout.as_str(), place.trained("taken")),
        ("TRAINED\n", 1),
        "{}",
        ran.stderr
    );
    assert_eq!(runs(&server.url(), "taken").len(), 1);
}

fn window(place: &Place, server: &MlflowServer) {
    let script = format!("{TRAIN}; cp \"$TRAIN_DATASET\" \"$COUNT.dataset\"");
    let mut command = place.command("window", &script);
    let ran = place.finish("window", command.args(["--window", "40d"]).spawn().unwrap());
    assert_eq!(ran.stdout, "TRAINED\n", "{}", ran.stderr);
    let given = place.json("window.count.dataset");
    let objects = given["splits"]["train"]["objects"].as_array().unwrap();
    let names: Vec<&str> = objects
        .iter()
        .map(|o| o["uri"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    assert_eq!(names, ["2013-02.csv", "2013-03.csv"]);
    let run = &runs(&server.url(), "window")[0];
    assert_eq!(
        run.tags["data.window"],
        "2013-02-20T00:00:00Z/2013-04-01T00:00:00Z"
    );
    assert_eq!(
        run.tags["data.training_digest"],
        given["digest"].as_str().unwrap()
    );
    // The record is bound to what was validated, whole.
    assert_eq!(
        place.json("window.run.json")["dataset"]["digest"],
        place.json("dataset.json")["digest"]
    );
}

/// Real training code: it logs a NaN, and a model of its own under the same name.
fn python_with_odd_numbers(place: &Place, server: &MlflowServer) {
    let script = r#"
import mlflow, os
class Zero(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [0] * len(model_input)
with mlflow.start_run(run_id=os.environ["MLFLOW_RUN_ID"]) as run:
    assert run.info.experiment_id == os.environ["MLFLOW_EXPERIMENT_ID"]
    mlflow.log_params({"rounds": 3})
    mlflow.log_metrics({"auc": 0.5, "loss": float("nan"), "gap": float("inf")})
    mlflow.pyfunc.log_model(name="model", python_model=Zero(), pip_requirements=[])
    mlflow.pyfunc.save_model(os.environ["TRAIN_OUTPUT"] + "/model", python_model=Zero(), pip_requirements=[])
"#;
    std::fs::write(place.path("train.py"), script).unwrap();
    let python = from_setup("venv/bin/python").unwrap();
    let shell = format!("exec {} train.py", python.display());
    let ran = place.launch("python", &shell);
    assert_eq!(ran.stdout, "TRAINED\n", "{}", ran.stderr);
    let record = place.json("python.run.json");
    assert_eq!(
        record["metrics"],
        json!({ "auc": 0.5, "gap": null, "loss": null })
    );
    assert_eq!(record["params"]["rounds"], "3");
    // The code's own model has the name: ours stands apart, and is the one that goes on.
    let run_id = record["run_id"].as_str().unwrap();
    assert_eq!(
        record["model"]["uri"],
        format!("runs:/{run_id}/mlops-steps/model")
    );
    let checks = ran.report["checks"].as_array().unwrap();
    let finite = checks
        .iter()
        .find(|check| check["id"] == "metrics:finite")
        .unwrap();
    assert_eq!(finite["outcome"], "warn");
    assert!(finite["why"].as_str().unwrap().contains("gap, loss"), "{finite}");
    assert_eq!(runs(&server.url(), "python").len(), 1);
}
