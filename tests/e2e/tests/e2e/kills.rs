//! Steps and controllers that are killed in the middle.

use serde_json::json;
use step_testkit::{Fault, FaultProxy};
use toolkit_e2e::{Lab, jobs, said, succeeded, task, until};

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
    run.kill("train");

    // Then the next attempt adopts the Job and the run, and the pipeline ends as if nothing had been
    succeeded(&lab, &model, &run);
    assert_eq!(jobs(&lab, &run), [job]);
    assert_eq!(lab.versions(&model).len(), 1);
}

#[test]
fn a_controller_that_restarts_takes_up_where_it_was() {
    let lab = Lab::new();
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
fn a_registration_that_is_killed_before_it_hears_the_answer_registers_once() {
    let lab = Lab::new();
    let host = lab.host();
    let model = lab.model("e2e-held", &[]);
    // Given a proxy before MLflow, which keeps the answer to itself when a version is made
    let proxy = FaultProxy::listening(host, &said("E2E_MLFLOW_URL")).unwrap();
    proxy.fail_when(
        |line| line.starts_with("POST ") && line.contains("/model-versions/create"),
        1,
        Fault::Swallow,
    );
    let address = proxy.url();
    let run = lab.submit_changed("train-to-serve", &model, &[("deploy", "false")], |spec| {
        let parameters = &mut task(spec, "register")["arguments"]["parameters"];
        let parameters = parameters.as_array_mut().unwrap();
        parameters.push(json!({"name": "tracking-uri", "value": address}));
    });
    until("MLflow has made the version", 600, || {
        (proxy.swallowed() == 1).then_some(())
    });
    assert_eq!(
        lab.versions(&model).len(),
        1,
        "it is made, and the step does not know"
    );

    // When the pod of the step is deleted while it waits for the answer
    run.kill("register");

    // Then the next attempt finds the version, and the pipeline ends as if nothing had been
    succeeded(&lab, &model, &run);
    let versions = lab.versions(&model);
    assert_eq!(versions.len(), 1);
    assert_eq!(versions[0]["status"], "READY");
    assert_eq!(lab.alias(&model, "challenger").as_deref(), Some("1"));
    assert_eq!(run.report("mlflow-register")["verdict"], "REGISTERED");
}
