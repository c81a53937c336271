//! One failed attempt: the error, and whether another attempt can help.

use std::error::Error;
use std::fmt;

use crate::error::StoreError;
use crate::retry::Again;

#[derive(Debug)]
pub(crate) struct Failed {
    pub error: StoreError,
    pub again: Again,
}

impl Failed {
    /// The answer is final.
    pub(crate) fn last(error: StoreError) -> Self {
        Self {
            error,
            again: Again::No,
        }
    }

    /// Another attempt may get a better answer.
    pub(crate) fn passing(error: StoreError) -> Self {
        Self {
            error,
            again: Again::Yes,
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// An error and what it came from, without repeating itself.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        source = inner.source();
    }
    // Libraries write lists over several lines; a message is one.
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}
