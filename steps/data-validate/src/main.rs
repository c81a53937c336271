//! The process of the step; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    step_runtime::main(&data_validate::SPEC, data_validate::run)
}
