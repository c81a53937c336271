//! Training Jobs that are scheduled, starved, killed and evicted by a real cluster.

use serde_json::{Value, json};
use toolkit_e2e::{Lab, Run, jobs, succeeded, task, until};

/// A pipeline whose training is told otherwise.
pub(crate) fn train<'a>(lab: &'a Lab, model: &str, settings: &[(&str, &str)]) -> Run<'a> {
    lab.submit_changed("train-to-serve", model, &[("deploy", "false")], |spec| {
        let parameters = &mut task(spec, "train")["arguments"]["parameters"];
        let parameters = parameters.as_array_mut().unwrap();
        for (name, value) in settings {
            parameters.retain(|parameter| parameter["name"] != *name);
            parameters.push(json!({"name": name, "value": value}));
        }
    })
}

/// The pods of the training Job.
pub(crate) fn pods(lab: &Lab, job: &str) -> Vec<Value> {
    lab.list("pods", &format!("batch.kubernetes.io/job-name={job}"))
}

/// How training failed, when it has: the report's reason.
fn failed(lab: &Lab, model: &str, run: &Run<'_>) -> String {
    run.ends_as("Failed");
    assert_eq!(run.task("train"), "Failed", "{}", run.story());
    assert_eq!(
        run.attempts("train").len(),
        1,
        "a no is not tried again: {}",
        run.story()
    );
    let report = run.report("train-launch");
    assert_eq!(report["verdict"], "FAILED", "{report}");
    let reason = report["reason"].as_str().unwrap().to_owned();
    let told = lab.runs(model, &run.uid());
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["status"], "FAILED");
    assert!(
        told[0]["failure.reason"].contains(&reason[..20]),
        "{reason}: {told:?}"
    );
    reason
}

/// Takes the resource off the node again.
struct Gpus<'a> {
    lab: &'a Lab,
    node: String,
}

impl<'a> Gpus<'a> {
    /// One node says that it has so many: scheduling on them is real.
    fn advertised(lab: &'a Lab, count: u32) -> Self {
        let node = lab.list("nodes", "")[0]["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned();
        let gpus = Self { lab, node };
        gpus.patch("add", &json!(count.to_string()));
        until("the node has GPUs", 60, || {
            let node = lab.get("node", &gpus.node)?;
            node["status"]["allocatable"]["nvidia.com/gpu"]
                .as_str()
                .map(|_| ())
        });
        gpus
    }

    fn patch(&self, op: &str, value: &Value) {
        let patch = json!([{"op": op, "path": "/status/capacity/nvidia.com~1gpu", "value": value}]);
        _ = self.lab.kubectl(&[
            "patch",
            "node",
            &self.node,
            "--subresource=status",
            "--type=json",
            &format!("--patch={patch}"),
        ]);
    }
}

impl Drop for Gpus<'_> {
    fn drop(&mut self) {
        self.patch("add", &json!("0"));
    }
}

#[test]
fn a_gpu_job_is_scheduled_where_gpus_are_and_says_so_where_they_are_not() {
    let lab = Lab::new();
    // Given a node with one GPU
    let _gpus = Gpus::advertised(&lab, 1);
    let model = lab.model("e2e-gpu", &[]);

    // When a training wants it, then it has it
    let run = train(&lab, &model, &[("gpu", "1")]);
    let job = until("the Job is there", 300, || jobs(&lab, &run).pop());
    succeeded(&lab, &model, &run);
    let spec = &lab.get("job", &job).expect("it stays for a day")["spec"]["template"]["spec"];
    assert_eq!(
        spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"],
        "1"
    );

    // When another wants two, then it is given up in the scheduler's words
    let run = train(&lab, &model, &[("gpu", "2"), ("pending-timeout", "20s")]);
    let reason = failed(&lab, &model, &run);
    assert!(
        reason.contains("--pending-timeout 20s") && reason.contains("Insufficient nvidia.com/gpu"),
        "{reason}"
    );
    assert!(jobs(&lab, &run).is_empty(), "it was deleted");
}

#[test]
fn a_training_that_needs_more_memory_than_it_may_have_fails_once() {
    let lab = Lab::new();
    let model = lab.model("e2e-memory", &[]);
    let run = train(
        &lab,
        &model,
        &[
            ("memory", "200Mi"),
            (
                "command",
                r#"python3 -c "kept = [bytearray(10**7) for _ in range(1000)]""#,
            ),
        ],
    );
    let job = until("the Job is there", 300, || jobs(&lab, &run).pop());
    let reason = failed(&lab, &model, &run);
    assert!(reason.contains("memory"), "{reason}");
    assert_eq!(pods(&lab, &job).len(), 1, "another would need as much");
}

#[test]
fn a_fatal_exit_code_fails_at_once_and_a_passing_one_after_its_retries() {
    let lab = Lab::new();
    let model = lab.model("e2e-codes", &[]);
    for (code, attempts) in [("64", 1), ("75", 2)] {
        let run = train(
            &lab,
            &model,
            &[
                ("command", &format!("sh -c 'echo no more; exit {code}'")),
                ("fatal-exit-code", "64"),
                ("backoff-limit", "1"),
            ],
        );
        let job = until("the Job is there", 300, || jobs(&lab, &run).pop());
        let reason = failed(&lab, &model, &run);
        assert!(reason.contains(&format!("exit code {code}")), "{reason}");
        assert!(reason.contains("no more"), "{reason}");
        assert_eq!(pods(&lab, &job).len(), attempts, "{code}");
    }
}

#[test]
fn a_training_that_is_evicted_is_finished_by_another_pod() {
    let lab = Lab::new();
    let model = lab.model("e2e-evicted", &[]);
    let map = lab.get("configmap", "e2e-evicted-mlops").unwrap();
    let command = map["data"]["train-command"].as_str().unwrap().replace('\n', " ");
    // Given a training that takes its time, and may not be tried again for what it does itself
    let slow = format!("sh -c 'sleep 20; exec {command}'");
    let run = train(&lab, &model, &[("command", &slow), ("backoff-limit", "0")]);
    let job = until("the Job is there", 300, || jobs(&lab, &run).pop());
    let pod = until("the training runs", 300, || {
        let pods = pods(&lab, &job);
        let running = pods.iter().find(|pod| pod["status"]["phase"] == "Running")?;
        Some(running["metadata"]["name"].as_str()?.to_owned())
    });

    // When its pod is evicted, as a drain does
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}});
    let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", lab.namespace);
    lab.try_kubectl(
        &["create", "--raw", &path, "--filename=-"],
        Some(&eviction.to_string()),
    )
    .unwrap();

    // Then another one finishes it, in the same run
    succeeded(&lab, &model, &run);
    assert_eq!(jobs(&lab, &run), [job.as_str()]);
    let names: Vec<Value> = pods(&lab, &job)
        .iter()
        .map(|pod| pod["metadata"]["name"].clone())
        .collect();
    assert!(!names.contains(&json!(pod)) || names.len() == 2, "{names:?}");
}
