//! Tests that hold across the whole repository; see the files beside this one.

use std::path::PathBuf;

use step_contract::{Contract, StepSpec};

/// A step: its spec, its clap command, its contract.
pub struct Step {
    /// What clap cannot say.
    pub spec: &'static StepSpec,
    /// The command, with environment names.
    pub command: clap::Command,
    /// The contract read from both.
    pub contract: Contract,
}

/// All six steps.
#[must_use]
pub fn steps() -> Vec<Step> {
    fn of<A: clap::CommandFactory>(spec: &'static StepSpec) -> Step {
        Step {
            spec,
            command: step_runtime::command::<A>(spec),
            contract: step_runtime::contract::<A>(spec),
        }
    }
    vec![
        of::<data_validate::Args>(&data_validate::SPEC),
        of::<train_launch::Cli>(&train_launch::SPEC),
        of::<evaluate::cli::Args>(&evaluate::SPEC),
        of::<mlflow_register::Args>(&mlflow_register::SPEC),
        of::<kserve_canary::Args>(&kserve_canary::SPEC),
        of::<enroll_drift::cli::Args>(&enroll_drift::SPEC),
    ]
}

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("MLOPS_STEPS_ROOT"))
}
