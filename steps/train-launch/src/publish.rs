//! The model to the run's artifacts, and the proof that what the server holds is what was trained.

use std::io::{self, Write};

use artifact_store::{Location, Store};
use bytes::Bytes;
use mlflow_client::{ArtifactRoot, Client, ModelUri, Run};
use provenance::{Digest, FileDigest, Hasher, digest_bytes, digest_files};
use step_runtime::StepError;

use crate::model::Model;
use crate::tracking::{Server, of_mlflow};

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

/// A place of a run's artifacts and the name that it goes by.
struct At {
    uri: String,
    root: ArtifactRoot,
}

/// Where a model of the run goes: what the name resolves to, and whether another place may be tried.
async fn place_of(server: &Server, run: &Run, path: &str) -> Result<At, StepError> {
    let Some(client) = server.mlflow() else {
        let uri = format!("{}/{path}", run.artifact_uri);
        let root = ArtifactRoot::parse(&uri).map_err(of_mlflow)?;
        return Ok(At { uri, root });
    };
    let uri = ModelUri::Run {
        run_id: run.run_id.clone(),
        path: path.to_owned(),
    };
    Ok(At {
        root: client.resolve(&uri).await.map_err(of_mlflow)?.root,
        uri: uri.to_string(),
    })
}

/// Makes the server hold `model` below `run`, and reads it back.
///
/// # Errors
/// MLflow or the artifact store is away or refuses; or what it holds is not what was sent.
pub(crate) async fn publish(
    server: &Server,
    store: &Store,
    run: &Run,
    model: &Model,
) -> Result<Published, StepError> {
    let own = ArtifactRoot::parse(&run.artifact_uri).map_err(of_mlflow)?;
    let place = Place::of(server, store);
    for path in [model.name.clone(), format!("{APART}/{}", model.name)] {
        let At { uri, root: found } = place_of(server, run, &path).await?;
        let there = place.digests(&found).await?;
        let missing: Vec<&FileDigest> = model.files.iter().filter(|file| !there.contains(file)).collect();
        let foreign = there
            .iter()
            .filter(|file| !model.files.iter().any(|ours| ours.path == file.path))
            .count();
        if missing.is_empty() && foreign == 0 {
            return Ok(Published {
                uri,
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
            uri,
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
    server: &Server,
    store: &Store,
    uri: &str,
    digest: &str,
) -> Result<Option<Published>, StepError> {
    let Ok(expected) = digest.parse::<Digest>() else {
        return Ok(None);
    };
    let client = server.mlflow();
    let found = match (client, uri.parse::<ModelUri>()) {
        (None, _) => ArtifactRoot::parse(uri).map_err(of_mlflow)?,
        (Some(client), Ok(parsed)) => match client.resolve(&parsed).await {
            Ok(resolved) => resolved.root,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(of_mlflow(error)),
        },
        (Some(_), Err(_)) => return Ok(None),
    };
    let files = Place::of(server, store).digests(&found).await?;
    let same = digest_files(&files).is_ok_and(|observed| observed == expected);
    Ok(same.then(|| Published {
        uri: uri.to_owned(),
        files,
        uploaded: 0,
    }))
}

/// Where the artifacts of a run are kept.
pub(crate) struct Place<'a> {
    client: Option<&'a Client>,
    store: &'a Store,
}

impl<'a> Place<'a> {
    /// Behind that server, or in that store.
    pub(crate) fn of(server: &'a Server, store: &'a Store) -> Self {
        Self {
            client: server.mlflow(),
            store,
        }
    }

    /// Writes a small file, whole.
    ///
    /// # Errors
    /// MLflow or the store is away, or refuses.
    pub(crate) async fn write(&self, to: &ArtifactRoot, bytes: Bytes) -> Result<(), StepError> {
        match to {
            ArtifactRoot::Proxy(path) => self
                .client()?
                .write_artifact(path, bytes)
                .await
                .map_err(of_mlflow),
            ArtifactRoot::Direct(place) => Ok(self.store.write(&location(place)?, bytes).await?),
        }
    }

    /// Only MLflow has a proxy.
    fn client(&self) -> Result<&Client, StepError> {
        self.client
            .ok_or_else(|| StepError::internal("artifacts behind a proxy, and no MLflow"))
    }

    /// Every file below `root` with its digest: every byte is read. Nothing there is an empty list.
    async fn digests(&self, root: &ArtifactRoot) -> Result<Vec<FileDigest>, StepError> {
        let mut files = Vec::new();
        match root {
            ArtifactRoot::Proxy(path) => {
                let client = self.client()?;
                for file in client.list_artifacts(path).await.map_err(of_mlflow)? {
                    let sink = client
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
            ArtifactRoot::Proxy(path) => self
                .client()?
                .upload_artifact(path, from)
                .await
                .map_err(of_mlflow),
            ArtifactRoot::Direct(_) => {
                let bytes = self.store.read(&Location::Path(from.to_owned())).await?;
                self.write(to, bytes).await
            }
        }
    }
}

pub(crate) fn location(place: &str) -> Result<Location, StepError> {
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
