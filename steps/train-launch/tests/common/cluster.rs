//! An API server that says what a test wants a cluster to have said: a refusal, an outage, a Job as it ended. What a cluster
//! does is for `tests/e2e` to show, on a real one.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// What it holds and says.
#[derive(Debug, Default, Clone)]
pub(crate) struct Says {
    /// The Job, when there is one.
    pub job: Option<Value>,
    /// Its pods.
    pub pods: Vec<Value>,
    /// Answers to a Job that is to be looked at, one a call; then it is well.
    pub looks: Vec<(u16, String)>,
    /// API groups beside the built-in ones, each with a version.
    pub groups: Vec<(&'static str, &'static str)>,
    /// Workloads of Kueue.
    pub workloads: Vec<Value>,
}

/// The server.
pub(crate) struct FakeCluster {
    runtime: Runtime,
    server: MockServer,
}

impl FakeCluster {
    pub(crate) fn start(says: Says) -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(MockServer::start());
        let says = Arc::new(Mutex::new(says));
        let answer = move |request: &Request| answer(&mut says.lock().unwrap(), request);
        runtime.block_on(Mock::given(any()).respond_with(answer).mount(&server));
        Self { runtime, server }
    }

    /// Writes the file for `KUBECONFIG`.
    pub(crate) fn kubeconfig(&self, path: &Path) {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.server.uri()}}],
            "users": [{"name": "test", "user": {}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "mlops"}}],
        });
        std::fs::write(path, config.to_string()).unwrap();
    }

    /// What was asked: `POST /apis/batch/v1/namespaces/mlops/jobs?dryRun=All`.
    pub(crate) fn asked(&self) -> Vec<String> {
        let requests = self.runtime.block_on(self.server.received_requests());
        let line = |request: &Request| {
            let query = request
                .url
                .query()
                .map_or_else(String::new, |query| format!("?{query}"));
            format!("{} {}{query}", request.method, request.url.path())
        };
        requests.unwrap().iter().map(line).collect()
    }
}

fn answer(says: &mut Says, request: &Request) -> ResponseTemplate {
    let path = request.url.path();
    let kind = path.rsplit('/').next().unwrap();
    let asks = |name: &str, value: &str| request.url.query_pairs().any(|(n, v)| n == name && v == value);
    if asks("watch", "true") {
        // Nothing changes any more.
        return ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    }
    let list = |items: &[Value]| {
        ok(&json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items}))
    };
    match (request.method.as_str(), kind) {
        ("GET", "apis") => {
            let groups = says.groups.iter().map(|(name, version)| {
                let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
                json!({"name": name, "versions": [version], "preferredVersion": version})
            });
            ok(&json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups.collect::<Vec<_>>()}))
        }
        ("POST", "jobs") if asks("dryRun", "All") => match says.looks.is_empty() {
            true => ok(&body(request)),
            false => {
                let (code, message) = says.looks.remove(0);
                status(code, &message)
            }
        },
        ("POST", "jobs") => match &says.job {
            Some(_) => status(409, "already exists"),
            None => {
                let mut job = body(request);
                job["metadata"]["uid"] = json!("job-uid");
                says.job = Some(job.clone());
                ok(&job)
            }
        },
        ("POST", _) => ok(&body(request)),
        ("GET", "jobs") => list(says.job.as_slice()),
        ("GET", "pods") => list(&says.pods),
        ("GET", "workloads") => list(&says.workloads),
        ("GET", "events") => list(&[]),
        ("GET", _) if path.contains("/jobs/") => match &says.job {
            Some(job) => ok(job),
            None => status(404, "not found"),
        },
        ("DELETE", _) => {
            says.job = None;
            ok(&json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
        }
        _ => status(404, "not found"),
    }
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn ok(object: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(object)
}

fn status(code: u16, message: &str) -> ResponseTemplate {
    let reason = match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "AlreadyExists",
        503 => "ServiceUnavailable",
        _ => "BadRequest",
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": code,
    });
    ResponseTemplate::new(code).set_body_json(status)
}
