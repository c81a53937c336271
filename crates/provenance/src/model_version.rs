//! `model-version.json`: the entry in the registry that a model got.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dataset::DatasetRef;
use crate::digest::Digest;
use crate::record::Record;

/// A registered model version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelVersionRecord {
    /// `mlops-steps/model-version/v1`.
    pub schema: String,
    /// Registered model.
    pub name: String,
    /// Version, as MLflow spells it: `7`.
    pub version: String,
    /// `models:/<name>/<version>`.
    pub model_uri: String,
    /// Where the version's files are: `runs:/<run id>/model`.
    pub source: String,
    /// The run that made it.
    pub run_id: String,
    /// MLflow server.
    pub tracking_uri: String,
    /// Digest of the model's files.
    pub digest: Digest,
    /// What it was trained on.
    pub dataset: DatasetRef,
    /// Digest of the evaluation report that let it in.
    pub evaluation: Digest,
    /// Aliases that point to it, sorted.
    pub aliases: Vec<String>,
    /// Stage, when one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// What a promotion replaced; absent before the first promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_champion: Option<PreviousVersion>,
}

/// Where an alias pointed before a promotion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviousVersion {
    /// The alias that moved.
    pub alias: String,
    /// The version that it pointed to; null when it did not exist.
    pub version: Option<String>,
}

impl Record for ModelVersionRecord {
    const SCHEMA: &'static str = "mlops-steps/model-version/v1";

    fn check(&self) -> Result<(), String> {
        let expected = format!("models:/{}/{}", self.name, self.version);
        if self.model_uri == expected {
            Ok(())
        } else {
            Err(format!(
                "model_uri is {}, name and version give {expected}",
                self.model_uri
            ))
        }
    }
}
