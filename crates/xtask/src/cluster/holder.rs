//! The process that holds the node's namespaces, seen from outside: its start, its certain end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::node::Status;
use super::place::{HOST, NAME, NODE, PODS, Place, SERVICES};
use crate::lab::tools;
use crate::procs::{alive, signal, start_ticks};

/// How long the node may take to start: the API server takes most of it.
const START: Duration = Duration::from_secs(300);
/// How long it may take to end when asked.
const GRACE: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(100);

/// The process, told apart from any later one with its id.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Holder {
    pid: i32,
    start_ticks: u64,
}

impl Holder {
    /// The one that runs, if any does.
    pub(crate) fn find(place: &Place) -> Option<Self> {
        let holder: Self = serde_json::from_slice(&std::fs::read(place.holder()).ok()?).ok()?;
        holder.runs().then_some(holder)
    }

    /// Starts the node and waits until it is ready. What it says goes to its log.
    pub(crate) fn start(place: &Place) -> Result<Self> {
        use std::os::unix::process::CommandExt as _;
        cgroups_make()?;
        let log = std::fs::File::create(place.log("node")?)?;
        let child = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--ipc", "--uts"])
            .args(["--fork", "--kill-child=SIGKILL", "--mount-proc", "--"])
            .arg(std::env::current_exe()?)
            .arg("cluster-node")
            .arg(place.root())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("cannot run `unshare` of util-linux")?;
        let pid = i32::try_from(child.id())?;
        let holder = Self {
            pid,
            start_ticks: start_ticks(pid).context("the node ended at once")?,
        };
        std::fs::write(place.holder(), serde_json::to_vec(&holder)?)?;
        let link = || -> Result<()> {
            let node = holder.node()?.to_string();
            let run = |args: &[&str]| tools::run(Command::new("ip").args(args));
            run(&[
                "link", "add", NAME, "type", "veth", "peer", "name", "eth0", "netns", &node,
            ])?;
            run(&["address", "add", &format!("{HOST}/30"), "dev", NAME])?;
            run(&["link", "set", NAME, "up"])?;
            for network in [SERVICES, PODS] {
                run(&["route", "add", network, "via", &NODE.to_string()])?;
            }
            Ok(())
        };
        if let Err(error) = link().and_then(|()| holder.ready(place)) {
            holder.stop(place)?;
            return Err(error.context("the node does not start"));
        }
        Ok(holder)
    }

    fn ready(&self, place: &Place) -> Result<()> {
        let start = Instant::now();
        loop {
            match Status::read(place) {
                Some(Status::Ready) => return Ok(()),
                Some(Status::Failed(why)) => bail!("{why}"),
                _ if !self.runs() => bail!("it ended"),
                _ if start.elapsed() > START => bail!("it is not ready after {} s", START.as_secs()),
                _ => std::thread::sleep(TICK),
            }
        }
    }

    /// Ends the node, and takes away what is not the kernel's to take: its cgroups and its folder.
    pub(crate) fn stop(&self, place: &Place) -> Result<()> {
        let start = Instant::now();
        if let Ok(node) = self.node() {
            signal(node, rustix::process::Signal::TERM);
        }
        while self.runs() {
            if start.elapsed() > GRACE {
                // With it the kernel kills its child, and with that all of the namespace.
                signal(self.pid, rustix::process::Signal::KILL);
            }
            if start.elapsed() > 2 * GRACE {
                bail!("process {} does not end", self.pid);
            }
            std::thread::sleep(TICK);
        }
        clean(place)
    }

    fn runs(&self) -> bool {
        alive(self.pid) && start_ticks(self.pid) == Some(self.start_ticks)
    }

    /// The first process of the namespace: the holder's only child.
    pub(crate) fn node(&self) -> Result<i32> {
        let start = Instant::now();
        let children = format!("/proc/{0}/task/{0}/children", self.pid);
        loop {
            let found = std::fs::read_to_string(&children).unwrap_or_default();
            if let Some(pid) = found.split_whitespace().next() {
                return pid.parse().context("a process id that is no number");
            }
            if !self.runs() || start.elapsed() > GRACE {
                bail!("the node has no process");
            }
            std::thread::sleep(TICK);
        }
    }
}

/// Removes what a node that is gone has left.
pub(crate) fn clean(place: &Place) -> Result<()> {
    // The link goes with the namespace, and that with its last process; the kernel may take a moment.
    let start = Instant::now();
    while tools::works("ip", &["link", "show", NAME]) {
        if start.elapsed() > GRACE {
            tools::run(Command::new("ip").args(["link", "delete", NAME]))?;
        }
        std::thread::sleep(TICK);
    }
    cgroups_remove()?;
    for gone in [place.at(""), place.holder()] {
        let removed = if gone.is_dir() {
            std::fs::remove_dir_all(&gone)
        } else {
            std::fs::remove_file(&gone)
        };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", gone.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What of a node can still be found on this machine once it is down: mounts, processes, links, groups, routes.
pub(crate) fn left(place: &Place) -> Vec<String> {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let folder = place.at("").display().to_string();
    let mounts = read("/proc/self/mounts");
    let mounts = mounts.lines().filter(|line| line.contains(&folder));
    let mut left: Vec<String> = mounts.map(|line| format!("the mount {line}")).collect();
    // Whatever runs for the node, a shim or a container's process, names its folder or is in its group.
    let group = format!("/{NAME}/");
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let said = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).replace('\0', " ");
        if said.contains(&folder) || read(&format!("/proc/{pid}/cgroup")).contains(&group) {
            left.push(format!("the process {pid} ({said})"));
        }
    }
    for entry in std::fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == NAME {
            left.push(format!("the network link {name}"));
        }
    }
    let groups = hierarchies().into_iter().map(|hierarchy| hierarchy.join(NAME));
    left.extend(
        groups
            .filter(|group| group.exists())
            .map(|group| format!("the group {}", group.display())),
    );
    if place.at("").exists() {
        left.push(format!("the folder {folder}"));
    }
    left
}

/// Every hierarchy that is mounted: many in version 1 of cgroups, one in version 2.
fn hierarchies() -> Vec<std::path::PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    if root.join("cgroup.controllers").exists() {
        return vec![root.to_owned()];
    }
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && !path.is_symlink() && path.join("cgroup.procs").exists())
        .collect()
}

/// The kubelet wants its root cgroup to be there.
fn cgroups_make() -> Result<()> {
    for hierarchy in hierarchies() {
        let ours = hierarchy.join(NAME);
        std::fs::create_dir_all(&ours).with_context(|| format!("cannot make {}", ours.display()))?;
        // A cpuset without processors takes no process.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let (from, to) = (hierarchy.join(file), ours.join(file));
            if to.exists() && from.exists() {
                std::fs::write(&to, std::fs::read(&from)?)
                    .with_context(|| format!("cannot write {}", to.display()))?;
            }
        }
    }
    Ok(())
}

fn cgroups_remove() -> Result<()> {
    for hierarchy in hierarchies() {
        let ours = hierarchy.join(NAME);
        let start = Instant::now();
        while ours.exists() {
            remove_groups(&ours);
            if start.elapsed() > GRACE {
                bail!("{} has processes still and cannot be removed", ours.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

/// A group can be removed once it has neither processes nor groups; its files are not in the way.
fn remove_groups(group: &Path) {
    let entries = std::fs::read_dir(group).into_iter().flatten().flatten();
    for below in entries.map(|entry| entry.path()).filter(|path| path.is_dir()) {
        remove_groups(&below);
    }
    // What cannot be removed yet is tried again.
    let _ = std::fs::remove_dir(group);
}
