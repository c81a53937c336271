//! A server of canned answers, which lakeFS's own SDK understands in the same test; no server of lakeFS could be run here.

#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use artifact_store::{Keys, Location, ObjectMeta, RetryPolicy, Store, StoreOptions};
use serde_json::{Value, json};
use step_testkit::references;
use step_testkit::wiremock::matchers::{basic_auth, header, method, path, query_param};
use step_testkit::wiremock::{Mock, MockServer, ResponseTemplate};

const COMMIT: &str = "a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4";
const FILE: &str = "trips/dt=2013-01-01/a b.csv";
const TEXT: &str = "id,delay\n1,2\n";

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/references")
        .join(name)
}

fn answer(name: &str) -> ResponseTemplate {
    let body = std::fs::read_to_string(here("lakefs").join(name)).unwrap();
    ResponseTemplate::new(200).set_body_raw(body, "application/json")
}

async fn serve(server: &MockServer, at: &str, query: &[(&str, &str)], answer: ResponseTemplate) {
    let mut mock = Mock::given(method("GET"))
        .and(path(format!("/api/v1/repositories/lake/refs/{at}")))
        .and(basic_auth("key", "secret"));
    for (name, value) in query {
        mock = mock.and(query_param(*name, *value));
    }
    mock.respond_with(answer).mount(server).await;
}

async fn lake() -> MockServer {
    let server = MockServer::start().await;
    let page = |after| vec![("prefix", "trips/"), ("after", after), ("amount", "1000")];
    // The SDK writes what is true as Python does, and lakeFS takes both.
    for yes in ["true", "True"] {
        let query = [("amount", "1"), ("limit", yes)];
        serve(&server, "main/commits", &query, answer("commits.json")).await;
    }
    serve(
        &server,
        &format!("{COMMIT}/objects/ls"),
        &page(""),
        answer("ls_1.json"),
    )
    .await;
    serve(
        &server,
        &format!("{COMMIT}/objects/ls"),
        &page(FILE),
        answer("ls_2.json"),
    )
    .await;
    serve(
        &server,
        &format!("{COMMIT}/objects/stat"),
        &[("path", FILE)],
        answer("stat.json"),
    )
    .await;
    // A range, as HTTP has it, before the whole.
    let ranged = ResponseTemplate::new(206)
        .set_body_raw(&TEXT.as_bytes()[3..8], "text/csv")
        .insert_header("Content-Range", "bytes 3-7/13");
    Mock::given(path(format!("/api/v1/repositories/lake/refs/{COMMIT}/objects")))
        .and(query_param("path", FILE))
        .and(header("Range", "bytes=3-7"))
        .respond_with(ranged)
        .mount(&server)
        .await;
    let whole = ResponseTemplate::new(200).set_body_raw(TEXT, "text/csv");
    serve(&server, &format!("{COMMIT}/objects"), &[("path", FILE)], whole).await;
    server
}

fn store(endpoint: &str, secret: &str) -> Store {
    Store::from_env(StoreOptions {
        lakefs_endpoint: Some(endpoint.to_owned()),
        lakefs_keys: Some(Keys {
            access: "key".to_owned(),
            secret: secret.to_owned(),
        }),
        retry: Some(RetryPolicy {
            min_delay: Duration::from_millis(10),
            max_delay: Duration::from_millis(50),
            max_elapsed: Duration::from_millis(500),
        }),
        ..StoreOptions::default()
    })
}

fn at(text: &str) -> Location {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_is_read_at_its_commit_as_the_sdk_reads_it() {
    let server = lake().await;
    let store = store(&server.uri(), "secret");
    let listing = store
        .resolve_data(&at("lakefs://lake/main/trips/"))
        .await
        .unwrap();
    let version = listing.version.unwrap();
    assert_eq!(version.name, format!("lakefs://lake/{COMMIT}/trips/"));
    let names: Vec<&str> = listing.objects.iter().map(ObjectMeta::name).collect();
    assert_eq!(names, ["dt=2013-01-01/a b.csv", "dt=2013-01-02/b.csv"]);
    let object = store.open_found(&listing.objects[0]).await.unwrap();
    assert_eq!(
        object.meta().location.to_string(),
        format!("lakefs://lake/{COMMIT}/{FILE}")
    );
    let part = object.fetch(3..8).await.unwrap();
    let whole = store
        .read(&at(&format!("lakefs://lake/main/{FILE}")))
        .await
        .unwrap();

    let dir = tempfile::tempdir().unwrap();
    let uri = server.uri();
    let script = here("ask_lakefs.py");
    let cwd = dir.path().to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        references::python(&script, [uri.as_str(), "key", "secret"], &[], &cwd)
    });
    let sdk: Value = serde_json::from_str(&asked.await.unwrap().unwrap()).unwrap();
    assert_eq!(sdk["commit"], json!(version.commit.unwrap()));
    assert_eq!(sdk["part"], json!(std::str::from_utf8(&part).unwrap()));
    assert_eq!(sdk["whole"], json!(std::str::from_utf8(&whole).unwrap()));
    // `_SUCCESS` is no data, and a path that ends with a slash is the marker of a folder.
    let all = store.list(&at("lakefs://lake/main/trips/")).await.unwrap();
    let ours: Vec<Value> = all
        .iter()
        .map(|meta| {
            let path = format!("trips/{}", meta.name());
            json!([
                path,
                "object",
                meta.size,
                meta.etag,
                meta.modified.unwrap().as_second()
            ])
        })
        .collect();
    let theirs: Vec<&Value> = sdk["found"].as_array().unwrap().iter().collect();
    assert_eq!(ours.iter().collect::<Vec<_>>(), [theirs[0], theirs[1], theirs[3]]);

    // A glob, and a commit that is named itself, are listed without asking for the commit.
    let glob = store
        .list(&at(&format!("lakefs://lake/{COMMIT}/trips/*/b.csv")))
        .await
        .unwrap();
    assert_eq!(glob.len(), 1);
    let commits = server.received_requests().await.unwrap();
    let asked = commits
        .iter()
        .filter(|request| request.url.path().ends_with("/main/commits"))
        .count();
    assert_eq!(asked, 4, "three of ours and one of the SDK's");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_named() {
    let server = lake().await;
    let said = |error: artifact_store::StoreError| (error.to_string(), error.is_unavailable());
    let good = store(&server.uri(), "secret");
    let (why, _) = said(good.list(&at("lakefs://lake/dev/trips/")).await.unwrap_err());
    assert_eq!(
        why,
        "lakefs://lake/dev/trips/: no repository `lake`, or no branch, tag or commit `dev` in it"
    );
    let (why, _) = said(
        good.read(&at(&format!("lakefs://lake/{COMMIT}/trips")))
            .await
            .unwrap_err(),
    );
    assert!(why.contains("stands for 3 files where one is needed"), "{why}");
    let (why, _) = said(
        good.write(&at("lakefs://lake/main/x"), "x".into())
            .await
            .unwrap_err(),
    );
    assert!(why.contains("are read only"), "{why}");
    Mock::given(basic_auth("key", "wrong"))
        .respond_with(ResponseTemplate::new(401).set_body_raw(
            std::fs::read(here("lakefs/error.json")).unwrap(),
            "application/json",
        ))
        .with_priority(1)
        .mount(&server)
        .await;
    let (why, unavailable) = said(
        store(&server.uri(), "wrong")
            .list(&at("lakefs://lake/main/trips/"))
            .await
            .unwrap_err(),
    );
    assert!(
        why.contains("401") && why.contains("check LAKECTL_CREDENTIALS_ACCESS_KEY_ID") && !unavailable,
        "{why}"
    );
    assert!(!why.contains("wrong"), "{why}");
    let (why, unavailable) = said(
        store("http://127.0.0.1:1", "secret")
            .list(&at("lakefs://lake/main/trips/"))
            .await
            .unwrap_err(),
    );
    assert!(
        why.starts_with("lakefs://lake/main/trips/: the server does not answer") && unavailable,
        "{why}"
    );
    let (why, _) = said(
        store("nonsense", "secret")
            .list(&at("lakefs://lake/main/"))
            .await
            .unwrap_err(),
    );
    assert!(why.contains("LAKECTL_SERVER_ENDPOINT_URL is `nonsense`"), "{why}");
    // An answer that is none of lakeFS's.
    let web = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string("<html>"))
        .mount(&web)
        .await;
    let (why, _) = said(
        store(&web.uri(), "secret")
            .list(&at("lakefs://lake/main/"))
            .await
            .unwrap_err(),
    );
    assert!(why.contains("the server's answer is none of lakeFS's"), "{why}");
}
