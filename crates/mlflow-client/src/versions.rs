//! Model versions: made once by their key, found again, described, staged.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use artifact_store::{Again, retry};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::Failed;
use crate::tags::{IDEMPOTENCY_TAG, from_pairs, pairs, quoted};
use crate::{Client, MlflowError};

/// A version of a registered model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ModelVersion {
    /// Registered model.
    pub name: String,
    /// Version number as text.
    pub version: String,
    /// Where its files are.
    #[serde(default)]
    pub source: String,
    /// The run that made it.
    #[serde(default)]
    pub run_id: String,
    /// `None`, `Staging`, `Production` or `Archived`.
    #[serde(default)]
    pub current_stage: String,
    /// `READY` when it can be used.
    #[serde(default)]
    pub status: String,
    /// Description.
    #[serde(default)]
    pub description: String,
    /// Tags.
    #[serde(default, deserialize_with = "from_pairs")]
    pub tags: BTreeMap<String, String>,
    /// Aliases that point to it. A search does not fill it in: read the version.
    #[serde(default)]
    pub aliases: Vec<String>,
}

impl ModelVersion {
    /// The version as a number, for order.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.version.parse().unwrap_or(u64::MAX)
    }
}

/// A version to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// Registered model, which has to exist.
    pub name: String,
    /// Where the files are: `runs:/…`, `models:/m-…`, `s3://…`.
    pub source: String,
    /// The run that made it.
    pub run_id: String,
    /// Logged model, when the source is one.
    pub model_id: Option<String>,
    /// Description.
    pub description: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// What makes it the same version when it is asked for again: becomes [`IDEMPOTENCY_TAG`].
    pub key: String,
}

/// A stage. MLflow knows these four; they are deprecated there, and still work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// No stage.
    None,
    /// Staging.
    Staging,
    /// Production.
    Production,
    /// Archived.
    Archived,
}

impl Stage {
    /// As MLflow spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Staging => "Staging",
            Self::Production => "Production",
            Self::Archived => "Archived",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::None, Self::Staging, Self::Production, Self::Archived]
            .into_iter()
            .find(|stage| stage.as_str().eq_ignore_ascii_case(word))
            .ok_or_else(|| {
                format!("`{word}` is not a stage: MLflow knows None, Staging, Production and Archived; use an alias for others")
            })
    }
}

#[derive(Deserialize)]
struct One {
    model_version: ModelVersion,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    model_versions: Vec<ModelVersion>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct DownloadUri {
    artifact_uri: String,
}

impl Client {
    /// A version, when it exists.
    ///
    /// # Errors
    /// The server's.
    pub async fn model_version(
        &self,
        name: &str,
        version: &str,
    ) -> Result<Option<ModelVersion>, MlflowError> {
        let query = json!({ "name": name, "version": version });
        match self.call::<One>(Method::GET, "model-versions/get", &query).await {
            Ok(found) => Ok(Some(found.model_version)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All versions that the filter finds, newest first.
    ///
    /// # Errors
    /// The server's.
    pub async fn search_versions(&self, filter: &str) -> Result<Vec<ModelVersion>, MlflowError> {
        let mut versions = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let query = json!({ "filter": filter, "max_results": 1000, "page_token": token });
            let page: Page = self.call(Method::GET, "model-versions/search", &query).await?;
            versions.extend(page.model_versions);
            token = page.next_page_token.filter(|token| !token.is_empty());
            if token.is_none() {
                versions.sort_by_key(|version| Reverse(version.number()));
                return Ok(versions);
            }
        }
    }

    /// The version with this key, made when it is not there. `true` when it was there.
    ///
    /// The key is searched for before every attempt, and once more after the version was made: an attempt
    /// whose answer got lost may have made one too, late. Numbers are given in the order in which versions
    /// come to be, so everybody agrees that the lowest one stays; the others are deleted, unless an alias
    /// points to them.
    ///
    /// # Errors
    /// The server's.
    pub async fn ensure_version(&self, new: &NewVersion) -> Result<(ModelVersion, bool), MlflowError> {
        let filter = format!(
            "name = {} and tags.`{IDEMPOTENCY_TAG}` = {}",
            quoted(&new.name)?,
            quoted(&new.key)?
        );
        let mut tags = new.tags.clone();
        tags.insert(IDEMPOTENCY_TAG.to_owned(), new.key.clone());
        let mut body = json!({
            "name": new.name,
            "source": new.source,
            "run_id": new.run_id,
            "description": new.description,
            "tags": pairs(&tags),
        });
        if let Some(model_id) = &new.model_id {
            body["model_id"] = json!(model_id);
        }
        let op = || async {
            if self.search_versions(&filter).await?.is_empty() {
                self.call_once::<One>(Method::POST, "model-versions/create", &body)
                    .await?;
                return Ok::<_, Failed>(false);
            }
            Ok(true)
        };
        let was_there = retry(self.policy(), op, |failed: &Failed| failed.again)
            .await
            .map_err(|failed| failed.error)?;
        let mut found = self.search_versions(&filter).await?;
        let first = found.pop().ok_or_else(|| {
            MlflowError::Invalid(format!(
                "the version of `{}` that was made cannot be found",
                new.name
            ))
        })?;
        for extra in found {
            self.delete_unless_aliased(&extra).await?;
        }
        Ok((self.ready(&first).await?, was_there))
    }

    /// The version once it can be used: a server may still be copying its files.
    async fn ready(&self, version: &ModelVersion) -> Result<ModelVersion, MlflowError> {
        let op = || async {
            let found = self.read_back(version).await?;
            let what = format!("version {} of `{}`", found.version, found.name);
            match found.status.as_str() {
                "" | "READY" => Ok(found),
                "FAILED_REGISTRATION" => Err(Failed::from(MlflowError::Invalid(format!(
                    "MLflow has failed to register {what}; delete it, and register the model again"
                )))),
                status => {
                    let error = MlflowError::Unavailable {
                        call: format!("wait for {what}"),
                        why: format!("it is {status}"),
                    };
                    Err(Failed {
                        again: Again::Yes,
                        ..Failed::from(error)
                    })
                }
            }
        };
        retry(self.policy(), op, |failed: &Failed| failed.again)
            .await
            .map_err(|failed| failed.error)
    }

    async fn delete_unless_aliased(&self, extra: &ModelVersion) -> Result<(), MlflowError> {
        match self.model_version(&extra.name, &extra.version).await? {
            Some(version) if version.aliases.is_empty() => {
                let body = json!({ "name": extra.name, "version": extra.version });
                match self
                    .call::<Value>(Method::DELETE, "model-versions/delete", &body)
                    .await
                {
                    Err(error) if !error.is_not_found() => Err(error),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    async fn read_back(&self, version: &ModelVersion) -> Result<ModelVersion, MlflowError> {
        self.model_version(&version.name, &version.version)
            .await?
            .ok_or_else(|| {
                MlflowError::Invalid(format!(
                    "version {} of `{}` is gone: somebody deleted it",
                    version.version, version.name
                ))
            })
    }

    /// Sets one tag of a version.
    ///
    /// # Errors
    /// The server's.
    pub async fn set_version_tag(
        &self,
        name: &str,
        version: &str,
        key: &str,
        value: &str,
    ) -> Result<(), MlflowError> {
        let body = json!({ "name": name, "version": version, "key": key, "value": value });
        self.call::<Value>(Method::POST, "model-versions/set-tag", &body)
            .await
            .map(|_| ())
    }

    /// Removes one tag of a version; one that is not there is fine.
    ///
    /// # Errors
    /// The server's.
    pub async fn delete_version_tag(&self, name: &str, version: &str, key: &str) -> Result<(), MlflowError> {
        let body = json!({ "name": name, "version": version, "key": key });
        match self
            .call::<Value>(Method::DELETE, "model-versions/delete-tag", &body)
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sets the description of a version.
    ///
    /// # Errors
    /// The server's.
    pub async fn describe_version(&self, name: &str, version: &str, text: &str) -> Result<(), MlflowError> {
        let body = json!({ "name": name, "version": version, "description": text });
        self.call::<Value>(Method::PATCH, "model-versions/update", &body)
            .await
            .map(|_| ())
    }

    /// Moves a version to a stage; `archive_others` moves all others that are there to `Archived`.
    ///
    /// # Errors
    /// The server's.
    pub async fn set_stage(
        &self,
        name: &str,
        version: &str,
        stage: Stage,
        archive_others: bool,
    ) -> Result<ModelVersion, MlflowError> {
        let body = json!({
            "name": name,
            "version": version,
            "stage": stage.as_str(),
            "archive_existing_versions": archive_others,
        });
        let found: One = self
            .call(Method::POST, "model-versions/transition-stage", &body)
            .await?;
        Ok(found.model_version)
    }

    /// Where a version's files are, as the server says.
    ///
    /// # Errors
    /// The server's.
    pub async fn download_uri(&self, name: &str, version: &str) -> Result<String, MlflowError> {
        let query = json!({ "name": name, "version": version });
        let found: DownloadUri = self
            .call(Method::GET, "model-versions/get-download-uri", &query)
            .await?;
        Ok(found.artifact_uri)
    }
}
