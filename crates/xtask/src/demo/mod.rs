//! `cargo xtask demo`: the whole pipeline on real data with real services, on this machine.

mod facts;
pub(crate) mod pipeline;
mod place;
mod processes;
mod refusals;
mod registry;
mod services;
mod stage;
mod story;
mod traffic;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::build::{self, Profile};
use crate::{lab, say};
use place::Place;
use processes::Processes;

/// Where the demo lives.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The folder for reports, databases and logs; an earlier demo in it is replaced.
    #[arg(long, env = "DEMO_DIR", default_value = "out/demo")]
    dir: PathBuf,
    /// Leave MLflow, the S3 server and the model servers running at the end, to look around; `demo-down` stops them.
    #[arg(long)]
    keep: bool,
}

/// Installs, builds, and tells the story.
pub(crate) fn run(options: &Options) -> Result<()> {
    let start = Instant::now();
    let lab = lab::setup()?;
    say::heading("Build");
    let building = Instant::now();
    let bin = build::steps(Profile::Release)?;
    say::took("six step binaries, release", building);
    let place = Place::claim(&options.dir)?;
    let leftovers = processes::stop_leftovers(&place.state())?;
    if !leftovers.is_empty() {
        say::line(&format!(
            "  stopped what an earlier demo left running: {}",
            leftovers.join(", ")
        ));
    }
    place.clear()?;
    let processes = Arc::new(Processes::new(place.state())?);
    let told = until_told_to_stop(&processes, {
        let (processes, keep) = (Arc::clone(&processes), options.keep);
        move || story::tell(&lab, &bin, &place, &processes, keep)
    });
    if told.is_err() || !options.keep {
        let stopped = processes.stop_all()?;
        say::line(&format!(
            "\nstopped: {}",
            if stopped.is_empty() {
                "nothing was left".to_owned()
            } else {
                stopped.join(", ")
            }
        ));
    }
    told?;
    say::took("the demo, all", start);
    Ok(())
}

/// Stops what a demo left running; its reports stay.
pub(crate) fn down(options: &Options) -> Result<()> {
    let stopped = processes::stop_leftovers(&Place::at(&options.dir)?.state())?;
    say::line(&match stopped.as_slice() {
        [] => "nothing was running".to_owned(),
        names => format!("stopped: {}", names.join(", ")),
    });
    Ok(())
}

/// Runs the story in a thread and waits for its end or for a signal, whichever is first.
fn until_told_to_stop(
    processes: &Arc<Processes>,
    story: impl FnOnce() -> Result<()> + Send + 'static,
) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let (done, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // Nobody listens any more when a signal came first.
        let _ = done.send(story());
    });
    let told = runtime.block_on(async {
        let (mut interrupt, mut terminate, mut hang_up) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        );
        tokio::select! {
            told = ended => told.context("the story broke off, see above")?,
            _ = interrupt.recv() => bail!("interrupted"),
            _ = terminate.recv() => bail!("terminated"),
            _ = hang_up.recv() => bail!("the terminal went away"),
        }
    });
    if told.is_err() {
        // The story's thread may be about to start something: from here on it cannot.
        processes.close();
    }
    told
}
