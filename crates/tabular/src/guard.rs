//! The one door through which the decoders of other people are called.
//!
//! A decoder may panic on bytes that nobody intended; a gate must then say which file is bad, not die.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::TableError;

/// Runs a decoder; a panic inside it becomes an error about this file.
pub(crate) fn guard<T>(
    file: &str,
    at: &str,
    run: impl FnOnce() -> Result<T, TableError>,
) -> Result<T, TableError> {
    // The decoder's state is dropped or never used again after a panic: callers fuse themselves.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let why = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(TableError::corrupt(
            file,
            at,
            format!("the bytes are corrupt (the decoder gave up: {why})"),
        ))
    })
}
