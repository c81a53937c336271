//! The exit codes, one enum for all steps: they are an API to Argo's `retryStrategy`.

use serde::Serialize;

/// How a step ends. The number is the process's exit code.
///
/// ```
/// use step_contract::Exit;
/// assert_eq!(Exit::No.code(), 3);
/// assert!(Exit::Unavailable.is_retried() && !Exit::No.is_retried());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Exit {
    /// The decision was reached and is yes.
    Yes = 0,
    /// A bug, or an error that we did not foresee.
    Internal = 1,
    /// Bad flags, configuration or input: trying again changes nothing.
    Usage = 2,
    /// The decision was reached and is no; the report is complete.
    No = 3,
    /// A dependency was unreachable after our own retries.
    Unavailable = 4,
    /// Stopped by SIGTERM after a flush.
    Terminated = 143,
}

impl Exit {
    /// Every exit, in the order of the codes.
    pub const ALL: [Self; 6] = [
        Self::Yes,
        Self::Internal,
        Self::Usage,
        Self::No,
        Self::Unavailable,
        Self::Terminated,
    ];

    /// The process's exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The word used in reports and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::No => "no",
            Self::Unavailable => "unavailable",
            Self::Terminated => "terminated",
        }
    }

    /// One sentence for the reference page.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Yes => "the decision was reached and is yes",
            Self::Internal => "an error inside the step; please report it",
            Self::Usage => "bad flags, configuration or input; nothing but the report was written",
            Self::No => "the decision was reached and is no; the report is complete",
            Self::Unavailable => "a dependency stayed unreachable after the step's own retries",
            Self::Terminated => "stopped by SIGTERM after a flush",
        }
    }

    /// Whether the shipped templates run the step again after this exit.
    #[must_use]
    pub const fn is_retried(self) -> bool {
        matches!(self, Self::Unavailable | Self::Terminated)
    }
}
