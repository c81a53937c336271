//! The cluster with the toolkit installed, and the services beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use artifact_store::{Location, Store, StoreOptions};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::Run;

/// Where everything is, as `cargo xtask e2e` says in the environment.
pub struct Lab {
    /// The namespace of the toolkit.
    pub namespace: String,
    kubectl: String,
    argo: String,
    mlflow: String,
    runtime: Runtime,
}

/// What `cargo xtask e2e` says in the environment.
///
/// # Panics
/// When it does not.
#[must_use]
pub fn said(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make e2e`"))
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

impl Lab {
    /// Reads the environment.
    #[must_use]
    pub fn new() -> Self {
        _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            namespace: said("E2E_NAMESPACE"),
            kubectl: said("E2E_KUBECTL"),
            argo: said("E2E_ARGO_URL"),
            mlflow: said("E2E_MLFLOW_URL"),
            runtime: Runtime::new().unwrap(),
        }
    }

    /// This machine's address, where the pods of its own cluster reach what listens here.
    #[must_use]
    pub fn host(&self) -> Ipv4Addr {
        said("E2E_HOST").parse().unwrap()
    }

    /// The data of the example, trained on another delivery of it.
    #[must_use]
    pub fn flights_trained_on(delivery: &str) -> String {
        format!(
            "train=s3://lake/flights-2013/{delivery}/2013-0[1-3].parquet
validation=s3://lake/flights-2013/holdout/2013-0[1-3].parquet
test=s3://lake/flights-2013/flights/2013-04.parquet
airlines=s3://lake/flights-2013/airlines.parquet
airports=s3://lake/flights-2013/airports.parquet
planes=s3://lake/flights-2013/planes.parquet"
        )
    }

    /// Runs kubectl in the namespace; its output, or what it says of its failure. A machine that is busy may leave it
    /// without a connection: then nothing was asked yet, and it asks again.
    ///
    /// # Errors
    /// What kubectl printed.
    pub fn try_kubectl(&self, args: &[&str], stdin: Option<&str>) -> Result<String, String> {
        let start = Instant::now();
        loop {
            match self.kubectl_once(args, stdin) {
                Err(error)
                    if error.contains("Unable to connect to the server")
                        && start.elapsed().as_secs() < 60 =>
                {
                    std::thread::sleep(Duration::from_secs(1));
                }
                done => return done,
            }
        }
    }

    fn kubectl_once(&self, args: &[&str], stdin: Option<&str>) -> Result<String, String> {
        let mut child = Command::new(&self.kubectl)
            .args(["--namespace", &self.namespace])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        if let Some(manifest) = stdin {
            input.write_all(manifest.as_bytes()).unwrap();
        }
        drop(input);
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Runs kubectl, which has to succeed.
    #[must_use]
    pub fn kubectl(&self, args: &[&str]) -> String {
        self.try_kubectl(args, None)
            .unwrap_or_else(|error| panic!("kubectl {args:?}: {error}"))
    }

    /// Runs kubectl on a manifest; what it answers as JSON.
    #[must_use]
    pub fn kubectl_with(&self, args: &[&str], manifest: &str) -> Value {
        let answer = self
            .try_kubectl(args, Some(manifest))
            .unwrap_or_else(|error| panic!("kubectl {args:?}: {error}"));
        serde_json::from_str(&answer).unwrap()
    }

    /// Whether a user may do that: the API server's own answer (a SelfSubjectAccessReview).
    #[must_use]
    pub fn can(&self, user: &str, verb: &str, resource: &str) -> bool {
        let (resource, sub) = match resource.split_once('/') {
            Some((resource, sub)) => (resource, format!("--subresource={sub}")),
            None => (resource, "--subresource=".to_owned()),
        };
        self.allowed(&[verb, resource, &sub, user])
    }

    /// Whether a user may do that to the one object of that name.
    #[must_use]
    pub fn can_with(&self, user: &str, verb: &str, kind: &str, name: &str) -> bool {
        self.allowed(&[verb, &format!("{kind}/{name}"), user])
    }

    fn allowed(&self, what: &[&str]) -> bool {
        let mut kubectl = Command::new(&self.kubectl);
        kubectl
            .args(["--namespace", &self.namespace, "auth", "can-i"])
            .args(what);
        // `no` is a failure to kubectl, and an answer here.
        let output = kubectl.output().unwrap();
        match String::from_utf8_lossy(&output.stdout).trim() {
            "yes" => true,
            "no" => false,
            _ => panic!("kubectl auth can-i {what:?}: {output:?}"),
        }
    }

    /// All that an account of the namespace may do, as the API server lists it (a SelfSubjectRulesReview), without what every
    /// account may ask about itself: `verb resource.group`, and the names where it may only with some.
    #[must_use]
    pub fn rights(&self, account: &str) -> BTreeSet<String> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": self.namespace},
        });
        let user = format!("--as=system:serviceaccount:{}:{account}", self.namespace);
        let answer = self.kubectl_with(
            &[
                "create",
                "--validate=false",
                "--filename=-",
                "--output=json",
                &user,
            ],
            &review.to_string(),
        );
        assert_eq!(answer["status"]["incomplete"], false, "{answer}");
        let texts = |list: &Value| -> Vec<String> {
            let list = list.as_array().into_iter().flatten();
            list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let mut rights = BTreeSet::new();
        for rule in answer["status"]["resourceRules"].as_array().unwrap() {
            for group in texts(&rule["apiGroups"]) {
                if group.starts_with("authorization.") || group.starts_with("authentication.") {
                    continue;
                }
                for resource in texts(&rule["resources"]) {
                    let kind = match (resource.split_once('/'), group.as_str()) {
                        (_, "") => resource.clone(),
                        (None, group) => format!("{resource}.{group}"),
                        (Some((resource, part)), group) => format!("{resource}.{group}/{part}"),
                    };
                    let names = texts(&rule["resourceNames"]).join(" ");
                    for verb in texts(&rule["verbs"]) {
                        rights.insert(format!("{verb} {kind} {names}").trim_end().to_owned());
                    }
                }
            }
        }
        rights
    }

    /// An object, when it is there.
    #[must_use]
    pub fn get(&self, kind: &str, name: &str) -> Option<Value> {
        match self.try_kubectl(&["get", kind, name, "--output=json"], None) {
            Ok(text) => Some(serde_json::from_str(&text).unwrap()),
            Err(error) if error.contains("NotFound") => None,
            Err(error) => panic!("kubectl get {kind} {name}: {error}"),
        }
    }

    /// The objects of a kind that a selector finds.
    #[must_use]
    pub fn list(&self, kind: &str, selector: &str) -> Vec<Value> {
        let text = self.kubectl(&["get", kind, "--selector", selector, "--output=json"]);
        let list: Value = serde_json::from_str(&text).unwrap();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// The names of all objects of a kind.
    #[must_use]
    pub fn names(&self, kind: &str) -> Vec<String> {
        self.list(kind, "")
            .iter()
            .filter_map(|object| object["metadata"]["name"].as_str())
            .map(str::to_owned)
            .collect()
    }

    /// A model of its own for a test: the flights' ConfigMap under another name, with other values. What an earlier
    /// run of the test left of it is removed.
    #[must_use]
    pub fn model(&self, name: &str, changes: &[(&str, &str)]) -> String {
        for kind in ["workflows", "jobs", "cronworkflows"] {
            _ = self.kubectl(&["delete", kind, "--selector", &format!("mlops-steps/model={name}")]);
        }
        let mut map = self
            .get("configmap", "flight-delays-mlops")
            .expect("the example is installed");
        let labels = map["metadata"]["labels"].clone();
        map["metadata"] =
            json!({"name": format!("{name}-mlops"), "namespace": self.namespace, "labels": labels});
        map["data"]["experiment"] = json!(name);
        for (key, value) in changes {
            map["data"][*key] = json!(value);
        }
        self.try_kubectl(
            &["apply", "--server-side", "--force-conflicts", "--filename=-"],
            Some(&map.to_string()),
        )
        .unwrap();
        self.unregister(name);
        name.to_owned()
    }

    /// Takes a model out of the registry, as if nobody had trained it yet.
    pub fn unregister(&self, model: &str) {
        self.mlflow(
            Method::DELETE,
            "registered-models/delete",
            &json!({"name": model}),
        );
    }

    /// Submits what a WorkflowTemplate says, changed by a team that has its own idea of it.
    #[must_use]
    pub fn submit_changed(
        &self,
        template: &str,
        model: &str,
        parameters: &[(&str, &str)],
        change: impl FnOnce(&mut Value),
    ) -> Run<'_> {
        let mut spec = self.get("workflowtemplate", template).expect("it is installed")["spec"].take();
        let given = spec["arguments"]["parameters"].as_array_mut().unwrap();
        for (name, value) in [("model", model)].iter().chain(parameters) {
            let parameter = given.iter_mut().find(|parameter| parameter["name"] == *name);
            parameter.expect("the template has that parameter")["value"] = json!(value);
        }
        change(&mut spec);
        let workflow = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"generateName": format!("{model}-")},
            "spec": spec,
        });
        self.create(&workflow.to_string())
    }

    /// Submits a WorkflowTemplate with parameters.
    #[must_use]
    pub fn submit(&self, template: &str, model: &str, parameters: &[(&str, &str)]) -> Run<'_> {
        let mut all = vec![json!({"name": "model", "value": model})];
        all.extend(
            parameters
                .iter()
                .map(|(name, value)| json!({"name": name, "value": value})),
        );
        let workflow = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"generateName": format!("{model}-")},
            "spec": {"workflowTemplateRef": {"name": template}, "arguments": {"parameters": all}},
        });
        self.create(&workflow.to_string())
    }

    /// Creates a workflow as it is written.
    #[must_use]
    pub fn create(&self, workflow: &str) -> Run<'_> {
        let made = self.kubectl_with(&["create", "--filename=-", "--output=json"], workflow);
        Run::new(self, made["metadata"]["name"].as_str().unwrap())
    }

    /// A token of a ServiceAccount.
    #[must_use]
    pub fn token(&self, account: &str) -> String {
        self.kubectl(&["create", "token", account]).trim().to_owned()
    }

    /// Posts an event to the Argo server, as the scheduled drift check does; the status.
    #[must_use]
    pub fn post_event(&self, payload: &Value) -> u16 {
        let token = self.token("enroll-drift");
        let url = format!("{}/api/v1/events/{}/mlops-retrain", self.argo, self.namespace);
        self.runtime.block_on(async {
            let client = reqwest::Client::new();
            let answer = client
                .post(url)
                .bearer_auth(token)
                .header("content-type", "application/json")
                .body(payload.to_string())
                .send()
                .await
                .unwrap();
            answer.status().as_u16()
        })
    }

    /// The workflow files that the repository ships.
    #[must_use]
    pub fn workflow_files(&self) -> Vec<String> {
        let root = concat!(env!("MLOPS_STEPS_ROOT"), "/workflows");
        let mut files = Vec::new();
        for folder in ["steps", "pipelines", "triggers", "examples"] {
            for entry in std::fs::read_dir(format!("{root}/{folder}")).unwrap() {
                let path = entry.unwrap().path();
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                if text.contains("apiVersion: argoproj.io/v1alpha1") {
                    files.push(path.display().to_string());
                }
            }
        }
        files.sort();
        files
    }

    /// Runs a program on files; it has to succeed.
    pub fn run(&self, program: &str, args: &[&str], files: &[String]) {
        let output = Command::new(program).args(args).args(files).output().unwrap();
        assert!(
            output.status.success(),
            "{program} {args:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Asks MLflow, past our own client; `Null` when there is no such thing.
    pub fn mlflow(&self, method: Method, path: &str, body: &Value) -> Value {
        let url = format!("{}/api/2.0/mlflow/{path}", self.mlflow);
        self.runtime.block_on(async {
            let request = reqwest::Client::new().request(method.clone(), url);
            let request = if method == Method::GET {
                request.query(body)
            } else {
                request.json(body)
            };
            let answer = request.send().await.unwrap();
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            if status.as_u16() == 404 {
                return Value::Null;
            }
            assert!(status.is_success(), "{path}: {status}: {text}");
            serde_json::from_str(&text).unwrap()
        })
    }

    /// The versions of a registered model, each with its number, oldest first.
    #[must_use]
    pub fn versions(&self, model: &str) -> Vec<Value> {
        let found = self.mlflow(
            Method::GET,
            "model-versions/search",
            &json!({"filter": format!("name = '{model}'"), "max_results": 100}),
        );
        let mut versions = found["model_versions"].as_array().cloned().unwrap_or_default();
        versions.sort_by_key(|version| {
            version["version"]
                .as_str()
                .and_then(|text| text.parse::<u64>().ok())
        });
        versions
    }

    /// The version that an alias of a model points to.
    #[must_use]
    pub fn alias(&self, model: &str, alias: &str) -> Option<String> {
        let found = self.mlflow(Method::GET, "registered-models/get", &json!({"name": model}));
        let aliases = found["registered_model"]["aliases"].as_array()?;
        let one = aliases.iter().find(|one| one["alias"] == alias)?;
        one["version"].as_str().map(str::to_owned)
    }

    /// Points an alias to a version.
    pub fn set_alias(&self, model: &str, alias: &str, version: &str) {
        let body = json!({"name": model, "alias": alias, "version": version});
        self.mlflow(Method::POST, "registered-models/alias", &body);
    }

    /// The MLflow runs of a workflow: tags by name.
    #[must_use]
    pub fn runs(&self, experiment: &str, workflow_uid: &str) -> Vec<BTreeMap<String, String>> {
        let found = self.mlflow(
            Method::GET,
            "experiments/get-by-name",
            &json!({"experiment_name": experiment}),
        );
        let Some(id) = found["experiment"]["experiment_id"].as_str() else {
            return Vec::new();
        };
        let filter = format!("tags.`argo.workflow.uid` = '{workflow_uid}'");
        let found = self.mlflow(
            Method::POST,
            "runs/search",
            &json!({"experiment_ids": [id], "filter": filter}),
        );
        let runs = found["runs"].as_array().cloned().unwrap_or_default();
        runs.iter()
            .map(|run| {
                let tags = run["data"]["tags"].as_array().cloned().unwrap_or_default();
                tags.iter()
                    .map(|tag| {
                        let text = |key: &str| tag[key].as_str().unwrap_or_default().to_owned();
                        (text("key"), text("value"))
                    })
                    .chain([(
                        "status".to_owned(),
                        run["info"]["status"].as_str().unwrap().to_owned(),
                    )])
                    .collect()
            })
            .collect()
    }

    /// An object of the artifact repository, when it is there.
    #[must_use]
    pub fn artifact(&self, key: &str) -> Option<Vec<u8>> {
        self.runtime.block_on(async {
            let store = Store::from_env(StoreOptions::default());
            let location: Location = format!("s3://mlops/{key}").parse().unwrap();
            store.read(&location).await.ok().map(|bytes| bytes.to_vec())
        })
    }
}

/// Polls until something is there.
///
/// # Panics
/// When it is not there in time.
pub fn until<T>(what: &str, seconds: u64, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            start.elapsed().as_secs() < seconds,
            "not within {seconds} s: {what}"
        );
        std::thread::sleep(Duration::from_millis(500));
    }
}
