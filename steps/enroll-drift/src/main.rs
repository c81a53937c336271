//! enroll-drift
fn main() -> std::process::ExitCode {
    step_runtime::main(&enroll_drift::SPEC, enroll_drift::run)
}
