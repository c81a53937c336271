//! A run without a tracking server: notes beside the model, in the team's own store.
//!
//! Each note is an object of its own that is never written again, so two programs that note at once, the launcher and the one
//! in its pod, lose nothing of each other's. Their names begin with the time; read in their order they are the run.

use std::collections::BTreeMap;

use artifact_store::{Location, Store, StoreError};
use bytes::Bytes;
use jiff::Timestamp;
use mlflow_client::{Run, RunStatus};
use provenance::{Digest, digest_bytes};
use serde::{Deserialize, Serialize};
use step_runtime::StepError;

/// Where the notes are, below the place of a training.
const NOTES: &str = ".train-launch";
/// The first note, which only one attempt makes: what it says of the beginning holds.
const BEGAN: &str = "0-began.json";

/// The notes of one training.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    store: Store,
    /// Where the model goes: `s3://models/<key>`.
    root: String,
    run_id: String,
}

/// What is noted at once.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
}

impl Ledger {
    /// Of the training `key`, below `base`.
    ///
    /// # Errors
    /// `base` is no place for a model.
    pub(crate) fn new(store: &Store, base: &str, key: Digest) -> Result<Self, StepError> {
        let is_place = base.starts_with("s3://") || base.starts_with('/');
        if !is_place {
            return Err(StepError::usage(format!(
                "--model-store `{base}`: s3://BUCKET/PREFIX or an absolute path is needed"
            )));
        }
        let ledger = Self {
            store: store.clone(),
            root: format!("{}/{}", base.trim_end_matches('/'), &key.hex()[..20]),
            // As MLflow's are: 32 hex digits, which W&B and Comet take too.
            run_id: key.hex()[..32].to_owned(),
        };
        ledger.at("")?;
        Ok(ledger)
    }

    /// The run, and whether an earlier attempt had begun it.
    ///
    /// # Errors
    /// The store is away or refuses.
    pub(super) async fn begin(&self, run_name: &str) -> Result<(Run, bool), StepError> {
        if let Some(run) = self.read().await? {
            return Ok((run, true));
        }
        let note = Note {
            run_name: Some(run_name.to_owned()),
            start_time: Some(Timestamp::now().as_millisecond()),
            status: Some(RunStatus::Running),
            ..Note::default()
        };
        self.write(BEGAN, &note).await?;
        match self.read().await? {
            Some(run) => Ok((run, false)),
            None => Err(StepError::unavailable(format!(
                "{}: what was written is not listed",
                self.root
            ))),
        }
    }

    /// Notes something more.
    ///
    /// # Errors
    /// The store is away or refuses.
    pub(super) async fn note(&self, note: &Note) -> Result<(), StepError> {
        let body = serde_json::to_string(note).map_err(|error| StepError::internal(error.to_string()))?;
        let nanoseconds = Timestamp::now().as_nanosecond();
        let digest = digest_bytes(format!("{}{body}", std::process::id()));
        let name = format!("{nanoseconds:020}-{}.json", &digest.hex()[..8]);
        self.write(&name, note).await
    }

    /// The run as its notes tell it; `None` before the first.
    ///
    /// # Errors
    /// The store is away or refuses, or holds something else there.
    pub(super) async fn read(&self) -> Result<Option<Run>, StepError> {
        let base = self.at(&format!("{NOTES}/"))?;
        let mut found = match self.store.list(&base).await {
            Ok(found) => found,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        found.sort_by(|a, b| a.location.file_name().cmp(b.location.file_name()));
        let mut run = Run {
            run_id: self.run_id.clone(),
            run_name: String::new(),
            experiment_id: String::new(),
            status: RunStatus::Running,
            start_time: 0,
            end_time: None,
            artifact_uri: self.root.clone(),
            deleted: false,
            tags: BTreeMap::new(),
            params: BTreeMap::new(),
            metrics: BTreeMap::new(),
            models: Vec::new(),
            inputs: Vec::new(),
        };
        let mut began = false;
        for meta in found {
            began |= meta.location.file_name() == BEGAN;
            let bytes = self.store.read(&meta.location).await?;
            let note: Note = serde_json::from_slice(&bytes)
                .map_err(|error| StepError::usage(format!("{}: no note of ours: {error}", meta.location)))?;
            run.run_name = note.run_name.unwrap_or(run.run_name);
            run.start_time = note.start_time.unwrap_or(run.start_time);
            if let Some(status) = note.status {
                run.status = status;
                run.end_time = note.end_time;
            }
            run.tags.extend(note.tags);
            run.params.extend(note.params);
        }
        Ok(began.then_some(run))
    }

    async fn write(&self, name: &str, note: &Note) -> Result<(), StepError> {
        let body = serde_json::to_vec(note).map_err(|error| StepError::internal(error.to_string()))?;
        let at = self.at(&format!("{NOTES}/{name}"))?;
        Ok(self.store.write(&at, Bytes::from(body)).await?)
    }

    fn at(&self, name: &str) -> Result<Location, StepError> {
        let place = format!("{}/{name}", self.root);
        place
            .parse()
            .map_err(|error| StepError::usage(format!("--model-store: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use artifact_store::StoreOptions;

    use super::*;

    #[tokio::test]
    async fn notes_of_two_programs_are_one_run() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::from_env(StoreOptions::default());
        let base = dir.path().display().to_string();
        let ledger = || Ledger::new(&store, &base, digest_bytes("key")).unwrap();
        let tagged = |name: &str, value: &str| Note {
            tags: BTreeMap::from([(name.to_owned(), value.to_owned())]),
            ..Note::default()
        };
        let (outside, inside) = (ledger(), ledger());
        assert!(outside.read().await.unwrap().is_none());
        let (first, resumed) = outside.begin("drift-0123").await.unwrap();
        assert!(!resumed);
        let (second, resumed) = inside.begin("another").await.unwrap();
        assert!(resumed);
        assert_eq!(
            (second.run_name, second.start_time),
            (first.run_name, first.start_time)
        );
        outside.note(&tagged("a", "1")).await.unwrap();
        inside.note(&tagged("b", "2")).await.unwrap();
        outside.note(&tagged("b", "3")).await.unwrap();
        let ended = Note {
            status: Some(RunStatus::Finished),
            end_time: Some(5),
            ..Note::default()
        };
        inside.note(&ended).await.unwrap();
        let run = outside.read().await.unwrap().unwrap();
        assert_eq!((run.status, run.end_time), (RunStatus::Finished, Some(5)));
        assert_eq!((run.tags["a"].as_str(), run.tags["b"].as_str()), ("1", "3"));
        assert_eq!(run.run_id.len(), 32);
        assert!(Ledger::new(&store, "models", digest_bytes("key")).is_err());
    }
}
