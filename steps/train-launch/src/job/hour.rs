//! An hour of following a Job, as fast as an API server in this very process lets it pass.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use http_body::Frame;
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use kubernetes::{Cluster, Kind};
use serde_json::{Value, json};
use step_runtime::Progress;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::follow::{Ended, Patience, Which, follow};
use super::objects::Job;
use crate::duration::Length;

const HOUR: Duration = Duration::from_secs(3600);
/// Connections of logs break that often.
const BREAKS: Duration = Duration::from_secs(700);
const NAME: &str = "train-1";

type Answer = http::Response<UnsyncBoxBody<Bytes, std::io::Error>>;

/// A Job that trains for an hour and prints a line a second.
struct Server {
    began: Instant,
    asked: Mutex<Vec<(Duration, String)>>,
}

impl Server {
    fn is_over(&self) -> bool {
        self.began.elapsed() >= HOUR
    }

    fn job(&self) -> Value {
        let conditions = if self.is_over() {
            json!([{"type": "Complete", "status": "True"}])
        } else {
            json!([])
        };
        json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": NAME, "uid": "u", "resourceVersion": self.version()},
            "status": {"conditions": conditions},
        })
    }

    fn pod(&self) -> Value {
        let state = if self.is_over() {
            json!({"terminated": {"exitCode": 0, "reason": "Completed"}})
        } else {
            json!({"running": {}})
        };
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "train-1-x", "uid": "p", "resourceVersion": self.version(), "ownerReferences": [
                {"apiVersion": "batch/v1", "kind": "Job", "name": NAME, "uid": "u"}]},
            "status": {"phase": "Running", "containerStatuses": [{"name": "train", "state": state}]},
        })
    }

    fn version(&self) -> String {
        self.began.elapsed().as_secs().to_string()
    }

    fn object(&self, path: &str) -> Value {
        if path.contains("/jobs") {
            self.job()
        } else {
            self.pod()
        }
    }

    fn answer(self: &Arc<Self>, request: &http::Request<Body>) -> Answer {
        let path = request.uri().path();
        let query: BTreeMap<String, String> =
            url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let watches = query.get("watch").is_some_and(|it| it == "true");
        let call = format!(
            "{} {path}{}",
            request.method(),
            if watches { " watch" } else { "" }
        );
        self.asked.lock().unwrap().push((self.began.elapsed(), call));
        if path.ends_with("/log") {
            return answered(self.log(query.get("sinceTime")));
        }
        if watches {
            let seconds = query["timeoutSeconds"].parse().unwrap();
            return answered(self.changes(path, Duration::from_secs(seconds)));
        }
        let body = if path.ends_with("/jobs") || path.ends_with("/pods") {
            let version = self.version();
            json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": [self.object(path)]})
        } else if path.ends_with("/events") {
            json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": []})
        } else {
            self.object(path)
        };
        answered(stream::iter([Ok(Bytes::from(body.to_string()))]).boxed())
    }

    /// A bookmark a minute, until the time of the watch is over; the end of the hour; in its middle, that the version is
    /// forgotten.
    fn changes(self: &Arc<Self>, path: &str, within: Duration) -> BoxStream<'static, std::io::Result<Bytes>> {
        let (server, path) = (Arc::clone(self), path.to_owned());
        let (opened, began) = (Instant::now(), self.began);
        let until = (opened + within).min(if server.is_over() {
            opened + within
        } else {
            began + HOUR
        });
        stream::unfold(Some(opened), move |at| {
            let (server, path) = (Arc::clone(&server), path.clone());
            async move {
                let at = at?;
                let next = (at + Duration::from_secs(60)).min(until);
                sleep_until(next).await;
                let line = |event: &Value| Ok(Bytes::from(format!("{event}\n")));
                if next < until {
                    let mut bookmark = server.object(&path);
                    bookmark["metadata"] = json!({"resourceVersion": server.version()});
                    let is_forgotten = (opened - began < HOUR / 2) && (next - began >= HOUR / 2);
                    return Some(match is_forgotten {
                        true => {
                            let gone = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                                "message": "too old resource version", "reason": "Expired", "code": 410});
                            (line(&json!({"type": "ERROR", "object": gone})), None)
                        }
                        false => (line(&json!({"type": "BOOKMARK", "object": bookmark})), Some(next)),
                    });
                }
                if server.is_over() && opened - began < HOUR {
                    return Some((line(&json!({"type": "MODIFIED", "object": server.object(&path)})), None));
                }
                None
            }
            .boxed()
        })
        .boxed()
    }

    /// A line a second, stamped; the connection breaks now and then.
    fn log(self: &Arc<Self>, since: Option<&String>) -> BoxStream<'static, std::io::Result<Bytes>> {
        let epoch: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let since: Option<Timestamp> = since.map(|since| since.parse().unwrap());
        let first = since.map_or(0, |since| since.duration_since(epoch).as_secs().max(0));
        let (began, opened) = (self.began, Instant::now());
        stream::unfold(Some(first), move |number| async move {
            let number = number?;
            let second = u64::try_from(number).unwrap();
            if second == HOUR.as_secs() {
                // The container's end, a little before the Job's.
                return None;
            }
            sleep_until(began + Duration::from_secs(second)).await;
            if opened.elapsed() >= BREAKS {
                return Some((Err(std::io::ErrorKind::ConnectionReset.into()), None));
            }
            let at = epoch + SignedDuration::from_secs(number);
            Some((Ok(Bytes::from(format!("{at} line {number}\n"))), Some(number + 1)))
        })
        .boxed()
    }
}

fn answered(body: BoxStream<'static, std::io::Result<Bytes>>) -> Answer {
    http::Response::new(UnsyncBoxBody::new(StreamBody::new(
        body.map(|part| part.map(Frame::data)),
    )))
}

/// In a process of its own: what it says and the memory that it takes are nobody else's.
#[test]
fn an_hour_is_watched_and_not_asked_for_in_less_than_40_megabytes() {
    const NAME: &str = "job::hour::an_hour_is_watched_and_not_asked_for_in_less_than_40_megabytes";
    const ALONE: &str = "HOUR_ALONE";
    if std::env::var_os(ALONE).is_some() {
        let mut paused = tokio::runtime::Builder::new_current_thread();
        let runtime = paused.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(an_hour());
        println!("VmHWM {}", most_memory());
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let most = said
        .split_once("VmHWM ")
        .and_then(|(_, rest)| rest.lines().next());
    let most: u64 = most.unwrap_or_else(|| panic!("{said}")).parse().unwrap();
    assert!(most < 40_000, "{most} kB");
}

/// The most memory that this process had resident, in kB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.unwrap().parse().unwrap()
}

async fn an_hour() {
    let server = Arc::new(Server {
        began: Instant::now(),
        asked: Mutex::default(),
    });
    let answers = {
        let server = Arc::clone(&server);
        tower::service_fn(move |request: http::Request<Body>| {
            let server = Arc::clone(&server);
            async move {
                // No answer is there at once.
                sleep(Duration::from_millis(20)).await;
                Ok::<_, Infallible>(server.answer(&request))
            }
        })
    };
    let cancel = CancellationToken::new();
    let cluster = Cluster::over(kube::Client::new(answers, "mlops"), "mlops", &cancel);
    let pending: Length = "30m".parse().unwrap();
    let progress = Arc::new(Progress::default());
    let patience = Patience {
        pending: &pending,
        queue: None,
        progress: &progress,
        cancel: &cancel,
    };
    let which = Which {
        kind: Kind::JOB,
        name: NAME,
        labelled: "training=1",
        pods: "training=1",
    };
    let job = Job::of(&server.job()).unwrap();
    let followed = follow(&job, which, &cluster, &patience).await.unwrap();

    // The end was heard of when it came; the log, which ended before its container, was looked at once more.
    assert!(matches!(followed.ended, Ended::Complete), "{:?}", followed.ended);
    let took = server.began.elapsed();
    assert!(took >= HOUR && took < HOUR + Duration::from_secs(10), "{took:?}");
    let lines = followed.tail.iter().filter(|line| line.starts_with("line "));
    let lines: Vec<&str> = lines.map(|line| line.trim_end()).collect();
    let last: Vec<String> = (3600 - lines.len()..3600)
        .map(|number| format!("line {number}"))
        .collect();
    assert!(lines.len() >= 50, "{}", lines.len());
    assert_eq!(lines, last);

    // Nothing was asked for more often than every five seconds, but what a broken connection made necessary.
    let asked = server.asked.lock().unwrap();
    let mut calls: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for (at, call) in asked.iter() {
        calls.entry(call).or_default().push(*at);
    }
    let count = |call: &str| calls.get(call).map_or(0, Vec::len);
    let of = "GET /apis/batch/v1/namespaces/mlops/jobs";
    assert!(count(&format!("{of} watch")) >= 12, "{calls:?}");
    // The forgotten version made one list more.
    assert_eq!(count(of), 2, "{calls:?}");
    for (call, times) in &calls {
        let least = times.windows(2).map(|pair| pair[1] - pair[0]).min();
        assert!(
            least.is_none_or(|least| least >= Duration::from_secs(5)),
            "{call}: {times:?}"
        );
    }
    assert!(asked.len() <= 300, "{} calls in an hour", asked.len());
}
