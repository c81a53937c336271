//! `mlflow-register`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    step_runtime::main(&mlflow_register::SPEC, mlflow_register::run)
}
