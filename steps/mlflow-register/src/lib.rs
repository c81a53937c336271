//! Lets a model into the MLflow registry when it is proven that it may: the data was validated, this very
//! model was trained on that data, and this very model passed its evaluation on that data.
//!
//! * `register` verifies the chain, registers once, writes the card and the metadata.
//! * `promote` and `rollback` move an alias, and only from where it is expected to be.
//! * `fetch` puts a model on a disk, verified and whole.
//! * `resolve` says which version an alias points to, and by which digest.
//!
//! It never serves, never evaluates and never decides whether a model is good: it decides whether somebody
//! who may has decided so about these bytes.

mod act;
mod card;
mod cli;
mod config;
mod decide;
mod error;
mod fetch;
mod gather;
mod metadata;
mod moves;
mod place;
mod register;
mod report;
mod resolve;
mod spec;

pub use cli::Args;
pub use spec::SPEC;

use std::pin::Pin;

use step_runtime::{Context, Finished, StepError};

/// Runs one sub-command. All writes can be repeated, so SIGTERM may end it between any two of them.
///
/// # Errors
/// Bad input (exit 2), or MLflow or S3 not to be reached (exit 4).
pub async fn run(args: Args, cx: Context) -> Result<Finished, StepError> {
    let cancel = cx.cancel.clone();
    // Boxed, for the compiler computes the layout of nested futures by recursion.
    let work: Pin<Box<dyn Future<Output = Result<Finished, error::Error>>>> = match args.command {
        cli::Command::Register(args) => Box::pin(register::run(*args, &cx)),
        cli::Command::Promote(args) => Box::pin(moves::promote(args, &cx)),
        cli::Command::Rollback(args) => Box::pin(moves::rollback(args, &cx)),
        cli::Command::Fetch(args) => Box::pin(fetch::run(args, &cx)),
        cli::Command::Resolve(args) => Box::pin(resolve::run(args, &cx)),
    };
    tokio::select! {
        done = work => done.map_err(StepError::from),
        () = cancel.cancelled() => Err(StepError::terminated()),
    }
}
