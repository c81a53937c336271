//! Several trainings at once, of which one model goes on: seeds, folds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run is one of, when several were trained at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Indexed {
    /// The MLflow run above those of all indexes.
    pub parent_run_id: String,
    /// The index whose run and model this record is of.
    pub primary: u32,
    /// How it was chosen, as `--primary` has it: `index=0`, `metric=auc:max`.
    pub chosen_by: String,
    /// All of them, by number.
    pub indexes: Vec<IndexRun>,
}

/// One training of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IndexRun {
    /// Its number, from 0: JOB_COMPLETION_INDEX.
    pub index: u32,
    /// How it ended.
    pub state: IndexState,
    /// Its MLflow run; none when it did not come so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The pod that trained last; none when the cluster no longer knew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// How many pods it had, where the cluster still knew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Last value of each metric; null when it is not a finite number.
    #[serde(default)]
    pub metrics: BTreeMap<String, Option<f64>>,
}

/// How one training of several ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IndexState {
    /// Well.
    Succeeded,
    /// Badly, for good.
    Failed,
    /// It was not waited for: enough others had succeeded, or too many had failed.
    Stopped,
}

impl IndexState {
    /// The word in records and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

impl Indexed {
    /// Holds it to the record that it is in.
    pub(crate) fn check(&self, run_id: &str) -> Result<(), String> {
        let primary = self.indexes.iter().find(|one| one.index == self.primary);
        let Some(primary) = primary else {
            return Err(format!(
                "indexed.primary is {}, which is none of indexed.indexes",
                self.primary
            ));
        };
        if primary.state != IndexState::Succeeded {
            return Err(format!(
                "indexed.primary is {}, and that index is {}",
                self.primary,
                primary.state.as_str()
            ));
        }
        if primary.run_id.as_deref() != Some(run_id) {
            return Err(format!(
                "run_id is {run_id}, and the run of indexed.primary is {}",
                primary.run_id.as_deref().unwrap_or("none")
            ));
        }
        Ok(())
    }
}
