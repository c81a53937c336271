//! MLflow's names of models, and the way from a name to the files.

use std::fmt;
use std::str::FromStr;

use crate::{ArtifactRoot, Client, MlflowError, ModelVersion};

/// A name of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelUri {
    /// `models:/<name>/<version>`.
    Version {
        /// Registered model.
        name: String,
        /// Version number.
        version: String,
    },
    /// `models:/<name>@<alias>`.
    Alias {
        /// Registered model.
        name: String,
        /// Alias.
        alias: String,
    },
    /// `models:/m-…`: a logged model of MLflow 3.
    Logged(String),
    /// `runs:/<run id>/<path>`.
    Run {
        /// Run.
        run_id: String,
        /// Path of the model in it.
        path: String,
    },
    /// A place of its own: `mlflow-artifacts:/…`, `s3://…`, a path.
    Place(ArtifactRoot),
}

impl FromStr for ModelUri {
    type Err = MlflowError;

    fn from_str(text: &str) -> Result<Self, MlflowError> {
        let bad = |why: &str| {
            MlflowError::Invalid(format!(
                "`{text}` {why}: models:/name/version, models:/name@alias, runs:/run/path, or a place"
            ))
        };
        if let Some(rest) = text.strip_prefix("models:/") {
            let rest = rest.trim_start_matches('/');
            return match (rest.split_once('/'), rest.rsplit_once('@')) {
                (Some((name, version)), _)
                    if !name.is_empty()
                        && !version.is_empty()
                        && version.bytes().all(|digit| digit.is_ascii_digit()) =>
                {
                    Ok(Self::Version {
                        name: name.to_owned(),
                        version: version.to_owned(),
                    })
                }
                (Some(_), _) => Err(bad(
                    "has no version number after the name (stages are no names here)",
                )),
                (None, Some((name, alias))) if !name.is_empty() && !alias.is_empty() => Ok(Self::Alias {
                    name: name.to_owned(),
                    alias: alias.to_owned(),
                }),
                (None, None) if rest.starts_with("m-") => Ok(Self::Logged(rest.to_owned())),
                _ => Err(bad("names no version and no alias")),
            };
        }
        if let Some(rest) = text.strip_prefix("runs:/") {
            let rest = rest.trim_matches('/');
            return match rest.split_once('/') {
                Some((run_id, path)) if !run_id.is_empty() && !path.is_empty() => Ok(Self::Run {
                    run_id: run_id.to_owned(),
                    path: path.to_owned(),
                }),
                _ => Err(bad("has no path after the run")),
            };
        }
        ArtifactRoot::parse(text).map(Self::Place)
    }
}

impl fmt::Display for ModelUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { name, version } => write!(f, "models:/{name}/{version}"),
            Self::Alias { name, alias } => write!(f, "models:/{name}@{alias}"),
            Self::Logged(id) => write!(f, "models:/{id}"),
            Self::Run { run_id, path } => write!(f, "runs:/{run_id}/{path}"),
            Self::Place(ArtifactRoot::Proxy(path)) => write!(f, "mlflow-artifacts:/{path}"),
            Self::Place(ArtifactRoot::Direct(place)) => f.write_str(place),
        }
    }
}

/// Where a model's files are, and the version by which it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The files.
    pub root: ArtifactRoot,
    /// The registered version, when it was named by version or alias.
    pub version: Option<ModelVersion>,
    /// The logged model behind it, when it is one.
    pub model_id: Option<String>,
}

impl Client {
    /// Finds the files of a model.
    ///
    /// # Errors
    /// No such model, version, alias or run; the server's.
    pub async fn resolve(&self, uri: &ModelUri) -> Result<Resolved, MlflowError> {
        let missing = |what: String| MlflowError::Api {
            call: format!("to resolve {uri}"),
            status: 404,
            code: "RESOURCE_DOES_NOT_EXIST".to_owned(),
            message: what,
        };
        let version = match uri {
            ModelUri::Version { name, version } => Some(
                self.model_version(name, version)
                    .await?
                    .ok_or_else(|| missing(format!("model `{name}` has no version {version}")))?,
            ),
            ModelUri::Alias { name, alias } => Some(
                self.alias(name, alias)
                    .await?
                    .ok_or_else(|| missing(format!("model `{name}` has no alias `{alias}`")))?,
            ),
            _ => None,
        };
        let place = match &version {
            Some(version) => self
                .download_uri(&version.name, &version.version)
                .await?
                .parse()?,
            None => uri.clone(),
        };
        let (root, model_id) = match place {
            ModelUri::Place(root) => (root, None),
            ModelUri::Logged(id) => {
                let model = self.logged_model(&id).await?;
                let model = model.ok_or_else(|| missing(format!("there is no logged model `{id}`")))?;
                (ArtifactRoot::parse(&model.artifact_uri)?, Some(id))
            }
            ModelUri::Run { run_id, path } => self
                .resolve_run(&run_id, &path)
                .await?
                .ok_or_else(|| missing(format!("there is no run `{run_id}`")))?,
            other => {
                return Err(missing(format!(
                    "MLflow says that it is at {other}, and no place"
                )));
            }
        };
        Ok(Resolved {
            root,
            version,
            model_id,
        })
    }

    /// MLflow 3 keeps what `log_model(name=…)` logs below the experiment, and still calls it
    /// `runs:/<run>/<name>`: the last logged model of that name goes before the run's own directory.
    async fn resolve_run(
        &self,
        run_id: &str,
        path: &str,
    ) -> Result<Option<(ArtifactRoot, Option<String>)>, MlflowError> {
        let Some(run) = self.run(run_id).await? else {
            return Ok(None);
        };
        for id in run.models.iter().rev() {
            if let Some(model) = self.logged_model(id).await?
                && model.name == path
            {
                return Ok(Some((
                    ArtifactRoot::parse(&model.artifact_uri)?,
                    Some(id.clone()),
                )));
            }
        }
        Ok(Some((ArtifactRoot::parse(&run.artifact_uri)?.join(path), None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for name in [
            "models:/fraud/12",
            "models:/fraud@champion",
            "models:/a@b@champion",
            "models:/m-6d92",
            "runs:/0f3c/model/best",
            "s3://models/fraud",
            "/models/fraud",
            "mlflow-artifacts:/1/x",
        ] {
            assert_eq!(name.parse::<ModelUri>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for name in [
            "models:/fraud",
            "models:/fraud/Production",
            "models:/@x",
            "models:/x@",
            "runs:/0f3c",
            "fraud",
            "",
        ] {
            assert!(
                matches!(name.parse::<ModelUri>(), Err(MlflowError::Invalid(_))),
                "{name}"
            );
        }
    }
}
