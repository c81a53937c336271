//! `evaluate`: holds a challenger model to its quality gates.
//!
//! [`gate`] judges scores, [`load`] drives the served model. The mathematics ([`metrics`], [`comparison`]) and the
//! decision ([`decide`]) are pure; all reads are in `gather`, and nothing is written but by the runtime.

pub mod cli;
pub mod comparison;
pub mod config;
pub mod decide;
pub mod evidence;
pub mod gate;
pub mod load;
pub mod metrics;

use step_contract::{ConfigSpec, StepSpec};
use step_runtime::{Context, Finished, StepError};

use cli::{Args, Command};

/// The contract of the step.
pub const SPEC: StepSpec = StepSpec {
    name: "evaluate",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Holds a challenger model to its quality gates",
    description: include_str!("description.md"),
    commands: &[gate::COMMAND, load::COMMAND],
    default_command: "gate",
    configs: &[
        ConfigSpec {
            name: "quality_gates",
            flag: "gates",
            summary: "The gates that a challenger has to pass.",
            schema: || schemars::schema_for!(config::GatesFile),
        },
        ConfigSpec {
            name: "behaviour",
            flag: "behaviour",
            summary: "Behavioural tests: known answers, changes that must not matter, changes that must push one way.",
            schema: || schemars::schema_for!(config::behaviour::BehaviourFile),
        },
    ],
};

/// Runs the step.
///
/// # Errors
/// Those of the sub-command.
pub async fn run(args: Args, cx: Context) -> Result<Finished, StepError> {
    match args.command {
        Command::Gate(args) => gate::run(args, cx).await,
        Command::Load(args) => load::run(args, cx).await,
    }
}
