//! What can go wrong, sorted by what the caller can do about it.

use std::io;

/// A failure to reach data. It always names the location.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing is there: no such file, object or bucket.
    #[error("{location}: {what}")]
    NotFound {
        /// What was asked for.
        location: String,
        /// What is missing, in words.
        what: String,
    },
    /// The right to it is refused, or no credentials were found.
    #[error("{location}: {what}")]
    Denied {
        /// What was asked for.
        location: String,
        /// Who refused and what to do.
        what: String,
    },
    /// It is no longer the version that was opened or recorded.
    #[error("{location}: changed since it was {since}: {what}")]
    Changed {
        /// What was asked for.
        location: String,
        /// `opened` or `recorded`.
        since: String,
        /// Observed and expected.
        what: String,
    },
    /// It cannot be done as asked: a directory where a file is needed, a bad name.
    #[error("{location}: {what}")]
    Invalid {
        /// What was asked for.
        location: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// It could not be reached, after all retries.
    #[error("{location}: {what}")]
    Unavailable {
        /// What was asked for.
        location: String,
        /// The last failure.
        what: String,
    },
}

impl StoreError {
    /// Whether trying again later can help (a step exits 4 then, and 2 for all else).
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// The store error inside an [`io::Error`], as ranged reads return it.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Option<&Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref())
    }

    /// From a failed call on a local file.
    pub(crate) fn local(location: &impl ToString, error: &io::Error) -> Self {
        use io::ErrorKind as K;
        let location = location.to_string();
        match error.kind() {
            K::NotFound => Self::NotFound {
                location,
                what: "no such file or directory".into(),
            },
            K::PermissionDenied | K::ReadOnlyFilesystem => Self::Denied {
                location,
                what: format!("{error}; check the mount and the user"),
            },
            // A full disk or a sick one may be better on another node.
            K::StorageFull | K::QuotaExceeded | K::TimedOut | K::Interrupted | K::ResourceBusy => {
                Self::Unavailable {
                    location,
                    what: error.to_string(),
                }
            }
            _ if error.raw_os_error() == Some(libc_eio()) => Self::Unavailable {
                location,
                what: error.to_string(),
            },
            _ => Self::Invalid {
                location,
                what: error.to_string(),
            },
        }
    }
}

/// `EIO`, the same number on every Linux and BSD.
const fn libc_eio() -> i32 {
    5
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::NotFound { .. } => io::ErrorKind::NotFound,
            StoreError::Denied { .. } => io::ErrorKind::PermissionDenied,
            StoreError::Unavailable { .. } => io::ErrorKind::TimedOut,
            StoreError::Changed { .. } | StoreError::Invalid { .. } => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_way_through_io() {
        let error = StoreError::Changed {
            location: "s3://b/k".into(),
            since: "opened".into(),
            what: "size 3 instead of 4".into(),
        };
        let io: io::Error = error.clone().into();
        assert_eq!(StoreError::from_io(&io), Some(&error));
    }
}
