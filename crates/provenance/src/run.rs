//! `run.json`: which model came out of which training run, on which data, from which code.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dataset::DatasetRef;
use crate::digest::Digest;
use crate::indexed::Indexed;
use crate::record::Record;
use crate::tree::{FileDigest, digest_files};

/// A finished training run and its model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingRun {
    /// `mlops-steps/run/v1`.
    pub schema: String,
    /// MLflow run id.
    pub run_id: String,
    /// MLflow experiment name.
    pub experiment: String,
    /// MLflow experiment id.
    pub experiment_id: String,
    /// MLflow server.
    pub tracking_uri: String,
    /// Root of the run's artifacts: `mlflow-artifacts:/…` or `s3://…`.
    pub artifact_uri: String,
    /// The model that it left.
    pub model: ModelRef,
    /// What it was trained on.
    pub dataset: DatasetRef,
    /// Commit of the training code.
    pub git_sha: String,
    /// The team's name for the data version.
    pub data_version: String,
    /// Why it ran.
    pub trigger: Trigger,
    /// The command that trained.
    pub command: Vec<String>,
    /// RFC 3339.
    pub started: String,
    /// RFC 3339.
    pub finished: String,
    /// Tags of the run.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Parameters of the run.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Last value of each metric; null when it is not a finite number.
    #[serde(default)]
    pub metrics: BTreeMap<String, Option<f64>>,
    /// Uid of the workflow, when it ran in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_uid: Option<String>,
    /// What it is one of, when several were trained at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexed: Option<Indexed>,
    /// What it took, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<Compute>,
}

/// What a training took. Each part stands alone: a child process knows of no pods, and a pod that is gone tells nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compute {
    /// Seconds that the training command ran, of the attempt that ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_seconds: Option<f64>,
    /// Pods that the Job took, those that failed or were evicted included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<u32>,
    /// Seconds that these pods held their nodes, from being scheduled to the end of the training container, added up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_seconds: Option<f64>,
    /// GPUs of each pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<u32>,
    /// The extended resource that they are of, such as `nvidia.com/gpu`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_resource: Option<String>,
    /// Hours that GPUs were held: `gpus` times `pod_seconds`, by 3600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_hours: Option<f64>,
}

/// A model by its place and its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelRef {
    /// `runs:/<run id>/model`.
    pub uri: String,
    /// Digest of the files.
    pub digest: Digest,
    /// The files, sorted by path.
    pub files: Vec<FileDigest>,
}

/// What started a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// A commit to the training code.
    Commit,
    /// New data.
    Data,
    /// A schedule.
    Schedule,
    /// Drift that was found.
    Drift,
    /// A person.
    Manual,
}

impl Trigger {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 5] = [
        Self::Commit,
        Self::Data,
        Self::Schedule,
        Self::Drift,
        Self::Manual,
    ];

    /// The word in flags, tags and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Data => "data",
            Self::Schedule => "schedule",
            Self::Drift => "drift",
            Self::Manual => "manual",
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Trigger {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|trigger| trigger.as_str() == word)
            .ok_or_else(|| format!("`{word}` is not a trigger: commit, data, schedule, drift or manual"))
    }
}

impl Record for TrainingRun {
    const SCHEMA: &'static str = "mlops-steps/run/v1";

    fn check(&self) -> Result<(), String> {
        let digest = digest_files(&self.model.files).map_err(|error| format!("model.files: {error}"))?;
        if digest != self.model.digest {
            return Err(format!(
                "model.digest is {}, model.files give {digest}",
                self.model.digest
            ));
        }
        self.indexed
            .as_ref()
            .map_or(Ok(()), |indexed| indexed.check(&self.run_id))
    }
}
