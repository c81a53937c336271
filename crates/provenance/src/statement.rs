//! In-toto Statement v1 with an SLSA provenance v1 predicate: who made what from what.
//!
//! The shapes are those of <https://in-toto.io/Statement/v1> and <https://slsa.dev/provenance/v1>. Statements
//! are not signed here; a signer wraps the file in an envelope of its own.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;

/// `_type` of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// `predicateType` of ours.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// An attestation about the subjects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// What was made.
    pub subject: Vec<Resource>,
    /// [`PREDICATE_TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// How it was made.
    pub predicate: Provenance,
}

/// An artifact by name or place, and digest (in-toto `ResourceDescriptor`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Name, for subjects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Place, for materials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Algorithm to hex digits.
    pub digest: BTreeMap<String, String>,
}

/// SLSA provenance v1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Provenance {
    /// What was asked for.
    pub build_definition: BuildDefinition,
    /// Who did it and when.
    pub run_details: RunDetails,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BuildDefinition {
    /// Step and command: `urn:mlops-steps:build:<step>:<command>:v1`.
    pub build_type: String,
    /// The parameters that the caller gave.
    pub external_parameters: BTreeMap<String, Value>,
    /// What it read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolved_dependencies: Vec<Resource>,
}

/// Who did it and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunDetails {
    /// The program.
    pub builder: Builder,
    /// The invocation.
    pub metadata: Metadata,
}

/// The program that made the subjects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Builder {
    /// `urn:mlops-steps:step:<step>`.
    pub id: String,
    /// Step to version.
    pub version: BTreeMap<String, String>,
}

/// One invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Metadata {
    /// The workflow's uid, when the step ran in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation_id: Option<String>,
    /// RFC 3339, UTC.
    pub started_on: String,
    /// RFC 3339, UTC.
    pub finished_on: String,
}

/// A file that is not a statement of ours.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// Not JSON or not these fields.
    #[error("{name}: {cause}")]
    Json {
        /// The file.
        name: String,
        /// Line, column and field.
        cause: serde_json::Error,
    },
    /// Another type of statement.
    #[error("{name}: {field} is `{found}`, `{expected}` is expected")]
    Type {
        /// The file.
        name: String,
        /// `_type` or `predicateType`.
        field: &'static str,
        /// What it says.
        found: String,
        /// What it has to say.
        expected: &'static str,
    },
}

impl Statement {
    /// Begins a statement about what `step` made with `command`.
    ///
    /// ```
    /// use provenance::{Statement, digest_bytes};
    /// let at = "2026-11-23T14:00:00Z".parse().unwrap();
    /// let statement = Statement::builder("evaluate", "gate", "0.1.0")
    ///     .subject("report.json", &digest_bytes("{}"))
    ///     .material("runs:/3f/model", &digest_bytes("model"))
    ///     .parameter("on-reject", "fail")
    ///     .build(at, at);
    /// assert!(statement.has_subject(&digest_bytes("{}")));
    /// assert_eq!(statement.step(), Some("evaluate"));
    /// ```
    pub fn builder(step: &str, command: &str, version: &str) -> StatementBuilder {
        StatementBuilder {
            step: step.to_owned(),
            command: command.to_owned(),
            version: version.to_owned(),
            subject: Vec::new(),
            materials: Vec::new(),
            parameters: BTreeMap::new(),
            invocation: None,
        }
    }

    /// Reads a statement. `name` is the file's name, for the message.
    ///
    /// # Errors
    /// Not JSON, unknown or missing fields, or another type of statement.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, StatementError> {
        let statement: Self = serde_json::from_slice(text).map_err(|cause| StatementError::Json {
            name: name.to_owned(),
            cause,
        })?;
        for (field, found, expected) in [
            ("_type", &statement.kind, STATEMENT_TYPE),
            ("predicateType", &statement.predicate_type, PREDICATE_TYPE),
        ] {
            if found != expected {
                let (name, found) = (name.to_owned(), found.clone());
                return Err(StatementError::Type {
                    name,
                    field,
                    found,
                    expected,
                });
            }
        }
        Ok(statement)
    }

    /// Indented JSON with a final newline.
    pub fn to_json(&self) -> Vec<u8> {
        // Maps with string keys and plain values: there is no value that JSON cannot hold.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Names one more artifact that was made: for the runtime, which alone sees the bytes of the outputs.
    pub fn add_subject(&mut self, name: &str, digest: &Digest) {
        self.subject.push(Resource::named(name, digest));
    }

    /// Whether something with this digest was made.
    pub fn has_subject(&self, digest: &Digest) -> bool {
        self.subject.iter().any(|resource| resource.is(digest))
    }

    /// Whether something with this digest was read.
    pub fn has_material(&self, digest: &Digest) -> bool {
        self.predicate
            .build_definition
            .resolved_dependencies
            .iter()
            .any(|resource| resource.is(digest))
    }

    /// The step that made it, when it is one of ours.
    pub fn step(&self) -> Option<&str> {
        self.predicate
            .run_details
            .builder
            .id
            .strip_prefix("urn:mlops-steps:step:")
    }
}

impl Resource {
    fn named(name: &str, digest: &Digest) -> Self {
        Self {
            name: Some(name.to_owned()),
            uri: None,
            digest: sha256(digest),
        }
    }

    /// Whether it has this digest.
    pub fn is(&self, digest: &Digest) -> bool {
        self.digest.get("sha256") == Some(&digest.hex())
    }
}

fn sha256(digest: &Digest) -> BTreeMap<String, String> {
    BTreeMap::from([("sha256".to_owned(), digest.hex())])
}

/// A statement in the making.
#[derive(Debug, Clone)]
pub struct StatementBuilder {
    step: String,
    command: String,
    version: String,
    subject: Vec<Resource>,
    materials: Vec<Resource>,
    parameters: BTreeMap<String, Value>,
    invocation: Option<String>,
}

impl StatementBuilder {
    /// Something that the step made.
    #[must_use]
    pub fn subject(mut self, name: &str, digest: &Digest) -> Self {
        self.subject.push(Resource::named(name, digest));
        self
    }

    /// Something that the step read.
    #[must_use]
    pub fn material(mut self, uri: &str, digest: &Digest) -> Self {
        self.materials.push(Resource {
            name: None,
            uri: Some(uri.to_owned()),
            digest: sha256(digest),
        });
        self
    }

    /// A parameter that the caller gave. Never a secret.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    /// The invocation, such as the workflow's uid.
    #[must_use]
    pub fn invocation(mut self, id: &str) -> Self {
        self.invocation = Some(id.to_owned());
        self
    }

    /// The statement. Times are cut to the second, as in the specification's examples.
    pub fn build(self, started: Timestamp, finished: Timestamp) -> Statement {
        let Self {
            step,
            command,
            version,
            subject,
            materials,
            parameters,
            invocation,
        } = self;
        Statement {
            kind: STATEMENT_TYPE.to_owned(),
            subject,
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: Provenance {
                build_definition: BuildDefinition {
                    build_type: format!("urn:mlops-steps:build:{step}:{command}:v1"),
                    external_parameters: parameters,
                    resolved_dependencies: materials,
                },
                run_details: RunDetails {
                    builder: Builder {
                        id: format!("urn:mlops-steps:step:{step}"),
                        version: BTreeMap::from([(step, version)]),
                    },
                    metadata: Metadata {
                        invocation_id: invocation,
                        started_on: rfc3339(started),
                        finished_on: rfc3339(finished),
                    },
                },
            },
        }
    }
}

fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
