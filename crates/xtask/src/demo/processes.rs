//! Every process that the demo starts, and its certain end.
//!
//! A process is known by its id together with the instant of its start, and by a token in its environment
//! that its children inherit. Both are in a state file before the process runs, so that `demo-down` finds
//! what a killed demo left, and never touches a process that merely got the same id or has the same name.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::procs::{alive, everyone, own_pid, signal, start_ticks, terminate};

/// The variable that marks our processes.
const TOKEN: &str = "MLOPS_STEPS_DEMO";
/// How long a process may take to stop when asked.
const GRACE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(20);

/// The processes of one demo.
pub(crate) struct Processes {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    token: String,
    /// Set when the demo ends: nothing may start any more.
    #[serde(skip)]
    closed: bool,
    started: Vec<Started>,
}

/// One process, told apart from any later one with its id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Started {
    name: String,
    pid: i32,
    /// Field 22 of `/proc/<pid>/stat`: clock ticks after boot.
    start_ticks: u64,
}

impl Processes {
    /// Of a demo that begins now.
    pub(crate) fn new(file: PathBuf) -> Result<Self> {
        // Also apart from another demo of this same process: the tests run side by side in one.
        static DEMOS: AtomicUsize = AtomicUsize::new(0);
        let token = format!(
            "{}-{}-{}",
            std::process::id(),
            start_ticks(own_pid()).unwrap_or_default(),
            DEMOS.fetch_add(1, Ordering::Relaxed)
        );
        let processes = Self {
            file,
            state: Mutex::new(State {
                token,
                ..State::default()
            }),
        };
        processes.write(&processes.lock())?;
        Ok(processes)
    }

    /// Starts a command in a group of its own (a Ctrl-C at the terminal must reach us alone), its output in `log`.
    pub(crate) fn start(&self, name: &str, command: &mut Command, log: &Path) -> Result<Child> {
        self.start_with(name, command.stdout(open(log)?).stderr(open(log)?))
    }

    /// Starts a command whose outputs are arranged for.
    pub(crate) fn start_with(&self, name: &str, command: &mut Command) -> Result<Child> {
        use std::os::unix::process::CommandExt as _;
        let mut state = self.lock();
        if state.closed {
            bail!("the demo is stopping, `{name}` was not started");
        }
        let child = command
            .env(TOKEN, &state.token)
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name} ({})", command.get_program().display()))?;
        let pid = i32::try_from(child.id()).context("a process id beyond i32")?;
        state.started.push(Started {
            name: name.to_owned(),
            pid,
            start_ticks: start_ticks(pid).unwrap_or_default(),
        });
        self.write(&state)?;
        Ok(child)
    }

    /// Stops one process and its children and forgets it.
    pub(crate) fn stop(&self, child: &mut Child) -> Result<()> {
        let pid = i32::try_from(child.id()).context("a process id beyond i32")?;
        terminate(&[pid]);
        wait(child, GRACE)?;
        let mut state = self.lock();
        state.started.retain(|process| process.pid != pid);
        self.write(&state)
    }

    /// Lets nothing start any more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Stops everything and lets nothing start any more; the names of what was still running.
    pub(crate) fn stop_all(&self) -> Result<Vec<String>> {
        let mut state = self.lock();
        state.closed = true;
        let stopped = stop_recorded(&state)?;
        std::fs::remove_file(&self.file)
            .or_else(absent_is_fine)
            .context("cannot remove the state file")?;
        Ok(stopped)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, state: &State) -> Result<()> {
        let fresh = self.file.with_extension("new");
        std::fs::write(&fresh, serde_json::to_vec_pretty(state)?)
            .and_then(|()| std::fs::rename(&fresh, &self.file))
            .with_context(|| format!("cannot write {}", self.file.display()))
    }
}

/// Stops what a demo that is gone left running; the names of what was.
pub(crate) fn stop_leftovers(file: &Path) -> Result<Vec<String>> {
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(error) => {
            return absent_is_fine(error)
                .map(|()| Vec::new())
                .context("cannot read the state file");
        }
    };
    let state: State = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not a state file of the demo", file.display()))?;
    let stopped = stop_recorded(&state)?;
    std::fs::remove_file(file).or_else(absent_is_fine)?;
    Ok(stopped)
}

/// Waits for a process, at most so long; it is killed when it takes longer.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("it took longer than {} s and was killed", limit.as_secs());
        }
        std::thread::sleep(TICK);
    }
}

fn stop_recorded(state: &State) -> Result<Vec<String>> {
    let ours = || -> Vec<i32> {
        everyone()
            .into_iter()
            .filter(|&pid| pid != own_pid() && is_ours(pid, state))
            .collect()
    };
    let found = ours();
    let names = state
        .started
        .iter()
        .filter(|process| found.contains(&process.pid));
    let names = names.map(|process| process.name.clone()).collect();
    terminate(&found);
    let start = Instant::now();
    loop {
        let left = ours();
        if left.is_empty() {
            return Ok(names);
        }
        if start.elapsed() > GRACE {
            for &pid in &left {
                signal(pid, Signal::KILL);
            }
        }
        if start.elapsed() > 2 * GRACE {
            bail!("these processes do not end: {left:?}");
        }
        std::thread::sleep(TICK);
    }
}

fn is_ours(pid: i32, state: &State) -> bool {
    let recorded = state
        .started
        .iter()
        .any(|process| process.pid == pid && start_ticks(pid) == Some(process.start_ticks));
    let marked = || {
        let mark = format!("{TOKEN}={}", state.token);
        std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| {
            environ
                .split(|&byte| byte == 0)
                .any(|pair| pair == mark.as_bytes())
        })
    };
    alive(pid) && (recorded || marked())
}

fn open(log: &Path) -> Result<File> {
    let file = File::options().create(true).append(true).open(log);
    file.with_context(|| format!("cannot write {}", log.display()))
}

fn absent_is_fine(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound {
        Ok(())
    } else {
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_demo_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state.json");
        let processes = Processes::new(file.clone()).unwrap();
        // A child that ignores the polite signal and has a child of its own in another group.
        let script = "trap '' TERM; setsid sleep 300 & sleep 300";
        let mut child = processes
            .start(
                "stubborn",
                Command::new("sh").args(["-c", script]),
                &dir.path().join("log"),
            )
            .unwrap();
        let mut other = Command::new("sleep").arg("300").spawn().unwrap();
        drop(processes);
        assert_eq!(stop_leftovers(&file).unwrap(), ["stubborn"]);
        assert!(child.wait().is_ok());
        assert!(!file.exists());
        assert_eq!(stop_leftovers(&file).unwrap(), Vec::<String>::new());
        // Same name, not ours: it lives.
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn nothing_starts_after_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let processes = Processes::new(dir.path().join("state.json")).unwrap();
        assert_eq!(processes.stop_all().unwrap(), Vec::<String>::new());
        assert!(
            processes
                .start("late", Command::new("true").arg("x"), &dir.path().join("log"))
                .is_err()
        );
    }
}
