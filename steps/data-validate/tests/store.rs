//! Tables in a real S3 server, and what is written to it, with faults before it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use artifact_store::{Keys, Location, Store, StoreOptions};
use run::file;
use serde_json::{Value, json};
use step_testkit::{Fault, FaultProxy, S3Server};

struct Lake {
    server: S3Server,
    proxy: FaultProxy,
    runtime: tokio::runtime::Runtime,
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
            runtime: tokio::runtime::Runtime::new().unwrap(),
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
