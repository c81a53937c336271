//! The client against servers that misbehave: what is tried again, what is refused, what is malformed.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use kserve_api::{
    AnswerShape, ClientOptions, Column, Endpoint, FeatureTable, InferenceClient, InferenceError, Protocol,
    RequestShape, ScoreOptions, score,
};
use serde_json::json;
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn client(url: &str, protocol: Protocol, retry_for: Duration) -> InferenceClient {
    install_tls();
    let endpoint = Endpoint::new(url, "delay", None, protocol).unwrap();
    let options = ClientOptions {
        timeout: Duration::from_millis(500),
        retry_for,
        ..ClientOptions::default()
    };
    InferenceClient::new(endpoint, &options).unwrap()
}

/// Answers each row with its first feature, as a `[n, 1]` tensor.
fn echo(request: &Request) -> ResponseTemplate {
    let body: serde_json::Value = request.body_json().unwrap();
    let shape = body["inputs"][0]["shape"].as_array().unwrap().clone();
    let width = shape[1].as_u64().unwrap() as usize;
    let data: Vec<_> = body["inputs"][0]["data"]
        .as_array()
        .unwrap()
        .iter()
        .step_by(width)
        .cloned()
        .collect();
    ResponseTemplate::new(200).set_body_json(json!({
        "model_name": "delay",
        "outputs": [{"name": "predict", "shape": [shape[0], 1], "datatype": "FP64", "data": data}],
    }))
}

#[tokio::test]
async fn a_table_is_scored_in_order_whatever_the_batches() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v2/models/delay/infer"))
        .respond_with(echo)
        .mount(&server)
        .await;
    let values: Vec<_> = (0..1003).map(|i| Some(f64::from(i) / 8.0)).collect();
    let table = FeatureTable::new(vec![
        ("a".into(), Column::Float(values.clone())),
        ("b".into(), Column::Int(vec![Some(1); 1003])),
    ])
    .unwrap();
    let mut options = ScoreOptions::new(
        RequestShape::for_table(&table, Protocol::V2),
        AnswerShape::default(),
    );
    options.batch_rows = 10.try_into().unwrap();
    options.concurrency = 7.try_into().unwrap();
    let client = client(&server.uri(), Protocol::V2, Duration::ZERO);
    let scores = score(&client, &table, &options).await.unwrap();
    assert_eq!(scores, values.into_iter().flatten().collect::<Vec<_>>());
    assert_eq!(server.received_requests().await.unwrap().len(), 101);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_a_refusal_is_not() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/v1/models/delay:predict"))
        .and(body_partial_json(json!({"instances": [[1.0]]})))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"predictions": [[0.25, 0.75]]})))
        .mount(&server)
        .await;
    let asks = client(&server.uri(), Protocol::V1, Duration::from_secs(20));
    let body = Bytes::from_static(br#"{"instances":[[1.0]]}"#);
    assert_eq!(
        asks.infer(body.clone(), 1, &AnswerShape::default())
            .await
            .unwrap(),
        [0.75]
    );

    let strict = MockServer::start().await;
    let refusal = ResponseTemplate::new(422).set_body_json(json!({"error": "expected 9 features, got 1"}));
    Mock::given(method("POST"))
        .respond_with(refusal)
        .expect(1)
        .mount(&strict)
        .await;
    let asks = client(&strict.uri(), Protocol::V1, Duration::from_secs(20));
    let error = asks.infer(body, 1, &AnswerShape::default()).await.unwrap_err();
    assert!(
        matches!(&error, InferenceError::Refused { status: 422, message, .. } if message == "expected 9 features, got 1"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_or_never_answers_is_unavailable() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://user:hunter2@{}", listener.local_addr().unwrap())
    };
    let began = Instant::now();
    let error = client(&closed, Protocol::V2, Duration::from_millis(300))
        .wait_ready()
        .await
        .unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(!error.to_string().contains("hunter2"), "{error}");

    let slow = MockServer::start().await;
    let stall = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(method("POST")).respond_with(stall).mount(&slow).await;
    let asks = client(&slow.uri(), Protocol::V2, Duration::ZERO);
    let error = asks
        .infer(Bytes::from_static(b"{}"), 1, &AnswerShape::default())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, InferenceError::Unavailable { attempts: 1, why, .. } if why.contains("timed out")),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_without_a_number_a_row_names_the_rows() {
    let server = MockServer::start().await;
    let short = json!({"outputs": [{"name": "p", "shape": [1], "datatype": "FP64", "data": [0.5]}]});
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(short))
        .mount(&server)
        .await;
    let table = FeatureTable::new(vec![("a".into(), Column::Float(vec![Some(1.0); 4]))]).unwrap();
    let mut options = ScoreOptions::new(
        RequestShape::for_table(&table, Protocol::V2),
        AnswerShape::default(),
    );
    options.batch_rows = 4.try_into().unwrap();
    let asks = client(&server.uri(), Protocol::V2, Duration::ZERO);
    let error = score(&asks, &table, &options).await.unwrap_err();
    assert!(matches!(error, InferenceError::Malformed { .. }));
    assert!(
        error
            .to_string()
            .ends_with("4 row(s) were asked about, 1 were answered (rows 0 to 3)"),
        "{error}"
    );
}

#[tokio::test]
async fn readiness_waits_for_the_model_and_an_unknown_model_is_refused() {
    let server = MockServer::start().await;
    let ok = || ResponseTemplate::new(200);
    Mock::given(path("/v2/health/ready"))
        .and(header("host", "m.example.com"))
        .respond_with(ok())
        .mount(&server)
        .await;
    Mock::given(path("/v2/models/delay/ready"))
        .respond_with(ResponseTemplate::new(400))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    Mock::given(path("/v2/models/delay/ready"))
        .respond_with(ok())
        .mount(&server)
        .await;
    install_tls();
    let host = Some("m.example.com".to_owned());
    let options = ClientOptions {
        retry_for: Duration::from_secs(10),
        host,
        ..ClientOptions::default()
    };
    let known = Endpoint::new(&server.uri(), "delay", None, Protocol::V2).unwrap();
    InferenceClient::new(known, &options)
        .unwrap()
        .wait_ready()
        .await
        .unwrap();
    let unknown = Endpoint::new(&server.uri(), "dealy", None, Protocol::V2).unwrap();
    let error = InferenceClient::new(unknown, &options)
        .unwrap()
        .wait_ready()
        .await
        .unwrap_err();
    assert!(
        matches!(error, InferenceError::Refused { status: 404, .. }),
        "{error}"
    );
}
