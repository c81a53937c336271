//! Against a real MLflow server, with a proxy before it that loses requests and answers.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use artifact_store::RetryPolicy;
use bytes::Bytes;
use mlflow_client::{
    ArtifactRoot, Batch, Client, DatasetInput, IDEMPOTENCY_TAG, Metric, MlflowError, ModelUri, NewRun,
    NewVersion, Options, Run, RunStatus, Stage,
};
use serde_json::json;
use step_testkit::{Fault, FaultProxy, MlflowServer};

/// One server for the tests that run at the same time; the last one to end stops it. Tests use names of
/// their own.
fn server() -> Arc<MlflowServer> {
    static SERVER: Mutex<Weak<MlflowServer>> = Mutex::new(Weak::new());
    let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let started = Arc::new(MlflowServer::start().unwrap());
        *shared = Arc::downgrade(&started);
        started
    })
}

fn client(url: &str) -> Client {
    let mut options = Options::new(url).unwrap();
    options.retry = RetryPolicy {
        min_delay: Duration::from_millis(20),
        max_delay: Duration::from_millis(200),
        max_elapsed: Duration::from_secs(20),
    };
    Client::new(options).unwrap()
}

fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn new_version(name: &str, key: &str) -> NewVersion {
    NewVersion {
        name: name.to_owned(),
        source: "s3://models/x".to_owned(),
        run_id: String::new(),
        model_id: None,
        description: "# Card".to_owned(),
        tags: tags(&[("mlops.digest", "sha256:0")]),
        key: key.to_owned(),
    }
}

async fn new_run(client: &Client, experiment: &str, key: &str) -> Run {
    let experiment = client.ensure_experiment(experiment).await.unwrap();
    let new = NewRun {
        experiment_id: experiment.experiment_id,
        run_name: "round one".to_owned(),
        start_time: 1_795_444_000_000,
        tags: tags(&[("trigger.kind", "manual")]),
        key: key.to_owned(),
    };
    client.ensure_run(&new).await.unwrap().0
}

/// As another launcher with the same key makes it, between our search and our creation.
async fn second_run_of_one_key(server: &MlflowServer, client: &Client, first: &Run) {
    let create = |start_time: i64| {
        let body = json!({
            "experiment_id": first.experiment_id, "run_name": "twin", "start_time": start_time,
            "tags": [{ "key": IDEMPOTENCY_TAG, "value": "key-1" }],
        });
        let address = format!("{}/api/2.0/mlflow/runs/create", server.url());
        async move {
            let answer = reqwest::Client::new()
                .post(address)
                .json(&body)
                .send()
                .await
                .unwrap();
            let made: serde_json::Value = answer.json().await.unwrap();
            made["run"]["info"]["run_id"].as_str().unwrap().to_owned()
        }
    };
    let twin = create(first.start_time + 1).await;
    assert_eq!(new_run(client, "runs", "key-1").await.run_id, first.run_id);
    let twin = client.run(&twin).await.unwrap().unwrap();
    assert_eq!((twin.deleted, twin.status), (true, RunStatus::Killed));
    assert!(!client.run(&first.run_id).await.unwrap().unwrap().deleted);
    // One that has ended is history, and stays.
    let ended = create(first.start_time + 2).await;
    client
        .update_run(&ended, RunStatus::Failed, Some(first.start_time + 3))
        .await
        .unwrap();
    assert_eq!(new_run(client, "runs", "key-1").await.run_id, first.run_id);
    assert!(!client.run(&ended).await.unwrap().unwrap().deleted);
}

#[tokio::test]
async fn a_run_is_made_once_filled_and_ended() {
    let server = server();
    let client = client(&server.url());
    assert!(client.version().await.unwrap().starts_with('3'));
    assert_eq!(client.experiment("runs").await.unwrap(), None);
    let made = new_run(&client, "runs", "key-1").await;
    let again = new_run(&client, "runs", "key-1").await;
    assert_eq!(made.run_id, again.run_id);
    assert_ne!(new_run(&client, "runs", "key-2").await.run_id, made.run_id);
    assert_eq!(again.tags["trigger.kind"], "manual");
    assert_eq!((again.status, again.end_time), (RunStatus::Running, None));

    second_run_of_one_key(&server, &client, &made).await;
    let metric = |key: &str, value, step| Metric {
        key: key.to_owned(),
        value,
        timestamp: 1,
        step,
    };
    let mut batch = Batch {
        tags: tags(&[("git", "8c1f")]),
        ..Batch::default()
    };
    batch.metrics = vec![
        metric("auc", 0.5, 0),
        metric("auc", 0.911, 1),
        metric("lift", f64::NAN, 0),
    ];
    batch
        .metrics
        .extend((0..1500).map(|step| metric("loss", f64::from(step), i64::from(step))));
    batch.params = (0..120).map(|n| (format!("p{n}"), n.to_string())).collect();
    for _ in 0..2 {
        client.log_batch(&made.run_id, &batch).await.unwrap();
    }
    let input = DatasetInput {
        name: "train".to_owned(),
        digest: format!("sha256:{}", "ab".repeat(32)),
        uri: "s3://raw/train".to_owned(),
        context: "training".to_owned(),
        rows: Some(7),
    };
    client
        .log_inputs(&made.run_id, std::slice::from_ref(&input))
        .await
        .unwrap();
    client
        .update_run(&made.run_id, RunStatus::Finished, Some(1_795_444_060_000))
        .await
        .unwrap();

    let run = client.run(&made.run_id).await.unwrap().unwrap();
    assert_eq!(run.status, RunStatus::Finished);
    assert_eq!(run.end_time, Some(1_795_444_060_000));
    assert_eq!((run.params.len(), run.params["p7"].as_str()), (120, "7"));
    assert_eq!(
        (run.metrics["auc"], run.metrics["lift"], run.metrics["loss"]),
        (Some(0.911), None, Some(1499.0))
    );
    assert_eq!(run.tags["git"], "8c1f");
    assert_eq!(run.inputs, [input]);
    assert_eq!(
        client.run("00000000000000000000000000000000").await.unwrap(),
        None
    );

    let changed = Batch {
        params: tags(&[("p7", "8")]),
        ..Batch::default()
    };
    let refused = client.log_batch(&made.run_id, &changed).await.unwrap_err();
    assert!(
        matches!(refused, MlflowError::Api { status: 400, .. }),
        "{refused}"
    );
    assert!(!refused.to_string().contains("SQL"), "{refused}");
}

#[tokio::test]
async fn files_go_through_the_proxy_and_come_back_whole() {
    let server = server();
    let proxy = FaultProxy::before(&server.url()).unwrap();
    let client = client(&proxy.url());
    let run = new_run(&client, "files", "key").await;
    let ArtifactRoot::Proxy(root) = ArtifactRoot::parse(&run.artifact_uri).unwrap().join("model") else {
        panic!("{}", run.artifact_uri)
    };
    assert!(client.list_artifacts(&root).await.unwrap().is_empty());

    let big: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&big).unwrap();
    // An upload whose first attempts fail, one refused and one cut off.
    proxy.fail_when(|line| line.starts_with("PUT"), 1, Fault::UNAVAILABLE);
    proxy.fail_when(|line| line.starts_with("PUT"), 1, Fault::Cut);
    client
        .upload_artifact(&format!("{root}/data/model.bin"), file.path())
        .await
        .unwrap();
    client
        .write_artifact(&format!("{root}/MLmodel"), Bytes::from_static(b"flavors: {}\n"))
        .await
        .unwrap();
    client
        .write_artifact(&format!("{root}/empty \u{e9}.txt"), Bytes::new())
        .await
        .unwrap();

    let listed: Vec<(String, u64)> = client
        .list_artifacts(&root)
        .await
        .unwrap()
        .into_iter()
        .map(|file| (file.path, file.size))
        .collect();
    let expected = [
        ("MLmodel", 12),
        ("data/model.bin", 3_000_000),
        ("empty \u{e9}.txt", 0),
    ]
    .map(|(p, s)| (p.to_owned(), s));
    assert_eq!(listed, expected);

    // A download that breaks off in the middle begins again and gives every byte once.
    proxy.fail_when(|line| line.contains("model.bin"), 2, Fault::CutAfter(1_000_000));
    let read = client
        .read_artifact(&format!("{root}/data/model.bin"), || Ok(Vec::new()))
        .await
        .unwrap();
    assert!(read == big, "{} bytes", read.len());
    assert_eq!(proxy.failed(), 4);
    let read = client
        .read_artifact(&format!("{root}/empty \u{e9}.txt"), || Ok(Vec::new()))
        .await
        .unwrap();
    assert!(read.is_empty());
    let missing = client
        .read_artifact::<Vec<u8>>(&format!("{root}/nope"), || Ok(Vec::new()))
        .await
        .unwrap_err();
    assert!(missing.is_not_found(), "{missing}");
    let unreadable = client
        .upload_artifact("x", std::path::Path::new("/nowhere/model"))
        .await
        .unwrap_err();
    assert!(
        unreadable.to_string().contains("cannot read /nowhere/model"),
        "{unreadable}"
    );
    let on_disk = server.artifacts().join(root).join("data/model.bin");
    assert!(fs::read(on_disk).unwrap() == big);
}

#[tokio::test]
async fn a_version_is_made_once_whatever_gets_lost() {
    let server = server();
    let proxy = FaultProxy::before(&server.url()).unwrap();
    let client = client(&proxy.url());
    client.ensure_registered_model("once").await.unwrap();
    client.ensure_registered_model("once").await.unwrap();
    // The answer of the create is lost: the version is there, and the client does not know.
    proxy.fail_when(
        |line| line.contains("model-versions/create"),
        1,
        Fault::CutAfter(20),
    );
    proxy.fail_when(
        |line| line.contains("model-versions/search"),
        1,
        Fault::UNAVAILABLE,
    );
    let (version, was_there) = client
        .ensure_version(&new_version("once", "key-1"))
        .await
        .unwrap();
    assert_eq!((version.version.as_str(), was_there), ("1", true));
    assert_eq!(version.tags["mlops.digest"], "sha256:0");
    assert_eq!(version.description, "# Card");
    let (again, was_there) = client
        .ensure_version(&new_version("once", "key-1"))
        .await
        .unwrap();
    assert_eq!((again, was_there), (version, true));
    let (other, was_there) = client
        .ensure_version(&new_version("once", "key-2"))
        .await
        .unwrap();
    assert_eq!((other.version.as_str(), was_there), ("2", false));
    assert_eq!(client.search_versions("name = 'once'").await.unwrap().len(), 2);
}

#[tokio::test]
async fn of_versions_that_were_made_at_once_the_first_stays() {
    let server = server();
    let client = client(&server.url());
    client.ensure_registered_model("twins").await.unwrap();
    let new = new_version("twins", "key");
    let made = tokio::join!(
        client.ensure_version(&new),
        client.ensure_version(&new),
        client.ensure_version(&new),
        client.ensure_version(&new),
    );
    for version in [made.0, made.1, made.2, made.3] {
        assert_eq!(version.unwrap().0.version, "1");
    }
    assert_eq!(client.search_versions("name = 'twins'").await.unwrap().len(), 1);
}

#[tokio::test]
async fn many_writers_of_one_row_all_come_through() {
    let server = server();
    let client = client(&server.url());
    let made = futures::future::join_all((0..8).map(|_| client.ensure_registered_model("crowd"))).await;
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    client.ensure_version(&new_version("crowd", "key")).await.unwrap();
    for round in 0..6 {
        let (alias, tag) = (format!("alias-{round}"), format!("tag-{round}"));
        let aliases = (0..8).map(|_| client.set_alias("crowd", &alias, "1"));
        let tags = (0..8).map(|_| client.set_version_tag("crowd", "1", &tag, "x"));
        let (aliases, tags) = tokio::join!(
            futures::future::join_all(aliases),
            futures::future::join_all(tags)
        );
        assert!(
            aliases.iter().chain(&tags).all(Result::is_ok),
            "{aliases:?} {tags:?}"
        );
    }
    let version = client.model_version("crowd", "1").await.unwrap().unwrap();
    assert_eq!((version.aliases.len(), version.tags["tag-5"].as_str()), (6, "x"));
}

#[tokio::test]
async fn aliases_and_stages_move() {
    let server = server();
    let client = client(&server.url());
    assert_eq!(client.alias("moves", "champion").await.unwrap(), None);
    assert_eq!(client.registered_model("moves").await.unwrap(), None);
    client.ensure_registered_model("moves").await.unwrap();
    assert_eq!(client.alias("moves", "champion").await.unwrap(), None);
    client.delete_alias("moves", "champion").await.unwrap();
    for key in ["a", "b"] {
        client.ensure_version(&new_version("moves", key)).await.unwrap();
    }
    client.set_alias("moves", "champion", "1").await.unwrap();
    client.set_alias("moves", "champion", "2").await.unwrap();
    let champion = client.alias("moves", "champion").await.unwrap().unwrap();
    assert_eq!(
        (champion.version.as_str(), champion.aliases.as_slice()),
        ("2", &["champion".to_owned()][..])
    );
    assert_eq!(
        client.registered_model("moves").await.unwrap().unwrap().aliases["champion"],
        "2"
    );
    client.delete_alias("moves", "champion").await.unwrap();
    assert_eq!(client.alias("moves", "champion").await.unwrap(), None);

    client
        .set_stage("moves", "1", Stage::Production, false)
        .await
        .unwrap();
    let staged = client
        .set_stage("moves", "2", Stage::Production, true)
        .await
        .unwrap();
    assert_eq!(staged.current_stage, "Production");
    let first = client.model_version("moves", "1").await.unwrap().unwrap();
    assert_eq!(first.current_stage, "Archived");
    client
        .set_version_tag("moves", "2", "gate", "PASS")
        .await
        .unwrap();
    client
        .set_version_tag("moves", "2", "passing", "x")
        .await
        .unwrap();
    for _ in 0..2 {
        client.delete_version_tag("moves", "2", "passing").await.unwrap();
    }
    client.describe_version("moves", "2", "# Other").await.unwrap();
    let second = client.model_version("moves", "2").await.unwrap().unwrap();
    assert_eq!(
        (second.tags["gate"].as_str(), second.description.as_str()),
        ("PASS", "# Other")
    );
    assert!(!second.tags.contains_key("passing"));
    assert_eq!(client.model_version("moves", "3").await.unwrap(), None);
    assert!(
        client
            .set_alias("moves", "champion", "3")
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test]
async fn names_lead_to_files() {
    let server = server();
    let client = client(&server.url());
    let run = new_run(&client, "names", "key").await;
    let root = ArtifactRoot::parse(&run.artifact_uri).unwrap().join("model");
    client.ensure_registered_model("names").await.unwrap();
    let mut new = new_version("names", "key");
    new.source = format!("runs:/{}/model", run.run_id);
    new.run_id.clone_from(&run.run_id);
    client.ensure_version(&new).await.unwrap();
    client.set_alias("names", "champion", "1").await.unwrap();
    for name in [&new.source, "models:/names/1", "models:/names@champion"] {
        let resolved = client.resolve(&name.parse::<ModelUri>().unwrap()).await.unwrap();
        assert_eq!(resolved.root, root, "{name}");
        assert_eq!(resolved.version.is_some(), name.starts_with("models:"), "{name}");
    }
    for (name, why) in [
        ("models:/names/9", "model `names` has no version 9"),
        (
            "models:/names@challenger",
            "model `names` has no alias `challenger`",
        ),
        (
            "models:/m-00000000000000000000000000000000",
            "there is no logged model",
        ),
        (
            "runs:/00000000000000000000000000000000/model",
            "there is no run `0000",
        ),
    ] {
        let error = client
            .resolve(&name.parse::<ModelUri>().unwrap())
            .await
            .unwrap_err();
        assert!(error.is_not_found() && error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable_and_one_that_comes_back_is_used() {
    let server = server();
    let proxy = FaultProxy::before(&server.url()).unwrap();
    let mut options = Options::new(&proxy.url().replace("http://", "http://ann:s3cret@")).unwrap();
    options.retry = RetryPolicy {
        min_delay: Duration::from_millis(10),
        max_delay: Duration::from_millis(50),
        max_elapsed: Duration::from_millis(400),
    };
    let client = Client::new(options).unwrap();
    proxy.fail(1000, Fault::UNAVAILABLE);
    let error = client.experiment("x").await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    let said = format!("{error} {error:?} {client:?}");
    assert!(
        said.contains("503") && said.contains("GET experiments/get-by-name"),
        "{said}"
    );
    assert!(
        !said.contains("s3cret") && !said.contains("ann:") && !said.contains("\"ann\""),
        "{said}"
    );
    assert!(proxy.requests().len() > 2);
    proxy.heal();
    proxy.fail(2, Fault::Cut);
    proxy.fail(
        1,
        Fault::Status {
            status: 429,
            retry_after: Some(0),
        },
    );
    assert_eq!(client.experiment("x").await.unwrap(), None);

    let nobody = client_at_nothing();
    let error = nobody.version().await.unwrap_err();
    assert!(
        error.is_unavailable() && error.to_string().contains("127.0.0.1:1"),
        "{error}"
    );
}

fn client_at_nothing() -> Client {
    let mut options = Options::new("http://127.0.0.1:1").unwrap();
    options.retry = RetryPolicy::within(Duration::ZERO);
    Client::new(options).unwrap()
}
