//! From what the libraries say to how the step ends.

use step_runtime::StepError;
use tabular::TableError;

use crate::gather::objects::io_error;

/// A file that cannot be read ends the step: it names the file, and what to do.
#[must_use]
pub fn table_error(error: &TableError) -> StepError {
    match error {
        TableError::Io { file, source } => io_error(file, source),
        other => StepError::usage(other.to_string()),
    }
}

/// Why a scan stopped.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The data.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The disk that holds keys beyond the memory budget.
    #[error("cannot keep row keys in a temporary file (TMPDIR says where)")]
    Spill(#[from] std::io::Error),
    /// A place that is written to while it is read.
    #[error(transparent)]
    Store(#[from] artifact_store::StoreError),
    /// The step was asked to stop.
    #[error("stopped")]
    Cancelled,
}

impl From<ScanError> for StepError {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Table(error) => table_error(&error),
            ScanError::Spill(source) => Self::internal(format!(
                "cannot keep row keys in a temporary file: {source}; mount an emptyDir and let TMPDIR name it"
            )),
            ScanError::Store(error) => error.into(),
            ScanError::Cancelled => Self::terminated(),
        }
    }
}
