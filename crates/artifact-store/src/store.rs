//! The one door: reads, writes, lists and opens whatever a [`Location`] names.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::error::StoreError;
use crate::glob;
use crate::http::Http;
use crate::local::{self, Pinned};
use crate::location::Location;
use crate::object::{Object, ObjectMeta, Source};
use crate::options::StoreOptions;
use crate::s3::{Pin, S3};
use crate::tls::CaBundle;

/// Reaches data. Cheap to clone and to make: a client is built at the first use.
#[derive(Debug, Clone, Default)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    options: StoreOptions,
    s3: OnceCell<S3>,
    http: OnceCell<Http>,
}

impl Store {
    /// A store with these options, all else from the environment (`AWS_*`,
    /// `AWS_ENDPOINT_URL_S3`, `STORE_RETRY_SECONDS`).
    #[must_use]
    pub fn from_env(options: StoreOptions) -> Self {
        Self {
            inner: Arc::new(Inner {
                options,
                ..Inner::default()
            }),
        }
    }

    /// The certificates to trust, for other clients of the same process.
    ///
    /// # Errors
    /// When `--ca-file` is unusable.
    pub async fn ca_bundle(&self) -> Result<CaBundle, StoreError> {
        let file = self.inner.options.ca_file.clone();
        blocking(move || CaBundle::load(file.as_deref())).await
    }

    async fn s3(&self) -> Result<&S3, StoreError> {
        let make = || async { S3::new(&self.inner.options, &self.ca_bundle().await?).await };
        self.inner.s3.get_or_try_init(make).await
    }

    async fn http(&self) -> Result<&Http, StoreError> {
        let make = || async { Http::new(&self.inner.options, &self.ca_bundle().await?) };
        self.inner.http.get_or_try_init(make).await
    }

    /// The whole of a file or object.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn read(&self, at: &Location) -> Result<Bytes, StoreError> {
        match at {
            Location::Path(path) => {
                let path = path.clone();
                blocking(move || local::read(&path)).await
            }
            Location::S3 { bucket, key } => Ok(self.s3().await?.get(bucket, key, &Pin::default()).await?.0),
            Location::Http(url) => Ok(self.http().await?.get(url, &Pin::default()).await?.0),
        }
    }

    /// Writes the whole, atomically: readers see the old bytes or the new ones.
    ///
    /// # Errors
    /// See [`StoreError`]; web addresses cannot be written to.
    pub async fn write(&self, at: &Location, bytes: Bytes) -> Result<(), StoreError> {
        match at {
            Location::Path(path) => {
                let path = path.clone();
                blocking(move || local::write(&path, &bytes)).await
            }
            Location::S3 { bucket, key } => self.s3().await?.put(bucket, key, bytes).await,
            Location::Http(_) => Err(StoreError::Invalid {
                location: at.to_string(),
                what: "web addresses are read only; write to a path or s3://bucket/key".into(),
            }),
        }
    }

    /// Size, version and time of one object.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn head(&self, at: &Location) -> Result<ObjectMeta, StoreError> {
        match at {
            Location::Path(path) => {
                let path = path.clone();
                blocking(move || local::head(&path)).await
            }
            Location::S3 { bucket, key } => self.s3().await?.head(bucket, key).await,
            Location::Http(url) => self.http().await?.head(url).await,
        }
    }

    /// What a location stands for, in the order of names: itself, all below a directory or
    /// prefix, or all that match a glob. Never empty: finding nothing is an error.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn list(&self, at: &Location) -> Result<Vec<ObjectMeta>, StoreError> {
        let found = match at {
            Location::Path(path) => {
                let path = path.clone();
                blocking(move || local::list(&path)).await?
            }
            Location::S3 { bucket, key } => self.list_s3(bucket, key).await?,
            Location::Http(_) => vec![self.head(at).await?],
        };
        if found.is_empty() {
            return Err(StoreError::NotFound {
                location: at.to_string(),
                what: if glob::is_glob(at.pattern()) {
                    "nothing matches".into()
                } else {
                    "nothing is below it".into()
                },
            });
        }
        Ok(found)
    }

    async fn list_s3(&self, bucket: &str, key: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let s3 = self.s3().await?;
        if glob::is_glob(key) {
            let mut found = s3.list(bucket, glob::literal_prefix(key)).await?;
            found.retain(|meta| glob::matches(key, meta.location.pattern()));
            return Ok(found);
        }
        if key.is_empty() || key.ends_with('/') {
            return s3.list(bucket, key).await;
        }
        match s3.head(bucket, key).await {
            Ok(meta) => Ok(vec![meta]),
            Err(missing @ StoreError::NotFound { .. }) => {
                match s3.list(bucket, &format!("{key}/")).await {
                    // No such bucket either: said of the name that was asked for.
                    Err(StoreError::NotFound { .. }) => Err(missing),
                    Ok(below) if below.is_empty() => Err(missing),
                    other => other,
                }
            }
            Err(error) => Err(error),
        }
    }

    /// As [`Store::list`], without what is no data: names of which a part below the location
    /// starts with `_` or `.` (`_SUCCESS`, `_delta_log/`, `.crc` files).
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn list_data(&self, at: &Location) -> Result<Vec<ObjectMeta>, StoreError> {
        let mut found = self.list(at).await?;
        let base = if glob::is_glob(at.pattern()) {
            glob::literal_prefix(at.pattern())
        } else {
            at.pattern()
        };
        if found.len() > 1 || found[0].location.pattern() != at.pattern() {
            found.retain(|meta| {
                let name = meta.location.pattern();
                let below = name.strip_prefix(base).unwrap_or(name);
                !below
                    .split('/')
                    .any(|part| part.starts_with(['_', '.']) && part.len() > 1)
            });
        }
        if found.is_empty() {
            let what = "only hidden names (`_…`, `.…`) are below it".into();
            return Err(StoreError::NotFound {
                location: at.to_string(),
                what,
            });
        }
        Ok(found)
    }

    /// Opens the version that `recorded` names, or fails with [`StoreError::Changed`]: by its
    /// version id where it has one, else by ETag and size. A file has neither tag nor version:
    /// of it the size and the time of its last change are held against the record, where they are
    /// recorded, and its digest must be checked by the reader.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open_recorded(&self, recorded: &ObjectMeta) -> Result<Object, StoreError> {
        let at = &recorded.location;
        let changed = |what: String| StoreError::Changed {
            location: at.to_string(),
            since: "recorded".into(),
            what,
        };
        if let (Location::S3 { .. }, Some(_)) = (at, &recorded.version_id) {
            // A version never changes: there is nothing to ask before the first read.
            return Ok(Object::new(
                recorded.clone(),
                Source::S3(self.s3().await?.clone()),
            ));
        }
        let object = self.open(at).await?;
        let now = object.meta();
        if now.size != recorded.size {
            return Err(changed(format!(
                "{} bytes instead of {}",
                now.size, recorded.size
            )));
        }
        if let (Some(expected), Some(observed)) = (&recorded.etag, &now.etag)
            && expected != observed
        {
            return Err(changed(format!("ETag {observed} instead of {expected}")));
        }
        if let (Location::Path(_), Some(expected), Some(observed)) = (at, recorded.modified, now.modified)
            && expected != observed
        {
            return Err(changed(format!("written at {observed} instead of {expected}")));
        }
        Ok(object)
    }

    /// Opens the version that is there now; what is read later is of that version or an error.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open(&self, at: &Location) -> Result<Object, StoreError> {
        match at {
            Location::Path(path) => {
                let path = path.clone();
                let (file, meta) = blocking(move || Pinned::open(&path)).await?;
                Ok(Object::new(meta, Source::File(Arc::new(file))))
            }
            Location::S3 { .. } => {
                let meta = self.head(at).await?;
                Ok(Object::new(meta, Source::S3(self.s3().await?.clone())))
            }
            Location::Http(_) => {
                let meta = self.head(at).await?;
                Ok(Object::new(meta, Source::Http(self.http().await?.clone())))
            }
        }
    }
}

/// Runs what blocks on a thread for that.
pub(crate) async fn blocking<T, F>(work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(StoreError::Unavailable {
            location: "a local file".into(),
            what: error.to_string(),
        })
    })
}
