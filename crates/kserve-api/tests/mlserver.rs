//! The client against a real MLServer with a real LightGBM model.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kserve_api::{
    AnswerShape, ClientOptions, Column, Endpoint, FeatureTable, InferenceClient, InferenceError, Layout,
    Protocol, RequestShape, ScoreOptions, score,
};
use step_testkit::mlserver::MlServer;

#[derive(serde::Deserialize)]
struct Vectors {
    columns: Vec<String>,
    rows: Vec<Vec<Option<f64>>>,
    predictions: Vec<f64>,
}

fn vectors() -> (PathBuf, Vectors) {
    let folder = Path::new(env!("MLOPS_STEPS_ROOT")).join("crates/kserve-api/tests/vectors");
    let text = std::fs::read_to_string(folder.join("predictions.json")).unwrap();
    (folder.join("model.txt"), serde_json::from_str(&text).unwrap())
}

fn table(vectors: &Vectors) -> FeatureTable {
    let columns = vectors.columns.iter().enumerate().map(|(at, name)| {
        (
            name.clone(),
            Column::Float(vectors.rows.iter().map(|row| row[at]).collect()),
        )
    });
    FeatureTable::new(columns.collect()).unwrap()
}

fn client(url: &str, model: &str, retry_for: Duration) -> InferenceClient {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = ClientOptions {
        retry_for,
        ..ClientOptions::default()
    };
    InferenceClient::new(Endpoint::new(url, model, None, Protocol::V2).unwrap(), &options).unwrap()
}

/// One server for all: it takes seconds to start.
#[tokio::test]
async fn a_real_server() {
    let (model_file, vectors) = vectors();
    let server = MlServer::lightgbm("delay", &model_file).unwrap();
    let table = table(&vectors);
    let asks = client(&server.url(), "delay", Duration::from_secs(30));
    asks.wait_ready().await.unwrap();
    assert_eq!(asks.server_metadata().await.unwrap().name, "mlserver");
    assert_eq!(asks.model_metadata().await.unwrap().name, "delay");

    // Missing values travel as null and arrive as NaN, in both layouts; LightGBM's own words are the measure.
    for layout in [Layout::Matrix, Layout::Columns] {
        let request = RequestShape {
            protocol: Protocol::V2,
            layout,
            input_name: "x".into(),
        };
        let mut options = ScoreOptions::new(request, AnswerShape::default());
        options.batch_rows = 7.try_into().unwrap();
        let scores = score(&asks, &table, &options).await.unwrap();
        assert_eq!(scores.len(), vectors.predictions.len());
        for (row, (ours, theirs)) in scores.iter().zip(&vectors.predictions).enumerate() {
            assert!(
                (ours - theirs).abs() < 1e-12,
                "{layout:?}, row {row}: {ours} and {theirs}"
            );
        }
    }

    // Two features for a model of three: MLServer says no more than this, and says it at once.
    let narrow = FeatureTable::new(vec![
        ("a".into(), Column::Float(vec![Some(1.0)])),
        ("b".into(), Column::Float(vec![Some(1.0)])),
    ])
    .unwrap();
    let options = ScoreOptions::new(
        RequestShape::for_table(&narrow, Protocol::V2),
        AnswerShape::default(),
    );
    let began = Instant::now();
    let error = score(&asks, &narrow, &options).await.unwrap_err();
    assert!(matches!(error, InferenceError::Refused { .. }), "{error}");
    assert!(
        error.to_string().contains("HTTP 500: Internal Server Error"),
        "{error}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "a refusal is not asked again"
    );

    let unknown = client(&server.url(), "dealy", Duration::from_secs(30));
    let error = unknown.wait_ready().await.unwrap_err();
    assert!(
        matches!(error, InferenceError::Refused { status: 404, .. }),
        "{error}"
    );

    let url = server.url();
    server.stop();
    let error = client(&url, "delay", Duration::from_millis(500))
        .wait_ready()
        .await
        .unwrap_err();
    assert!(error.is_unavailable(), "{error}");
}
