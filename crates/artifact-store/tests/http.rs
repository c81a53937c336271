//! Web addresses, against a small server of our own that knows ranges and tags.

#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use artifact_store::{Location, RetryPolicy, Store, StoreError, StoreOptions};
use step_testkit::{Fault, FaultProxy};

const BODY: &[u8] = b"0123456789abcdef";

/// Serves `BODY` at `/ranges` (with ranges) and `/whole` (without); its tag changes with `epoch`.
fn server(epoch: Arc<AtomicU32>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head: Vec<String> = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            let tag = format!("\"{}\"", epoch.load(Ordering::SeqCst));
            let header = |name: &str| {
                head.iter()
                    .find_map(|l| Some(l.strip_prefix(name)?.trim().to_owned()))
            };
            let (status, extra, body) = if !head[0].contains("/ranges") && !head[0].contains("/whole") {
                ("404 Not Found", String::new(), &b""[..])
            } else if header("if-match:").is_some_and(|wanted| wanted != tag) {
                ("412 Precondition Failed", String::new(), &b""[..])
            } else if let (true, Some(range)) = (head[0].contains("/ranges"), header("range: bytes=")) {
                let (from, to) = range.split_once('-').unwrap();
                let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
                let extra = format!("Content-Range: bytes {from}-{to}/{}\r\n", BODY.len());
                ("206 Partial Content", extra, &BODY[from..=to])
            } else {
                ("200 OK", String::new(), BODY)
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nETag: {tag}\r\n{extra}Content-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).unwrap();
            if !head[0].starts_with("HEAD") {
                stream.write_all(body).unwrap();
            }
        }
    });
    url
}

fn store() -> Store {
    let retry = RetryPolicy {
        min_delay: Duration::from_millis(5),
        max_delay: Duration::from_millis(20),
        max_elapsed: Duration::from_secs(5),
    };
    Store::from_env(StoreOptions {
        retry: Some(retry),
        ..StoreOptions::default()
    })
}

fn at(text: &str) -> Location {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_whole_and_in_ranges_of_one_version() {
    let epoch = Arc::new(AtomicU32::new(1));
    let url = server(Arc::clone(&epoch));
    let store = store();
    assert_eq!(store.read(&at(&format!("{url}/whole"))).await.unwrap(), BODY);
    let object = store
        .open(&at(&format!("{url}/ranges?token=secret")))
        .await
        .unwrap();
    assert_eq!(object.size(), 16);
    assert_eq!(object.fetch(3..6).await.unwrap(), &b"345"[..]);
    epoch.store(2, Ordering::SeqCst);
    let changed = object.fetch(3..6).await.unwrap_err();
    assert!(matches!(changed, StoreError::Changed { .. }), "{changed}");
    assert!(!changed.to_string().contains("secret"), "{changed}");

    let object = store.open(&at(&format!("{url}/whole"))).await.unwrap();
    let said = object.fetch(3..6).await.unwrap_err().to_string();
    assert!(said.contains("does not give out ranges"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn says_what_is_missing_and_rides_out_503() {
    let url = server(Arc::new(AtomicU32::new(1)));
    let proxy = FaultProxy::before(&url).unwrap();
    let store = store();
    let missing = store
        .read(&at(&format!("{}/none", proxy.url())))
        .await
        .unwrap_err();
    assert!(matches!(missing, StoreError::NotFound { .. }), "{missing}");
    assert_eq!(proxy.requests().len(), 1);
    proxy.fail(2, Fault::UNAVAILABLE);
    assert_eq!(
        store.read(&at(&format!("{}/whole", proxy.url()))).await.unwrap(),
        BODY
    );
    assert_eq!(proxy.failed(), 2);
    let refused = store.write(&at(&url), BODY.into()).await.unwrap_err();
    assert!(
        refused.to_string().contains("web addresses are read only"),
        "{refused}"
    );
}
