//! What can go wrong, sorted by what the caller can do about it.

/// A call that did not work. It never holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MlflowError {
    /// The server answered, and refused.
    #[error("MLflow refused {call}: {message} ({status}{})", if code.is_empty() { String::new() } else { format!(", {code}") })]
    Api {
        /// Method and path.
        call: String,
        /// HTTP status.
        status: u16,
        /// `error_code` of the answer, empty when it had none.
        code: String,
        /// First line of the answer's message.
        message: String,
    },
    /// No answer, or only passing failures, after all retries.
    #[error("MLflow is not available: {call}: {why}")]
    Unavailable {
        /// Method and path.
        call: String,
        /// The last failure.
        why: String,
    },
    /// It cannot work as asked: no address, a name that MLflow does not take, an answer that is not MLflow's.
    #[error("{0}")]
    Invalid(String),
}

impl MlflowError {
    /// Whether trying again later can help (a step exits 4 then).
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether the thing that was asked for does not exist. A missing alias is `INVALID_PARAMETER_VALUE`
    /// in MLflow, told apart by its message only.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Api { code, message, .. } => {
                code == "RESOURCE_DOES_NOT_EXIST"
                    || (code == "INVALID_PARAMETER_VALUE"
                        && message.starts_with("Registered model alias")
                        && message.contains("not found"))
            }
            _ => false,
        }
    }

    /// Whether the server does not know such a call at all: one of another version, or another implementation.
    #[must_use]
    pub fn is_no_call(&self) -> bool {
        match self {
            Self::Api { status, code, .. } => {
                matches!(status, 404 | 405 | 501) && (code.is_empty() || code == "ENDPOINT_NOT_FOUND")
            }
            _ => false,
        }
    }

    /// Whether the thing that was to be made exists.
    #[must_use]
    pub fn is_already_there(&self) -> bool {
        matches!(self, Self::Api { code, .. } if code == "RESOURCE_ALREADY_EXISTS")
    }
}
