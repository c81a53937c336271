//! Experiments.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Client, MlflowError};

/// An experiment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Experiment {
    /// Id.
    pub experiment_id: String,
    /// Name.
    pub name: String,
    /// Root below which its runs keep their artifacts.
    #[serde(default)]
    pub artifact_location: String,
    /// `active` or `deleted`.
    #[serde(default)]
    pub lifecycle_stage: String,
}

#[derive(Deserialize)]
struct Found {
    experiment: Experiment,
}

impl Client {
    /// The experiment of that name, when there is one.
    ///
    /// # Errors
    /// The server's.
    pub async fn experiment(&self, name: &str) -> Result<Option<Experiment>, MlflowError> {
        let found = self
            .call::<Found>(
                Method::GET,
                "experiments/get-by-name",
                &json!({ "experiment_name": name }),
            )
            .await;
        match found {
            Ok(found) => Ok(Some(found.experiment)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The experiment of that name, made when it is not there.
    ///
    /// # Errors
    /// The server's; the experiment was deleted, and its name is held by the deleted one.
    pub async fn ensure_experiment(&self, name: &str) -> Result<Experiment, MlflowError> {
        let found = match self.experiment(name).await? {
            Some(found) => found,
            None => {
                match self
                    .call::<Value>(Method::POST, "experiments/create", &json!({ "name": name }))
                    .await
                {
                    Ok(_) => {}
                    // Somebody else made it, or our own earlier attempt did.
                    Err(error) if error.is_already_there() => {}
                    Err(error) => return Err(error),
                }
                self.experiment(name).await?.ok_or_else(|| {
                    MlflowError::Invalid(format!("experiment `{name}` was made and cannot be read"))
                })?
            }
        };
        if found.lifecycle_stage == "deleted" {
            return Err(MlflowError::Invalid(format!(
                "experiment `{name}` (id {}) is deleted: restore it in MLflow, or use another name",
                found.experiment_id
            )));
        }
        Ok(found)
    }
}
