//! The model to the run's artifacts, and the proof that what the server holds is what was trained.

use std::io::{self, Write};

use artifact_store::{Location, Store};
use mlflow_client::{ArtifactRoot, Client, ModelUri, Run};
use provenance::{Digest, FileDigest, Hasher, digest_bytes, digest_files};
use step_runtime::StepError;

use crate::model::Model;
use crate::tracking::of_mlflow;

/// Where a model goes when the code itself logged another one under its name: MLflow 3 finds that one first.
const APART: &str = "mlops-steps";

/// A model as the server holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    /// `runs:/<run id>/<path>`.
    pub uri: String,
    /// Its files there.
    pub files: Vec<FileDigest>,
    /// Files that we had to bring; 0 when the training code had logged it.
    pub uploaded: usize,
}

/// Makes the server hold `model` below `run`, and reads it back.
///
/// # Errors
/// MLflow or the artifact store is away or refuses; or what it holds is not what was sent.
pub(crate) async fn publish(
    client: &Client,
    store: &Store,
    run: &Run,
    model: &Model,
) -> Result<Published, StepError> {
    let own = ArtifactRoot::parse(&run.artifact_uri).map_err(of_mlflow)?;
    let place = Place { client, store };
    for path in [model.name.clone(), format!("{APART}/{}", model.name)] {
        let uri = ModelUri::Run {
            run_id: run.run_id.clone(),
            path: path.clone(),
        };
        let found = client.resolve(&uri).await.map_err(of_mlflow)?.root;
        let there = place.digests(&found).await?;
        let missing: Vec<&FileDigest> = model.files.iter().filter(|file| !there.contains(file)).collect();
        let foreign = there
            .iter()
            .filter(|file| !model.files.iter().any(|ours| ours.path == file.path))
            .count();
        if missing.is_empty() && foreign == 0 {
            return Ok(Published {
                uri: uri.to_string(),
                files: there,
                uploaded: 0,
            });
        }
        // Only what an earlier attempt of ours may have left in part is written to.
        if foreign > 0 || found != own.join(&path) {
            continue;
        }
        for file in &missing {
            place
                .put(&found.join(&file.path), &model.dir.join(&file.path))
                .await?;
        }
        let there = place.digests(&found).await?;
        let digest = digest_files(&there).map_err(|e| StepError::unavailable(format!("{uri}: {e}")))?;
        if digest != model.digest {
            return Err(StepError::unavailable(format!(
                "{uri} holds {digest} after the upload of {}: the artifact store lost or changed bytes",
                model.digest
            )));
        }
        return Ok(Published {
            uri: uri.to_string(),
            files: there,
            uploaded: missing.len(),
        });
    }
    Err(StepError::usage(format!(
        "run {} holds other models as `{}` and `{APART}/{}`; log them under other names",
        run.run_id, model.name, model.name
    )))
}

/// What the server holds for a run that an earlier attempt completed: its tags name it.
///
/// # Errors
/// MLflow or the artifact store is away or refuses.
pub(crate) async fn held(
    client: &Client,
    store: &Store,
    uri: &str,
    digest: &str,
) -> Result<Option<Published>, StepError> {
    let (Ok(parsed), Ok(expected)) = (uri.parse::<ModelUri>(), digest.parse::<Digest>()) else {
        return Ok(None);
    };
    let found = match client.resolve(&parsed).await {
        Ok(resolved) => resolved.root,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(of_mlflow(error)),
    };
    let files = Place { client, store }.digests(&found).await?;
    let same = digest_files(&files).is_ok_and(|observed| observed == expected);
    Ok(same.then(|| Published {
        uri: uri.to_owned(),
        files,
        uploaded: 0,
    }))
}

struct Place<'a> {
    client: &'a Client,
    store: &'a Store,
}

impl Place<'_> {
    /// Every file below `root` with its digest: every byte is read. Nothing there is an empty list.
    async fn digests(&self, root: &ArtifactRoot) -> Result<Vec<FileDigest>, StepError> {
        let mut files = Vec::new();
        match root {
            ArtifactRoot::Proxy(path) => {
                for file in self.client.list_artifacts(path).await.map_err(of_mlflow)? {
                    let sink = self
                        .client
                        .read_artifact(&format!("{path}/{}", file.path), || Ok(Sink::default()))
                        .await
                        .map_err(of_mlflow)?;
                    files.push(FileDigest {
                        path: file.path,
                        size: sink.size,
                        digest: sink.hasher.finish(),
                    });
                }
            }
            ArtifactRoot::Direct(place) => {
                let base = location(&format!("{place}/"))?;
                let found = match self.store.list(&base).await {
                    Ok(found) => found,
                    Err(artifact_store::StoreError::NotFound { .. }) => Vec::new(),
                    Err(error) => return Err(error.into()),
                };
                for meta in found {
                    let name = meta.location.to_string();
                    let path = name.strip_prefix(&base.to_string()).unwrap_or(&name).to_owned();
                    let bytes = self.store.read(&meta.location).await?;
                    files.push(FileDigest {
                        path,
                        size: bytes.len() as u64,
                        digest: digest_bytes(&bytes),
                    });
                }
            }
        }
        files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        Ok(files)
    }

    async fn put(&self, to: &ArtifactRoot, from: &std::path::Path) -> Result<(), StepError> {
        match to {
            ArtifactRoot::Proxy(path) => self.client.upload_artifact(path, from).await.map_err(of_mlflow),
            ArtifactRoot::Direct(place) => {
                let bytes = self.store.read(&Location::Path(from.to_owned())).await?;
                Ok(self.store.write(&location(place)?, bytes).await?)
            }
        }
    }
}

fn location(place: &str) -> Result<Location, StepError> {
    place
        .parse()
        .map_err(|e| StepError::usage(format!("the run's artifacts: {e}")))
}

/// Counts and digests what is written to it.
#[derive(Default)]
struct Sink {
    hasher: Hasher,
    size: u64,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
