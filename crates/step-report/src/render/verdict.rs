//! What a verdict word means for a reader: DESIGN 5 lists the words.

/// How a verdict looks and whether it is a no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Yes.
    Good,
    /// Yes, with something to look at; or not enough to say.
    Caution,
    /// No, or something must be done.
    Bad,
    /// The step could not decide.
    Error,
    /// A word of a newer step.
    Neutral,
}

impl Tone {
    pub(crate) fn of(verdict: &str) -> Self {
        match verdict {
            "PASS" | "OK" | "TRAINED" | "REGISTERED" | "UNCHANGED" | "FETCHED" | "PROMOTE" | "PROMOTED"
            | "ROLLED_BACK" | "ENROLLED" => Self::Good,
            "WARN" | "ALERT" | "INCONCLUSIVE" | "INSUFFICIENT" | "SUPERSEDED" => Self::Caution,
            "FAIL" | "FAILED" | "REFUSED" | "ROLLBACK" | "RETRAIN" | "DATA_QUALITY" => Self::Bad,
            "ERROR" => Self::Error,
            _ => Self::Neutral,
        }
    }

    /// CSS class.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Good => "pass",
            Self::Caution => "warn",
            Self::Bad => "fail",
            Self::Error => "error",
            Self::Neutral => "skipped",
        }
    }
}

/// True for the words with which a deciding step exits 3: a machine must not read them as green.
pub(crate) fn rejects(verdict: &str) -> bool {
    matches!(
        verdict,
        "FAIL" | "FAILED" | "REFUSED" | "ROLLBACK" | "INCONCLUSIVE" | "SUPERSEDED"
    )
}
