//! Decides whether a canary may take the champion's place, from what both did under the same traffic.
//!
//! `judge` reads records of requests (see `evaluate load`), one or more an arm, and says PROMOTE, ROLLBACK or
//! INCONCLUSIVE. A rollback needs evidence of harm, a promotion needs evidence of no harm: silence, too few
//! requests or an outage of both arms is neither.
//!
//! What it does not do: it moves no traffic, talks to no cluster and to no registry.

mod act;
mod cli;
pub mod config;
pub mod decide;
mod evidence;
mod gather;
mod report;

pub use cli::{Args, JudgeArgs};
pub use evidence::{Arm, Evidence, Source};

use step_contract::{CommandKind, CommandSpec, ConfigSpec, Exit, StepSpec, TemplateSpec, VerdictSpec};
use step_runtime::{Context, Finished, StepError};

/// The contract, as far as clap cannot say it.
pub static SPEC: StepSpec = StepSpec {
    name: "kserve-canary",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Judges a canary against the champion under the same traffic.",
    description: include_str!("../README.md"),
    commands: &[CommandSpec {
        name: "judge",
        kind: CommandKind::Decides,
        verdicts: &[
            VerdictSpec {
                word: "PROMOTE",
                exit: Exit::Yes,
                meaning: "enough requests, and the canary is not worse beyond the margins",
            },
            VerdictSpec {
                word: "ROLLBACK",
                exit: Exit::No,
                meaning: "the canary fails more, or answers slower, than chance explains",
            },
            VerdictSpec {
                word: "INCONCLUSIVE",
                exit: Exit::No,
                meaning: "too little evidence for either; the report says how many requests are needed",
            },
        ],
        rbac: &[],
        template: Some(TemplateSpec::DEFAULT),
    }],
    default_command: "judge",
    configs: &[ConfigSpec {
        name: "canary",
        flag: "config",
        summary: "Margins and modes of the canary's checks.",
        schema: config::schema,
    }],
};

/// Runs the sub-command.
///
/// # Errors
/// Bad flags, configuration or records; SIGTERM.
pub async fn run(args: Args, cx: Context) -> Result<Finished, StepError> {
    match args.command {
        cli::Command::Judge(args) => judge(&args, &cx).await,
    }
}

async fn judge(args: &JudgeArgs, cx: &Context) -> Result<Finished, StepError> {
    let config = gather::config(args, cx).await?;
    let evidence = gather::evidence(args, cx).await?;
    tracing::info!(
        champion = evidence.champion.total(),
        canary = evidence.canary.total(),
        "judging"
    );
    let own = cx.clone();
    cx.apart(move || {
        let decision = decide::decide(&config, &evidence);
        act::finish(&own, &config, &evidence, decision)
    })
    .await
}
