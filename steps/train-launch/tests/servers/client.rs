//! What the client does in a whole pipeline, and what the server then holds.

use std::collections::BTreeMap;

use artifact_store::Location;
use mlflow_client::{
    ArtifactRoot, Batch, Client, DatasetInput, Metric, ModelUri, NewRun, NewVersion, Run, RunStatus, Stage,
};
use step_testkit::MlflowVersion;

use crate::kinds::{BUCKET, Kind};

const BEGAN: i64 = 1_795_444_000_000;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    owned.collect()
}

pub(crate) async fn story(kind: &Kind<'_>) {
    let client = kind.client();
    let major = match kind.version {
        MlflowVersion::Two => "2.",
        MlflowVersion::Three => "3.",
    };
    assert!(client.version().await.unwrap().starts_with(major));
    let run = a_run(&client, kind.name).await;
    filled(&client, &run).await;
    files(kind, &client, &run).await;
    let root = ArtifactRoot::parse(&run.artifact_uri).unwrap().join("model");
    registered(
        &client,
        kind.name,
        &run.run_id,
        &format!("runs:/{}/model", run.run_id),
        &root,
    )
    .await;
    client
        .update_run(&run.run_id, RunStatus::Finished, Some(BEGAN + 60_000))
        .await
        .unwrap();
    let run = client.run(&run.run_id).await.unwrap().unwrap();
    assert_eq!(
        (run.status, run.end_time),
        (RunStatus::Finished, Some(BEGAN + 60_000))
    );
}

/// Experiment and run, each made once.
async fn a_run(client: &Client, name: &str) -> Run {
    assert_eq!(client.experiment(name).await.unwrap(), None);
    let experiment = client.ensure_experiment(name).await.unwrap();
    assert_eq!(client.ensure_experiment(name).await.unwrap(), experiment);
    let new = NewRun {
        experiment_id: experiment.experiment_id,
        run_name: "round one".to_owned(),
        start_time: BEGAN,
        tags: map(&[("trigger.kind", "manual")]),
        key: format!("key of {name}"),
    };
    let (run, was_there) = client.ensure_run(&new).await.unwrap();
    assert!(!was_there);
    let (again, was_there) = client.ensure_run(&new).await.unwrap();
    assert_eq!((&again.run_id, was_there), (&run.run_id, true));
    assert_eq!((again.status, again.end_time), (RunStatus::Running, None));
    assert_eq!(
        (again.start_time, again.tags["trigger.kind"].as_str()),
        (BEGAN, "manual")
    );
    assert_eq!(client.run(&"0".repeat(32)).await.unwrap(), None);
    run
}

/// What is logged is read back.
async fn filled(client: &Client, run: &Run) {
    let metric = |key: &str, value, step| Metric {
        key: key.to_owned(),
        value,
        timestamp: BEGAN,
        step,
    };
    let batch = Batch {
        tags: map(&[("team", "Z\u{fc}rich 'north'"), ("empty", "")]),
        params: map(&[("rounds", "3"), ("objective", "binary")]),
        metrics: vec![
            metric("auc", 0.5, 0),
            metric("auc", 0.911, 1),
            metric("lift", f64::NAN, 0),
            metric("gap", f64::INFINITY, 0),
        ],
    };
    let input = |name: &str, context: &str| DatasetInput {
        name: name.to_owned(),
        digest: format!("sha256:{}", "ab".repeat(32)),
        uri: format!("s3://raw/{name}"),
        context: context.to_owned(),
        rows: Some(7),
    };
    let inputs = [input("test", "validation"), input("train", "training")];
    // A retry logs the same again.
    for _ in 0..2 {
        client.log_batch(&run.run_id, &batch).await.unwrap();
        client.log_inputs(&run.run_id, &inputs).await.unwrap();
    }
    let mut run = client.run(&run.run_id).await.unwrap().unwrap();
    assert_eq!(run.params, batch.params);
    for (key, value) in &batch.tags {
        assert_eq!(&run.tags[key], value);
    }
    let metrics = [("auc", Some(0.911)), ("gap", None), ("lift", None)];
    let metrics = metrics.map(|(key, value)| (key.to_owned(), value));
    assert_eq!(run.metrics, BTreeMap::from(metrics));
    run.inputs.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(run.inputs, inputs);
}

/// Files go to where the server says that they belong, and come back whole.
async fn files(kind: &Kind<'_>, client: &Client, run: &Run) {
    let big: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
    let sent: [(&str, &[u8]); 3] = [
        ("MLmodel", b"flavors: {}\n"),
        ("data/model.bin", &big),
        ("empty \u{e9}.txt", b""),
    ];
    let root = ArtifactRoot::parse(&run.artifact_uri).unwrap().join("model");
    match (&root, kind.store()) {
        (ArtifactRoot::Proxy(root), None) => {
            assert!(client.list_artifacts(root).await.unwrap().is_empty());
            let dir = tempfile::TempDir::new().unwrap();
            for (path, bytes) in sent {
                let file = dir.path().join("file");
                std::fs::write(&file, bytes).unwrap();
                client
                    .upload_artifact(&format!("{root}/{path}"), &file)
                    .await
                    .unwrap();
            }
            let again = sent[0].1.to_vec().into();
            client
                .write_artifact(&format!("{root}/MLmodel"), again)
                .await
                .unwrap();
            let listed = client.list_artifacts(root).await.unwrap();
            let listed: Vec<_> = listed
                .iter()
                .map(|file| (file.path.as_str(), file.size))
                .collect();
            assert_eq!(listed, sent.map(|(path, bytes)| (path, bytes.len() as u64)));
            for (path, bytes) in sent {
                let path = format!("{root}/{path}");
                let read = client.read_artifact(&path, || Ok(Vec::new())).await.unwrap();
                assert!(read == bytes, "{path}: {} bytes", read.len());
                assert!(std::fs::read(kind.server.artifacts().join(&path)).unwrap() == bytes);
            }
            let none = client
                .read_artifact::<Vec<u8>>(&format!("{root}/none"), || Ok(Vec::new()))
                .await
                .unwrap_err();
            assert!(none.is_not_found(), "{none}");
        }
        (ArtifactRoot::Direct(root), Some(store)) => {
            assert!(root.starts_with(&format!("s3://{BUCKET}/mlflow/")), "{root}");
            for (path, bytes) in sent {
                let at: Location = format!("{root}/{path}").parse().unwrap();
                store.write(&at, bytes.to_vec().into()).await.unwrap();
            }
            let listed = store.list(&format!("{root}/").parse().unwrap()).await.unwrap();
            let listed: Vec<_> = listed
                .iter()
                .map(|meta| (meta.location.to_string(), meta.size))
                .collect();
            let expected = sent.map(|(path, bytes)| (format!("{root}/{path}"), bytes.len() as u64));
            assert_eq!(listed, expected);
            for (path, bytes) in sent {
                let at = format!("{root}/{path}");
                assert!(store.read(&at.parse().unwrap()).await.unwrap() == bytes, "{at}");
            }
        }
        (root, _) => panic!("{}: {root:?}", kind.name),
    }
}

/// A version of the model, made once, with an alias and a stage; its names lead to `root`.
pub(crate) async fn registered(client: &Client, name: &str, run_id: &str, source: &str, root: &ArtifactRoot) {
    let new = NewVersion {
        name: name.to_owned(),
        source: source.to_owned(),
        run_id: run_id.to_owned(),
        model_id: None,
        description: "# Card".to_owned(),
        tags: map(&[("gate.verdict", "PASS")]),
        key: format!("key of {source}"),
    };
    for _ in 0..2 {
        client.ensure_registered_model(name).await.unwrap();
    }
    let (made, was_there) = client.ensure_version(&new).await.unwrap();
    assert!(!was_there);
    let (again, was_there) = client.ensure_version(&new).await.unwrap();
    assert_eq!((again.number(), was_there), (made.number(), true));
    assert_eq!((made.source.as_str(), made.run_id.as_str()), (source, run_id));
    assert_eq!(
        (made.status.as_str(), made.description.as_str()),
        ("READY", "# Card")
    );
    assert_eq!(made.tags["gate.verdict"], "PASS");

    client.set_alias(name, "champion", &made.version).await.unwrap();
    let staged = client
        .set_stage(name, &made.version, Stage::Production, true)
        .await
        .unwrap();
    assert_eq!(staged.current_stage, "Production");
    let champion = client.alias(name, "champion").await.unwrap().unwrap();
    assert_eq!(
        (&champion.version, champion.aliases.as_slice()),
        (&made.version, &["champion".to_owned()][..])
    );
    assert_eq!(champion.current_stage, "Production");
    assert_eq!(client.alias(name, "none").await.unwrap(), None);
    for uri in [
        format!("models:/{name}@champion"),
        format!("models:/{name}/{}", made.version),
        source.to_owned(),
    ] {
        let resolved = client.resolve(&uri.parse::<ModelUri>().unwrap()).await.unwrap();
        assert_eq!(&resolved.root, root, "{uri}");
    }
}
