//! Launches training, tracked in one MLflow run, bound to the data that was validated.
//!
//! `run` reads: gather the dataset and hold its bytes against the record; find or make the MLflow run; train,
//! unless an earlier attempt has; find and digest the model; make the server hold it; end the run; report.

mod act;
mod asked;
mod cli;
mod compute;
mod duration;
mod gather;
mod identity;
mod install;
mod job;
mod model;
mod plan;
mod process;
mod publish;
mod report;
mod reproduce;
mod settings;
mod spec;
mod tracking;
mod verify;
mod window;
mod words;

use step_runtime::{Context, Finished, StepError};

pub use cli::{Cli, Command, Executor, InstallArgs, LeftArgs, ReproduceArgs, RunArgs, Tracker, VerifyArgs};
pub use duration::Length;
pub use spec::SPEC;
pub use words::{argv, quoted, words};

/// Runs the step.
///
/// # Errors
/// See [`StepError`]: bad input is 2, a dependency that is away 4, SIGTERM 143.
pub async fn run(cli: Cli, cx: Context) -> Result<Finished, StepError> {
    match cli.command {
        Command::Install(args) => install::install(&args),
        Command::Plan(args) => plan::plan(&args, &cx).await,
        Command::VerifyOutput(args) => verify::verify_output(&args).await,
        Command::Reproduce(args) => reproduce::reproduce(&args, &cx).await,
        Command::Run(mut args) => {
            args.more_tags = settings::tags(cx.given());
            launch(&args, &cx).await
        }
    }
}

/// Launches a training where it is to run.
async fn launch(args: &RunArgs, cx: &Context) -> Result<Finished, StepError> {
    match args.executor {
        Executor::Process => act::run(args, cx).await,
        Executor::Job => job::run(args, cx).await,
    }
}
