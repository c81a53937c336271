//! Who hears how a pipeline ended.

use std::net::TcpListener;

use serde_json::{Value, json};
use step_testkit::wiremock::matchers::{header, method, path};
use step_testkit::wiremock::{Mock, MockServer, ResponseTemplate};
use tokio::runtime::Runtime;
use toolkit_e2e::{Lab, Run, task, template};

const TOKEN: &str = "Bearer xoxb-of-this-test";

/// A pipeline that ends with validation, and tells a channel by way of this server.
fn told<'a>(lab: &'a Lab, model: &str, slack: &str) -> Run<'a> {
    lab.submit_changed(
        "train-to-serve",
        model,
        &[("slack-channel", "#mlops"), ("trigger", "data")],
        |spec| {
            let only = task(spec, "validate").clone();
            let entry = spec["entrypoint"].as_str().unwrap().to_owned();
            template(spec, &entry)["dag"]["tasks"] = json!([only]);
            template(spec, "slack")["inputs"]["parameters"][0]["value"] =
                json!(format!("{slack}/api/chat.postMessage"));
        },
    )
}

#[test]
fn a_channel_hears_how_a_pipeline_ended() {
    let lab = Lab::new();
    let host = lab.host();
    let runtime = Runtime::new().unwrap();
    // Given a Slack that takes messages of those who have the token
    let listener = TcpListener::bind((host, 0)).unwrap();
    let slack = runtime.block_on(MockServer::builder().listener(listener).start());
    let answers = |body: Value| {
        runtime.block_on(async {
            slack.reset().await;
            Mock::given(method("POST"))
                .and(path("/api/chat.postMessage"))
                .and(header("authorization", TOKEN))
                .respond_with(ResponseTemplate::new(200).set_body_json(body))
                .mount(&slack)
                .await;
        });
    };
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mlops-slack"},
        "stringData": {"authorization": TOKEN},
    });
    let apply = ["apply", "--server-side", "--force-conflicts", "--filename=-"];
    _ = lab.try_kubectl(&apply, Some(&secret.to_string())).unwrap();
    let agent = format!("--as=system:serviceaccount:{}:mlops-pipeline", lab.namespace);
    assert!(lab.can_with(&agent, "get", "secrets", "mlops-slack"));
    assert!(!lab.can_with(&agent, "get", "secrets", "mlops-steps"));

    // When a pipeline fails
    answers(json!({"ok": true}));
    let model = lab.model("e2e-told", &[("data", &Lab::flights_trained_on("corrupt"))]);
    let run = told(&lab, &model, &slack.uri());
    run.ends_as("Failed");

    // Then the channel hears it, once
    assert_eq!(run.task("slack"), "Succeeded", "{}", run.story());
    let heard = runtime.block_on(slack.received_requests()).unwrap();
    assert_eq!(heard.len(), 1);
    let message: Value = serde_json::from_slice(&heard[0].body).unwrap();
    assert_eq!(message["channel"], "#mlops");
    let text = message["text"].as_str().unwrap();
    let begins = format!("e2e-told: {} ended Failed after ", run.name);
    assert!(
        text.starts_with(&begins) && text.ends_with("(trigger data)"),
        "{text}"
    );

    // When a pipeline succeeds, and Slack does not know the channel, which it says with status 200
    answers(json!({"ok": false, "error": "channel_not_found"}));
    let model = lab.model("e2e-untold", &[]);
    let run = told(&lab, &model, &slack.uri());

    // Then the pipeline has succeeded nonetheless, and shows that nobody heard
    run.ends_as("Succeeded");
    assert_eq!(run.task("slack"), "Failed", "{}", run.story());
    _ = lab.kubectl(&["delete", "secret", "mlops-slack"]);
}
