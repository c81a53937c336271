//! Enrols a model in drift monitoring, and holds its live data against what it was enrolled with.
//!
//! `enroll` reads the data of the baseline twice and freezes bins with exact counts; `check` counts one window on
//! the same bins, so that two checks of two days compare. What decides is [`decide::decide`], which is pure: the
//! largest PSI that is both large and significant. It refuses to say OK where it cannot know: an empty or small
//! window is INSUFFICIENT, a lost or retyped column is DATA_QUALITY.
//!
//! What it does not do: it never trains, never touches the model, and posts an event only under an id that follows
//! from the model, the baseline and the window, so that a retry cannot start two retrainings.

mod act;
pub mod baseline;
mod check;
pub mod cli;
pub mod columns;
pub mod compare;
pub mod config;
pub mod count;
pub mod decide;
mod enroll;
pub mod event;
pub mod freeze;
pub mod gather;
pub mod manifest;
mod report;
mod schedule;
mod selection;
pub mod window;

use step_contract::{CommandKind, CommandSpec, ConfigSpec, Exit, Rbac, StepSpec, TemplateSpec, VerdictSpec};
use step_runtime::{Context, Finished, StepError};

use cli::{Args, Command};

/// The contract that clap cannot say.
pub static SPEC: StepSpec = StepSpec {
    name: "enroll-drift",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Enrols a model in drift monitoring and checks its live data",
    description: include_str!("description.md"),
    commands: &[
        CommandSpec {
            name: "check",
            kind: CommandKind::Decides,
            verdicts: &[
                VerdictSpec {
                    word: "OK",
                    exit: Exit::Yes,
                    meaning: "No column has drifted in size and significance.",
                },
                VerdictSpec {
                    word: "ALERT",
                    exit: Exit::Yes,
                    meaning: "A column, or the prediction, has reached `psi_alert`; the channel is told.",
                },
                VerdictSpec {
                    word: "RETRAIN",
                    exit: Exit::Yes,
                    meaning: "A column has reached `psi_retrain`; the event is posted and the channel told.",
                },
                VerdictSpec {
                    word: "INSUFFICIENT",
                    exit: Exit::Yes,
                    meaning: "Too few rows to tell, or none at all.",
                },
                VerdictSpec {
                    word: "DATA_QUALITY",
                    exit: Exit::Yes,
                    meaning: "A watched column is missing, of another type, or without a value: the window cannot be compared.",
                },
            ],
            rbac: &[],
            template: Some(TemplateSpec::DEFAULT),
        },
        CommandSpec {
            name: "enroll",
            kind: CommandKind::Decides,
            verdicts: &[VerdictSpec {
                word: "ENROLLED",
                exit: Exit::Yes,
                meaning: "The baseline is frozen.",
            }],
            rbac: &[Rbac {
                api_group: "argoproj.io",
                resources: &["cronworkflows"],
                verbs: &["get", "create", "patch"],
            }],
            template: Some(TemplateSpec::DEFAULT),
        },
    ],
    default_command: "check",
    configs: &[ConfigSpec {
        name: "drift",
        flag: "config",
        summary: "What is watched, when drift counts, and what happens then.",
        schema: config::schema,
    }],
};

/// Runs the step.
///
/// # Errors
/// What keeps it from a decision, with its exit.
pub async fn run(args: Args, cx: Context) -> Result<Finished, StepError> {
    let cancel = cx.cancel.clone();
    let work = async {
        match args.command {
            Command::Enroll(args) => Box::pin(enroll::run(*args, cx)).await,
            Command::Check(args) => Box::pin(check::run(*args, cx)).await,
        }
    };
    // Nothing is written before the end, and an event that is posted twice is one event: so a stop may come
    // anywhere. Threads that read see the token themselves.
    tokio::select! {
        ended = work => ended,
        () = cancel.cancelled() => Err(StepError::terminated()),
    }
}
