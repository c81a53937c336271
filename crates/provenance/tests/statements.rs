//! Statements against the in-toto project's own bindings (tests/vectors/make_vectors.py).

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use provenance::{Statement, digest_bytes};
use serde_json::{Value, json};

const PUBLISHED: &str = include_str!("vectors/statement.json");

fn ours() -> Statement {
    Statement::builder("evaluate", "gate", "0.1.0")
        .subject("report.json", &digest_bytes("report"))
        .material("runs:/0f3c/model", &digest_bytes("model"))
        .material("s3://raw/test.parquet", &digest_bytes("rows"))
        .parameter("gates", "quality_gates.yaml")
        .parameter("alpha", 0.05)
        .parameter("slices", vec!["carrier", "origin"])
        .invocation("b7d2")
        .build(
            "2026-11-23T14:00:00.75Z".parse().unwrap(),
            "2026-11-23T14:00:09Z".parse().unwrap(),
        )
}

#[test]
fn the_shape_is_the_published_one() {
    let published: Value = serde_json::from_str(PUBLISHED).unwrap();
    let ours: Value = serde_json::from_slice(&ours().to_json()).unwrap();
    assert_eq!(ours, published);
}

#[test]
fn what_is_written_is_read() {
    assert_eq!(Statement::parse("s", &ours().to_json()).unwrap(), ours());
    assert_eq!(Statement::parse("s", PUBLISHED.as_bytes()).unwrap(), ours());
}

#[test]
fn subjects_and_materials_are_found_by_digest() {
    let mut statement = ours();
    assert!(statement.has_subject(&digest_bytes("report")) && !statement.has_subject(&digest_bytes("model")));
    assert!(
        statement.has_material(&digest_bytes("model")) && !statement.has_material(&digest_bytes("report"))
    );
    assert!(!statement.has_subject(&digest_bytes("page")));
    statement.add_subject("report.html", &digest_bytes("page"));
    assert!(statement.has_subject(&digest_bytes("page")));
    assert_eq!(statement.step(), Some("evaluate"));
}

#[test]
fn other_statements_are_named() {
    let text = PUBLISHED.replace(
        "https://slsa.dev/provenance/v1",
        "https://slsa.dev/provenance/v0.2",
    );
    let error = Statement::parse("in/statement.json", text.as_bytes())
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "in/statement.json: predicateType is `https://slsa.dev/provenance/v0.2`, \
         `https://slsa.dev/provenance/v1` is expected"
    );
    let mut value: Value = serde_json::from_str(PUBLISHED).unwrap();
    value["extra"] = json!(1);
    let error = Statement::parse("s", value.to_string().as_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.contains("unknown field `extra`"), "{error}");
}
