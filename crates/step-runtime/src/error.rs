//! How a step fails: an exit and a sentence.

use std::error::Error as StdError;

use artifact_store::StoreError;
use step_contract::{ConfigError, Exit};
use step_report::Report;

/// The end of a step that reached no decision.
#[derive(Debug)]
pub struct StepError {
    exit: Exit,
    message: String,
    report: Option<Box<Report>>,
}

impl StepError {
    /// An end with that exit. The message is one sentence: what happened, what was found, what to do.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            report: None,
        }
    }

    /// Bad flags, configuration or input: exit 2.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A dependency stayed down through our retries: exit 4.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Exit::Unavailable, message)
    }

    /// A bug, or what we did not foresee: exit 1.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Exit::Internal, message)
    }

    /// The step was asked to stop and has flushed: exit 143.
    #[must_use]
    pub fn terminated() -> Self {
        Self::new(Exit::Terminated, "stopped by SIGTERM")
    }

    /// An end with `exit`, the message being `error` and its causes on one line.
    #[must_use]
    pub fn caused(exit: Exit, error: &(dyn StdError + 'static)) -> Self {
        Self::new(exit, chain(error))
    }

    /// What is known already and shall be kept: it is written in place of the bare ERROR report,
    /// with the verdict ERROR.
    #[must_use]
    pub fn with_report(mut self, report: Report) -> Self {
        self.report = Some(Box::new(report));
        self
    }

    /// The exit.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// The sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn into_parts(self) -> (Exit, String, Option<Box<Report>>) {
        (self.exit, self.message, self.report)
    }
}

impl std::fmt::Display for StepError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for StepError {}

/// An error and its causes, from the outside in: `cannot read x: connection refused`. A cause whose text
/// the outer one already ends with is not said twice.
#[must_use]
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    text
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::Unavailable { .. } => Exit::Unavailable,
            // Not found, denied, changed, invalid: trying again changes nothing.
            _ => Exit::Usage,
        };
        Self::caused(exit, &error)
    }
}

impl From<ConfigError> for StepError {
    fn from(error: ConfigError) -> Self {
        Self::caused(Exit::Usage, &error)
    }
}

impl From<provenance::RecordError> for StepError {
    fn from(error: provenance::RecordError) -> Self {
        Self::caused(Exit::Usage, &error)
    }
}

impl From<step_report::ReportError> for StepError {
    fn from(error: step_report::ReportError) -> Self {
        Self::caused(Exit::Usage, &error)
    }
}

impl From<tokio::task::JoinError> for StepError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(format!("a worker of the step ended without an answer: {error}"))
    }
}
