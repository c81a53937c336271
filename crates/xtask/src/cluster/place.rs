//! Where the cluster keeps its things, and the addresses that it uses.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::lab;

/// The name of the network link on this side, and of the cgroup. At most 15 characters.
pub(crate) const NAME: &str = "mlops-steps";
/// The name of the only node.
pub(crate) const NODE_NAME: &str = "mlops-node";
/// This machine's end of the link to the node. Pods reach what listens here.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(10, 215, 0, 1);
/// The node's end.
pub(crate) const NODE: Ipv4Addr = Ipv4Addr::new(10, 215, 0, 2);
/// The address of a Service.
pub(crate) const SERVICES: &str = "10.213.0.0/16";
/// The first of them: the API server's own.
pub(crate) const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 213, 0, 1);
/// CoreDNS's.
pub(crate) const DNS_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 213, 0, 10);
/// The addresses of pods.
pub(crate) const PODS: &str = "10.214.0.0/16";
/// Port of the API server.
pub(crate) const API_PORT: u16 = 6443;

/// The folder of the node: gone when the cluster is down.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    root: PathBuf,
}

impl Place {
    /// Below the cache, so that all checkouts of a machine share the one cluster.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            root: lab::cache()?.join("cluster"),
        })
    }

    /// A node that was started with its folder.
    pub(crate) fn of(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// All of it.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A file or folder of the node, by its name.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.root.join("node").join(name)
    }

    /// A folder of the node, made when it is not there.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.at(name);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// For kubectl and the tests.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.at("kubeconfig")
    }

    /// The process that holds the node.
    pub(crate) fn holder(&self) -> PathBuf {
        self.root.join("holder.json")
    }

    /// What the node says of itself.
    pub(crate) fn status(&self) -> PathBuf {
        self.at("status.json")
    }

    /// What a component prints.
    pub(crate) fn log(&self, component: &str) -> Result<PathBuf> {
        Ok(self.folder("logs")?.join(format!("{component}.log")))
    }
}
