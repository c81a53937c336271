//! Records: what is written is read, and what was changed on the way is refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use provenance::{
    DataObject, Dataset, Digest, FileDigest, IndexRun, IndexState, Indexed, ModelRef, ModelVersionRecord,
    PreviousVersion, Record, Split, TrainingRun, Trigger, Window, digest_bytes, digest_files,
};

fn dataset() -> Dataset {
    let object = |uri: &str, rows| DataObject {
        uri: uri.to_owned(),
        size: 3,
        etag: Some("\"9b2\"".to_owned()),
        version_id: None,
        rows,
        digest: digest_bytes(uri),
        reference: None,
    };
    let train = Split::new(
        "s3://raw/train/",
        vec![object("s3://raw/train/1", 7), object("s3://raw/train/2", 8)],
    );
    let window = Window {
        column: "time_hour".to_owned(),
        as_of: "2013-07-01T00:00:00Z".to_owned(),
        length: "90d".to_owned(),
        from: "2013-04-02T00:00:00Z".to_owned(),
        to: "2013-07-01T00:00:00Z".to_owned(),
    };
    Dataset::new(
        None,
        Some(window),
        BTreeMap::from([("train".to_owned(), train.unwrap())]),
    )
}

/// Two folds, of which the second is the model.
fn indexed() -> Indexed {
    let fold = |index, state, run_id: &str, auc| IndexRun {
        index,
        state,
        run_id: Some(run_id.to_owned()),
        pod: Some(format!("train-1-{index}-x7")),
        attempts: Some(1),
        metrics: BTreeMap::from([("auc".to_owned(), auc)]),
    };
    Indexed {
        parent_run_id: "9a11".to_owned(),
        primary: 1,
        chosen_by: "metric=auc:max".to_owned(),
        indexes: vec![
            fold(0, IndexState::Failed, "77b2", None),
            fold(1, IndexState::Succeeded, "0f3c", Some(0.91)),
        ],
    }
}

fn run() -> TrainingRun {
    let files = vec![FileDigest {
        path: "MLmodel".to_owned(),
        size: 1,
        digest: digest_bytes("m"),
    }];
    TrainingRun {
        schema: TrainingRun::SCHEMA.to_owned(),
        run_id: "0f3c".to_owned(),
        experiment: "flight-delays".to_owned(),
        experiment_id: "1".to_owned(),
        tracking_uri: "http://mlflow:5000".to_owned(),
        artifact_uri: "mlflow-artifacts:/1/0f3c/artifacts".to_owned(),
        model: ModelRef {
            uri: "runs:/0f3c/model".to_owned(),
            digest: digest_files(&files).unwrap(),
            files,
        },
        dataset: dataset().reference(),
        git_sha: "8c1f".to_owned(),
        data_version: "dvc:md5:9b2".to_owned(),
        trigger: Trigger::Drift,
        command: vec!["python".to_owned(), "train.py".to_owned()],
        started: "2026-11-23T14:00:00Z".to_owned(),
        finished: "2026-11-23T14:01:00Z".to_owned(),
        tags: BTreeMap::new(),
        params: BTreeMap::from([("num_leaves".to_owned(), "31".to_owned())]),
        metrics: BTreeMap::from([("auc".to_owned(), Some(0.91)), ("lift".to_owned(), None)]),
        workflow_uid: Some("b7d2".to_owned()),
        compute: None,
        indexed: Some(indexed()),
    }
}

fn version() -> ModelVersionRecord {
    ModelVersionRecord {
        schema: ModelVersionRecord::SCHEMA.to_owned(),
        name: "flight-delays".to_owned(),
        version: "2".to_owned(),
        model_uri: "models:/flight-delays/2".to_owned(),
        source: "runs:/0f3c/model".to_owned(),
        run_id: "0f3c".to_owned(),
        tracking_uri: "http://mlflow:5000".to_owned(),
        digest: run().model.digest,
        dataset: dataset().reference(),
        evaluation: digest_bytes("report"),
        aliases: vec!["champion".to_owned()],
        stage: Some("Staging".to_owned()),
        previous_champion: Some(PreviousVersion {
            alias: "champion".to_owned(),
            version: Some("1".to_owned()),
        }),
    }
}

fn edited<R: Record>(record: &R, from: &str, to: &str) -> String {
    let text = String::from_utf8(record.to_json()).unwrap();
    assert!(text.contains(from), "{text}");
    R::parse("in/record.json", text.replacen(from, to, 1).as_bytes())
        .err()
        .unwrap()
        .to_string()
}

#[test]
fn what_is_written_is_read() {
    assert_eq!(Dataset::parse("d", &dataset().to_json()).unwrap(), dataset());
    assert_eq!(TrainingRun::parse("r", &run().to_json()).unwrap(), run());
    assert_eq!(
        ModelVersionRecord::parse("v", &version().to_json()).unwrap(),
        version()
    );
    assert!(dataset().to_json().ends_with(b"}\n"));
}

#[test]
fn another_kind_of_file_is_named() {
    let error = Dataset::parse("in/dataset.json", &run().to_json())
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "in/dataset.json: schema is `mlops-steps/run/v1`, this step reads `mlops-steps/dataset/v1`: \
         pass the right file, or use one version of all steps"
    );
    let error = Dataset::parse("d.json", b"{}").unwrap_err().to_string();
    assert!(
        error.starts_with("d.json: schema is missing, this step reads"),
        "{error}"
    );
    for bad in [&b""[..], b"[]", b"{\"schema\": 3}", b"\x00\xff"] {
        let error = Dataset::parse("d.json", bad).unwrap_err().to_string();
        assert!(
            error.starts_with("d.json: ") && error.contains("line 1"),
            "{error}"
        );
    }
}

#[test]
fn an_edited_record_is_refused() {
    let rows = edited(&dataset(), "\"rows\": 15", "\"rows\": 16");
    assert_eq!(
        rows,
        "in/record.json: splits.train.rows is 16, its objects have 15: the file was changed after it was written"
    );
    let object = digest_bytes("s3://raw/train/1").hex();
    let bytes = edited(&dataset(), &object, &digest_bytes("other").hex());
    assert!(bytes.contains("splits.train.digest is sha256:"), "{bytes}");
    let whole = dataset().digest.hex();
    // The version is the digest too; the first occurrence is the version, so both are replaced.
    let text = String::from_utf8(dataset().to_json())
        .unwrap()
        .replace(&whole, &digest_bytes("x").hex());
    let error = Dataset::parse("d", text.as_bytes()).unwrap_err().to_string();
    assert!(
        error.contains("d: digest is sha256:") && error.contains("the splits give"),
        "{error}"
    );

    let model = edited(&run(), &run().model.digest.hex(), &digest_bytes("x").hex());
    assert!(
        model.contains("model.digest is sha256:") && model.contains("model.files give"),
        "{model}"
    );
    for (from, to, why) in [
        (
            "\"primary\": 1",
            "\"primary\": 7",
            "indexed.primary is 7, which is none of indexed.indexes",
        ),
        (
            "\"primary\": 1",
            "\"primary\": 0",
            "indexed.primary is 0, and that index is failed",
        ),
        (
            "\"run_id\": \"0f3c\"",
            "\"run_id\": \"77b2\"",
            "run_id is 77b2, and the run of indexed.primary is 0f3c",
        ),
    ] {
        let error = edited(&run(), from, to);
        assert!(error.contains(why), "{error}");
    }
    let path = edited(&run(), "\"MLmodel\"", "\"../MLmodel\"");
    assert!(path.contains("is not a plain relative path"), "{path}");
    let uri = edited(&version(), "models:/flight-delays/2", "models:/flight-delays/1");
    assert!(
        uri.contains("name and version give models:/flight-delays/2"),
        "{uri}"
    );
}

#[test]
fn fields_of_another_version_are_refused_with_their_place() {
    let unknown = edited(&run(), "\"git_sha\"", "\"git_sah\"");
    assert!(
        unknown.contains("unknown field `git_sah`") && unknown.contains("line"),
        "{unknown}"
    );
    let trigger = edited(&run(), "\"drift\"", "\"hunch\"");
    assert!(
        trigger.contains("unknown variant `hunch`") && trigger.contains("schedule"),
        "{trigger}"
    );
    let digest = edited(&version(), "sha256:", "md5:");
    assert!(
        digest.contains("64 lower-case hex digits are expected"),
        "{digest}"
    );
}

#[test]
fn triggers_have_one_spelling() {
    for trigger in Trigger::ALL {
        assert_eq!(trigger.as_str().parse(), Ok(trigger));
        assert_eq!(serde_json::to_value(trigger).unwrap(), trigger.as_str());
    }
    assert!("cron".parse::<Trigger>().unwrap_err().contains("schedule"));
}

fn digests() -> impl Strategy<Value = Digest> {
    any::<[u8; 8]>().prop_map(digest_bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_run_survives_its_file(
        text in ".*",
        metric in proptest::option::of(proptest::num::f64::NORMAL),
        files in proptest::collection::btree_map("[a-z]{1,4}(/[a-z]{1,3})?", digests(), 1..5),
    ) {
        let files: Vec<_> =
            files.into_iter().map(|(path, digest)| FileDigest { path, size: 1, digest }).collect();
        let mut run = run();
        run.model = ModelRef { uri: text.clone(), digest: digest_files(&files).unwrap(), files };
        run.tags = BTreeMap::from([(text.clone(), text)]);
        run.metrics = BTreeMap::from([("m".to_owned(), metric)]);
        prop_assert_eq!(TrainingRun::parse("r", &run.to_json()).unwrap(), run);
    }
}
