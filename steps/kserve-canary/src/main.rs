//! The process of the step; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    step_runtime::main(&kserve_canary::SPEC, kserve_canary::run)
}
