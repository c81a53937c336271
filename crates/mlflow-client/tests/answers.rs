//! Answers that no healthy MLflow server gives.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use artifact_store::RetryPolicy;
use mlflow_client::{Auth, Client, IDEMPOTENCY_TAG, NewRun, NewVersion, Options, Stage};
use serde_json::json;
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn at(server: &MockServer) -> Client {
    patient(server, RetryPolicy::within(Duration::from_millis(300)))
}

fn patient(server: &MockServer, retry: RetryPolicy) -> Client {
    let mut options = Options::new(&server.uri()).unwrap();
    options.retry = retry;
    options.auth = Auth::Bearer("t0ken".to_owned());
    options.workspace = Some("fraud".to_owned());
    Client::new(options).unwrap()
}

#[tokio::test]
async fn requests_are_signed_and_name_their_workspace() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/version"))
        .and(header("authorization", "Bearer t0ken"))
        .and(header("x-mlflow-workspace", "fraud"))
        .respond_with(ResponseTemplate::new(200).set_body_string("3.18.0"))
        .mount(&server)
        .await;
    assert_eq!(at(&server).await.version().await.unwrap(), "3.18.0");
}

#[tokio::test]
async fn a_refused_token_is_said_without_the_token() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(401))
        .expect(1)
        .mount(&server)
        .await;
    let said = at(&server)
        .await
        .registered_model("x")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("MLFLOW_TRACKING_TOKEN") && said.contains("401"),
        "{said}"
    );
    assert!(!said.contains("t0ken"), "{said}");
}

#[tokio::test]
async fn a_login_page_is_not_mlflow() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string("<html>sign in</html>"))
        .mount(&server)
        .await;
    let client = at(&server).await;
    let said = client.registered_model("x").await.unwrap_err().to_string();
    assert!(
        said.contains("is not MLflow's") && said.contains(client.tracking_uri()),
        "{said}"
    );
    let said = client.version().await.unwrap_err().to_string();
    assert!(said.contains("is not an MLflow server"), "{said}");
}

#[tokio::test]
async fn the_first_line_of_a_message_is_enough() {
    let server = MockServer::start().await;
    let body = json!({ "error_code": "BAD_REQUEST", "message": "no.\n[SQL: INSERT]", "sqlstate": "x" });
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(400).set_body_json(body))
        .mount(&server)
        .await;
    let said = at(&server)
        .await
        .ensure_registered_model("x")
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        said,
        "MLflow refused POST registered-models/create: no. (400, BAD_REQUEST)"
    );
}

/// As MLflow 3 tells of a row that another writer has made between its read and its write, by database.
#[tokio::test]
async fn a_lost_race_for_a_row_is_run_again() {
    for said in [
        "(sqlite3.IntegrityError) UNIQUE constraint failed: registered_model_aliases.name\n[SQL: INSERT]",
        "(raised as a result of Query-invoked autoflush; consider using a session.no_autoflush block)\n\
         (sqlite3.IntegrityError) UNIQUE constraint failed: registered_model_aliases.name\n[SQL: INSERT]",
        "(pymysql.err.IntegrityError) (1062, \"Duplicate entry 'x-champion' for key 'PRIMARY'\")",
        "(psycopg2.errors.UniqueViolation) duplicate key value violates unique constraint \"pk\"",
    ] {
        let server = MockServer::start().await;
        let lost = json!({ "error_code": "BAD_REQUEST", "message": said });
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(400).set_body_json(lost))
            .up_to_n_times(1)
            .mount(&server)
            .await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
            .expect(1)
            .mount(&server)
            .await;
        let mut options = Options::new(&server.uri()).unwrap();
        options.retry.min_delay = Duration::from_millis(1);
        let client = Client::new(options).unwrap();
        client.set_alias("x", "champion", "1").await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_left() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(30)))
        .mount(&server)
        .await;
    let mut options = Options::new(&server.uri()).unwrap();
    options.timeout = Duration::from_millis(100);
    options.retry = RetryPolicy::within(Duration::from_millis(200));
    let error = Client::new(options)
        .unwrap()
        .registered_model("x")
        .await
        .unwrap_err();
    assert!(
        error.is_unavailable() && error.to_string().contains("in time"),
        "{error}"
    );
}

#[tokio::test]
async fn a_listing_does_not_lead_out_of_its_directory() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "files": [{ "path": "../x" }] })))
        .mount(&server)
        .await;
    let said = at(&server)
        .await
        .list_artifacts("1/model")
        .await
        .unwrap_err()
        .to_string();
    assert!(said.contains("lists a file `../x`"), "{said}");
}

/// Two launchers find nothing, and both make a run: no server can be asked for that moment.
#[tokio::test]
async fn who_made_the_second_run_takes_it_back() {
    let server = MockServer::start().await;
    let run = |id: &str, at: i64| {
        json!({
            "info": { "run_id": id, "experiment_id": "1", "status": "RUNNING", "start_time": at },
            "data": { "tags": [{ "key": IDEMPOTENCY_TAG, "value": "k" }] },
        })
    };
    let answer = |body: serde_json::Value| ResponseTemplate::new(200).set_body_json(body);
    let call = |name: &str| Mock::given(method("POST")).and(path(format!("/api/2.0/mlflow/runs/{name}")));
    call("search")
        .respond_with(answer(json!({})))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    call("search")
        .respond_with(answer(json!({ "runs": [run("theirs", 10), run("ours", 11)] })))
        .mount(&server)
        .await;
    call("create")
        .respond_with(answer(json!({ "run": run("ours", 11) })))
        .expect(1)
        .mount(&server)
        .await;
    call("update")
        .and(body_partial_json(json!({ "run_id": "ours", "status": "KILLED" })))
        .respond_with(answer(json!({})))
        .expect(1)
        .mount(&server)
        .await;
    call("delete")
        .and(body_partial_json(json!({ "run_id": "ours" })))
        .respond_with(answer(json!({})))
        .expect(1)
        .mount(&server)
        .await;
    let new = NewRun {
        experiment_id: "1".to_owned(),
        run_name: "r".to_owned(),
        start_time: 11,
        tags: std::collections::BTreeMap::new(),
        key: "k".to_owned(),
    };
    let (settled, was_there) = at(&server).await.ensure_run(&new).await.unwrap();
    assert_eq!((settled.run_id.as_str(), was_there), ("theirs", true));
}

/// A server with one version of `m`, which is in these states, one a look.
async fn with_version(states: &[&str]) -> MockServer {
    let server = MockServer::start().await;
    let version = |status: &str| json!({"name": "m", "version": "1", "status": status});
    Mock::given(path("/api/2.0/mlflow/model-versions/search"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"model_versions": [version("READY")]})))
        .mount(&server)
        .await;
    for (at, state) in states.iter().enumerate() {
        let mut mock = Mock::given(path("/api/2.0/mlflow/model-versions/get"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"model_version": version(state)})));
        if at + 1 < states.len() {
            mock = mock.up_to_n_times(1);
        }
        mock.mount(&server).await;
    }
    server
}

#[tokio::test]
async fn a_version_is_waited_for_until_it_can_be_used() {
    let new = NewVersion {
        name: "m".to_owned(),
        source: "s3://b/m".to_owned(),
        run_id: "r".to_owned(),
        description: String::new(),
        tags: BTreeMap::new(),
        key: "k".to_owned(),
        model_id: None,
    };
    let often = || RetryPolicy {
        min_delay: Duration::from_millis(10),
        max_delay: Duration::from_millis(50),
        max_elapsed: Duration::from_millis(500),
    };
    let at = |server: &MockServer| std::future::ready(patient(server, often()));
    let server = with_version(&["PENDING_REGISTRATION", "PENDING_REGISTRATION", "READY"]).await;
    let (found, was_there) = at(&server).await.ensure_version(&new).await.unwrap();
    assert_eq!((found.status.as_str(), was_there), ("READY", true));
    let server = with_version(&["PENDING_REGISTRATION", "FAILED_REGISTRATION"]).await;
    let error = at(&server).await.ensure_version(&new).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has failed to register version 1 of `m`"),
        "{error}"
    );
    assert!(!error.is_unavailable());
    let server = with_version(&["PENDING_REGISTRATION"]).await;
    let error = at(&server).await.ensure_version(&new).await.unwrap_err();
    assert!(
        error.is_unavailable() && error.to_string().contains("PENDING_REGISTRATION"),
        "{error}"
    );
}

#[tokio::test]
async fn a_call_that_a_server_does_not_know_is_told_from_a_thing_that_is_not_there() {
    let server = MockServer::start().await;
    let call = || path("/api/2.0/mlflow/model-versions/transition-stage");
    Mock::given(call())
        .respond_with(
            ResponseTemplate::new(404)
                .set_body_json(json!({"error_code": "ENDPOINT_NOT_FOUND", "message": "no"})),
        )
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(call())
        .respond_with(
            ResponseTemplate::new(404)
                .set_body_json(json!({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"})),
        )
        .mount(&server)
        .await;
    let client = at(&server).await;
    let ask = || client.set_stage("m", "1", Stage::Staging, false);
    assert!(ask().await.unwrap_err().is_no_call());
    assert!(!ask().await.unwrap_err().is_no_call());
}
