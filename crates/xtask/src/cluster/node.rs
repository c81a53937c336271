//! The node: one process that is the first of its own process, network and mount namespaces, and all else below it.
//!
//! When it ends, the kernel ends every process of its namespaces, containers included, and takes the mounts, the
//! bridge, the address translation and the link with it. So nothing can be left behind, whatever ends it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, WaitOptions};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use super::builds::Programs;
use super::components::{self, Component};
use super::place::{HOST, NODE, Place};
use crate::lab::tools;
use crate::say;

/// How long a component may take to be ready: a cold disk, and both cores busy.
const READY: Duration = Duration::from_secs(120);
const TICK: Duration = Duration::from_millis(100);

/// What the node says of itself, in a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Status {
    /// It starts.
    Starting,
    /// Every component is ready.
    Ready,
    /// It cannot.
    Failed(String),
}

impl Status {
    /// What the file says.
    pub(crate) fn read(place: &Place) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(place.status()).ok()?).ok()
    }

    fn write(&self, place: &Place) -> Result<()> {
        let fresh = place.at("status.new");
        std::fs::write(&fresh, serde_json::to_vec(self)?)?;
        std::fs::rename(fresh, place.status()).context("cannot write the node's status")
    }
}

/// Is the node until it is told to end.
pub(crate) fn be(root: &Path) -> Result<()> {
    let place = Place::of(root);
    if rustix::process::getpid() != Pid::INIT {
        bail!("the node is the first process of its namespace: `make cluster` starts it");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        // As the first process it gets no signal that it does not ask for.
        let mut stop = signal(SignalKind::terminate())?;
        let mut child = signal(SignalKind::child())?;
        Status::Starting.write(&place)?;
        let mut running = start(&place)?;
        Status::Ready.write(&place)?;
        loop {
            tokio::select! {
                _ = stop.recv() => return Ok(()),
                _ = child.recv() => {}
                // Signals of children that end at once may be one.
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
            reap(&mut running, &place)?;
        }
    });
    if let Err(error) = &ended {
        let failed: Result<()> = Status::Failed(format!("{error:#}")).write(&place);
        failed?;
    }
    ended
}

struct Running {
    component: Component,
    pid: Pid,
}

fn start(place: &Place) -> Result<Vec<Running>> {
    mounts(place)?;
    network()?;
    let programs: Programs = serde_json::from_slice(&std::fs::read(place.at("programs.json"))?)?;
    let mut running = Vec::new();
    for component in components::all(place, &programs)? {
        let start = Instant::now();
        let pid = spawn(&component, place)?;
        while !component.is_ready() {
            if start.elapsed() > READY {
                bail!(
                    "{} is not ready after {} s; its last lines:\n{}",
                    component.name,
                    READY.as_secs(),
                    tools::tail(&place.log(component.name)?)
                );
            }
            if has_ended(pid) {
                bail!(
                    "{} ended at its start; its last lines:\n{}",
                    component.name,
                    tools::tail(&place.log(component.name)?)
                );
            }
            std::thread::sleep(TICK);
        }
        say::took(component.name, start);
        running.push(Running { component, pid });
    }
    Ok(running)
}

fn spawn(component: &Component, place: &Place) -> Result<Pid> {
    // Not waited for through `Child`: the first process gets every orphan, and waits for all alike.
    let child = component
        .command(place)?
        .spawn()
        .with_context(|| format!("cannot start {}", component.name))?;
    Pid::from_raw(i32::try_from(child.id())?).context("a process without id")
}

fn has_ended(pid: Pid) -> bool {
    rustix::process::waitpid(Some(pid), WaitOptions::NOHANG).is_ok_and(|status| status.is_some())
}

/// Takes in what has ended; a component that has is started again.
fn reap(running: &mut [Running], place: &Place) -> Result<()> {
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if let Some(ended) = running.iter_mut().find(|one| one.pid == pid) {
            say::line(&format!(
                "  {} ended ({status:?}) and is started again",
                ended.component.name
            ));
            ended.pid = spawn(&ended.component, place)?;
        }
    }
    Ok(())
}

/// What mounts from here on is seen in this namespace only.
fn mounts(place: &Place) -> Result<()> {
    run("mount", &["--make-rshared", "/"])?;
    // Sockets, network namespaces of pods, states of containers.
    run("mount", &["-t", "tmpfs", "tmpfs", "/run"])?;
    let containers = place.folder("container-logs")?;
    std::fs::create_dir_all("/var/log/containers")?;
    run(
        "mount",
        &["--bind", &containers.display().to_string(), "/var/log/containers"],
    )
}

/// The node's end of the link, and the rules that Kubernetes expects of a kernel.
fn network() -> Result<()> {
    let start = Instant::now();
    run("ip", &["link", "set", "lo", "up"])?;
    while !tools::works("ip", &["link", "show", "eth0"]) {
        if start.elapsed() > READY {
            bail!("the link to the node did not come");
        }
        std::thread::sleep(TICK);
    }
    run("ip", &["address", "add", &format!("{NODE}/30"), "dev", "eth0"])?;
    run("ip", &["link", "set", "eth0", "up"])?;
    run("ip", &["route", "add", "default", "via", &HOST.to_string()])?;
    for (name, value) in [
        ("net/ipv4/ip_forward", "1"),
        ("net/bridge/bridge-nf-call-iptables", "1"),
    ] {
        let path = Path::new("/proc/sys").join(name);
        if path.exists() {
            std::fs::write(&path, value).with_context(|| format!("cannot set {}", path.display()))?;
        }
    }
    Ok(())
}

fn run(program: &str, args: &[&str]) -> Result<()> {
    tools::run(Command::new(program).args(args)).map(|_| ())
}
