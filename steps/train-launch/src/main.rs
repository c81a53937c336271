//! Launches training, tracked in MLflow, bound to the validated data.

use std::process::ExitCode;

fn main() -> ExitCode {
    step_runtime::main(&train_launch::SPEC, train_launch::run)
}
