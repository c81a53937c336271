//! Tables in a real S3 server, and what is written to it, with faults before it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use artifact_store::{Keys, Location, Store, StoreOptions};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use run::file;
use serde_json::{Value, json};
use step_testkit::{Fault, FaultProxy, S3Server};

struct Lake {
    server: S3Server,
    proxy: FaultProxy,
    runtime: Arc<tokio::runtime::Runtime>,
    store: Store,
}

impl Lake {
    fn new() -> Self {
        let server = S3Server::start(&["lake"]).unwrap();
        let options = StoreOptions {
            endpoint: Some(server.url()),
            keys: Some(Keys {
                access: S3Server::ACCESS_KEY.into(),
                secret: S3Server::SECRET_KEY.into(),
            }),
            ..StoreOptions::default()
        };
        Self {
            proxy: FaultProxy::before(&server.url()).unwrap(),
            runtime: Arc::new(tokio::runtime::Runtime::new().unwrap()),
            store: Store::from_env(options),
            server,
        }
    }

    fn put(&self, uri: &str, bytes: impl Into<Vec<u8>>) {
        let at: Location = uri.parse().unwrap();
        self.runtime
            .block_on(self.store.write(&at, bytes.into().into()))
            .unwrap();
    }

    fn text(&self, uri: &str) -> String {
        let at: Location = uri.parse().unwrap();
        String::from_utf8(self.runtime.block_on(self.store.read(&at)).unwrap().to_vec()).unwrap()
    }

    /// Runs `check` through the proxy; the exit and the words of standard output and error.
    fn check(
        &self,
        dir: &tempfile::TempDir,
        suite: &Value,
        retry_seconds: &str,
    ) -> (Option<i32>, String, String) {
        let args = [
            "check".to_owned(),
            format!("--suite={}", file(dir, "suite.yaml", suite.to_string())),
            "--data=trips=s3://lake/trips/".to_owned(),
            "--quarantine=s3://lake/apart/".to_owned(),
            "--gx-result=s3://lake/out/gx.json".to_owned(),
        ];
        let mut command = run::command(&args, dir.path());
        command
            .envs(self.server.env_through(&self.proxy.url()))
            .env("STORE_RETRY_SECONDS", retry_seconds);
        let done = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
        (done.status.code(), text(done.stdout), text(done.stderr))
    }
}

#[test]
fn partitions_of_a_bucket_are_put_apart_in_the_bucket_though_it_throttles() {
    let lake = Lake::new();
    for (month, rows) in [("01", "1,5\n2,50\n"), ("02", "3,7\n")] {
        lake.put(
            &format!("s3://lake/trips/month={month}/a.csv"),
            format!("id,fare\n{rows}"),
        );
    }
    let suite = json!({"tables": {"trips": {"columns": {
        "id": {"unique": true}, "fare": {"range": {"max": 9}}, "month": {"in_set": [1, 2]},
    }}}});
    let dir = tempfile::tempdir().unwrap();
    lake.proxy.fail(3, Fault::UNAVAILABLE);
    let (exit, word, said) = lake.check(&dir, &suite, "20");
    assert_eq!((exit, word.as_str()), (Some(3), "FAIL"), "{said}");
    assert_eq!(lake.proxy.failed(), 3);
    let record: Value = serde_json::from_str(&lake.text("s3://lake/apart/quarantine.json")).unwrap();
    let parts = |side: &str| -> Vec<(String, String)> {
        let parts = record["tables"]["trips"][side]["parts"].as_array().unwrap();
        let uris = parts.iter().map(|part| part["uri"].as_str().unwrap());
        uris.map(|uri| (uri.split_once("/trips/").unwrap().1.to_owned(), lake.text(uri)))
            .collect()
    };
    let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    assert_eq!(
        parts("good"),
        [
            pair("good/month=01/part-00000.csv", "id,fare\n1,5\n"),
            pair("good/month=02/part-00001.csv", "id,fare\n3,7\n"),
        ]
    );
    assert_eq!(
        parts("bad"),
        [pair(
            "bad/month=01/part-00000.csv",
            "id,fare,_row,_reasons\n2,50,1,range:trips.fare\n"
        )]
    );
    let result: Value = serde_json::from_str(&lake.text("s3://lake/out/gx.json")).unwrap();
    assert_eq!(result["success"], false);

    // The same again is the same again.
    let first = lake.text("s3://lake/apart/quarantine.json");
    assert_eq!(lake.check(&dir, &suite, "20").0, Some(3));
    assert_eq!(lake.text("s3://lake/apart/quarantine.json"), first);

    // A server that is down for longer than the retries: exit 4.
    lake.proxy.fail(10_000, Fault::UNAVAILABLE);
    let (exit, _, said) = lake.check(&dir, &suite, "1");
    assert_eq!(exit, Some(4), "{said}");
}

/// Ten columns of 200,000 doubles that do not compress, in four row groups.
fn doubles() -> Vec<u8> {
    let names: Vec<String> = (0..10).map(|column| format!("x{column}")).collect();
    let mut state = 20_131_103_u64;
    let mut draw = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let columns = names.iter().map(|name| {
        let values: Float64Array = (0..200_000).map(|_| draw()).collect();
        (name, Arc::new(values) as ArrayRef)
    });
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(50_000))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn without_a_digest_only_the_columns_that_rules_are_about_are_fetched() {
    let lake = Lake::new();
    let bytes = doubles();
    let (whole, column) = (bytes.len() as u64, 8 * 200_000);
    assert!(whole > 10 * column);
    lake.put("s3://lake/wide.parquet", bytes);
    let dir = tempfile::tempdir().unwrap();
    let suite = json!({"tables": {"wide": {"columns": {"x3": {"range": {"min": 0, "max": 1}, "mean": {"min": 0.49, "max": 0.51}}}}}});
    let suite = format!("--suite={}", file(&dir, "suite.yaml", suite.to_string()));
    let fetched = |flag: &str| {
        let before = lake.proxy.relayed();
        let args = [
            "check",
            &suite,
            "--data=wide=s3://lake/wide.parquet",
            "--profile=",
            flag,
        ]
        .map(str::to_owned);
        let mut command = run::unprofiled(&args, dir.path());
        let done = command
            .envs(lake.server.env_through(&lake.proxy.url()))
            .output()
            .unwrap();
        assert_eq!(
            done.stdout,
            b"PASS\n",
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        lake.proxy.relayed() - before
    };
    // The column, the footer, and the heads of the answers.
    let projected = fetched("--no-digest");
    assert!(
        projected > column && projected < column + column / 10,
        "{projected} bytes for a column of {column}"
    );
    let record = dir.path().join("dataset.json");
    assert!(!record.exists(), "what has no digest is not recorded");
    // For its digest the object crosses once more, and whole.
    let digested = fetched("--data-version=1");
    assert!(
        digested > whole + column && digested < whole + 2 * column,
        "{digested} bytes of {whole}"
    );
    assert!(record.exists());
}

#[test]
fn an_object_that_is_replaced_while_it_is_read_is_refused() {
    let lake = Lake::new();
    let text = |value: &str| format!("n\n{}", format!("{value}\n").repeat(3 << 20));
    lake.put("s3://lake/t.csv", text("11111"));
    // Before the second time that bytes of it are asked for, it is another one, as long.
    let (runtime, store) = (Arc::clone(&lake.runtime), lake.store.clone());
    let at: Location = "s3://lake/t.csv".parse().unwrap();
    let (asked, other) = (AtomicUsize::new(0), text("22222"));
    lake.proxy.fail_when(
        move |line| {
            if line.starts_with("GET /lake/t.csv") && asked.fetch_add(1, Ordering::SeqCst) == 1 {
                runtime.block_on(store.write(&at, other.clone().into())).unwrap();
            }
            false
        },
        usize::MAX,
        Fault::Cut,
    );
    let dir = tempfile::tempdir().unwrap();
    let suite = file(
        &dir,
        "s.yaml",
        "tables: {t: {columns: {n: {range: {max: 11111}}}}}",
    );
    let args = [
        "check".to_owned(),
        format!("--suite={suite}"),
        "--data=t=s3://lake/t.csv".to_owned(),
    ];
    let out = tempfile::tempdir().unwrap();
    let mut command = run::command(&args, out.path());
    let done = command
        .envs(lake.server.env_through(&lake.proxy.url()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && done.status.code() != Some(3), "{said}");
    assert!(
        said.contains("s3://lake/t.csv") && said.contains("changed"),
        "{said}"
    );
    assert!(!out.path().join("dataset.json").exists());
}
