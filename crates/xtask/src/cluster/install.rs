//! What runs in the cluster before the toolkit comes: names, Argo Workflows, S3, MLflow, Prometheus.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::builds::Programs;
use super::components::CONTAINERD;
use super::crds;
use super::holder::Holder;
use super::pki;
use super::place::{NODE_NAME, Place};
use crate::lab::{folder, tools};
use crate::say;

/// How long anything may take to become ready, images being on the node.
const READY: Duration = Duration::from_secs(180);

/// A client of the cluster.
pub(crate) struct Kubectl {
    /// The program.
    pub(crate) program: PathBuf,
    /// Which cluster, and as whom.
    pub(crate) kubeconfig: PathBuf,
}

impl Kubectl {
    /// As the administrator of this machine's own cluster.
    pub(crate) fn new(place: &Place, programs: &Programs) -> Self {
        Self {
            program: programs.kubernetes.join("kubectl"),
            kubeconfig: place.kubeconfig(),
        }
    }

    /// Runs it; what it prints.
    pub(crate) fn run(&self, args: &[&str]) -> Result<String> {
        tools::run(
            Command::new(&self.program)
                .arg("--kubeconfig")
                .arg(&self.kubeconfig)
                .args(args),
        )
    }

    /// Applies a file.
    pub(super) fn apply(&self, file: &Path) -> Result<()> {
        let file = file.display().to_string();
        self.run(&["apply", "--server-side", "--force-conflicts", "--filename", &file])
            .map(|_| ())
    }

    fn wait_for_deployments(&self, namespace: &str) -> Result<()> {
        let timeout = format!("--timeout={}s", READY.as_secs());
        let waited = self.run(&[
            "wait",
            "--namespace",
            namespace,
            "--for=condition=Available",
            "deployment",
            "--all",
            &timeout,
        ]);
        if let Err(error) = waited {
            let pods = self.run(&["get", "pods", "--namespace", namespace, "--output=wide"])?;
            let events = self.run(&[
                "get",
                "events",
                "--namespace",
                namespace,
                "--sort-by=.lastTimestamp",
            ])?;
            return Err(error.context(format!("{namespace} is not ready:\n{pods}\n{events}")));
        }
        Ok(())
    }
}

/// Puts image archives on the node.
pub(crate) fn import(holder: &Holder, archives: &[PathBuf]) -> Result<()> {
    let node = holder.node()?.to_string();
    for archive in archives {
        tools::run(
            Command::new("nsenter")
                .args(["--target", &node, "--mount", "--"])
                .args(["ctr", "--address", CONTAINERD, "--namespace", "k8s.io"])
                .args(["images", "import", "--snapshotter", "overlayfs"])
                .arg(archive),
        )
        .with_context(|| format!("cannot import {}", archive.display()))?;
    }
    Ok(())
}

/// Waits until the node takes pods.
pub(crate) fn node_ready(kubectl: &Kubectl) -> Result<()> {
    let start = Instant::now();
    while kubectl.run(&["get", "node", NODE_NAME]).is_err() {
        if start.elapsed() > READY {
            bail!("the node did not register");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let timeout = format!("--timeout={}s", READY.as_secs());
    kubectl
        .run(&["wait", "node", NODE_NAME, "--for=condition=Ready", &timeout])
        .map(|_| ())
}

/// Installs everything.
pub(crate) fn all(kubectl: &Kubectl, place: &Place) -> Result<()> {
    let manifests = folder("tests/cluster/manifests");
    let start = Instant::now();
    kubectl.apply(&manifests.join("coredns.yaml"))?;
    kubectl.apply(&manifests.join("lab.yaml"))?;
    for service in ["s3", "mlflow", "prometheus"] {
        kubectl.apply(&manifests.join(format!("{service}.yaml")))?;
    }
    upstream(kubectl, place, "argo", &argo_module()?)?;
    crds::apply(kubectl, place.root())?;
    say::took(
        "applied: names, S3, MLflow, Prometheus, Argo Workflows, kinds of Kueue",
        start,
    );
    let start = Instant::now();
    for namespace in ["kube-system", "lab", "argo"] {
        kubectl.wait_for_deployments(namespace)?;
    }
    say::took("ready", start);
    Ok(())
}

/// The folder of Argo's module: its manifests and schema come with its source.
pub(crate) fn argo_module() -> Result<PathBuf> {
    module("argo", "github.com/argoproj/argo-workflows/v3")
}

/// The folder of a module that one of our `go.mod` files pins.
fn module(build: &str, path: &str) -> Result<PathBuf> {
    let listed = tools::run(
        Command::new("go")
            .args(["list", "-m", "-f", "{{.Dir}}", path])
            .current_dir(folder("tests/cluster/builds").join(build)),
    )?;
    Ok(PathBuf::from(listed.trim()))
}

/// Applies a project's own manifests, which come with its module: they are put as `upstream` beside our changes.
fn upstream(kubectl: &Kubectl, place: &Place, name: &str, module: &Path) -> Result<()> {
    let work = place.folder(name)?;
    let ours = folder("tests/cluster/manifests").join(name);
    for (from, to) in [
        (ours.join("."), work.clone()),
        (module.join("manifests/."), work.join("upstream")),
    ] {
        std::fs::create_dir_all(&to)?;
        tools::run(
            Command::new("cp")
                .args(["--recursive", "--no-preserve=mode"])
                .arg(&from)
                .arg(&to),
        )?;
    }
    let rendered = work.join("rendered.yaml");
    let built = kubectl.run(&["kustomize", &work.display().to_string()])?;
    std::fs::write(&rendered, built)?;
    kubectl.apply(&rendered)
}

/// Installs Argo Events, and a bus for one namespace.
pub(crate) fn events(kubectl: &Kubectl, place: &Place, namespace: &str) -> Result<()> {
    let start = Instant::now();
    // The bus speaks TLS only to those who come from Argo Events, and asks for a name and a password.
    let pki = |file: &str| std::fs::read_to_string(place.at("pki").join(file)).context(file.to_owned());
    let secret = |namespace: &str, name: &str, data: Value| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": data,
        })
    };
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argo-events"}},
        secret("argo-events", "nats", json!({"tls.crt": pki("bus.crt")?, "tls.key": pki("bus.key")?})),
        secret(namespace, "mlops-bus", json!({
            "ca.crt": pki("ca.crt")?, "auth": "username: events\npassword: of-this-lab\n",
        })),
    ]});
    let file = place.at("events.json");
    std::fs::write(&file, objects.to_string())?;
    kubectl.apply(&file)?;
    upstream(
        kubectl,
        place,
        "argo-events",
        &module("argo-events", "github.com/argoproj/argo-events")?,
    )?;
    let file = place.at("bus.json");
    let bus = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "EventBus",
        "metadata": {"name": "default", "namespace": namespace},
        "spec": {"jetstreamExotic": {
            "url": format!("nats://{}:4222", pki::BUS),
            "accessSecret": {"name": "mlops-bus", "key": "auth"},
            "tls": {"caCertSecret": {"name": "mlops-bus", "key": "ca.crt"}},
            "streamConfig": "maxMsgs: 50000\nmaxAge: 72h\nmaxBytes: -1\nreplicas: 1\nduplicates: 300s\nretention: 0\ndiscard: 0\n",
        }},
    });
    std::fs::write(&file, bus.to_string())?;
    kubectl.wait_for_deployments("argo-events")?;
    kubectl.apply(&file)?;
    say::took("Argo Events and its bus", start);
    Ok(())
}
