//! What the runtime gives a step to work with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use artifact_store::Store;
use jiff::Timestamp;
use step_contract::StepSpec;
use step_report::Report;
use tokio_util::sync::CancellationToken;

use crate::error::StepError;
use crate::progress::Progress;

/// The surroundings of one run of a step. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// Files, S3 and HTTP.
    pub store: Store,
    /// Set when the step shall stop: check it between batches, and return [`crate::StepError::terminated`].
    pub cancel: CancellationToken,
    /// When the process began.
    pub started: Timestamp,
    /// How far the work is.
    pub progress: Arc<Progress>,
    pub(crate) spec: &'static StepSpec,
    pub(crate) command: String,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) given: Vec<String>,
}

impl Context {
    /// An empty report of this step and sub-command.
    #[must_use]
    pub fn report(&self) -> Report {
        Report::new(self.spec.name, &self.command, self.spec.version)
    }

    /// A statement of this step and sub-command.
    #[must_use]
    pub fn statement(&self) -> provenance::StatementBuilder {
        let builder = provenance::Statement::builder(self.spec.name, &self.command, self.spec.version);
        match std::env::var("ARGO_WORKFLOW_UID") {
            Ok(uid) if !uid.is_empty() => builder.invocation(&uid),
            _ => builder,
        }
    }

    /// The flags that were given, on the command line or by their variables, as `--name=value`, without secrets and without
    /// where outputs go: how this was started, for a record of it.
    #[must_use]
    pub fn given(&self) -> &[String] {
        &self.given
    }

    /// The further certificate authorities to trust, for clients of other services.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Does work that keeps a processor busy on a thread of its own, where a signal does not wait for it: what it
    /// would have made is then nobody's, and the process ends without it.
    ///
    /// # Errors
    /// [`StepError::terminated`] when the step is asked to stop, an internal error when the work panics.
    pub async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StepError> {
        let done = tokio::task::spawn_blocking(work);
        tokio::select! {
            done = done => Ok(done?),
            () = self.cancel.cancelled() => Err(StepError::terminated()),
        }
    }

    /// Whether the step has been asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}
