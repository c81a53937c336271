//! Reports as the steps write them: one that says no, one that says yes, one that asks for a retraining.

mod drift;
mod evaluation;
mod validation;

pub(crate) use drift::drift;
pub(crate) use evaluation::evaluation;
pub(crate) use validation::validation;

use step_report::Report;

pub(crate) fn digest(fill: char) -> String {
    format!("sha256:{}", fill.to_string().repeat(64))
}

fn timed(mut report: Report, started: &str, finished: &str) -> Report {
    report.started = started.to_owned();
    report.finished = finished.to_owned();
    report
}
