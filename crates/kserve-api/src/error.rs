//! Why an inference gave no prediction.

/// Three places to look at: the way to the server, the request, the server's answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// No answer, or one that says "not now" (429, 502, 503, 504), after our own retries.
    #[error("{url}: {why}, after {attempts} attempt(s): is the model server up and the model loaded?")]
    Unavailable {
        /// What was called.
        url: String,
        /// The transport's words or the status.
        why: String,
        /// How often it was tried.
        attempts: usize,
    },
    /// The server understood and said no: asking again would not help.
    #[error("{url} refuses the request with HTTP {status}: {message}")]
    Refused {
        /// What was called.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The server's own words, shortened.
        message: String,
    },
    /// The answer came with a 2xx, but it is not one finite number a row.
    #[error("{url}: the answer cannot be used: {why}")]
    Malformed {
        /// What was called.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The request cannot be built from what was given.
    #[error("{0}")]
    Request(String),
}

impl InferenceError {
    /// Whether another attempt may help.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// Shortens a server's words to one line of at most 300 characters, on a character boundary.
pub(crate) fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return "(no text)".to_owned();
    }
    match line.char_indices().nth(300) {
        Some((cut, _)) => format!("{}...", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_cut_on_a_character() {
        assert_eq!(shorten("  a\n b "), "a b");
        assert_eq!(shorten(""), "(no text)");
        let long = shorten(&"é".repeat(400));
        assert_eq!(long.chars().count(), 303);
    }
}
