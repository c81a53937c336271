//! What all records have in common: a schema id, one way in and one way out.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A JSON file that one step writes and another reads.
pub trait Record: Serialize + DeserializeOwned {
    /// The id that the `schema` field holds.
    const SCHEMA: &'static str;

    /// Holds what the record says about itself against itself: digests that follow from other fields.
    ///
    /// # Errors
    /// A sentence that says which field contradicts which.
    fn check(&self) -> Result<(), String>;

    /// Reads a record. `name` is the file's name, for the message.
    ///
    /// # Errors
    /// Not JSON, another schema, an unknown or missing field, or a record that contradicts itself.
    fn parse(name: &str, text: &[u8]) -> Result<Self, RecordError> {
        // The schema id first: a file of another kind or version fails on its unknown fields otherwise, with
        // a message that sends the reader the wrong way.
        let head: Head = serde_json::from_slice(text).map_err(|cause| RecordError::Json {
            name: name.to_owned(),
            cause,
        })?;
        if head.schema.as_deref() != Some(Self::SCHEMA) {
            return Err(RecordError::Schema {
                name: name.to_owned(),
                found: head.schema,
                expected: Self::SCHEMA,
            });
        }
        let record: Self = serde_json::from_slice(text).map_err(|cause| RecordError::Json {
            name: name.to_owned(),
            cause,
        })?;
        record.check().map_err(|why| RecordError::Contradiction {
            name: name.to_owned(),
            why,
        })?;
        Ok(record)
    }

    /// The record as it is written: indented JSON with a final newline.
    fn to_json(&self) -> Vec<u8> {
        // Records are maps with string keys and plain values: there is no value that JSON cannot hold.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

#[derive(Deserialize)]
struct Head {
    schema: Option<String>,
}

/// The parser's words are enough where it knows the fields; of another kind of file they say nothing.
fn no_record(cause: &serde_json::Error) -> String {
    match cause.classify() {
        serde_json::error::Category::Syntax | serde_json::error::Category::Eof => {
            format!("this is no JSON, which a record of an earlier step is ({cause})")
        }
        _ => cause.to_string(),
    }
}

/// A record that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Not JSON or not these fields.
    #[error("{name}: {}", no_record(cause))]
    Json {
        /// The file.
        name: String,
        /// Line, column and field.
        cause: serde_json::Error,
    },
    /// A file of another kind or version.
    #[error(
        "{name}: schema is {}, this step reads `{expected}`: pass the right file, or use one version of all steps",
        found.as_ref().map_or_else(|| "missing".to_owned(), |found| format!("`{found}`"))
    )]
    Schema {
        /// The file.
        name: String,
        /// What its `schema` field says.
        found: Option<String>,
        /// What it has to say.
        expected: &'static str,
    },
    /// A digest or count that does not follow from the rest of the record.
    #[error("{name}: {why}: the file was changed after it was written")]
    Contradiction {
        /// The file.
        name: String,
        /// Which field contradicts which.
        why: String,
    },
}
