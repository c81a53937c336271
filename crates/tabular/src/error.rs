//! What can be wrong with a file of data, said with the file, the place in it and the column.

use std::fmt::Write as _;

/// Why a table could not be read. Every form names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The name of the file says no known format.
    #[error(
        "{file}: no known table format; expected .parquet, .csv, .tsv, .jsonl, .ndjson, .arrow or .feather \
         (text forms also .gz or .zst)"
    )]
    UnknownFormat {
        /// The file.
        file: String,
    },
    /// The file holds nothing at all.
    #[error("{file}: the file is empty (0 bytes of {format}); a table needs at least {needs}")]
    Empty {
        /// The file.
        file: String,
        /// Its format.
        format: &'static str,
        /// What the smallest valid file of this format holds.
        needs: &'static str,
    },
    /// The bytes are not what the format asks for: truncated, corrupt, or of another format.
    #[error("{file}: {}{what}", place(.at))]
    Corrupt {
        /// The file.
        file: String,
        /// Where in it, for example `line 7` or `row group 3, column dep_delay`; empty for the whole file.
        at: String,
        /// What was found and what was expected.
        what: String,
    },
    /// A column that was asked for is not in the file.
    #[error("{file}: no column `{column}`{}; the file has {}", suggestion(.nearest), list(.known))]
    NoColumn {
        /// The file.
        file: String,
        /// The column that was asked for.
        column: String,
        /// The most similar name in the file.
        nearest: Option<String>,
        /// All names in the file.
        known: Vec<String>,
    },
    /// Two columns have one name, so that neither can be meant.
    #[error("{file}: the column name `{column}` appears twice; every column needs a name of its own")]
    DuplicateColumn {
        /// The file.
        file: String,
        /// The name.
        column: String,
    },
    /// A column cannot be read the way it was asked for.
    #[error("{file}: column `{column}`: {what}")]
    Column {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// What was found and what was expected.
        what: String,
    },
    /// The bytes could not be had.
    #[error("{file}: cannot read")]
    Io {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl TableError {
    /// The column that the error is about, if it is about one alone.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::NoColumn { column, .. }
            | Self::DuplicateColumn { column, .. }
            | Self::Column { column, .. } => Some(column),
            _ => None,
        }
    }

    pub(crate) fn corrupt(file: &str, at: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Corrupt {
            file: file.to_owned(),
            at: at.into(),
            what: what.into(),
        }
    }

    pub(crate) fn io(file: &str, source: std::io::Error) -> Self {
        Self::Io {
            file: file.to_owned(),
            source: crate::input::Unread::unwrapped(source),
        }
    }
}

fn place(at: &str) -> String {
    if at.is_empty() {
        String::new()
    } else {
        format!("{at}: ")
    }
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}

/// At most a dozen names, for a table may have thousands.
fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "no columns".to_owned();
    }
    let mut text = names
        .iter()
        .take(12)
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > 12 {
        let _ = write!(text, " and {} more", names.len() - 12);
    }
    text
}
