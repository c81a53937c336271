//! What runs in the cluster before the toolkit comes: names, Argo Workflows, S3, MLflow, Prometheus.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::builds::Programs;
use super::components::CONTAINERD;
use super::holder::Holder;
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

    fn apply(&self, file: &Path) -> Result<()> {
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
    argo(kubectl, place, &manifests.join("argo"))?;
    say::took("applied: names, S3, MLflow, Prometheus, Argo Workflows", start);
    let start = Instant::now();
    for namespace in ["kube-system", "lab", "argo"] {
        kubectl.wait_for_deployments(namespace)?;
    }
    say::took("ready", start);
    Ok(())
}

/// The folder of Argo's module: its manifests and schema come with its source.
pub(crate) fn argo_module() -> Result<PathBuf> {
    let module = tools::run(
        Command::new("go")
            .args([
                "list",
                "-m",
                "-f",
                "{{.Dir}}",
                "github.com/argoproj/argo-workflows/v3",
            ])
            .current_dir(folder("tests/cluster/builds/argo")),
    )?;
    Ok(PathBuf::from(module.trim()))
}

/// Argo's own manifests come with its module, and are put beside our changes.
fn argo(kubectl: &Kubectl, place: &Place, ours: &Path) -> Result<()> {
    let work = place.folder("argo")?;
    let manifests = argo_module()?.join("manifests");
    let upstream = work.join("upstream");
    for from in [ours.join("."), manifests.join(".")] {
        let to = if from.starts_with(ours) { &work } else { &upstream };
        std::fs::create_dir_all(to)?;
        tools::run(
            Command::new("cp")
                .args(["--recursive", "--no-preserve=mode"])
                .arg(&from)
                .arg(to),
        )?;
    }
    let rendered = work.join("argo.yaml");
    let built = kubectl.run(&["kustomize", &work.display().to_string()])?;
    std::fs::write(&rendered, built)?;
    kubectl.apply(&rendered)
}
