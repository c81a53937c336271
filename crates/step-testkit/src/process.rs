//! A child process that is gone when its guard is.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// A server in a process group of its own; the group is killed by its id on drop.
#[derive(Debug)]
pub struct Guarded {
    child: Child,
    log: PathBuf,
}

impl Guarded {
    /// Starts `command` with its output going to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let out = std::fs::File::create(log).with_context(|| format!("{}", log.display()))?;
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.get_program()))?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// Waits until `ready` says so, at most `limit`; an early end of the process ends the wait.
    ///
    /// # Errors
    /// With the last lines of the log when the time is over or the process ended.
    pub fn wait_until(
        &mut self,
        what: &str,
        limit: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{what} ended with {status} before it was ready:\n{}",
                    self.last_lines()
                );
            }
            if ready() {
                return Ok(());
            }
            if started.elapsed() > limit {
                bail!("{what} is not ready after {limit:?}:\n{}", self.last_lines());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn last_lines(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines
            .get(lines.len().saturating_sub(30)..)
            .unwrap_or_default()
            .join("\n")
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // `kill` with a negative id means the whole group; the group is ours, see `start`.
        let group = format!("-{}", self.child.id());
        let killed = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        if !killed.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
///
/// # Errors
/// When none can be bound.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whether something listens there.
pub fn listens(port: u16) -> bool {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
}

/// Where `make setup` puts what tests stand on.
///
/// # Errors
/// When `relative` is not there: it says what makes it.
pub fn from_setup(relative: &str) -> anyhow::Result<PathBuf> {
    let root = match std::env::var_os("MLOPS_STEPS_CACHE") {
        Some(root) => PathBuf::from(root),
        None => {
            PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache/mlops-steps")
        }
    };
    let path = root.join(relative);
    if !path.exists() {
        bail!("{} is missing: run `make setup`", path.display());
    }
    Ok(path)
}
