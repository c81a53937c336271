//! What comes through Argo Events: its real controller, EventSource and Sensor over a NATS bus. `make e2e-events`.

use std::process::Command;

use serde_json::{Value, json};
use toolkit_e2e::{Lab, Run, said, succeeded, until};

/// Of the lab's webhook.
const TOKEN: &str = "of-this-lab";

/// The doors are open: the objects are applied, and what serves them is ready.
fn doors(lab: &Lab) -> String {
    _ = lab.kubectl(&[
        "apply",
        "--server-side",
        "--force-conflicts",
        "--validate=strict",
        "--kustomize",
        concat!(env!("MLOPS_STEPS_ROOT"), "/tests/e2e/events"),
    ]);
    // The queue of AWS is not here: the API server takes the source that reads it, and that is all that can be shown.
    let sqs = concat!(
        env!("MLOPS_STEPS_ROOT"),
        "/workflows/triggers/argo-events/event-source-sqs.yaml"
    );
    let dry = [
        "apply",
        "--server-side",
        "--dry-run=server",
        "--validate=strict",
        "--filename",
        sqs,
    ];
    _ = lab.kubectl(&dry);
    // A new Sensor hears only what comes after its first subscription.
    for (kind, condition) in [("eventsource", "Deployed"), ("sensor", "Deployed")] {
        let what = format!("--for=condition={condition}");
        _ = lab.kubectl(&["wait", kind, "mlops", &what, "--timeout=120s"]);
    }
    for pods in ["eventsource-name=mlops", "sensor-name=mlops", "app=deliveries"] {
        let _there = until(&format!("a pod of {pods} is there"), 120, || {
            lab.list("pods", pods).pop()
        });
        _ = lab.kubectl(&[
            "wait",
            "pod",
            "--selector",
            pods,
            "--for=condition=Ready",
            "--timeout=180s",
        ]);
    }
    until("the sensor has subscribed to both doors", 120, || {
        let bus = "/api/v1/namespaces/argo-events/services/nats:monitor/proxy/jsz";
        let state: Value = serde_json::from_str(&lab.kubectl(&["get", "--raw", bus])).unwrap();
        (state["consumers"] == 2).then_some(())
    });
    address(lab, "mlops-eventsource-svc")
}

fn address(lab: &Lab, service: &str) -> String {
    let found = lab.get("service", service).expect("it is there");
    found["spec"]["clusterIP"].as_str().unwrap().to_owned()
}

/// Posts to the webhook; the status.
fn post(door: &str, token: &str, body: &Value) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args([
            "--header",
            "Content-Type: application/json",
            "--data-binary",
            "@-",
        ])
        .arg(format!("http://{door}:12000/retrain"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            use std::io::Write as _;
            let mut input = child.stdin.take().unwrap();
            input.write_all(body.to_string().as_bytes())?;
            drop(input);
            child.wait_with_output()
        })
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn named(lab: &Lab, starts: &str) -> Vec<String> {
    let mut names = lab.names("workflows");
    names.retain(|name| name.starts_with(starts));
    names
}

#[test]
fn what_comes_through_the_bus_starts_one_pipeline_each() {
    let lab = Lab::new();
    let door = doors(&lab);

    // Given a model, when its drift is reported through the webhook
    let model = lab.model("e2e-bus", &[]);
    let others = named(&lab, "");
    let event = json!({"id": "0ddba11000ddba11", "model": model, "trigger": "drift"});
    assert_eq!(post(&door, "of-somebody-else", &event), "401");
    assert_eq!(post(&door, TOKEN, &event), "200");

    // Then a pipeline starts under a name made from the event, and the same event again starts no second one
    let name = "retrain-e2e-bus-0ddba11000ddba11";
    let run = until("the retraining is there", 60, || Run::find(&lab, name));
    assert_eq!(post(&door, TOKEN, &event), "200");
    // and text in a payload is not evaluated: nothing is started at all
    for hostile in [
        json!({"id": "{{=sprig.upper('abc')}}", "model": model, "trigger": "drift"}),
        json!({"id": "1ddba11000ddba11", "model": "{{workflow.name}}", "trigger": "drift"}),
        json!({"id": "1ddba11000ddba11", "model": "e2e-bus\nx", "trigger": "drift"}),
        json!({"id": "1ddba11000ddba11", "model": model, "trigger": "{{=1+1}}"}),
        json!({"id": "1ddba11000ddba11-and-more", "model": model, "trigger": "drift"}),
        json!({"model": model, "trigger": "drift"}),
    ] {
        assert_eq!(post(&door, TOKEN, &hostile), "200", "the source does not judge");
    }
    let large =
        json!({"id": "2ddba11000ddba11", "model": model, "trigger": "drift", "report": "x".repeat(70_000)});
    assert_eq!(post(&door, TOKEN, &large), "400", "over the limit of the door");
    // The bus keeps the order: when this one has come through, so has everything before it.
    let last = json!({"id": "3ddba11000ddba11", "model": model, "trigger": "drift"});
    assert_eq!(post(&door, TOKEN, &last), "200");
    let end = until("the last event came through", 60, || {
        Run::find(&lab, "retrain-e2e-bus-3ddba11000ddba11")
    });
    end.stop();
    let mut new = named(&lab, "");
    new.retain(|name| !others.contains(name));
    assert_eq!(
        new,
        [name, "retrain-e2e-bus-3ddba11000ddba11"],
        "nothing else was started"
    );

    // When upstream delivers an object where the data lies, and others elsewhere
    let s3 = address(&lab, "deliveries");
    let put = |path: &str, text: &str| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--request", "PUT"])
            .args(["--aws-sigv4", "aws:amz:us-east-1:s3"])
            .args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"])
            .args([
                "--user",
                &format!("{}:{}", said("AWS_ACCESS_KEY_ID"), said("AWS_SECRET_ACCESS_KEY")),
            ])
            .args(["--data-binary", text])
            .arg(format!("http://{s3}/lake{path}"));
        let output = curl.output().unwrap();
        // The bucket may be there from an earlier run on this cluster.
        let is_there = path.is_empty() && String::from_utf8_lossy(&output.stderr).contains(" 409");
        assert!(output.status.success() || is_there, "{output:?}");
    };
    _ = lab.kubectl(&[
        "delete",
        "workflows",
        "--selector=mlops-steps/model=flight-delays",
    ]);
    lab.unregister("flight-delays");
    put("", "");
    put("/flights-2013/README.txt", "not data");
    put("/elsewhere/flights/2013-04.parquet", "not ours");
    put("/flights-2013/flights/2013-04.parquet", "a delivery");

    // Then the pipeline runs on what the model's ConfigMap says, and MLflow knows why
    let name = until("the training is there", 60, || {
        named(&lab, "flight-delays-data-").pop()
    });
    let run_of_data = Run::find(&lab, &name).unwrap();
    succeeded(&lab, "flight-delays", &run_of_data);
    let tags = lab.runs("flight-delays", &run_of_data.uid()).remove(0);
    assert_eq!(tags["trigger.kind"], "data");
    assert_eq!(
        Some(tags["trigger.id"].to_lowercase()),
        name.strip_prefix("flight-delays-data-").map(str::to_owned)
    );
    assert_eq!(named(&lab, "flight-delays-data-").len(), 1);

    // and the retraining has gone to its end meanwhile
    succeeded(&lab, &model, &run);
    let tags = lab.runs(&model, &run.uid()).remove(0);
    assert_eq!(tags["trigger.kind"], "drift");
    assert_eq!(tags["trigger.id"], "0ddba11000ddba11");
}
