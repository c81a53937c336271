//! Regular expressions, as teams write them in suites and conditions.

use regex::Regex;

/// Compiles a pattern.
///
/// # Errors
/// Why it is none, on one line: the last of what the compiler says.
pub(crate) fn compiled(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| {
        let said = error.to_string();
        said.lines().last().unwrap_or_default().trim().to_owned()
    })
}
