//! `cargo xtask cluster`: a real Kubernetes on this machine, from package registries, with all that the toolkit
//! needs around it. One cluster a machine; a second call finds it and brings it up to date.

pub(crate) mod builds;
mod components;
mod crds;
mod holder;
mod images;
pub(crate) mod install;
mod node;
mod pki;
pub(crate) mod place;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::lab::{self, Lab, tools};
use crate::say;
use builds::Events;
use holder::Holder;
use images::Images;
use install::Kubectl;
use node::Status;
use place::Place;

/// Debian packages that the node is made of, each with a program of it.
const PACKAGES: [(&str, &str); 7] = [
    ("containerd", "/usr/bin/containerd"),
    ("runc", "/usr/sbin/runc"),
    ("containernetworking-plugins", "/usr/lib/cni/bridge"),
    ("iptables", "/usr/sbin/iptables"),
    ("iproute2", "/usr/sbin/ip"),
    ("conntrack", "/usr/sbin/conntrack"),
    ("ethtool", "/usr/sbin/ethtool"),
];

/// This machine's own cluster, up.
pub(crate) struct Own {
    place: Place,
    /// The client that was built with it, as its administrator.
    pub(crate) kubectl: Kubectl,
    /// Argo's client.
    pub(crate) argo: PathBuf,
    /// What it was made with.
    pub(crate) lab: Lab,
    holder: Holder,
}

impl Own {
    /// Puts images on the node.
    pub(crate) fn import(&self, archives: &[PathBuf]) -> Result<()> {
        install::import(&self.holder, archives)
    }

    /// Adds Argo Events, with a bus for one namespace.
    pub(crate) fn add_events(&self, namespace: &str) -> Result<()> {
        let cache = lab::cache()?;
        let programs = Events::install(&cache)?;
        let images = Images::new(&cache)?;
        self.import(&images.events(&programs)?)?;
        install::events(&self.kubectl, &self.place, namespace)
    }
}

/// Brings the cluster up, and says how to use it.
pub(crate) fn up() -> Result<()> {
    let own = own()?;
    say::line(&format!(
        "\n  export KUBECONFIG={}\n  {} --help",
        own.kubectl.kubeconfig.display(),
        own.kubectl.program.display()
    ));
    Ok(())
}

/// Brings the cluster up.
pub(crate) fn own() -> Result<Own> {
    let start = Instant::now();
    let lab = lab::setup()?;
    let cache = lab::cache()?;
    let place = Place::new()?;
    std::fs::create_dir_all(place.root())?;
    let lock = File::create(place.root().join("lock")).context("cannot make the cluster's lock file")?;
    lock.lock().context("cannot take the cluster's lock")?;

    say::heading("Programs");
    packages()?;
    let programs = builds::install(&cache)?;
    let archives = Images::new(&cache)?.make(&programs, &lab)?;

    say::heading("Cluster");
    let running = Holder::find(&place).filter(|_| matches!(Status::read(&place), Some(Status::Ready)));
    let kubectl = Kubectl::new(&place, &programs);
    let holder = if let Some(holder) = running {
        say::line("  the node is up");
        holder
    } else {
        let began = Instant::now();
        stop(&place)?;
        std::fs::create_dir_all(place.at(""))?;
        pki::write(&place)?;
        std::fs::write(place.at("programs.json"), serde_json::to_vec(&programs)?)?;
        let holder = Holder::start(&place)?;
        say::took("the node's processes run", began);
        let began = Instant::now();
        install::import(&holder, &archives)?;
        say::took(&format!("{} images on the node", archives.len()), began);
        let began = Instant::now();
        install::node_ready(&kubectl)?;
        say::took("the node is Ready", began);
        holder
    };
    install::all(&kubectl, &place)?;
    say::took("the cluster, all", start);
    Ok(Own {
        place,
        kubectl,
        argo: programs.argo.join("argo"),
        lab,
        holder,
    })
}

/// Whether all that takes long to make is made: by it CI decides what a cold machine leaves out.
pub(crate) fn check() -> Result<()> {
    if !builds::are_there(&lab::cache()?)? || !images::are_there()? {
        bail!("the programs of the cluster are not built: `make cluster` builds them");
    }
    say::line("the programs of the cluster are built");
    Ok(())
}

/// Takes the cluster down.
pub(crate) fn down() -> Result<()> {
    let place = Place::new()?;
    let was = Holder::find(&place).is_some();
    stop(&place)?;
    // The mount point of the containers' logs: only when nobody else keeps any there.
    _ = std::fs::remove_dir("/var/log/containers");
    let left = holder::left(&place);
    if !left.is_empty() {
        bail!("the cluster is down, and has left behind: {}", left.join("; "));
    }
    say::line(if was {
        "the cluster is down"
    } else {
        "no cluster was up"
    });
    Ok(())
}

/// Is the node: what `Holder::start` runs.
pub(crate) fn be_node(root: &Path) -> Result<()> {
    node::be(root)
}

fn stop(place: &Place) -> Result<()> {
    match Holder::find(place) {
        Some(holder) => holder.stop(place),
        None => holder::clean(place),
    }
}

/// Installs the Debian packages that are missing.
fn packages() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("the cluster needs root: it makes namespaces, mounts and a network link");
    }
    let start = Instant::now();
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(_, program)| !Path::new(program).exists())
        .map(|(package, _)| *package)
        .collect();
    if !missing.is_empty() {
        tools::debian(&missing, "the node is made of Debian packages")?;
        say::took("Debian packages installed", start);
    }
    Ok(())
}
