//! The pipelines on a real cluster, as their users see them. Every test has a model of its own, so that they run side by
//! side; `cargo xtask e2e` brings up what they stand on.

use serde_json::json;
use toolkit_e2e::{Lab, Run, said, until};

const STEPS: [&str; 5] = [
    "data-validate",
    "train-launch",
    "evaluate",
    "mlflow-register",
    "enroll-drift",
];

/// The data of the example, trained on another delivery.
fn trained_on(delivery: &str) -> String {
    format!(
        "train=s3://lake/flights-2013/{delivery}/2013-0[1-3].parquet
validation=s3://lake/flights-2013/holdout/2013-0[1-3].parquet
test=s3://lake/flights-2013/flights/2013-04.parquet
airlines=s3://lake/flights-2013/airlines.parquet
airports=s3://lake/flights-2013/airports.parquet
planes=s3://lake/flights-2013/planes.parquet"
    )
}

/// The training Jobs of a workflow.
fn jobs(lab: &Lab, run: &Run<'_>) -> Vec<String> {
    let uid = run.uid();
    lab.list("jobs", "app.kubernetes.io/name=train-launch")
        .iter()
        .filter(|job| job["metadata"]["ownerReferences"][0]["uid"] == uid.as_str())
        .map(|job| job["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

fn succeeded(lab: &Lab, model: &str, run: &Run<'_>) {
    run.ends_as("Succeeded");
    assert_eq!(jobs(lab, run).len(), 1, "one training");
    assert_eq!(lab.runs(model, &run.uid()).len(), 1, "one run");
}

#[test]
fn a_pipeline_goes_from_data_to_a_watched_model() {
    // Given a model that nobody has trained yet
    let lab = Lab::new();
    let model = lab.model("e2e-happy", &[]);

    // When its pipeline is submitted, and the model is to be kept back
    let sha = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    let run = lab.submit(
        "train-to-serve",
        &model,
        &[("trigger", "commit"), ("git-sha", sha), ("deploy", "false")],
    );

    // Then every stage has its say, and the trail is in S3
    succeeded(&lab, &model, &run);
    for task in ["validate", "train", "champion", "evaluate", "register", "enroll"] {
        assert_eq!(run.task(task), "Succeeded", "{task}\n{}", run.story());
    }
    for task in ["load", "promote"] {
        assert_eq!(run.task(task), "Skipped", "{task}\n{}", run.story());
    }
    assert_eq!(run.task("canary"), "Omitted");
    for step in STEPS {
        let report = run.report(step);
        let verdict = report["verdict"].as_str().unwrap();
        assert!(
            ["PASS", "WARN", "TRAINED", "REGISTERED", "ENROLLED"].contains(&verdict),
            "{step}: {verdict}"
        );
        let key = format!("runs/{}/{step}/statement.json", run.uid());
        assert!(lab.artifact(&key).is_some(), "no {key}");
    }
    // and the run in MLflow says where it comes from
    let tags = lab.runs(&model, &run.uid()).remove(0);
    assert_eq!(tags["mlflow.source.git.commit"], sha);
    assert_eq!(tags["data.version"], "flights-2013-q1");
    assert_eq!(tags["trigger.kind"], "commit");
    assert_eq!(tags["argo.workflow.uid"], run.uid());
    assert_eq!(tags["status"], "FINISHED");
    // and the registry has the version, which serves nobody yet
    assert_eq!(lab.versions(&model).len(), 1);
    assert_eq!(lab.alias(&model, "challenger").as_deref(), Some("1"));
    assert_eq!(lab.alias(&model, "champion"), None);
    // and the model is watched, kept back or not
    let cron = lab.get("cronworkflow", "drift-e2e-happy").expect("it is watched");
    assert_eq!(cron["metadata"]["labels"]["mlops-steps/model"], "e2e-happy");

    // When the same model is to be deployed
    let run = lab.submit("train-to-serve", &model, &[("trigger", "manual")]);

    // Then the first one is promoted on its gates alone, and watched
    succeeded(&lab, &model, &run);
    for task in ["promote", "enroll"] {
        assert_eq!(run.task(task), "Succeeded", "{task}\n{}", run.story());
    }
    assert_eq!(run.task("load"), "Skipped");
    assert_eq!(lab.alias(&model, "champion").as_deref(), Some("2"));
}

#[test]
fn corrupted_data_stops_before_anything_is_trained() {
    let lab = Lab::new();
    // Given a delivery of data with a bad upstream release in it
    let model = lab.model("e2e-corrupt", &[("data", &trained_on("corrupt"))]);

    // When the pipeline is submitted
    let run = lab.submit("train-to-serve", &model, &[]);
    run.ends_as("Failed");

    // Then validation says no, in one sentence on the node and whole in S3
    assert_eq!(run.task("validate"), "Failed");
    let attempts = run.attempts("validate");
    assert_eq!(attempts.len(), 1, "a no is not tried again: {}", run.story());
    let message = attempts[0]["message"].as_str().unwrap();
    assert!(
        message.contains("FAIL: ") && message.contains("(exit code 3)"),
        "{message}"
    );
    assert_eq!(run.report("data-validate")["verdict"], "FAIL");
    // and nothing after it ran
    for task in [
        "train", "champion", "evaluate", "register", "load", "canary", "promote", "enroll",
    ] {
        assert_eq!(run.task(task), "Omitted", "{task}\n{}", run.story());
    }
    assert!(jobs(&lab, &run).is_empty(), "no Job was ever made");
    assert!(lab.runs(&model, &run.uid()).is_empty());
}

#[test]
fn a_worse_model_is_not_registered() {
    let lab = Lab::new();
    // Given labels that were dealt out at random
    let model = lab.model("e2e-worse", &[("data", &trained_on("shuffled"))]);

    // When a model is trained on them
    let run = lab.submit("train-to-serve", &model, &[]);
    run.ends_as("Failed");

    // Then the evaluation refuses it
    assert_eq!(run.task("train"), "Succeeded", "{}", run.story());
    assert_eq!(run.task("evaluate"), "Failed", "{}", run.story());
    let report = run.report("evaluate");
    assert_eq!(report["verdict"], "FAIL");
    assert!(
        report["checks"]
            .as_array()
            .unwrap()
            .iter()
            .any(
                |check| check["id"].as_str().is_some_and(|id| id.contains("auc_roc"))
                    && check["outcome"] == "fail"
            ),
        "it is the ranking that fails"
    );
    // and nothing after it ran, as the workflow shows
    for task in ["register", "load", "canary", "promote", "enroll"] {
        assert_eq!(run.task(task), "Omitted", "{task}\n{}", run.story());
    }
    assert!(lab.versions(&model).is_empty());
    assert!(lab.get("cronworkflow", "drift-e2e-worse").is_none());
}

#[test]
fn a_drift_event_starts_one_retraining() {
    let lab = Lab::new();
    let model = lab.model("e2e-drift", &[]);
    let event = json!({"id": "00c0ffee00c0ffee", "model": model, "trigger": "drift", "verdict": "RETRAIN"});

    // When drift is reported
    assert_eq!(lab.post_event(&event), 200);

    // Then the pipeline runs, under a name made from the event
    let name = "retrain-e2e-drift-00c0ffee00c0ffee";
    let run = Run::find(&lab, name).expect("the workflow is there when the server answers");
    // and the same event again starts no second one
    for _ in 0..2 {
        assert_eq!(lab.post_event(&event), 500, "the server has that name already");
    }
    // and text in a payload is not evaluated: nothing is started at all
    for hostile in [
        json!({"id": "{{=sprig.upper('abc')}}", "model": model, "trigger": "drift"}),
        json!({"id": "11c0ffee00c0ffee", "model": "{{workflow.name}}", "trigger": "drift"}),
        json!({"id": "11c0ffee00c0ffee", "model": "e2e-drift\nx", "trigger": "drift"}),
        json!({"id": "11c0ffee00c0ffee", "model": model, "trigger": "{{=1+1}}"}),
        json!({"id": "11c0ffee00c0ffee00", "model": model, "trigger": "drift"}),
        json!({"model": model, "trigger": "drift"}),
    ] {
        assert_eq!(
            lab.post_event(&hostile),
            200,
            "the server does not tell: {hostile}"
        );
    }
    let all = lab.list("workflows", "");
    let started: Vec<_> = all
        .iter()
        .filter_map(|workflow| workflow["metadata"]["name"].as_str())
        .filter(|name| name.starts_with("retrain-") || name.contains("11c0ffee"))
        .collect();
    assert_eq!(started, [name]);

    succeeded(&lab, &model, &run);
    let tags = lab.runs(&model, &run.uid()).remove(0);
    assert_eq!(tags["trigger.kind"], "drift");
    assert_eq!(tags["trigger.id"], "00c0ffee00c0ffee");
}

#[test]
fn a_launcher_that_is_killed_finds_its_training_again() {
    let lab = Lab::new();
    let model = lab.model("e2e-killed", &[]);
    let run = lab.submit("train-to-serve", &model, &[("deploy", "false")]);

    // Given a training under way
    let job = until("the Job is there", 300, || jobs(&lab, &run).pop());
    until("the training runs", 300, || {
        let pods = lab.list("pods", &format!("batch.kubernetes.io/job-name={job}"));
        pods.iter()
            .any(|pod| pod["status"]["phase"] == "Running")
            .then_some(())
    });

    // When the pod of the step that waits for it is deleted
    let step = run.attempts("train").remove(0);
    let pod = step["id"].as_str().unwrap();
    let pods = lab.list("pods", &format!("workflows.argoproj.io/workflow={}", run.name));
    let pod = pods
        .iter()
        .find(|found| found["metadata"]["annotations"]["workflows.argoproj.io/node-id"] == pod)
        .expect("the step's pod")["metadata"]["name"]
        .as_str()
        .unwrap();
    _ = lab.kubectl(&["delete", "pod", pod, "--grace-period=0", "--force"]);

    // Then the next attempt adopts the Job and the run, and the pipeline ends as if nothing had been
    succeeded(&lab, &model, &run);
    assert_eq!(jobs(&lab, &run), [job]);
    assert_eq!(lab.versions(&model).len(), 1);
}

#[test]
fn a_controller_that_restarts_takes_up_where_it_was() {
    let lab = Lab::new();
    if !lab.is_own() {
        println!("NOT RUN: this restarts the workflow controller, and the cluster is not this machine's own");
        return;
    }
    let model = lab.model("e2e-restart", &[]);
    let run = lab.submit("train-to-serve", &model, &[("deploy", "false")]);

    // Given a training under way, when the controller restarts
    until("the Job is there", 300, || jobs(&lab, &run).pop());
    _ = lab.kubectl(&[
        "delete",
        "pod",
        "--namespace=argo",
        "--selector=app=workflow-controller",
        "--wait=true",
    ]);

    // Then the end is the same
    succeeded(&lab, &model, &run);
    assert_eq!(lab.versions(&model).len(), 1);
}

#[test]
fn two_pipelines_of_one_model_run_one_after_the_other() {
    let lab = Lab::new();
    let model = lab.model("e2e-twice", &[]);

    // When two are submitted at once
    let first = lab.submit("train-to-serve", &model, &[("deploy", "false")]);
    let second = lab.submit("train-to-serve", &model, &[("deploy", "false")]);

    // Then one waits for the lock
    until("one waits", 60, || {
        [&first, &second]
            .iter()
            .any(|run| {
                run.now()["status"]["message"].as_str().is_some_and(|message| {
                    message.contains("Waiting for") && message.contains("train-to-serve-e2e-twice")
                })
            })
            .then_some(())
    });
    // and begins no step before the other has ended
    first.ends_as("Succeeded");
    second.ends_as("Succeeded");
    let began = |run: &Run<'_>| {
        let mut pods: Vec<String> = run
            .nodes()
            .iter()
            .filter(|node| node["type"] == "Pod")
            .filter_map(|node| node["startedAt"].as_str().map(str::to_owned))
            .collect();
        pods.sort();
        pods.remove(0)
    };
    let ended = |run: &Run<'_>| run.now()["status"]["finishedAt"].as_str().unwrap().to_owned();
    assert!(
        began(&second) >= ended(&first) || began(&first) >= ended(&second),
        "{}\n{}",
        first.story(),
        second.story()
    );
}

#[test]
fn a_team_composes_a_dag_of_its_own() {
    let lab = Lab::new();
    // Given two of the steps, in a team's own workflow, and scores that the team made by a rule of its own
    let text = include_str!("../../../workflows/examples/custom-dag.yaml");
    let (gates, workflow) = text.split_once("\n---\n").unwrap();
    _ = lab.kubectl_with(
        &["apply", "--server-side", "--filename=-", "--output=json"],
        gates,
    );
    let run = lab.create(workflow);

    // Then they do their part there
    run.ends_as("Succeeded");
    assert_eq!(run.report("data-validate")["verdict"], "PASS");
    let verdict = run.report("evaluate")["verdict"].as_str().unwrap().to_owned();
    assert!(["PASS", "WARN"].contains(&verdict.as_str()), "{verdict}");
}

#[test]
fn every_image_describes_itself_in_a_restricted_pod() {
    let lab = Lab::new();
    for step in STEPS.into_iter().chain(["kserve-canary"]) {
        let pod = format!("describe-{step}");
        _ = lab.kubectl(&["delete", "pod", &pod, "--ignore-not-found", "--wait=true"]);
        // No command: the image's own entry point, and its own user.
        let manifest = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod},
            "spec": {
                "restartPolicy": "Never",
                "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{
                    "name": "main",
                    "image": format!("{}/{step}:{}", said("E2E_IMAGE_PREFIX"), env!("CARGO_PKG_VERSION")),
                    "args": ["--describe", "json"],
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }],
            },
        });
        _ = lab.kubectl_with(
            &["create", "--filename=-", "--output=json"],
            &manifest.to_string(),
        );
        let phase = until(&format!("{pod} ends"), 120, || {
            let now = lab.get("pod", &pod)?;
            let phase = now["status"]["phase"].as_str()?.to_owned();
            matches!(phase.as_str(), "Succeeded" | "Failed").then_some(phase)
        });
        let said = lab.kubectl(&["logs", &pod]);
        assert_eq!(phase, "Succeeded", "{step}: {said}");
        let contract: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(contract["step"], step);
        _ = lab.kubectl(&["delete", "pod", &pod, "--wait=false"]);
    }
}

#[test]
fn every_file_passes_argos_lint_its_schema_and_hera() {
    let lab = Lab::new();
    let files = lab.workflow_files();
    assert!(files.len() > 10, "{files:?}");
    lab.run(
        &said("E2E_ARGO_CLI"),
        &["lint", "--offline", "--no-color"],
        &files,
    );
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.py");
    lab.run(&said("E2E_PYTHON"), &[script, &said("E2E_ARGO_SCHEMA")], &files);
}

#[test]
fn the_api_server_takes_every_overlay_strictly() {
    let lab = Lab::new();
    for overlay in ["quick-start", "namespace-install", "staging", "production"] {
        let folder = format!(
            "{}/../../kustomize/overlays/{overlay}",
            env!("CARGO_MANIFEST_DIR")
        );
        // Nothing goes into a namespace that is not there, not even to see whether it would.
        let namespace = format!("{folder}/namespace.yaml");
        let has_one = std::path::Path::new(&namespace).exists();
        if has_one {
            _ = lab.kubectl(&["apply", "--server-side", "--filename", &namespace, "--namespace="]);
        }
        let taken = lab.kubectl(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "--validate=strict",
            "--dry-run=server",
            "--kustomize",
            &folder,
            if has_one {
                "--namespace="
            } else {
                "--namespace=default"
            },
        ]);
        assert!(taken.lines().count() > 25, "{overlay}: {taken}");
        if has_one && overlay != "quick-start" {
            _ = lab.kubectl(&["delete", "--wait=false", "--filename", &namespace, "--namespace="]);
        }
    }
}

#[test]
fn an_account_may_do_what_its_step_does_and_nothing_else() {
    let lab = Lab::new();
    // What Argo needs of every step's pod, and what each step needs beside it.
    let common = [
        ("create", "workflowtaskresults.argoproj.io"),
        ("patch", "workflowtaskresults.argoproj.io"),
    ];
    let own: [(&str, &[(&str, &str)]); 7] = [
        ("data-validate", &[]),
        ("evaluate", &[]),
        ("mlflow-register", &[]),
        ("kserve-canary", &[]),
        (
            "train-launch",
            &[
                ("create", "jobs.batch"),
                ("get", "jobs.batch"),
                // A watch begins with a list.
                ("list", "jobs.batch"),
                ("delete", "jobs.batch"),
                ("watch", "jobs.batch"),
                ("create", "configmaps"),
                ("get", "configmaps"),
                ("get", "pods"),
                ("list", "pods"),
                ("watch", "pods"),
                ("get", "pods/log"),
                ("get", "workflows.argoproj.io"),
            ],
        ),
        (
            "enroll-drift",
            &[
                ("create", "cronworkflows.argoproj.io"),
                ("get", "cronworkflows.argoproj.io"),
                ("patch", "cronworkflows.argoproj.io"),
                // As the caller of the event endpoint.
                ("list", "workfloweventbindings.argoproj.io"),
                ("get", "workflowtemplates.argoproj.io"),
                ("create", "workflows.argoproj.io"),
            ],
        ),
        (
            "mlops-pipeline",
            &[
                ("list", "workflowtasksets.argoproj.io"),
                ("watch", "workflowtasksets.argoproj.io"),
                ("patch", "workflowtasksets.argoproj.io/status"),
            ],
        ),
    ];
    let asked: std::collections::BTreeSet<(&str, &str)> = own
        .iter()
        .flat_map(|(_, rights)| rights.iter().copied())
        .chain(common)
        .chain([
            ("get", "secrets"),
            ("list", "secrets"),
            ("create", "pods"),
            ("create", "pods/exec"),
            ("delete", "pods"),
            ("delete", "workflows.argoproj.io"),
            ("patch", "workflowtemplates.argoproj.io"),
            ("delete", "cronworkflows.argoproj.io"),
            ("create", "rolebindings.rbac.authorization.k8s.io"),
            ("create", "serviceaccounts/token"),
            ("patch", "jobs.batch"),
            ("update", "configmaps"),
            ("delete", "configmaps"),
        ])
        .collect();
    for (account, rights) in own {
        let user = format!("--as=system:serviceaccount:{}:{account}", lab.namespace);
        for (verb, resource) in &asked {
            let may = lab.can(&user, verb, resource);
            let should = rights.contains(&(verb, resource)) || common.contains(&(verb, resource));
            assert_eq!(may, should, "{account}: {verb} {resource}");
        }
    }
}
