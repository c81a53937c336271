//! The programs of the cluster, each project pinned by a `go.mod` below `tests/cluster/builds`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::lab::go::{Mend, Project};

/// Kubernetes. Without the version in it, it says `v0.0.0-master` and other projects refuse to run on it.
const KUBERNETES: Project = Project {
    name: "kubernetes 1.34.4",
    folder: "tests/cluster/builds/kubernetes",
    programs: &[
        ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
        (
            "kube-controller-manager",
            "k8s.io/kubernetes/cmd/kube-controller-manager",
        ),
        ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
        ("kubelet", "k8s.io/kubernetes/cmd/kubelet"),
        ("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy"),
        ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    ],
    variables: &[
        "k8s.io/component-base/version.gitVersion=v1.34.4",
        "k8s.io/component-base/version.gitMajor=1",
        "k8s.io/component-base/version.gitMinor=34",
    ],
    tags: "",
    mend: None,
};

/// Not Debian's etcd 3.4: the API server gets some watches up to half a minute late on it.
const ETCD: Project = Project {
    name: "etcd 3.6.16",
    folder: "tests/cluster/builds/etcd",
    programs: &[("etcd", "go.etcd.io/etcd/server/v3")],
    variables: &[],
    tags: "",
    mend: None,
};

const COREDNS: Project = Project {
    name: "coredns 1.15.0",
    folder: "tests/cluster/builds/coredns",
    programs: &[("coredns", "github.com/coredns/coredns")],
    variables: &[],
    tags: "",
    mend: None,
};

/// The pod's first process.
const PAUSE: Project = Project {
    name: "pause",
    folder: "tests/cluster/builds/pause",
    programs: &[("pause", ".")],
    variables: &[],
    tags: "",
    mend: None,
};

/// With one way to find targets: the others are most of what it would compile.
const PROMETHEUS: Project = Project {
    name: "prometheus 0.316",
    folder: "tests/cluster/builds/prometheus",
    programs: &[("prometheus", "github.com/prometheus/prometheus/cmd/prometheus")],
    variables: &[],
    tags: "remove_all_sd,enable_kubernetes_sd",
    mend: None,
};

const ARGO: Project = Project {
    name: "argo-workflows 3.7.18",
    folder: "tests/cluster/builds/argo",
    programs: &[
        (
            "workflow-controller",
            "github.com/argoproj/argo-workflows/v3/cmd/workflow-controller",
        ),
        ("argoexec", "github.com/argoproj/argo-workflows/v3/cmd/argoexec"),
        ("argo", "github.com/argoproj/argo-workflows/v3/cmd/argo"),
    ],
    variables: &["github.com/argoproj/argo-workflows/v3.version=v3.7.18"],
    tags: "",
    mend: Some(Mend {
        module: "github.com/argoproj/argo-workflows/v3",
        with: mend_argo,
    }),
};

/// The zip of the module proxy drops a symbolic link that argoexec needs, and has no user interface to embed.
fn mend_argo(copy: &Path) -> Result<()> {
    let signals = copy.join("workflow/executor/osspecific");
    let linux = signals.join("signal_linux.go");
    if !linux.exists() {
        std::fs::copy(signals.join("signal_darwin.go"), linux).context("signal_darwin.go")?;
    }
    let app = copy.join("ui/dist/app");
    std::fs::create_dir_all(&app)?;
    std::fs::write(
        app.join("index.html"),
        "<!doctype html><title>Argo Workflows</title><p>This build has no user interface.\n",
    )?;
    Ok(())
}

/// The bus of Argo Events.
const NATS: Project = Project {
    name: "nats-server 2.15.2",
    folder: "tests/cluster/builds/nats",
    programs: &[("nats-server", "github.com/nats-io/nats-server/v2")],
    variables: &[],
    tags: "",
    mend: None,
};

const ARGO_EVENTS: Project = Project {
    name: "argo-events 1.9.10",
    folder: "tests/cluster/builds/argo-events",
    programs: &[("argo-events", "github.com/argoproj/argo-events/cmd")],
    variables: &[],
    tags: "",
    mend: None,
};

/// Reads workflows of GitHub Actions.
const ACTIONLINT: Project = Project {
    name: "actionlint 1.7.12",
    folder: "tests/cluster/builds/actionlint",
    programs: &[("actionlint", "github.com/rhysd/actionlint/cmd/actionlint")],
    variables: &[],
    tags: "",
    mend: None,
};

/// Runs workflows of GitHub Actions on this machine.
const ACT: Project = Project {
    name: "act 0.2.89",
    folder: "tests/cluster/builds/act",
    programs: &[("act", "github.com/nektos/act")],
    variables: &[],
    tags: "",
    mend: None,
};

/// What Argo Events is made of.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    /// nats-server.
    pub(crate) nats: PathBuf,
    /// argo-events: the controller, and what it starts.
    pub(crate) argo_events: PathBuf,
}

impl Events {
    /// Builds what is missing.
    pub(crate) fn install(cache: &Path) -> Result<Self> {
        Ok(Self {
            nats: NATS.install(cache)?,
            argo_events: ARGO_EVENTS.install(cache)?,
        })
    }
}

/// A linter and a runner of GitHub Actions, built when they are missing.
pub(crate) fn github_actions(cache: &Path) -> Result<[PathBuf; 2]> {
    Ok([
        ACTIONLINT.install(cache)?.join("actionlint"),
        ACT.install(cache)?.join("act"),
    ])
}

/// Where the programs are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Programs {
    /// kube-apiserver and its kin, kubectl.
    pub(crate) kubernetes: PathBuf,
    /// etcd.
    pub(crate) etcd: PathBuf,
    /// coredns.
    pub(crate) coredns: PathBuf,
    /// pause.
    pub(crate) pause: PathBuf,
    /// prometheus.
    pub(crate) prometheus: PathBuf,
    /// workflow-controller, argoexec, argo.
    pub(crate) argo: PathBuf,
}

/// Builds what is missing.
pub(crate) fn install(cache: &Path) -> Result<Programs> {
    Ok(Programs {
        etcd: ETCD.install(cache)?,
        pause: PAUSE.install(cache)?,
        kubernetes: KUBERNETES.install(cache)?,
        coredns: COREDNS.install(cache)?,
        argo: ARGO.install(cache)?,
        prometheus: PROMETHEUS.install(cache)?,
    })
}

/// Whether nothing is missing.
pub(crate) fn are_there(cache: &Path) -> Result<bool> {
    for project in [&ETCD, &PAUSE, &KUBERNETES, &COREDNS, &ARGO, &PROMETHEUS] {
        if !project.is_there(cache)? {
            return Ok(false);
        }
    }
    Ok(true)
}
