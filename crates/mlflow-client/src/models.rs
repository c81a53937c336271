//! Registered models and their aliases, and MLflow 3's logged models.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::tags::from_pairs;
use crate::{Client, MlflowError, ModelVersion};

/// A registered model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredModel {
    /// Name.
    pub name: String,
    /// Alias to version.
    pub aliases: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A model as a run of MLflow 3 logs it: below the experiment, not below the run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LoggedModel {
    /// `m-…`.
    pub model_id: String,
    /// The name that it was logged under.
    #[serde(default)]
    pub name: String,
    /// Root of its files.
    pub artifact_uri: String,
    /// The run that logged it.
    #[serde(default)]
    pub source_run_id: String,
}

#[derive(Deserialize)]
struct Found {
    registered_model: Wire,
}

#[derive(Deserialize)]
struct Wire {
    name: String,
    #[serde(default)]
    aliases: Vec<WireAlias>,
    #[serde(default, deserialize_with = "from_pairs")]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct WireAlias {
    alias: String,
    version: String,
}

#[derive(Deserialize)]
struct FoundVersion {
    model_version: ModelVersion,
}

#[derive(Deserialize)]
struct FoundLogged {
    model: WireLogged,
}

#[derive(Deserialize)]
struct WireLogged {
    info: LoggedModel,
}

impl Client {
    /// The registered model, when there is one.
    ///
    /// # Errors
    /// The server's.
    pub async fn registered_model(&self, name: &str) -> Result<Option<RegisteredModel>, MlflowError> {
        let found = self
            .call::<Found>(Method::GET, "registered-models/get", &json!({ "name": name }))
            .await;
        match found {
            Ok(Found {
                registered_model: wire,
            }) => Ok(Some(RegisteredModel {
                name: wire.name,
                aliases: wire
                    .aliases
                    .into_iter()
                    .map(|entry| (entry.alias, entry.version))
                    .collect(),
                tags: wire.tags,
            })),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the registered model when it is not there.
    ///
    /// # Errors
    /// The server's.
    pub async fn ensure_registered_model(&self, name: &str) -> Result<(), MlflowError> {
        let made = self
            .call::<Value>(Method::POST, "registered-models/create", &json!({ "name": name }))
            .await;
        match made {
            Ok(_) => Ok(()),
            Err(error) if error.is_already_there() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The version that an alias points to. `None` when there is no such alias or model.
    ///
    /// # Errors
    /// The server's.
    pub async fn alias(&self, name: &str, alias: &str) -> Result<Option<ModelVersion>, MlflowError> {
        let query = json!({ "name": name, "alias": alias });
        match self
            .call::<FoundVersion>(Method::GET, "registered-models/alias", &query)
            .await
        {
            Ok(found) => Ok(Some(found.model_version)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Points an alias to a version. MLflow has no compare-and-set: read before, and read again after.
    ///
    /// # Errors
    /// The server's.
    pub async fn set_alias(&self, name: &str, alias: &str, version: &str) -> Result<(), MlflowError> {
        let body = json!({ "name": name, "alias": alias, "version": version });
        self.call::<Value>(Method::POST, "registered-models/alias", &body)
            .await
            .map(|_| ())
    }

    /// Removes an alias; one that is not there is fine.
    ///
    /// # Errors
    /// The server's.
    pub async fn delete_alias(&self, name: &str, alias: &str) -> Result<(), MlflowError> {
        let body = json!({ "name": name, "alias": alias });
        match self
            .call::<Value>(Method::DELETE, "registered-models/alias", &body)
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A logged model by its id. `None` too when the server is older than MLflow 3.
    ///
    /// # Errors
    /// The server's.
    pub async fn logged_model(&self, model_id: &str) -> Result<Option<LoggedModel>, MlflowError> {
        let path = format!("logged-models/{model_id}");
        match self.call::<FoundLogged>(Method::GET, &path, &json!({})).await {
            Ok(found) => Ok(Some(found.model.info)),
            Err(MlflowError::Api { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
