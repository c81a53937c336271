//! One run of the training command.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use step_runtime::StepError;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::group::Group;
use super::mask::{Mask, secrets_of};
use super::meter::Meter;
use super::tail::{From, Tail};

/// What the child finds: the training contract.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// The command.
    pub argv: Vec<String>,
    /// Where it runs.
    pub workdir: Option<PathBuf>,
    /// Variables beside those of this process.
    pub vars: Vec<(&'static str, String)>,
}

/// When training is stopped.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// The longest that it may take.
    pub deadline: Option<Duration>,
    /// From TERM to KILL.
    pub grace: Duration,
    /// Set when the step shall stop.
    pub cancel: CancellationToken,
}

/// How training ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What became of it.
    pub how: How,
    /// Seconds that it took.
    pub seconds: f64,
    /// The last lines that it printed.
    pub tail: Vec<String>,
    /// The line that says most.
    pub last: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It ended with 0.
    Well,
    /// It ended with another code.
    Code(i32),
    /// A signal ended it that was not ours.
    Signal(i32),
    /// It was stopped at the deadline.
    Deadline,
    /// The step was asked to stop.
    Stopped,
}

/// How often the file of steps is looked into.
const LOOK: Duration = Duration::from_secs(1);
/// How long the pipes may stay open after the group is gone.
const DRAIN: Duration = Duration::from_secs(2);

/// Runs the command to its end. `started` is told the group before anything is waited for.
///
/// # Errors
/// The command cannot be started.
pub(crate) async fn train(
    environment: &Environment,
    limits: &Limits,
    meter: &Meter,
    started: impl FnOnce(Option<Group>) -> Result<(), StepError>,
) -> Result<Ended, StepError> {
    let began = Instant::now();
    let mut child = spawn(environment)?;
    let group = child.id().and_then(Group::of_leader);
    // Whatever fails from here on must not leave the child behind.
    let guard = KillOnDrop(group);
    started(group)?;
    let tail = Arc::new(Mutex::new(Tail::default()));
    let secrets = secrets(environment);
    let pipes = [
        child.stdout.take().map(|pipe| {
            listen(
                From::Out,
                pipe,
                Mask::of(secrets.clone()),
                Arc::clone(&tail),
                meter.clone(),
            )
        }),
        child.stderr.take().map(|pipe| {
            listen(
                From::Err,
                pipe,
                Mask::of(secrets),
                Arc::clone(&tail),
                meter.clone(),
            )
        }),
    ];
    let how = tokio::select! {
        how = wait(&mut child, group, limits) => how?,
        never = look(meter) => match never {},
    };
    let seconds = began.elapsed().as_secs_f64();
    // What training left running in its group would hold the pipes open, and the output directory.
    drop(guard);
    for pipe in pipes.into_iter().flatten() {
        let stop = pipe.abort_handle();
        if timeout(DRAIN, pipe).await.is_err() {
            stop.abort();
        }
    }
    meter.look();
    let tail = std::mem::take(&mut *tail.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    let (tail, last) = tail.finish();
    Ok(Ended {
        how,
        seconds,
        tail,
        last,
    })
}

async fn look(meter: &Meter) -> std::convert::Infallible {
    let mut tick = interval(LOOK);
    loop {
        tick.tick().await;
        meter.look();
    }
}

/// What the child knows and must not be shown: of our own environment, and of what it gets besides.
fn secrets(environment: &Environment) -> Vec<String> {
    let own = std::env::vars_os().filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)));
    let given = environment.vars.iter();
    secrets_of(own.chain(given.map(|(name, value)| ((*name).to_owned(), value.clone()))))
}

fn spawn(environment: &Environment) -> Result<Child, StepError> {
    let [program, arguments @ ..] = environment.argv.as_slice() else {
        return Err(StepError::usage("the command is empty"));
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(environment.vars.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(dir) = &environment.workdir {
        command.current_dir(dir);
    }
    command.spawn().map_err(|error| {
        let place = environment
            .workdir
            .as_ref()
            .map(|dir| format!(" in {}", dir.display()))
            .unwrap_or_default();
        StepError::usage(format!(
            "cannot start `{program}`{place}: {error}; check --command and --workdir"
        ))
    })
}

async fn wait(child: &mut Child, group: Option<Group>, limits: &Limits) -> Result<How, StepError> {
    let deadline = async {
        match limits.deadline {
            Some(length) => sleep(length).await,
            None => std::future::pending().await,
        }
    };
    let stopped = tokio::select! {
        status = child.wait() => return status.map(of_status).map_err(|e| lost(&e)),
        () = deadline => How::Deadline,
        () = limits.cancel.cancelled() => How::Stopped,
    };
    tracing::warn!(why = ?stopped, "stopping training");
    if let Some(group) = group {
        group.terminate();
    }
    if timeout(limits.grace, child.wait()).await.is_err() {
        tracing::warn!("training did not end in its grace: killing it");
        match group {
            Some(group) => group.kill(),
            None => child.start_kill().map_err(|e| lost(&e))?,
        }
        child.wait().await.map_err(|e| lost(&e))?;
    }
    Ok(stopped)
}

fn lost(error: &std::io::Error) -> StepError {
    StepError::internal(format!("lost sight of the training process: {error}"))
}

fn of_status(status: ExitStatus) -> How {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(0), _) => How::Well,
        (Some(code), _) => How::Code(code),
        (None, signal) => How::Signal(signal.unwrap_or(0)),
    }
}

/// Passes on what comes, as it comes, and keeps its tail; neither shows a secret.
fn listen(
    from: From,
    mut pipe: impl AsyncRead + Unpin + Send + 'static,
    mut mask: Mask,
    tail: Arc<Mutex<Tail>>,
    meter: Meter,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut buffer = vec![0; 16 * 1024];
        let pass_on = |bytes: &[u8]| {
            tail.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push(from, bytes);
            meter.push(from, bytes);
            // Nobody listening to us is no reason to stop training.
            let _ = tokio::task::block_in_place(|| std::io::stderr().lock().write_all(bytes));
        };
        while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
            pass_on(&mask.push(buffer.get(..count).unwrap_or_default()));
        }
        pass_on(&mask.rest());
    })
}

struct KillOnDrop(Option<Group>);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(group) = self.0.filter(|group| group.is_there()) {
            group.kill();
        }
    }
}
