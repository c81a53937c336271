//! How a sub-command fails, and which exit that is.

use artifact_store::{LocationError, StoreError};
use mlflow_client::MlflowError;
use step_contract::{ConfigError, Exit};
use step_runtime::StepError;

/// No decision could be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// MLflow.
    #[error(transparent)]
    Mlflow(#[from] MlflowError),
    /// A file or object.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A place that cannot be read as one.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// A record of another step.
    #[error(transparent)]
    Record(#[from] provenance::RecordError),
    /// A statement of another step.
    #[error(transparent)]
    Statement(#[from] provenance::StatementError),
    /// A report of another step.
    #[error(transparent)]
    Report(#[from] step_report::ReportError),
    /// A configuration file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Flags or input that make no sense.
    #[error("{0}")]
    Usage(String),
    /// Somebody else is at it, and does not come to an end.
    #[error("{0}")]
    Busy(String),
    /// What should not happen.
    #[error("{0}")]
    Internal(String),
}

impl From<Error> for StepError {
    fn from(error: Error) -> Self {
        let exit = match &error {
            Error::Mlflow(inner) if inner.is_unavailable() => Exit::Unavailable,
            Error::Store(inner) if inner.is_unavailable() => Exit::Unavailable,
            Error::Busy(_) => Exit::Unavailable,
            Error::Internal(_) => Exit::Internal,
            _ => Exit::Usage,
        };
        Self::new(exit, error.to_string())
    }
}
