//! What can be wrong with a report that a later step is given to read.

/// Why bytes are not a report that this version reads. Every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Not JSON, or JSON of another shape.
    #[error("{name}:{line}:{column}: not a report: {message}")]
    Invalid {
        /// The file, as the caller named it.
        name: String,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// JSON without `schema`, or of another schema or version.
    #[error(
        "{name}: the schema is {found}, this step reads `{}`: is it the right file, and of the same release?",
        crate::SCHEMA
    )]
    Schema {
        /// The file, as the caller named it.
        name: String,
        /// The schema found, in backticks, or `missing`.
        found: String,
    },
}

impl ReportError {
    pub(crate) fn invalid(name: &str, error: &serde_json::Error) -> Self {
        // serde_json ends its messages with the place, which stands at the front here.
        let text = error.to_string();
        let message = text
            .rsplit_once(" at line ")
            .map_or(text.as_str(), |(head, _)| head)
            .to_owned();
        Self::Invalid {
            name: name.to_owned(),
            line: error.line(),
            column: error.column(),
            message,
        }
    }
}
