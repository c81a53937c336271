//! Tables that deltalake itself has written, on a real S3 server and on a disk: the rows are those that deltalake reads.

#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use artifact_store::{Keys, Location, RetryPolicy, Store, StoreError, StoreOptions};
use serde_json::{Value, json};
use step_testkit::{Fault, FaultProxy, S3Server, references};
use tabular::{Format, Input, Kind, ReadOptions, Source};
use tempfile::TempDir;

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/references/make_delta.py")
}

fn store(endpoint: Option<String>) -> Store {
    Store::from_env(StoreOptions {
        endpoint,
        keys: Some(Keys {
            access: S3Server::ACCESS_KEY.to_owned(),
            secret: S3Server::SECRET_KEY.to_owned(),
        }),
        retry: Some(RetryPolicy {
            min_delay: Duration::from_millis(10),
            max_delay: Duration::from_millis(50),
            max_elapsed: Duration::from_millis(500),
        }),
        ..StoreOptions::default()
    })
}

/// The rows of a table: id, dt, kind, x, extra.
async fn rows(store: &Store, table: &str) -> Result<Vec<Value>, StoreError> {
    let at: Location = table.parse().unwrap();
    let listing = store.resolve_data(&at).await?;
    let columns: BTreeMap<String, Kind> = listing.columns.into_iter().collect();
    let mut all = Vec::new();
    for meta in listing.objects {
        let object = store.open_found(&meta).await?;
        let columns = columns.clone();
        let read = move || {
            let parts = meta.reference.clone().unwrap().partition;
            let known = parts
                .iter()
                .map(|part| (part.column.as_str(), part.value.as_deref(), part.kind.unwrap()));
            let partitioned: Vec<&str> = parts.iter().map(|part| part.column.as_str()).collect();
            let absent = columns
                .iter()
                .filter(|(name, _)| !partitioned.contains(&name.as_str()));
            let constants = known.chain(absent.map(|(name, kind)| (name.as_str(), None, *kind)));
            let input = Input::new(meta.name(), Arc::new(object));
            let source = Source::open(input, Format::from_name(meta.file_name()).unwrap()).unwrap();
            let source = source.with_constants(constants).unwrap();
            let mut scan = source.scan(&ReadOptions::default()).unwrap();
            let mut rows = Vec::new();
            while let Some(batch) = scan.next_batch().unwrap() {
                for row in 0..batch.rows() {
                    let whole = |name: &str| {
                        let column = batch.column(name).ok()?;
                        column.number(row).map(|number| json!(number as i64))
                    };
                    let shown = |name: &str| batch.column(name).unwrap().display(row);
                    let x = batch.column("x").unwrap().number(row);
                    rows.push(json!([
                        whole("id"),
                        shown("dt"),
                        shown("kind"),
                        x,
                        whole("extra")
                    ]));
                }
            }
            rows
        };
        all.extend(tokio::task::spawn_blocking(read).await.unwrap());
    }
    all.sort_by_key(|row| row[0].as_i64());
    Ok(all)
}

fn expected(printed: &str) -> BTreeMap<u64, Vec<Value>> {
    serde_json::from_str(printed).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_has_the_rows_that_deltalake_reads() {
    let (dir, server) = (TempDir::new().unwrap(), S3Server::start(&["lake"]).unwrap());
    let args = ["s3://lake/trips", "s3://lake/plain"];
    let printed = references::python(&script(), args, &server.env(), dir.path()).unwrap();
    let proxy = FaultProxy::before(&server.url()).unwrap();
    let store = store(Some(proxy.url()));
    let all = expected(&printed);
    assert_eq!(all.len(), 8);
    for (version, expected) in &all {
        let found = rows(&store, &format!("delta:s3://lake/trips@v{version}"))
            .await
            .unwrap();
        assert_eq!(&found, expected, "version {version}");
    }
    // Without a version it is the newest, and the listing says which that is.
    assert_eq!(rows(&store, "delta:s3://lake/trips/").await.unwrap(), all[&7]);
    let listing = store
        .resolve(&"delta:s3://lake/trips".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(listing.version.unwrap().name, "delta:s3://lake/trips@v7");
    assert!(listing.objects.iter().all(|meta| meta.etag.is_some()));
    // The feature `deletionVectors` is on, and no file has one.
    let plain = store
        .resolve(&"delta:s3://lake/plain".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(plain.objects.len(), 1);

    proxy.fail(2, Fault::UNAVAILABLE);
    assert_eq!(rows(&store, "delta:s3://lake/trips@v0").await.unwrap(), all[&0]);
    assert_eq!(proxy.failed(), 2);

    let refused = async |table: &str| rows(&store, table).await.unwrap_err().to_string();
    let said = refused("delta:s3://lake/trips@v8").await;
    assert_eq!(
        said,
        "delta:s3://lake/trips@v8: there is no version 8: the newest is 7"
    );
    let said = refused("delta:s3://lake/nothing").await;
    assert!(
        said.contains("is no Delta table") && said.contains("nothing is below it"),
        "{said}"
    );
    let said = refused("delta:s3://lakes/trips").await;
    assert!(said.contains("no bucket `lakes`"), "{said}");
    // A file of an old version that was vacuumed, and one that was overwritten.
    let old = store
        .list(&"delta:s3://lake/trips@v0".parse().unwrap())
        .await
        .unwrap();
    let file = |uri: String| server.file_of("lake", uri.strip_prefix("s3://lake/").unwrap());
    std::fs::write(file(old[0].location.to_string()), "x").unwrap();
    let said = refused("delta:s3://lake/trips@v0").await;
    assert!(
        said.contains("it has 1 bytes, and the log of the table says"),
        "{said}"
    );
    std::fs::remove_file(file(old[0].location.to_string())).unwrap();
    let said = refused("delta:s3://lake/trips@v0").await;
    assert!(
        said.contains("it was vacuumed, or deleted; take a newer version"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_of_several_parts_and_logs_that_were_cleaned_up() {
    let dir = TempDir::new().unwrap();
    let table = dir.path().join("trips");
    let plain = dir.path().join("plain");
    let printed = references::python(&script(), [&table, &plain], &[], dir.path()).unwrap();
    let store = store(None);
    let at = |version: u64| format!("delta:{}@v{version}", table.display());
    let all = expected(&printed);
    assert_eq!(all.keys().copied().collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
    for (version, expected) in &all {
        assert_eq!(
            &rows(&store, &at(*version)).await.unwrap(),
            expected,
            "version {version}"
        );
    }
    let said = rows(&store, &at(2)).await.unwrap_err().to_string();
    assert!(
        said.contains("version 2 can no longer be read") && said.ends_with("from version 3 on"),
        "{said}"
    );
    // A part of a checkpoint is missing: without it, the log goes on from the checkpoint before.
    let log = table.join("_delta_log");
    std::fs::remove_file(log.join(format!("{:020}.checkpoint.{:010}.{:010}.parquet", 6, 1, 2))).unwrap();
    assert_eq!(rows(&store, &at(7)).await.unwrap(), all[&7]);
    // Bytes that are no checkpoint, and a commit that is none.
    let checkpoint = log.join(format!("{:020}.checkpoint.parquet", 3));
    let whole = std::fs::read(&checkpoint).unwrap();
    std::fs::write(&checkpoint, &whole[..whole.len() / 2]).unwrap();
    let said = rows(&store, &at(4)).await.unwrap_err();
    assert!(
        said.to_string().contains("no checkpoint of a Delta log") && !said.is_unavailable(),
        "{said}"
    );
    std::fs::write(&checkpoint, whole).unwrap();
    std::fs::write(log.join(format!("{:020}.json", 5)), "{\"add\":").unwrap();
    let said = rows(&store, &at(5)).await.unwrap_err().to_string();
    assert!(
        said.contains("5.json: line 1: no action of a Delta log"),
        "{said}"
    );
}
