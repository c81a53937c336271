//! Against a real S3 server (versitygw), through a proxy that injects what it never does.

#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

use std::io::Read as _;
use std::time::{Duration, Instant};

use artifact_store::{Keys, Location, RetryPolicy, Store, StoreError, StoreOptions};
use bytes::Bytes;
use step_testkit::{Fault, FaultProxy, S3Server, references};

fn options(endpoint: &str) -> StoreOptions {
    StoreOptions {
        endpoint: Some(endpoint.to_owned()),
        keys: Some(Keys {
            access: S3Server::ACCESS_KEY.to_owned(),
            secret: S3Server::SECRET_KEY.to_owned(),
        }),
        retry: Some(RetryPolicy {
            min_delay: Duration::from_millis(10),
            max_delay: Duration::from_millis(100),
            max_elapsed: Duration::from_secs(10),
        }),
        ..StoreOptions::default()
    }
}

fn at(text: &str) -> Location {
    text.parse().unwrap()
}

/// A server with bucket `lake`, and a store that reaches it through a proxy.
fn lake() -> (S3Server, FaultProxy, Store) {
    let server = S3Server::start(&["lake"]).unwrap();
    let proxy = FaultProxy::before(&server.url()).unwrap();
    let store = Store::from_env(options(&proxy.url()));
    (server, proxy, store)
}

fn data(len: usize) -> Bytes {
    (0..len)
        .map(|i| u8::try_from(i * 31 % 251).unwrap())
        .collect::<Vec<u8>>()
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_reads_heads_and_lists() {
    let (server, _proxy, store) = lake();
    for key in ["m=1/a.csv", "m=2/a.csv", "m=2/b.txt", "_SUCCESS", "m/x y+ü.csv"] {
        store
            .write(&at(&format!("s3://lake/raw/{key}")), data(10))
            .await
            .unwrap();
    }
    assert_eq!(
        store.read(&at("s3://lake/raw/m/x y+ü.csv")).await.unwrap(),
        data(10)
    );
    assert_eq!(
        std::fs::read(server.file_of("lake", "raw/m=1/a.csv")).unwrap(),
        data(10)
    );
    let meta = store.head(&at("s3://lake/raw/m=1/a.csv")).await.unwrap();
    assert_eq!(meta.size, 10);
    assert!(meta.etag.is_some() && meta.modified.is_some());

    let names = async |place: &str| -> Vec<String> {
        let found = store.list_data(&at(place)).await.unwrap();
        found
            .iter()
            .map(|m| m.location.to_string().replace("s3://lake/raw/", ""))
            .collect()
    };
    assert_eq!(
        names("s3://lake/raw").await,
        ["m/x y+ü.csv", "m=1/a.csv", "m=2/a.csv", "m=2/b.txt"]
    );
    assert_eq!(names("s3://lake/raw/m").await, ["m/x y+ü.csv"]);
    assert_eq!(names("s3://lake/raw/m=*/*.csv").await, ["m=1/a.csv", "m=2/a.csv"]);
    assert_eq!(names("s3://lake/raw/m=1/a.csv").await, ["m=1/a.csv"]);
    assert_eq!(store.list(&at("s3://lake/")).await.unwrap().len(), 5);
    let none = store.list(&at("s3://lake/raw/*.parquet")).await.unwrap_err();
    assert_eq!(none.to_string(), "s3://lake/raw/*.parquet: nothing matches");
}

#[tokio::test(flavor = "multi_thread")]
async fn says_what_is_missing_or_refused() {
    let (server, proxy, store) = lake();
    let missing = store.read(&at("s3://lake/none.csv")).await.unwrap_err();
    assert_eq!(missing.to_string(), "s3://lake/none.csv: no such object");
    let missing = store.head(&at("s3://lake/none.csv")).await.unwrap_err();
    assert!(matches!(missing, StoreError::NotFound { .. }), "{missing}");
    for wrong in [
        store.read(&at("s3://lakes/a.csv")).await.unwrap_err(),
        store.head(&at("s3://lakes/a.csv")).await.unwrap_err(),
        store.list(&at("s3://lakes/a/")).await.unwrap_err(),
        store.write(&at("s3://lakes/a.csv"), data(1)).await.unwrap_err(),
    ] {
        assert!(matches!(wrong, StoreError::NotFound { .. }), "{wrong}");
        assert!(
            wrong
                .to_string()
                .contains("no bucket `lakes` at http://127.0.0.1:"),
            "{wrong}"
        );
    }
    // None of it was tried twice: three more requests asked whether the bucket is there.
    assert_eq!(
        proxy.requests().iter().filter(|r| r.starts_with("PUT")).count(),
        1
    );

    let mut refused = options(&server.url());
    refused.keys = Some(Keys {
        access: S3Server::ACCESS_KEY.into(),
        secret: "wrong".into(),
    });
    let denied = Store::from_env(refused)
        .read(&at("s3://lake/a.csv"))
        .await
        .unwrap_err();
    assert!(matches!(denied, StoreError::Denied { .. }), "{denied}");
    assert!(denied.to_string().contains("check the credentials"), "{denied}");
    assert!(!denied.to_string().contains("wrong"), "{denied}");
}

#[tokio::test(flavor = "multi_thread")]
async fn passing_faults_are_ridden_out() {
    let (_server, proxy, store) = lake();
    let (place, body) = (at("s3://lake/a.bin"), data(300_000));
    proxy.fail(2, Fault::UNAVAILABLE);
    store.write(&place, body.clone()).await.unwrap();
    proxy.fail(1, Fault::Cut);
    proxy.fail(
        1,
        Fault::Status {
            status: 429,
            retry_after: Some(1),
        },
    );
    proxy.fail(1, Fault::CutAfter(100_000));
    let started = Instant::now();
    assert_eq!(store.read(&place).await.unwrap(), body);
    assert!(
        started.elapsed() >= Duration::from_secs(1),
        "Retry-After was not kept"
    );
    assert_eq!(proxy.failed(), 5);
    proxy.fail(1, Fault::UNAVAILABLE);
    assert_eq!(store.list(&at("s3://lake/")).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lasting_fault_is_unavailable() {
    let (_server, proxy, store) = lake();
    proxy.fail(usize::MAX, Fault::UNAVAILABLE);
    let mut quick = options(&proxy.url());
    quick.retry = Some(RetryPolicy {
        max_elapsed: Duration::from_millis(300),
        ..quick.retry.unwrap()
    });
    let error = Store::from_env(quick.clone())
        .read(&at("s3://lake/a"))
        .await
        .unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(error.to_string().contains("answers 503"), "{error}");
    assert!(proxy.failed() > 2, "{}", proxy.failed());
    drop(store);

    quick.endpoint = Some(format!(
        "http://127.0.0.1:{}",
        step_testkit::process::free_port().unwrap()
    ));
    let error = Store::from_env(quick).read(&at("s3://lake/a")).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(error.to_string().contains("does not answer"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opened_object_stays_one_version() {
    let (_server, _proxy, store) = lake();
    let place = at("s3://lake/a.bin");
    store.write(&place, data(9 << 20)).await.unwrap();
    let object = store.open(&place).await.unwrap();
    assert_eq!(object.fetch(5..9).await.unwrap(), data(20).slice(5..9));
    store.write(&place, vec![7; 9 << 20].into()).await.unwrap();
    let changed = object.fetch(5_000_000..5_000_010).await.unwrap_err();
    assert!(matches!(changed, StoreError::Changed { .. }), "{changed}");
    let recorded = object.meta().clone();
    let changed = store.open_recorded(&recorded).await.unwrap_err();
    assert!(
        changed
            .to_string()
            .contains("changed since it was recorded: ETag"),
        "{changed}"
    );
    let now = store.head(&place).await.unwrap();
    assert!(store.open_recorded(&now).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_come_together_and_ahead() {
    let (_server, proxy, store) = lake();
    let (place, body) = (at("s3://lake/big.bin"), data(40 << 20));
    store.write(&place, body.clone()).await.unwrap();
    let object = store.open(&place).await.unwrap();
    let before = proxy.requests().len();
    let (reader, expected) = (object.clone(), body.clone());
    tokio::task::spawn_blocking(move || {
        // Page after page from the start, as a CSV reader goes.
        for offset in (0..16 << 20).step_by(64 << 10) {
            let got = reader.read_range(offset, 64 << 10).unwrap();
            assert_eq!(
                got,
                expected
                    .slice(usize::try_from(offset).unwrap()..)
                    .slice(..64 << 10)
            );
        }
        // Across a block's edge, past the end, and nothing.
        let edge = (1 << 20) - 3;
        assert_eq!(
            reader.read_range(edge as u64, 7).unwrap(),
            expected.slice(edge..edge + 7)
        );
        assert_eq!(reader.read_range((40 << 20) - 2, 10).unwrap().len(), 2);
        assert!(reader.read_range(50 << 20, 10).unwrap().is_empty());
    })
    .await
    .unwrap();
    let small = proxy.requests().len() - before;
    assert!(small <= 9, "{small} requests for 16 MiB in 256 pages");

    let (reader, expected) = (object.clone(), body.clone());
    tokio::task::spawn_blocking(move || {
        assert_eq!(
            reader.read_range(3, 39 << 20).unwrap(),
            expected.slice(3..3 + (39 << 20))
        );
        let mut whole = Vec::new();
        reader.reader().read_to_end(&mut whole).unwrap();
        assert_eq!(whole, expected);
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_breaks_off_is_read_again() {
    let (_server, proxy, store) = lake();
    let (place, body) = (at("s3://lake/a.bin"), data(3 << 20));
    store.write(&place, body.clone()).await.unwrap();
    let object = store.open(&place).await.unwrap();
    proxy.fail_when(|line| line.starts_with("GET"), 1, Fault::CutAfter(1 << 20));
    proxy.fail_when(|line| line.starts_with("GET"), 2, Fault::UNAVAILABLE);
    let got = tokio::task::spawn_blocking(move || object.read_range(10, 2 << 20))
        .await
        .unwrap();
    assert_eq!(got.unwrap(), body.slice(10..10 + (2 << 20)));
    assert_eq!(proxy.failed(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_is_trusted_by_file() {
    let vectors = std::path::Path::new(env!("MLOPS_STEPS_ROOT")).join("crates/artifact-store/tests/vectors");
    let server = S3Server::start_tls(
        &["lake"],
        &vectors.join("server.pem"),
        &vectors.join("server.key"),
    )
    .unwrap();
    let place = at("s3://lake/a.csv");
    let started = Instant::now();
    let said = Store::from_env(options(&server.url()))
        .read(&place)
        .await
        .unwrap_err();
    assert!(matches!(said, StoreError::Invalid { .. }), "{said}");
    assert!(
        said.to_string().contains("give its authority with --ca-file"),
        "{said}"
    );
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "a certificate was tried again"
    );

    let mut trusting = options(&server.url());
    trusting.ca_file = Some(vectors.join("ca.pem"));
    let store = Store::from_env(trusting);
    store.write(&place, data(10)).await.unwrap();
    assert_eq!(store.read(&place).await.unwrap(), data(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_asked_for_stays_readable() {
    let (server, _proxy, store) = lake();
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/references/keep_versions.py");
    references::python(
        &script,
        [server.url(), "lake".to_owned()],
        &server.env(),
        std::path::Path::new("/tmp"),
    )
    .unwrap();
    let place = at("s3://lake/raw/a.csv");
    store.write(&place, "old\n".into()).await.unwrap();
    let old = store.head(&place).await.unwrap().version_id.unwrap();
    store.write(&place, "newer\n".into()).await.unwrap();
    let new = store.head(&place).await.unwrap().version_id.unwrap();
    assert_ne!(old, new);

    let pinned = at(&format!("s3://lake/raw/a.csv?versionId={old}"));
    assert_eq!(&store.read(&place).await.unwrap()[..], b"newer\n");
    assert_eq!(&store.read(&pinned).await.unwrap()[..], b"old\n");
    let listing = store.resolve_data(&pinned).await.unwrap();
    assert_eq!(listing.version.unwrap().name, pinned.to_string());
    let meta = &listing.objects[0];
    assert_eq!((meta.name(), meta.file_name(), meta.size), ("a.csv", "a.csv", 4));
    assert_eq!((meta.version_id.as_ref(), &meta.location), (Some(&old), &pinned));
    let object = store.open_found(meta).await.unwrap();
    assert_eq!(&object.fetch(0..3).await.unwrap()[..], b"old");
    let object = store.open(&pinned).await.unwrap();
    assert_eq!(&object.fetch(1..4).await.unwrap()[..], b"ld\n");
    // What an open of the plain name has recorded is read again though there is a newer one.
    let recorded = store.open(&place).await.unwrap().meta().clone();
    store.write(&place, "newest\n".into()).await.unwrap();
    let object = store.open_recorded(&recorded).await.unwrap();
    assert_eq!(&object.fetch(0..6).await.unwrap()[..], b"newer\n");

    let gone = store
        .read(&at("s3://lake/raw/a.csv?versionId=01JZZZZZZZZZZZZZZZZZZZZZZZ"))
        .await
        .unwrap_err();
    assert!(!gone.is_unavailable(), "{gone}");
    assert!(gone.to_string().starts_with("s3://lake/raw/a.csv"), "{gone}");
    let refused = store.write(&pinned, "x".into()).await.unwrap_err();
    assert!(refused.to_string().contains("are read only"), "{refused}");
}
