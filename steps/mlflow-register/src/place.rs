//! The files of a model where they are kept: behind MLflow's proxy, in S3, on a disk. One way to list and
//! one to read, so that nothing above asks where.

use std::io::{self, Write};

use artifact_store::{Location, Store};
use bytes::Bytes;
use mlflow_client::{ArtifactRoot, Client};
use provenance::{FileDigest, Hasher};

use crate::error::Error;

/// A directory of files, and the way to it.
pub(crate) struct Place<'a> {
    pub(crate) client: &'a Client,
    pub(crate) store: &'a Store,
    pub(crate) root: ArtifactRoot,
}

/// Bytes of one read of an object.
const PIECE: u64 = 8 * 1024 * 1024;

impl Place<'_> {
    /// Paths of all files, relative, sorted.
    pub(crate) async fn list(&self) -> Result<Vec<String>, Error> {
        match &self.root {
            ArtifactRoot::Proxy(root) => {
                let files = self.client.list_artifacts(root).await?;
                Ok(files.into_iter().map(|file| file.path).collect())
            }
            ArtifactRoot::Direct(root) => {
                let prefix = format!("{}/", root.trim_end_matches('/'));
                let found = match self.store.list(&prefix.parse::<Location>()?).await {
                    Ok(found) => found,
                    Err(artifact_store::StoreError::NotFound { .. }) => return Ok(Vec::new()),
                    Err(error) => return Err(error.into()),
                };
                let mut paths: Vec<String> = found
                    .iter()
                    .map(|meta| meta.location.to_string())
                    .filter_map(|name| name.strip_prefix(&prefix).map(str::to_owned))
                    // Consoles make "directories" as empty objects.
                    .filter(|path| !path.is_empty() && !path.ends_with('/'))
                    .collect();
                paths.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
                Ok(paths)
            }
        }
    }

    /// Reads one file into a sink.
    pub(crate) async fn read<W: Write>(
        &self,
        path: &str,
        open: impl Fn() -> io::Result<W>,
    ) -> Result<W, Error> {
        match self.root.join(path) {
            ArtifactRoot::Proxy(at) => Ok(self.client.read_artifact(&at, open).await?),
            ArtifactRoot::Direct(at) => {
                let object = self.store.open(&at.parse::<Location>()?).await?;
                let failed =
                    |error: io::Error| Error::Usage(format!("cannot write what was read of {at}: {error}"));
                let mut sink = open().map_err(failed)?;
                let mut start = 0;
                while start < object.size() {
                    let end = (start + PIECE).min(object.size());
                    sink.write_all(&object.fetch(start..end).await?).map_err(failed)?;
                    start = end;
                }
                sink.flush().map_err(failed)?;
                Ok(sink)
            }
        }
    }

    /// Writes one small file.
    pub(crate) async fn write(&self, path: &str, bytes: Bytes) -> Result<(), Error> {
        match self.root.join(path) {
            ArtifactRoot::Proxy(at) => Ok(self.client.write_artifact(&at, bytes).await?),
            ArtifactRoot::Direct(at) => Ok(self.store.write(&at.parse::<Location>()?, bytes).await?),
        }
    }
}

/// Digests what passes, and hands it on.
pub(crate) struct Tee<W> {
    hasher: Hasher,
    size: u64,
    inner: W,
}

impl<W: Write> Tee<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self {
            hasher: Hasher::new(),
            size: 0,
            inner,
        }
    }

    /// The file's entry in the list, and what it was written to.
    pub(crate) fn finish(self, path: &str) -> (FileDigest, W) {
        (
            FileDigest {
                path: path.to_owned(),
                size: self.size,
                digest: self.hasher.finish(),
            },
            self.inner,
        )
    }
}

impl<W: Write> Write for Tee<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Keeps the first bytes of a text file that is looked into; the rest only passes.
#[derive(Default)]
pub(crate) struct Keep {
    pub(crate) bytes: Vec<u8>,
    wanted: bool,
}

/// More than any environment file of MLflow has.
const KEPT: usize = 1024 * 1024;

impl Keep {
    pub(crate) fn when(wanted: bool) -> Self {
        Self {
            bytes: Vec::new(),
            wanted,
        }
    }
}

impl Write for Keep {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.wanted {
            let room = KEPT.saturating_sub(self.bytes.len()).min(bytes.len());
            self.bytes
                .extend_from_slice(bytes.get(..room).unwrap_or_default());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
