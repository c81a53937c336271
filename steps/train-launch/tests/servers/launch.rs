//! A launch that trains, and what it leaves on the server.

use std::process::Command;

use mlflow_client::{ArtifactRoot, ModelUri, RunStatus};
use provenance::{Dataset, Record as _, TrainingRun, digest_bytes};
use step_testkit::{MlflowServer, S3Server};

use crate::client::registered;
use crate::common::{Place, Ran, TRAIN};
use crate::kinds::Kind;

/// MLflow's own client lets itself in with what the launcher gives it.
const LOGS: &str = r#"
import mlflow, os
with mlflow.start_run(run_id=os.environ["MLFLOW_RUN_ID"]):
    mlflow.log_params({"rounds": 3})
    mlflow.log_metrics({"auc": 0.5, "loss": float("nan")})
    mlflow.log_text("by training", "notes.txt")
"#;

/// The launcher as the kind asks for it.
pub(crate) fn command(kind: &Kind<'_>, place: &Place, name: &str, script: &str) -> Command {
    let mut command = place.command(name, script);
    command.envs(kind.vars.iter().cloned());
    if let Some(file) = &kind.ca_file {
        command.arg("--ca-file").arg(file);
    }
    if let Some(bucket) = kind.bucket {
        command.envs(bucket.env());
    }
    command
}

/// Nothing that was written or printed holds a secret.
pub(crate) fn keeps_secrets(place: &Place, name: &str, ran: &Ran, secrets: &[&str]) {
    let mut texts = vec![ran.stdout.clone(), ran.stderr.clone()];
    for entry in std::fs::read_dir(place.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        if file.starts_with(&format!("{name}.")) && path.is_file() {
            texts.push(String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned());
        }
    }
    for text in texts {
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
    }
}

pub(crate) fn trains(kind: &Kind<'_>, runtime: &tokio::runtime::Runtime) {
    let place = Place::new(&kind.uri);
    let script = if kind.logs {
        std::fs::write(place.path("train.py"), LOGS).unwrap();
        let python = kind.server.program("python").unwrap();
        format!("{} train.py; {TRAIN}", python.display())
    } else {
        TRAIN.to_owned()
    };
    for _ in 0..2 {
        let ran = place.finish(
            kind.name,
            command(kind, &place, kind.name, &script).spawn().unwrap(),
        );
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(0), "TRAINED\n"),
            "{}",
            ran.stderr
        );
        let secrets = [MlflowServer::PASSWORD, MlflowServer::TOKEN, S3Server::SECRET_KEY];
        keeps_secrets(&place, kind.name, &ran, &secrets);
    }
    assert_eq!(place.trained(kind.name), 1);
    runtime.block_on(on_the_server(kind, &place));
}

async fn on_the_server(kind: &Kind<'_>, place: &Place) {
    let client = kind.client();
    let read = |file: &str| std::fs::read(place.path(file)).unwrap();
    let file = format!("{}.run.json", kind.name);
    let record = TrainingRun::parse(&file, &read(&file)).unwrap();
    assert_eq!(record.tracking_uri, kind.server.url());
    let experiment = client.experiment("flights").await.unwrap().unwrap();
    let filter = format!("tags.`argo.workflow.uid` = '{}'", kind.name);
    let runs = client
        .search_runs(&[&experiment.experiment_id], &filter)
        .await
        .unwrap();
    let [run] = runs.as_slice() else {
        panic!("{runs:?}")
    };
    assert_eq!((&run.run_id, run.status), (&record.run_id, RunStatus::Finished));
    let dataset = Dataset::parse("dataset.json", &read("dataset.json")).unwrap();
    for (tag, value) in [
        ("model.uri", record.model.uri.clone()),
        ("model.digest", record.model.digest.to_string()),
        ("data.digest", dataset.digest.to_string()),
        ("mlflow.source.git.commit", "0123abcd".to_owned()),
    ] {
        assert_eq!(run.tags[tag], value, "{tag}");
    }
    let split = &dataset.splits["train"];
    let [input] = run.inputs.as_slice() else {
        panic!("{:?}", run.inputs)
    };
    assert_eq!(
        (input.name.as_str(), input.context.as_str()),
        ("train", "training")
    );
    assert_eq!(
        (&input.digest, &input.uri),
        (&split.digest.to_string(), &split.uri)
    );
    assert_eq!(input.rows, Some(3));

    let uri: ModelUri = record.model.uri.parse().unwrap();
    let root = client.resolve(&uri).await.unwrap().root;
    for file in &record.model.files {
        let held: Vec<u8> = match (root.join(&file.path), kind.store()) {
            (ArtifactRoot::Proxy(path), None) => {
                client.read_artifact(&path, || Ok(Vec::new())).await.unwrap()
            }
            (ArtifactRoot::Direct(at), Some(store)) => {
                store.read(&at.parse().unwrap()).await.unwrap().to_vec()
            }
            (root, _) => panic!("{root:?}"),
        };
        assert_eq!(digest_bytes(&held), file.digest, "{}", file.path);
    }
    if kind.logs {
        assert_eq!(run.params["rounds"], "3");
        assert_eq!((run.metrics["auc"], run.metrics["loss"]), (Some(0.5), None));
        let ArtifactRoot::Proxy(own) = ArtifactRoot::parse(&run.artifact_uri).unwrap() else {
            panic!("{}", run.artifact_uri)
        };
        let notes = client
            .read_artifact(&format!("{own}/notes.txt"), || Ok(Vec::new()))
            .await
            .unwrap();
        assert_eq!(notes, b"by training");
    }
    registered(&client, kind.name, &run.run_id, &record.model.uri, &root).await;
}
