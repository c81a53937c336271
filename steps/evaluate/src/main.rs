//! The `evaluate` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    step_runtime::main(&evaluate::SPEC, evaluate::run)
}
