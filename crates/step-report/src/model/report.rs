//! The report itself: what one run of a step decided, from what, and why.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::{self, Check};
use super::evidence::{Input, Note};
use super::outcome::{Counts, Outcome};
use super::section::{self, Section};
use crate::ReportError;

/// The schema id that every report carries and every reader asks for.
pub const SCHEMA: &str = "mlops-steps/report/v1";

/// What one run of a step decided. Readers ignore fields that they do not know, so that newer writers can add some.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Always `mlops-steps/report/v1`.
    pub schema: String,
    /// The step, such as `evaluate`.
    pub step: String,
    /// The sub-command, such as `gate`.
    pub command: String,
    /// Version of the step.
    pub version: String,
    /// One word, the same as on stdout; `ERROR` when the step could not decide.
    pub verdict: String,
    /// One sentence: why this verdict.
    pub reason: String,
    /// Name of the exit when the verdict is `ERROR`: `usage`, `unavailable`, `internal`, `terminated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
    /// When the step began, RFC 3339.
    #[serde(default)]
    pub started: String,
    /// When it ended, RFC 3339.
    #[serde(default)]
    pub finished: String,
    /// What it read.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// What the decision is bound to: `model.digest`, `dataset.digest`, `run_id`, `scored_by`.
    #[serde(default)]
    pub bindings: BTreeMap<String, String>,
    /// What it was asked, after defaults; never a secret.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
    /// The checks, in the order in which they were asked for.
    #[serde(default, serialize_with = "check::serialize_all")]
    #[schemars(with = "Vec<Check>")]
    pub checks: Vec<Check>,
    /// Tables, charts and texts.
    #[serde(default, serialize_with = "section::serialize_all")]
    #[schemars(with = "Vec<Section>")]
    pub sections: Vec<Section>,
    /// Remarks.
    #[serde(default)]
    pub notes: Vec<Note>,
}

impl Report {
    /// A report still without verdict; times are set by the runtime.
    #[must_use]
    pub fn new(step: impl Into<String>, command: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            step: step.into(),
            command: command.into(),
            version: version.into(),
            verdict: String::new(),
            reason: String::new(),
            exit: None,
            started: String::new(),
            finished: String::new(),
            inputs: Vec::new(),
            bindings: BTreeMap::new(),
            parameters: BTreeMap::new(),
            checks: Vec::new(),
            sections: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The report of a step that could not decide: verdict `ERROR`, with the message and the name of the exit.
    #[must_use]
    pub fn error(
        step: impl Into<String>,
        command: impl Into<String>,
        version: impl Into<String>,
        message: impl Into<String>,
        exit_name: impl Into<String>,
    ) -> Self {
        let mut report = Self::new(step, command, version).verdict("ERROR", message);
        report.exit = Some(exit_name.into());
        report
    }

    /// With the verdict and the sentence that says why.
    #[must_use]
    pub fn verdict(mut self, word: impl Into<String>, reason: impl Into<String>) -> Self {
        self.verdict = word.into();
        self.reason = reason.into();
        self
    }

    /// With one more input.
    #[must_use]
    pub fn with_input(mut self, input: Input) -> Self {
        self.inputs.push(input);
        self
    }

    /// With one more binding.
    #[must_use]
    pub fn with_binding(mut self, name: impl Into<String>, value: &(impl ToString + ?Sized)) -> Self {
        self.bindings.insert(name.into(), value.to_string());
        self
    }

    /// With one more parameter.
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// With one more check.
    #[must_use]
    pub fn with_check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// With one more section.
    #[must_use]
    pub fn with_section(mut self, section: impl Into<Section>) -> Self {
        self.sections.push(section.into());
        self
    }

    /// With one more remark.
    #[must_use]
    pub fn with_note(mut self, note: Note) -> Self {
        self.notes.push(note);
        self
    }

    /// How many checks had each outcome.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::of(self.checks.iter().map(|check| check.outcome))
    }

    /// The gravest outcome of all checks; none without checks.
    #[must_use]
    pub fn worst(&self) -> Option<Outcome> {
        self.checks
            .iter()
            .map(|check| check.outcome)
            .min_by_key(|outcome| outcome.rank())
    }

    /// The checks, the gravest first, else in their order.
    #[must_use]
    pub fn by_gravity(&self) -> Vec<&Check> {
        let mut checks: Vec<&Check> = self.checks.iter().collect();
        checks.sort_by_key(|check| check.outcome.rank());
        checks
    }

    /// As it will be when it is read back: every rendering starts here, so a page is the same from memory and from the file.
    pub(crate) fn normalised(&self) -> Self {
        Self {
            checks: self.checks.iter().map(Check::normalised).collect(),
            sections: self.sections.iter().map(Section::normalised).collect(),
            ..self.clone()
        }
    }

    /// The check with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// Reads `report.json`; `name` is the file as the user knows it, for messages.
    ///
    /// # Errors
    /// When the bytes are not JSON, are of another schema, or lack a field.
    pub fn from_json(name: &str, bytes: &[u8]) -> Result<Self, ReportError> {
        /// Only the schema, so that another file is told by its name and not by the first field it lacks.
        #[derive(Deserialize)]
        struct Head {
            schema: Option<Value>,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(|error| ReportError::invalid(name, &error))?;
        match head.schema {
            Some(Value::String(schema)) if schema == SCHEMA => {}
            other => {
                let found = other.map_or_else(
                    || "missing".to_owned(),
                    |schema| format!("`{schema}`").replace('"', ""),
                );
                return Err(ReportError::Schema {
                    name: name.to_owned(),
                    found,
                });
            }
        }
        serde_json::from_slice(bytes).map_err(|error| ReportError::invalid(name, &error))
    }
}

/// JSON Schema of `report.json`.
#[must_use]
pub fn json_schema() -> Value {
    schemars::schema_for!(Report).to_value()
}
