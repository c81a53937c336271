//! Files through the server's artifact proxy: list, read, write.

use std::future::Future;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use artifact_store::Again;
use bytes::Bytes;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use tokio_util::io::ReaderStream;

use crate::http::Failed;
use crate::{Client, MlflowError};

/// Where files are kept, and so who moves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactRoot {
    /// Behind the server's proxy, at this path: this client moves them.
    Proxy(String),
    /// `s3://…` or a path: the caller moves them, with `artifact-store`.
    Direct(String),
}

/// A file below an artifact root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactFile {
    /// Path relative to the root, `/` between its parts.
    pub path: String,
    /// Bytes, as the server lists them.
    pub size: u64,
}

impl ArtifactRoot {
    /// Reads an artifact URI.
    ///
    /// ```
    /// use mlflow_client::ArtifactRoot;
    /// let root = ArtifactRoot::parse("mlflow-artifacts:/2/0f3c/artifacts").unwrap();
    /// assert_eq!(root, ArtifactRoot::Proxy("2/0f3c/artifacts".into()));
    /// assert_eq!(root.join("model"), ArtifactRoot::Proxy("2/0f3c/artifacts/model".into()));
    /// assert_eq!(ArtifactRoot::parse("s3://models/x/").unwrap(), ArtifactRoot::Direct("s3://models/x".into()));
    /// assert!(ArtifactRoot::parse("dbfs:/x").is_err());
    /// ```
    ///
    /// # Errors
    /// A store that the toolkit does not know.
    pub fn parse(uri: &str) -> Result<Self, MlflowError> {
        if let Some(rest) = uri.strip_prefix("mlflow-artifacts:") {
            // `mlflow-artifacts://host:port/path` names the server: it is the one that we talk to.
            let path = match rest.strip_prefix("//") {
                Some(rest) => rest.split_once('/').map_or("", |(_, path)| path),
                None => rest,
            };
            return Ok(Self::Proxy(path.trim_matches('/').to_owned()));
        }
        let direct = uri.strip_prefix("file://").unwrap_or(uri);
        if direct.starts_with("s3://") || (direct.starts_with('/') && !direct.contains("://")) {
            return Ok(Self::Direct(direct.trim_end_matches('/').to_owned()));
        }
        Err(MlflowError::Invalid(format!(
            "artifacts at `{uri}` cannot be reached: only mlflow-artifacts:, s3:// and absolute paths are known"
        )))
    }

    /// A place below.
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        let join = |root: &str| match (root.is_empty(), path.is_empty()) {
            (true, _) => path.to_owned(),
            (_, true) => root.to_owned(),
            _ => format!("{root}/{path}"),
        };
        match self {
            Self::Proxy(root) => Self::Proxy(join(root)),
            Self::Direct(root) => Self::Direct(join(root)),
        }
    }
}

#[derive(Deserialize)]
struct Listing {
    #[serde(default)]
    files: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    #[serde(default)]
    is_dir: bool,
    #[serde(default)]
    file_size: Option<u64>,
}

/// Longest wait for the next bytes of a file.
const STALL: Duration = Duration::from_secs(60);

impl Client {
    /// All files below a proxy path, at any depth, sorted by path.
    ///
    /// # Errors
    /// The server's.
    pub async fn list_artifacts(&self, root: &str) -> Result<Vec<ArtifactFile>, MlflowError> {
        let mut files = Vec::new();
        let mut pending = vec![String::new()];
        while let Some(prefix) = pending.pop() {
            let at = if prefix.is_empty() {
                root.to_owned()
            } else {
                format!("{root}/{prefix}")
            };
            for entry in self.list_directory(&at).await? {
                // A listing is relative to the directory; its names become paths on a disk later.
                let name = entry.path.trim_end_matches('/');
                if name.is_empty() || name == "." || name == ".." || name.contains('/') {
                    return Err(MlflowError::Invalid(format!(
                        "MLflow lists a file `{name}` below {at}"
                    )));
                }
                let path = if prefix.is_empty() {
                    name.to_owned()
                } else {
                    format!("{prefix}/{name}")
                };
                if entry.is_dir {
                    pending.push(path);
                } else {
                    // An empty file is listed without a size.
                    files.push(ArtifactFile {
                        path,
                        size: entry.file_size.unwrap_or(0),
                    });
                }
            }
        }
        files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        Ok(files)
    }

    async fn list_directory(&self, at: &str) -> Result<Vec<Entry>, MlflowError> {
        match self.again(|| self.list_once(at)).await {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            other => other,
        }
    }

    async fn list_once(&self, at: &str) -> Result<Vec<Entry>, Failed> {
        let call = format!("GET mlflow-artifacts/artifacts?path={at}");
        let mut url = self.url(&["api", "2.0", "mlflow-artifacts", "artifacts"]);
        url.query_pairs_mut().append_pair("path", at);
        let request = self.request(Method::GET, url).timeout(self.timeout());
        let response = self.send(&call, request).await?;
        let bytes = response
            .bytes()
            .await
            .map_err(|error| self.no_answer(&call, &error))?;
        let listing: Listing = serde_json::from_slice(&bytes).map_err(|error| {
            MlflowError::Invalid(format!("the answer to {call} is not MLflow's ({error})"))
        })?;
        Ok(listing.files)
    }

    /// Whether a file is not there although the server speaks of a failure of its own: MLflow 2 answers 500 to who
    /// reads what does not exist, as it does when its store is down. It lists what exists all the same.
    async fn is_missing(&self, path: &str, failed: &Failed) -> bool {
        if failed.status != Some(StatusCode::INTERNAL_SERVER_ERROR) {
            return false;
        }
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let listed = self.list_once(directory).await;
        listed.is_ok_and(|files| files.iter().all(|entry| entry.is_dir || entry.path != name))
    }

    /// Reads one file into a sink that `open` makes. A read that breaks off begins again with a new sink.
    ///
    /// # Errors
    /// The server's; the sink's, as [`MlflowError::Invalid`].
    pub async fn read_artifact<W: Write>(
        &self,
        path: &str,
        open: impl Fn() -> io::Result<W>,
    ) -> Result<W, MlflowError> {
        let call = format!("GET {path}");
        let op = || async {
            let request = self.request(Method::GET, self.artifact_url(path));
            let mut response = match self.in_time(&call, self.send(&call, request)).await {
                Err(failed) if self.is_missing(path, &failed).await => {
                    return Err(MlflowError::Api {
                        call: call.clone(),
                        status: 404,
                        code: "RESOURCE_DOES_NOT_EXIST".to_owned(),
                        message: format!("there is no artifact {path}"),
                    }
                    .into());
                }
                other => other?,
            };
            let mut sink = open().map_err(|error| sink_failed(path, &error))?;
            loop {
                let chunk = async {
                    response
                        .chunk()
                        .await
                        .map_err(|error| self.no_answer(&call, &error))
                };
                match self.in_time(&call, chunk).await? {
                    Some(bytes) => sink
                        .write_all(&bytes)
                        .map_err(|error| sink_failed(path, &error))?,
                    None => break,
                }
            }
            sink.flush().map_err(|error| sink_failed(path, &error))?;
            Ok::<_, Failed>(sink)
        };
        self.again(op).await
    }

    /// Writes bytes as a file.
    ///
    /// # Errors
    /// The server's.
    pub async fn write_artifact(&self, path: &str, bytes: Bytes) -> Result<(), MlflowError> {
        let size = bytes.len() as u64;
        self.put(path, size, |request| {
            let body = Body::from(bytes.clone());
            async move { Ok(request.body(body)) }
        })
        .await
    }

    /// Streams a local file up: a model of any size in constant memory.
    ///
    /// # Errors
    /// The server's; the file's, as [`MlflowError::Invalid`].
    pub async fn upload_artifact(&self, path: &str, from: &Path) -> Result<(), MlflowError> {
        let unreadable =
            |error: &io::Error| MlflowError::Invalid(format!("cannot read {}: {error}", from.display()));
        let size = tokio::fs::metadata(from)
            .await
            .map_err(|error| unreadable(&error))?
            .len();
        self.put(path, size, |request| async move {
            let file = tokio::fs::File::open(from)
                .await
                .map_err(|error| unreadable(&error))?;
            Ok(request.body(Body::wrap_stream(ReaderStream::with_capacity(file, 256 * 1024))))
        })
        .await
    }

    async fn put<F>(
        &self,
        path: &str,
        size: u64,
        body: impl Fn(RequestBuilder) -> F,
    ) -> Result<(), MlflowError>
    where
        F: Future<Output = Result<RequestBuilder, MlflowError>>,
    {
        let call = format!("PUT {path}");
        // A bound that a slow but living line keeps: 256 KiB a second.
        let bound = STALL + Duration::from_secs(size / (256 * 1024));
        self.again(|| async {
            let request = self
                .request(Method::PUT, self.artifact_url(path))
                .header(CONTENT_LENGTH, size)
                .timeout(bound);
            self.send(&call, body(request).await?).await.map(|_| ())
        })
        .await
    }

    fn artifact_url(&self, path: &str) -> url::Url {
        let segments: Vec<&str> = ["api", "2.0", "mlflow-artifacts", "artifacts"]
            .into_iter()
            .chain(path.split('/'))
            .collect();
        self.url(&segments)
    }

    async fn in_time<T>(
        &self,
        call: &str,
        part: impl Future<Output = Result<T, Failed>>,
    ) -> Result<T, Failed> {
        tokio::time::timeout(STALL, part).await.unwrap_or_else(|_| {
            let why = format!("no byte in {} s", STALL.as_secs());
            let error = MlflowError::Unavailable {
                call: call.to_owned(),
                why,
            };
            Err(Failed {
                error,
                again: Again::Yes,
                status: None,
                row_is_there: false,
            })
        })
    }
}

fn sink_failed(path: &str, error: &io::Error) -> Failed {
    MlflowError::Invalid(format!("cannot write what was read of {path}: {error}")).into()
}
