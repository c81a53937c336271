//! Data and outputs in a real S3 server, with faults before it; and what the flags refuse.

#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

mod common;

use std::collections::BTreeMap;
use std::process::{Child, Command};

use artifact_store::{Keys, Location, Store, StoreOptions};
use common::{Place, TRAIN, signal, until};
use provenance::{DataObject, Dataset, Record as _, Split, TrainingRun, digest_bytes};
use step_testkit::process::from_setup;
use step_testkit::{Fault, FaultProxy, MlflowServer, S3Server};

fn at(text: &str) -> Location {
    text.parse().unwrap()
}

/// `s3://<bucket>/flights/{a,b}.csv` and its record at `s3://<bucket>/dataset.json`.
async fn upload(store: &Store, bucket: &str) {
    let mut objects = Vec::new();
    for name in ["a", "b"] {
        let (uri, bytes) = (
            format!("s3://{bucket}/flights/{name}.csv"),
            format!("x\n{name}\n"),
        );
        store.write(&at(&uri), bytes.clone().into()).await.unwrap();
        let meta = store.head(&at(&uri)).await.unwrap();
        objects.push(DataObject {
            uri,
            size: meta.size,
            etag: meta.etag,
            version_id: meta.version_id,
            rows: 1,
            digest: digest_bytes(&bytes),
            reference: None,
        });
    }
    let split = Split::new(format!("s3://{bucket}/flights/"), objects).unwrap();
    let dataset = Dataset::new(
        Some("v1".into()),
        None,
        BTreeMap::from([("train".to_owned(), split)]),
    );
    store
        .write(
            &at(&format!("s3://{bucket}/dataset.json")),
            dataset.to_json().into(),
        )
        .await
        .unwrap();
}

/// `s3://<bucket>/pinned.json`: the record of the bucket, its objects named with their versions.
async fn pin_by_name(store: &Store, bucket: &str) {
    let bytes = store
        .read(&at(&format!("s3://{bucket}/dataset.json")))
        .await
        .unwrap();
    let mut dataset = Dataset::parse("dataset.json", &bytes).unwrap();
    let objects = dataset.splits.remove("train").unwrap().objects.into_iter();
    let objects = objects.map(|object| {
        let version = object.version_id.clone().unwrap();
        DataObject {
            uri: format!("{}?versionId={version}", object.uri),
            ..object
        }
    });
    let split = Split::new("pinned", objects.collect()).unwrap();
    let dataset = Dataset::new(None, None, BTreeMap::from([("train".to_owned(), split)]));
    let place = at(&format!("s3://{bucket}/pinned.json"));
    store.write(&place, dataset.to_json().into()).await.unwrap();
}

#[test]
fn from_a_bucket_to_a_bucket() {
    let (lake, mlflow) = (
        S3Server::start(&["lake", "kept"]).unwrap(),
        MlflowServer::start().unwrap(),
    );
    let proxy = FaultProxy::before(&lake.url()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let keys = Keys {
        access: S3Server::ACCESS_KEY.into(),
        secret: S3Server::SECRET_KEY.into(),
    };
    let options = StoreOptions {
        endpoint: Some(lake.url()),
        keys: Some(keys),
        ..StoreOptions::default()
    };
    let store = Store::from_env(options);
    keep_versions(&lake, "kept");
    runtime.block_on(async {
        upload(&store, "lake").await;
        upload(&store, "kept").await;
    });
    let place = Place::new(&mlflow.url());
    let spawn = |name: &str, script: &str, seconds: &str, dataset: &str| {
        let untracked = name.starts_with("untracked");
        // The flag's environment variable, as a template may set it, instead of the flag.
        let mut command = place.command_without(name, script, "--dataset");
        command
            .envs(lake.env_through(&proxy.url()))
            .env("STORE_RETRY_SECONDS", seconds)
            .env("TRAIN_LAUNCH_DATASET", dataset);
        if untracked {
            command
                .args(["--tracker=none", "--model-store=s3://lake/models"])
                .env_remove("MLFLOW_TRACKING_URI");
        }
        command.spawn().unwrap()
    };
    let launch =
        |name: &str, seconds: &str, dataset: &str| place.finish(name, spawn(name, TRAIN, seconds, dataset));

    proxy.fail(3, Fault::UNAVAILABLE);
    let ran = launch("s3", "20", "s3://lake/dataset.json");
    assert_eq!(ran.stdout, "TRAINED\n", "{}", ran.stderr);
    assert_eq!(proxy.failed(), 3);
    let record = TrainingRun::parse("run.json", &std::fs::read(place.path("s3.run.json")).unwrap()).unwrap();
    assert_eq!(
        (record.data_version.as_str(), record.dataset.version.as_str()),
        ("v1", "v1")
    );

    killed_before_the_second_look(&place, &proxy, |name| {
        spawn(name, TRAIN, "30", "s3://lake/dataset.json")
    });

    without_a_tracker(&place, &proxy, |name, script| {
        spawn(name, script, "30", "s3://lake/dataset.json")
    });

    for (name, dataset, why) in [
        (
            "missing",
            "s3://lake/none.json",
            "s3://lake/none.json: no such object",
        ),
        ("bucket", "s3://lakes/dataset.json", "no bucket `lakes`"),
    ] {
        let ran = launch(name, "5", dataset);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }

    runtime
        .block_on(store.write(&at("s3://lake/flights/b.csv"), "x\nc\n".into()))
        .unwrap();
    let ran = launch("changed", "5", "s3://lake/dataset.json");
    assert_eq!(
        (ran.code, place.trained("changed")),
        (Some(2), 0),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("s3://lake/flights/b.csv changed since it was validated: ETag"),
        "{}",
        ran.stderr
    );

    // Training reads the current version of what it names, so that is the one that must have been validated.
    let overwrite = |text: &str| {
        let bytes = text.to_owned().into();
        runtime
            .block_on(store.write(&at("s3://kept/flights/b.csv"), bytes))
            .unwrap();
    };
    let ran = launch("version", "5", "s3://kept/dataset.json");
    assert_eq!(ran.stdout, "TRAINED\n", "{}", ran.stderr);
    let meanwhile = format!("{TRAIN}; while [ ! -e \"$COUNT.go\" ]; do sleep 0.05; done");
    let child = spawn("meanwhile", &meanwhile, "5", "s3://kept/dataset.json");
    until("training", || place.trained("meanwhile") == 1);
    overwrite("x\nb\n");
    std::fs::write(place.path("meanwhile.count.go"), "").unwrap();
    let ran = place.finish("meanwhile", child);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let why = "s3://kept/flights/b.csv changed while training ran: its current version is ";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    let ran = launch("superseded", "5", "s3://kept/dataset.json");
    assert_eq!(
        (ran.code, place.trained("superseded")),
        (Some(2), 0),
        "{}",
        ran.stderr
    );
    let why = "s3://kept/flights/b.csv changed since it was validated: its current version is ";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);

    // A version that the name itself asks for is what training reads, whatever is newer.
    runtime.block_on(pin_by_name(&store, "kept"));
    let ran = launch("asked", "5", "s3://kept/pinned.json");
    assert_eq!(ran.stdout, "TRAINED\n", "{}", ran.stderr);

    proxy.fail(usize::MAX, Fault::UNAVAILABLE);
    let ran = launch("down", "1", "s3://lake/dataset.json");
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("answers 503"), "{}", ran.stderr);
}

/// Without MLflow the model and the notes of its run are in the store: killed before the model is there and tried again, it is
/// trained once; tried again after that, the record is the same.
fn without_a_tracker(place: &Place, proxy: &FaultProxy, spawn: impl Fn(&str, &str) -> Child) {
    let script = format!("echo \"$TRAIN_RUN_ID ${{MLFLOW_RUN_ID-none}}\" > \"$COUNT.ids\"; {TRAIN}");
    let failed = proxy.failed();
    proxy.fail_when(
        |line| line.starts_with("PUT ") && line.contains("/model/MLmodel"),
        usize::MAX,
        Fault::UNAVAILABLE,
    );
    let mut child = spawn("untracked", &script);
    until("it puts the model", || proxy.failed() > failed);
    child.kill().unwrap();
    child.wait().unwrap();
    proxy.heal();
    let mut records = Vec::new();
    for attempt in ["after the kill", "again"] {
        let ran = place.finish("untracked", spawn("untracked", &script));
        assert_eq!(ran.stdout, "TRAINED\n", "{attempt}: {}", ran.stderr);
        assert_eq!(place.trained("untracked"), 1, "{attempt}");
        records.push(std::fs::read(place.path("untracked.run.json")).unwrap());
    }
    assert_eq!(records[0], records[1]);
    let record = TrainingRun::parse("run.json", &records[0]).unwrap();
    assert_eq!(record.tracking_uri, "");
    assert_eq!(record.model.uri, format!("{}/model", record.artifact_uri));
    assert!(
        record.artifact_uri.starts_with("s3://lake/models/"),
        "{}",
        record.artifact_uri
    );
    let (digest, _) = provenance::tree::digest_dir(&place.path("untracked.out/model")).unwrap();
    assert_eq!(record.model.digest, digest);
    assert_eq!(record.params["launch.git_sha"], "0123abcd");
    assert_eq!(record.tags["launch.exit_code"], "0");
    let ids = std::fs::read_to_string(place.path("untracked.count.ids")).unwrap();
    assert_eq!(ids.trim(), format!("{} none", record.run_id));

    let ran = place.finish("untracked-bad", spawn("untracked-bad", "exit 7"));
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(3), "FAILED\n"),
        "{}",
        ran.stderr
    );
}

/// Killed when training has ended and its data was not looked at again: the retry looks, and does not train.
fn killed_before_the_second_look(place: &Place, proxy: &FaultProxy, spawn: impl Fn(&str) -> Child) {
    let (trained, before) = (place.path("late.count"), proxy.failed());
    proxy.fail_when(
        move |line| line.contains("flights/") && trained.exists(),
        usize::MAX,
        Fault::UNAVAILABLE,
    );
    let child = spawn("late");
    until("the second look", || proxy.failed() > before);
    signal(&child, "KILL");
    assert_eq!(place.finish("late", child).code, None);
    proxy.heal();
    let ran = place.finish("late", spawn("late"));
    assert_eq!(
        (ran.stdout.as_str(), place.trained("late")),
        ("TRAINED\n", 1),
        "{}",
        ran.stderr
    );
    let check = &ran.report["checks"][0];
    assert_eq!(check["outcome"], "pass");
    let why = check["why"].as_str().unwrap();
    assert!(
        why.ends_with("after training, which an earlier attempt had done"),
        "{why}"
    );
}

/// Turns versioning on, by a client that can.
fn keep_versions(server: &S3Server, bucket: &str) {
    let script = "import boto3, sys\n\
                  boto3.client('s3', endpoint_url=sys.argv[1]).put_bucket_versioning(\n\
                  Bucket=sys.argv[2], VersioningConfiguration={'Status': 'Enabled'})\n";
    let python = Command::new(from_setup("venv/bin/python").unwrap())
        .args(["-c", script, &server.url(), bucket])
        .envs(server.env())
        .status();
    assert!(python.unwrap().success());
}

#[test]
fn refuses_bad_input() {
    let place = Place::new("http://127.0.0.1:9");
    let broken = std::fs::read_to_string(place.path("dataset.json")).unwrap();
    std::fs::write(
        place.path("edited.json"),
        broken.replacen("\"rows\": 1", "\"rows\": 2", 1),
    )
    .unwrap();
    std::fs::write(place.path("empty.json"), "").unwrap();
    std::fs::write(place.path("other.json"), r#"{"schema": "mlops-steps/run/v1"}"#).unwrap();
    for (flags, why) in [
        (vec!["--dataset", "none.json"], "none.json: no such file"),
        (
            vec!["--dataset", "empty.json"],
            "empty.json: this is no JSON, which a record of an earlier step is",
        ),
        (
            vec!["--dataset", "other.json"],
            "this step reads `mlops-steps/dataset/v1`",
        ),
        (
            vec!["--dataset", "edited.json"],
            "the file was changed after it was written",
        ),
        (vec!["--dataset", "gs://b/d.json"], "the scheme `gs` is not known"),
        (vec!["--git-sha", "main"], "7 to 64 hex digits"),
        (
            vec!["--trigger", "drfit"],
            "[possible values: commit, data, schedule, drift, manual]",
        ),
        (vec!["--window", "90"], "is not a length of time"),
        (vec!["--as-of", "2013-04-01"], "--as-of ends a --window"),
        (
            vec!["--window", "9d", "--window-split", "tarin"],
            "did you mean `train`?",
        ),
        (vec!["--output-dir", "."], "was not made by train-launch"),
        (vec!["--tracker", "none"], "--tracker none needs --model-store"),
        (
            vec!["--model-store", "s3://models/x"],
            "--model-store is for --tracker none",
        ),
        (
            vec!["--tracker", "none", "--model-store", "models"],
            "--model-store `models`: s3://BUCKET/PREFIX or an absolute path is needed",
        ),
        (vec!["--tag", "nokey"], "key=value is needed"),
        (
            vec!["--tag", "model.uri=runs:/1/x"],
            "tags that begin with `model.` are written by this step",
        ),
        (
            vec!["--tag", "team=a\nmlops.idempotency_key=1"],
            "tags that begin with `mlops.`",
        ),
        (vec!["--stop-grace", "16s"], "`16s` is longer than 15 s"),
        (vec!["--experimnt", "x"], "--experiment"),
    ] {
        let mut command = place.command_without("bad", TRAIN, flags[0]);
        command.args(&flags).env("MLFLOW_RETRY_SECONDS", "0");
        let ran = place.finish("bad", command.spawn().unwrap());
        assert_eq!(ran.code, Some(2), "{flags:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains(why) && ran.stdout.is_empty(),
            "{flags:?}: {}",
            ran.stderr
        );
    }
    let mut command = place.command("no-server", TRAIN);
    let ran = place.finish(
        "no-server",
        command.env_remove("MLFLOW_TRACKING_URI").spawn().unwrap(),
    );
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("set MLFLOW_TRACKING_URI"), "{}", ran.stderr);
    assert_eq!(ran.report["verdict"], "ERROR");
}
