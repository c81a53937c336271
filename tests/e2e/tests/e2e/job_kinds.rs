//! Training Jobs that teams shape: their own template, several indexes, a queue.

use serde_json::{Value, json};
use toolkit_e2e::{Lab, Run, jobs, succeeded, until};

use crate::training::{pods, train};

/// The training command of the example, on one line.
fn command(lab: &Lab, model: &str) -> String {
    let map = lab.get("configmap", &format!("{model}-mlops")).unwrap();
    map["data"]["train-command"].as_str().unwrap().replace('\n', " ")
}

/// A training that logs how good its index is, and then trains, or does not.
fn ranked(lab: &Lab, model: &str, ranks: &str, then: &str) -> String {
    let trains = command(lab, model);
    format!(
        "python3 -c \"import mlflow, os; i = int(os.environ['JOB_COMPLETION_INDEX']); \
         mlflow.MlflowClient().log_metric(os.environ['MLFLOW_RUN_ID'], 'rank', {ranks}[i]); \
         os.execvp('sh', ['sh', '-c', '{then} exec {trains}'])\""
    )
}

/// The record that the training left.
fn record(lab: &Lab, run: &Run<'_>) -> Value {
    let key = format!("runs/{}/train-launch/run.json", run.uid());
    serde_json::from_slice(&lab.artifact(&key).unwrap_or_else(|| panic!("no {key}"))).unwrap()
}

#[test]
fn a_job_of_the_teams_own_is_merged_into_ours() {
    let lab = Lab::new();
    // Given a team's Job in the ConfigMap of its model
    let template = "
apiVersion: batch/v1
kind: Job
metadata: {labels: {team: ops}}
spec:
  backoffLimit: 1
  template:
    metadata: {labels: {team: ops}}
    spec:
      terminationGracePeriodSeconds: 45
      initContainers:
      - {name: note, image: IMAGE, command: [sh, -c, 'echo fetched > /cache/note'], volumeMounts: [{mountPath: /cache, name: cache}],
         securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}
      containers:
      - name: train
        env: [{name: FROM_TEMPLATE, value: here}]
        volumeMounts: [{mountPath: /cache, name: cache}]
      volumes: [{name: cache, emptyDir: {}}, {name: tmp, emptyDir: {sizeLimit: 1Gi}}]
";
    let image = lab.get("configmap", "flight-delays-mlops").unwrap()["data"]["train-image"]
        .as_str()
        .unwrap()
        .to_owned();
    let model = lab.model(
        "e2e-template",
        &[("job.yaml", &template.replace("IMAGE", &image))],
    );
    let reads = format!(
        "sh -c 'test \"$FROM_TEMPLATE\" = here && test \"$(cat /cache/note)\" = fetched && exec {}'",
        command(&lab, &model)
    );

    // When it trains, then what it asks for is there
    let run = train(&lab, &model, &[("command", &reads)]);
    let job = until("the Job is there", 300, || jobs(&lab, &run).pop());
    let made = lab.get("job", &job).unwrap();
    succeeded(&lab, &model, &run);
    assert_eq!(made["metadata"]["labels"]["team"], "ops");
    assert_eq!(made["spec"]["backoffLimit"], 1);
    let pod = &made["spec"]["template"]["spec"];
    assert_eq!(pod["terminationGracePeriodSeconds"], 45);
    let names = |list: &str| -> Vec<String> {
        let list = pod[list].as_array().unwrap().iter();
        list.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("initContainers"), ["note", "launcher"]);
    assert_eq!(names("containers"), ["train"]);
    let report = run.report("train-launch");
    let inputs = report["inputs"].as_array().unwrap();
    assert!(
        inputs.iter().any(|input| input["name"] == "job-template"),
        "{report}"
    );
}

#[test]
fn a_field_that_the_cluster_does_not_know_ends_a_training_before_it_is_made() {
    let lab = Lab::new();
    // Given a template with a slip of the pen
    let slip = "apiVersion: batch/v1\nkind: Job\nspec: {template: {spec: {hostIPCC: true}}}\n";
    let sha = "00e2e51195";
    let model = lab.model("e2e-slip", &[("job.yaml", slip), ("git-sha", sha)]);

    // When it is to train, then the server's sentence is the reason
    let run = train(&lab, &model, &[]);
    run.ends_as("Failed");
    let report = run.report("train-launch");
    assert_eq!(report["verdict"], "ERROR", "{report}");
    let reason = report["reason"].as_str().unwrap();
    assert!(
        reason.contains("unknown field \"spec.template.spec.hostIPCC\""),
        "{reason}"
    );
    assert_eq!(run.attempts("train").len(), 1, "{}", run.story());

    // And nothing of it was made
    assert!(jobs(&lab, &run).is_empty());
    assert!(lab.runs(&model, &run.uid()).is_empty());
    let maps = lab.list("configmaps", "app.kubernetes.io/name=train-launch");
    let ours = maps
        .iter()
        .find(|map| map["metadata"]["annotations"]["mlops-steps.dev/git-sha"] == sha);
    assert!(ours.is_none(), "{ours:?}");
}

#[test]
fn seeds_are_indexes_of_one_job_and_the_best_goes_on() {
    let lab = Lab::new();
    let model = lab.model(
        "e2e-seeds",
        &[
            ("train-completions", "3"),
            ("train-parallelism", "2"),
            ("train-primary", "metric=rank:max"),
        ],
    );

    // When three are trained, of which the second is the best
    let run = train(
        &lab,
        &model,
        &[("command", &ranked(&lab, &model, "[1, 3, 2]", ""))],
    );
    let job = until("the Job is there", 300, || jobs(&lab, &run).pop());
    run.ends_as("Succeeded");

    // Then they were indexes of one Job
    assert_eq!(jobs(&lab, &run), [job.as_str()]);
    let made = lab.get("job", &job).expect("it stays for a day");
    assert_eq!(made["spec"]["completionMode"], "Indexed");
    assert_eq!(made["status"]["completedIndexes"], "0-2");

    // And each has a run below the one, which says who was chosen
    let (below, above): (Vec<_>, Vec<_>) = lab
        .runs(&model, &run.uid())
        .into_iter()
        .partition(|tags| tags.contains_key("mlflow.parentRunId"));
    assert_eq!((below.len(), above.len()), (3, 1), "{below:?} {above:?}");
    assert_eq!(above[0]["launch.primary"], "index=1 by metric=rank:max");
    assert_eq!(above[0]["launch.indexes.succeeded"], "0-2");
    for tags in below.iter().chain(&above) {
        assert_eq!(tags["status"], "FINISHED", "{tags:?}");
    }

    // And what goes on is the run of the best, with its model
    let record = record(&lab, &run);
    assert_eq!(record["indexed"]["primary"], 1);
    assert_eq!(record["run_id"], above[0]["launch.primary.run"]);
    assert_eq!(record["indexed"]["indexes"][1]["run_id"], record["run_id"]);
    assert_eq!(
        record["indexed"]["parent_run_id"].as_str().unwrap(),
        below[0]["mlflow.parentRunId"]
    );
    for index in record["indexed"]["indexes"].as_array().unwrap() {
        assert_eq!(index["state"], "succeeded", "{record}");
        assert_eq!(index["attempts"], 1, "{record}");
    }
    assert_eq!(lab.versions(&model)[0]["run_id"], record["run_id"]);
}

#[test]
fn an_index_that_fails_lets_the_others_end_and_is_named() {
    let lab = Lab::new();
    let model = lab.model(
        "e2e-folds",
        &[("train-completions", "3"), ("train-parallelism", "3")],
    );
    let fails = "test \"$JOB_COMPLETION_INDEX\" != 1 || { echo no fold; exit 7; };".replace('"', "\\\"");

    // When the second of three fails
    let run = train(
        &lab,
        &model,
        &[
            ("command", &ranked(&lab, &model, "[1, 2, 3]", &fails)),
            ("backoff-limit-per-index", "0"),
        ],
    );
    let job = until("the Job is there", 300, || jobs(&lab, &run).pop());
    run.ends_as("Failed");

    // Then the sentence names it, and the others are whole
    let report = run.report("train-launch");
    assert_eq!(report["verdict"], "FAILED", "{report}");
    let reason = report["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("index 1: ") && reason.contains("exit code 7"),
        "{reason}"
    );
    let made = lab.get("job", &job).expect("it stays for a day");
    assert_eq!(made["status"]["failedIndexes"], "1", "{}", made["status"]);
    assert_eq!(made["status"]["completedIndexes"], "0,2", "{}", made["status"]);
    assert_eq!(pods(&lab, &job).len(), 3);
    let states: Vec<(String, String)> = lab
        .runs(&model, &run.uid())
        .iter()
        .filter_map(|tags| Some((tags.get("launch.index")?.clone(), tags["status"].clone())))
        .collect();
    for (index, status) in [("0", "FINISHED"), ("1", "FAILED"), ("2", "FINISHED")] {
        assert!(
            states.contains(&(index.to_owned(), status.to_owned())),
            "{states:?}"
        );
    }
}

#[test]
fn what_kueue_says_of_a_job_that_waits_is_in_the_verdict() {
    let lab = Lab::new();
    // Given a queue that holds a Job back: suspended, as Kueue's webhook makes it
    let suspended = "apiVersion: batch/v1\nkind: Job\nspec: {suspend: true}\n";
    let model = lab.model("e2e-queue", &[("job.yaml", suspended), ("train-queue", "team-a")]);
    let run = train(&lab, &model, &[("queue-timeout", "60s")]);
    let job = until("the Job is there", 300, || jobs(&lab, &run).pop());
    let made = lab.get("job", &job).unwrap();
    assert_eq!(made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"], "team-a");

    // When its Workload has no quota
    let uid = made["metadata"]["uid"].as_str().unwrap();
    let workload = json!({
        "apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "Workload",
        "metadata": {
            "name": format!("job-{job}"), "labels": {"kueue.x-k8s.io/job-uid": uid},
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": uid, "controller": true}],
        },
        "spec": {
            "queueName": "team-a", "active": true,
            "podSets": [{"name": "main", "count": 1, "template": {"spec": {"containers": [{"name": "train", "image": "x"}]}}}],
        },
    });
    _ = lab.kubectl_with(
        &["create", "--filename=-", "--output=json"],
        &workload.to_string(),
    );
    let why = "couldn't assign flavors to pod set main: insufficient quota for cpu in flavor default";
    let status = json!({"status": {"conditions": [{
        "type": "QuotaReserved", "status": "False", "reason": "Pending", "message": why,
        "lastTransitionTime": "2026-11-30T00:00:00Z",
    }]}});
    _ = lab.kubectl(&[
        "patch",
        "workloads.kueue.x-k8s.io",
        &format!("job-{job}"),
        "--subresource=status",
        "--type=merge",
        &format!("--patch={status}"),
    ]);

    // Then the training is given up in its words, and the Job is gone
    run.ends_as("Failed");
    let report = run.report("train-launch");
    assert_eq!(report["verdict"], "FAILED", "{report}");
    let reason = report["reason"].as_str().unwrap();
    assert!(
        reason.contains("--queue-timeout 60s") && reason.contains(why),
        "{reason}"
    );
    assert!(jobs(&lab, &run).is_empty(), "it was deleted");
}
