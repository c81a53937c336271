//! To come.

use step_contract::ConfigError;

use super::{Found, Source};

/// Reads it.
///
/// # Errors
/// It is none.
pub fn read(source: &Source<'_>) -> Result<Vec<Found>, ConfigError> {
    Err(source.fault("", "is not read yet"))
}
