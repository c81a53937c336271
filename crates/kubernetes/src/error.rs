//! How a call to the API server fails.

use std::error::Error as StdError;
use std::time::Duration;

use artifact_store::{Again, again_by_status};
use step_contract::Exit;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is no cluster to talk to, or its configuration cannot be used.
    #[error(
        "no Kubernetes cluster: {0}; run in a pod with a service account, or name a kubeconfig in KUBECONFIG"
    )]
    NoCluster(String),
    /// The API server is away, or asks to come back later.
    #[error("the Kubernetes API is not available: {call}: {why}")]
    Unavailable {
        /// `get jobs/train-1`.
        call: String,
        /// What happened.
        why: String,
    },
    /// The service account may not do that.
    #[error("not allowed to {call}: {why}")]
    Denied {
        /// `create jobs/train-1`.
        call: String,
        /// What the server says.
        why: String,
    },
    /// No such object, or no such kind.
    #[error("cannot {call}: {why}")]
    NotFound {
        /// `get jobs/train-1`.
        call: String,
        /// What the server says.
        why: String,
    },
    /// Somebody else was there first.
    #[error("cannot {call}: {why}")]
    Conflict {
        /// `create jobs/train-1`.
        call: String,
        /// What the server says.
        why: String,
    },
    /// The object cannot be.
    #[error("cannot {call}: {why}")]
    Invalid {
        /// `create jobs/train-1`.
        call: String,
        /// What the server says: field, value, what is allowed.
        why: String,
    },
}

impl ClusterError {
    /// Whether a later attempt may succeed with nothing changed.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// How a step ends that cannot go on: an outage is worth a retry, the rest is for people to mend.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        if self.is_unavailable() {
            Exit::Unavailable
        } else {
            Exit::Usage
        }
    }

    /// Whether the object, or its kind, is not there.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

/// A failed attempt, and whether another can help.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: ClusterError,
    pub(crate) again: Again,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

/// Sorts an error of the client.
pub(crate) fn sort(call: &str, error: &kube::Error) -> Failed {
    let call = call.to_owned();
    let kube::Error::Api(status) = error else {
        let why = chain(error);
        // Certificates and credentials do not mend themselves; the rest is the network.
        if matches!(
            error,
            kube::Error::Auth(_) | kube::Error::InferConfig(_) | kube::Error::InferKubeconfig(_)
        ) {
            return Failed {
                error: ClusterError::NoCluster(why),
                again: Again::No,
            };
        }
        return Failed {
            error: ClusterError::Unavailable { call, why },
            again: Again::Yes,
        };
    };
    let why = if status.message.is_empty() {
        status.reason.clone()
    } else {
        status.message.clone()
    };
    let pause = status
        .details
        .as_ref()
        .map(|details| details.retry_after_seconds)
        .filter(|seconds| *seconds > 0)
        .map(|seconds| Duration::from_secs(u64::from(seconds)));
    let again = again_by_status(status.code, pause);
    let error = match status.code {
        401 | 403 => ClusterError::Denied { call, why },
        404 => ClusterError::NotFound { call, why },
        409 => ClusterError::Conflict { call, why },
        _ if again != Again::No => ClusterError::Unavailable { call, why },
        _ => ClusterError::Invalid { call, why },
    };
    Failed { error, again }
}

/// An error with its causes, none said twice.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
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
