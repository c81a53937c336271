//! The job executor against a cluster that refuses, holds back, or has ended the Job already; MLflow is a real one.

#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

mod common;

use common::cluster::{FakeCluster, Says};
use common::{Place, Ran, TRAIN, runs};
use mlflow_client::{Batch, Client, IDEMPOTENCY_TAG, Metric, Options, RunStatus};
use provenance::{IndexState, Record as _, TrainingRun};
use serde_json::{Value, json};
use step_testkit::MlflowServer;

const JOB: [&str; 6] = [
    "--executor",
    "job",
    "--image",
    "registry/train:1",
    "--launcher-image",
    "registry/train-launch:1",
];

fn launch(place: &Place, name: &str, cluster: &FakeCluster, flags: &[&str]) -> Ran {
    cluster.kubeconfig(&place.path("kubeconfig"));
    let mut command = place.command(name, TRAIN);
    command
        .args(JOB)
        .args(flags)
        .env("KUBECONFIG", place.path("kubeconfig"))
        .env_remove("KUBERNETES_SERVICE_HOST");
    place.finish(name, command.spawn().unwrap())
}

/// The Job that these flags ask for.
fn manifest(place: &Place, name: &str, flags: &[&str]) -> Value {
    let mut command = place.command(name, TRAIN);
    let ran = place.finish(
        name,
        command.args(JOB).args(flags).arg("--dry-run").spawn().unwrap(),
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    serde_json::from_str::<Value>(&ran.stdout).unwrap()["items"][1].take()
}

#[test]
fn what_the_server_does_not_take_is_never_made() {
    // Nothing listens there: a Job that is refused is no run either.
    let place = Place::new("http://127.0.0.1:9");
    place.write_dataset(Some("s3://lake/"));
    std::fs::write(
        place.path("job.yaml"),
        "apiVersion: batch/v1\nkind: Job\nspec: {template: {spec: {hostIPCC: true}}}\n",
    )
    .unwrap();
    let said = "Job in version \"v1\" cannot be handled as a Job: strict decoding error: unknown field \
                \"spec.template.spec.hostIPCC\"";
    let cluster = FakeCluster::start(Says {
        // An outage is no refusal.
        looks: vec![(503, "starting".to_owned()), (400, said.to_owned())],
        ..Says::default()
    });
    let ran = launch(&place, "slip", &cluster, &["--job-template", "job.yaml"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert_eq!(ran.report["verdict"], "ERROR");
    assert!(
        ran.report["reason"].as_str().unwrap().contains(said),
        "{}",
        ran.report
    );
    let asked = cluster.asked();
    let made: Vec<&String> = asked.iter().filter(|line| line.starts_with("POST")).collect();
    assert_eq!(made.len(), 2, "{asked:?}");
    for line in made {
        assert_eq!(
            line,
            "POST /apis/batch/v1/namespaces/mlops/jobs?&dryRun=All&fieldValidation=Strict"
        );
    }
}

#[test]
fn a_job_that_is_there_was_looked_at_when_it_was_made() {
    let server = MlflowServer::start().unwrap();
    let place = Place::new(&server.url());
    place.write_dataset(Some("s3://lake/"));
    let mut job = manifest(&place, "there", &[]);
    job["metadata"]["uid"] = json!("job-uid");
    job["status"] =
        json!({"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]});
    let cluster = FakeCluster::start(Says {
        job: Some(job),
        // Its own quota would be in its way.
        looks: vec![(403, "exceeded quota".to_owned())],
        ..Says::default()
    });
    let ran = launch(&place, "there", &cluster, &[]);
    ran.ends(3, "FAILED");
    assert!(!cluster.asked().iter().any(|line| line.contains("dryRun")));
}

#[test]
fn a_job_in_a_queue_is_given_up_in_the_words_of_who_holds_it() {
    let server = MlflowServer::start().unwrap();
    let place = Place::new(&server.url());
    place.write_dataset(Some("s3://lake/"));
    let flags = ["--queue", "team-a", "--queue-timeout", "1s"];
    let why = "couldn't assign flavors to pod set main: insufficient quota for cpu";
    let workload = |uid: &str| {
        json!({
            "metadata": {"name": "job-train", "ownerReferences": [{"kind": "Job", "uid": uid}]},
            "status": {"conditions": [{"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": why}]},
        })
    };
    for (name, groups, workloads, expected) in [
        (
            "v1beta1",
            vec![("kueue.x-k8s.io", "v1beta1")],
            vec![workload("job-uid")],
            why,
        ),
        (
            "v1beta2",
            vec![("kueue.x-k8s.io", "v1beta2")],
            vec![workload("job-uid")],
            why,
        ),
        (
            "other",
            vec![("kueue.x-k8s.io", "v1beta2")],
            vec![workload("another")],
            "has made no Workload",
        ),
        // A version that this does not know, and no Kueue at all: the Job's own word.
        (
            "v9",
            vec![("kueue.x-k8s.io", "v9")],
            vec![workload("job-uid")],
            "Job suspended",
        ),
        ("none", vec![], vec![], "Job suspended"),
    ] {
        let mut job = manifest(&place, name, &flags);
        job["metadata"]["uid"] = json!("job-uid");
        job["spec"]["suspend"] = json!(true);
        job["status"] = json!({"conditions": [{"type": "Suspended", "status": "True", "message": "Job suspended",
                                               "lastTransitionTime": "2026-11-26T00:00:00Z"}]});
        let cluster = FakeCluster::start(Says {
            job: Some(job),
            groups,
            workloads,
            ..Says::default()
        });
        let ran = launch(&place, name, &cluster, &flags);
        ran.ends(3, "FAILED");
        let reason = ran.report["reason"].as_str().unwrap();
        assert!(
            reason.starts_with("the Job was not admitted within --queue-timeout 1s: ")
                && reason.contains(expected),
            "{name}: {reason}"
        );
        let asked = cluster.asked();
        assert!(
            asked.iter().any(|line| line.starts_with("DELETE")),
            "{name}: {asked:?}"
        );
        let of = format!("/apis/kueue.x-k8s.io/{name}/");
        assert_eq!(
            asked.iter().any(|line| line.contains(&of)),
            name.starts_with("v1"),
            "{name}: {asked:?}"
        );
    }
}

/// A pod of an Indexed Job: this program around the training command, with its number.
fn pod(place: &Place, name: &str, index: u32, script: &str) -> Ran {
    let mut command = place.command_without(name, script, "--output-dir");
    command
        .args([
            "--image",
            "registry/train:1",
            "--completions",
            "3",
            "--output-dir",
        ])
        .arg(place.path(&format!("{name}.out.{index}")))
        .env("JOB_COMPLETION_INDEX", index.to_string());
    place.finish(name, command.spawn().unwrap())
}

/// Logs how good each index is.
fn rank(url: &str, name: &str, ranks: [f64; 3]) {
    let runs = runs(url, name);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = Client::new(Options::new(url).unwrap()).unwrap();
        for run in &runs {
            let Some(index) = run.tags.get("launch.index") else {
                continue;
            };
            let metric = Metric {
                key: "rank".to_owned(),
                value: ranks[index.parse::<usize>().unwrap()],
                timestamp: 1,
                step: 0,
            };
            let batch = Batch {
                metrics: vec![metric],
                ..Batch::default()
            };
            client.log_batch(&run.run_id, &batch).await.unwrap();
        }
    });
}

fn ended(manifest: &Value, status: &Value) -> Says {
    let mut job = manifest.clone();
    job["metadata"]["uid"] = json!("job-uid");
    job["status"] = status.clone();
    let pod = |index: u32, number: u32| {
        json!({
            "metadata": {
                "name": format!("train-{index}-{number}"), "creationTimestamp": format!("2026-11-26T00:00:0{number}Z"),
                "annotations": {"batch.kubernetes.io/job-completion-index": index.to_string()},
                "ownerReferences": [{"kind": "Job", "uid": "job-uid"}],
            },
            "status": {"phase": "Failed", "containerStatuses": [{"name": "train", "state": {"terminated": {
                "exitCode": if index == 1 { 3 } else { 0 }, "reason": "Error", "message": "FAILED: no fold"}}}]},
        })
    };
    Says {
        job: Some(job),
        pods: vec![pod(0, 0), pod(1, 0), pod(1, 1), pod(2, 0)],
        ..Says::default()
    }
}

#[test]
fn each_index_has_a_run_below_the_one_and_the_chosen_goes_on() {
    let server = MlflowServer::start().unwrap();
    let place = Place::new(&server.url());
    let name = "seeds";
    // Given three pods that have trained, and one that came after its index had
    let train = format!("{TRAIN}; printf \"$JOB_COMPLETION_INDEX\" >> \"$TRAIN_OUTPUT/model/data/w.bin\"");
    for index in [0, 1, 2, 2] {
        let ran = pod(&place, name, index, &train);
        ran.ends(0, "TRAINED");
    }
    assert_eq!(place.trained(name), 3, "what has ended is not trained again");
    let all = runs(&server.url(), name);
    let (below, above): (Vec<_>, Vec<_>) = all
        .iter()
        .partition(|run| run.tags.contains_key("mlflow.parentRunId"));
    assert_eq!((below.len(), above.len()), (3, 1));
    let above = above[0];
    assert_eq!(above.status, RunStatus::Running, "it is not a pod's to end");
    let keys: std::collections::BTreeSet<&str> =
        all.iter().map(|run| run.tags[IDEMPOTENCY_TAG].as_str()).collect();
    assert_eq!(keys.len(), 4, "each has a key of its own");
    for run in &below {
        assert_eq!(run.tags["mlflow.parentRunId"], above.run_id);
        assert_eq!(run.status, RunStatus::Finished);
    }
    rank(&server.url(), name, [1.0, 3.0, 2.0]);

    // When the launcher finds their Job complete
    place.write_dataset(Some("s3://lake/"));
    let flags = ["--completions", "3", "--primary", "metric=rank:max"];
    let script = |command: &mut std::process::Command| {
        command
            .args(JOB)
            .args(flags)
            .env("KUBECONFIG", place.path("kubeconfig"))
            .env_remove("KUBERNETES_SERVICE_HOST");
    };
    let mut dry = place.command(name, &train);
    script(&mut dry);
    let dry = place.finish(name, dry.arg("--dry-run").spawn().unwrap());
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    let manifest = serde_json::from_str::<Value>(&dry.stdout).unwrap()["items"][1].take();
    let complete = json!({"completedIndexes": "0-2", "conditions": [{"type": "Complete", "status": "True"}]});
    let cluster = FakeCluster::start(ended(&manifest, &complete));
    cluster.kubeconfig(&place.path("kubeconfig"));
    let mut command = place.command(name, &train);
    script(&mut command);
    let ran = place.finish(name, command.spawn().unwrap());

    // Then the best of them goes on
    ran.ends(0, "TRAINED");
    let record = std::fs::read(place.path("seeds.run.json")).unwrap();
    let record = TrainingRun::parse("run.json", &record).unwrap();
    let indexed = record.indexed.clone().unwrap();
    assert_eq!(
        (indexed.primary, indexed.chosen_by.as_str()),
        (1, "metric=rank:max")
    );
    assert_eq!(indexed.parent_run_id, above.run_id);
    let best = below.iter().find(|run| run.tags["launch.index"] == "1").unwrap();
    assert_eq!(record.run_id, best.run_id);
    assert_eq!(record.model.uri, format!("runs:/{}/model", best.run_id));
    assert_eq!(place.left(name)[2].as_deref(), Some(best.run_id.as_str()));
    for index in &indexed.indexes {
        assert_eq!(index.state, IndexState::Succeeded);
        assert_eq!(index.attempts, Some(if index.index == 1 { 2 } else { 1 }));
        assert_eq!(index.metrics["rank"], Some([1.0, 3.0, 2.0][index.index as usize]));
    }
    assert_eq!(indexed.indexes[1].pod.as_deref(), Some("train-1-1"));
    assert_eq!(ran.report["bindings"]["parent_run_id"], above.run_id.as_str());
    assert_eq!(ran.report["bindings"]["run_id"], best.run_id.as_str());
    let now = runs(&server.url(), name)
        .into_iter()
        .find(|run| run.run_id == above.run_id)
        .unwrap();
    assert_eq!(now.status, RunStatus::Finished);
    assert_eq!(now.tags["launch.primary"], "index=1 by metric=rank:max");
    assert_eq!(now.tags["launch.primary.run"], best.run_id);

    // And another choice needs neither the Job nor a training, be it a slip of the pen or not
    let cluster = FakeCluster::start(Says::default());
    cluster.kubeconfig(&place.path("kubeconfig"));
    let choose = |primary: &str| {
        let mut command = place.command(name, &train);
        command
            .args(JOB)
            .args(["--completions", "3", "--primary", primary])
            .env("KUBECONFIG", place.path("kubeconfig"))
            .env_remove("KUBERNETES_SERVICE_HOST");
        place.finish(name, command.spawn().unwrap())
    };
    let above_now = || {
        let mut all = runs(&server.url(), name).into_iter();
        all.find(|run| run.run_id == above.run_id).unwrap()
    };
    let ran = choose("metric=rnak:max");
    ran.ends(3, "FAILED");
    let reason = ran.report["reason"].as_str().unwrap();
    assert!(
        reason.contains("`rnak`") && reason.ends_with("they logged: rank"),
        "{reason}"
    );
    assert_eq!(above_now().status, RunStatus::Failed);
    let ran = choose("index=2");
    ran.ends(0, "TRAINED");
    let record =
        TrainingRun::parse("run.json", &std::fs::read(place.path("seeds.run.json")).unwrap()).unwrap();
    assert_eq!(record.indexed.unwrap().primary, 2);
    let now = above_now();
    assert_eq!(
        (now.status, now.tags["failure.reason"].as_str()),
        (RunStatus::Finished, "")
    );
    assert!(
        !cluster
            .asked()
            .iter()
            .any(|line| line.starts_with("POST") && !line.contains("dryRun"))
    );
}

#[test]
fn an_index_that_failed_is_named_and_is_no_model() {
    let server = MlflowServer::start().unwrap();
    let place = Place::new(&server.url());
    place.write_dataset(Some("s3://lake/"));
    let name = "folds";
    let flags = ["--completions", "3", "--backoff-limit-per-index", "1"];
    let failed = json!({"completedIndexes": "0,2", "failedIndexes": "1", "conditions": [
        {"type": "Failed", "status": "True", "reason": "FailedIndexes", "message": "Job has failed indexes"}]});
    let cluster = FakeCluster::start(ended(&manifest(&place, name, &flags), &failed));
    let ran = launch(&place, name, &cluster, &flags);
    ran.ends(3, "FAILED");
    assert_eq!(
        ran.report["reason"],
        "index 1: no fold (pod train-1-1, the last of 2 attempts)"
    );
    let tables = ran.report["sections"].as_array().unwrap();
    let table = tables
        .iter()
        .find(|table| table["title"] == "Indexes of the Job")
        .unwrap();
    assert_eq!(table["rows"].as_array().unwrap().len(), 3, "{table}");

    // A policy under which it is enough that the others succeed, and the one that failed is to be the model
    let policy = [
        "--completions",
        "3",
        "--success-policy",
        "succeededCount=2",
        "--primary",
        "index=1",
    ];
    let met = json!({"completedIndexes": "0,2", "failedIndexes": "1", "conditions": [{"type": "Complete", "status": "True"}]});
    let name = "policy";
    let cluster = FakeCluster::start(ended(&manifest(&place, name, &policy), &met));
    let ran = launch(&place, name, &cluster, &policy);
    ran.ends(3, "FAILED");
    assert_eq!(
        ran.report["reason"],
        "--primary names index 1, and that index failed: 2 of 3 succeeded"
    );
}

#[test]
fn a_pod_that_does_not_know_its_number_trains_nothing() {
    let place = Place::new("http://127.0.0.1:9");
    for (of, index, why) in [
        ("--completions", None, "JOB_COMPLETION_INDEX, and that is not set"),
        (
            "--completions",
            Some("3"),
            "JOB_COMPLETION_INDEX is 3, and --completions 3 has 0 to 2",
        ),
        ("--nodes", None, "JOB_COMPLETION_INDEX, and that is not set"),
        (
            "--nodes",
            Some("3"),
            "JOB_COMPLETION_INDEX is 3, and --nodes 3 has 0 to 2",
        ),
    ] {
        let mut command = place.command("lost", TRAIN);
        command.args([of, "3"]).env_remove("JOB_COMPLETION_INDEX");
        if let Some(index) = index {
            command.env("JOB_COMPLETION_INDEX", index);
        }
        let ran = place.finish("lost", command.spawn().unwrap());
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
    assert_eq!(place.trained("lost"), 0);
}

#[test]
fn the_first_of_several_nodes_alone_keeps_the_run_and_the_model() {
    let server = MlflowServer::start().unwrap();
    let place = Place::new(&server.url());
    let train = format!(
        "test ! -e fail || {{ echo out of memory; exit 7; }}; {TRAIN}; printf \"$MLFLOW_RUN_ID\" > \"$TRAIN_OUTPUT/run\""
    );
    let node = |index: u32| {
        let mut command = place.command_without("nodes", &train, "--output-dir");
        command
            .args(["--nodes", "2", "--output-dir"])
            .arg(place.path(&format!("nodes.out.{index}")))
            .env("JOB_COMPLETION_INDEX", index.to_string());
        place.finish("nodes", command.spawn().unwrap())
    };
    let state = || {
        let found = runs(&server.url(), "nodes");
        assert_eq!(found.len(), 1, "{found:?}");
        let run = &found[0];
        (
            run.status,
            run.tags.contains_key("model.digest"),
            run.run_id.clone(),
        )
    };

    // When the second fails, its pod says so, and the run is as it was
    std::fs::write(place.path("fail"), "").unwrap();
    let ran = node(1);
    ran.ends(3, "FAILED");
    assert!(
        ran.report["reason"].as_str().unwrap().contains("exit code 7"),
        "{}",
        ran.report
    );
    let (status, has_model, _) = state();
    assert_eq!((status, has_model), (RunStatus::Running, false));

    // When both train, in the run of both, then the model is the first's
    std::fs::remove_file(place.path("fail")).unwrap();
    let ran = node(1);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(
        ran.stdout,
        "node 1 of 2 has trained; the model is that of node 0\n"
    );
    assert_eq!(place.left("nodes"), [None, None, None]);
    let (status, has_model, run) = state();
    assert_eq!((status, has_model), (RunStatus::Running, false));
    assert_eq!(
        std::fs::read_to_string(place.path("nodes.out.1/run")).unwrap(),
        run
    );
    node(0).ends(0, "TRAINED");
    assert_eq!(state(), (RunStatus::Finished, true, run));
}
