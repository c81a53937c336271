//! The one door: reads, writes, lists and opens whatever a [`Location`] names.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Mutex, OnceCell};

use crate::delta;
use crate::dvc;
use crate::error::StoreError;
use crate::glob;
use crate::http::Http;
use crate::lakefs::Lakefs;
use crate::listing::{Listing, Version};
use crate::local::{self, Pinned};
use crate::location::Location;
use crate::object::{Object, ObjectMeta, Source};
use crate::options::StoreOptions;
use crate::reference::{Access, Referred};
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
    /// Servers that references name.
    others: Mutex<HashMap<Access, S3>>,
    http: OnceCell<Http>,
    lakefs: OnceCell<Lakefs>,
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
        let make = || async { self.new_s3(&Access::default()).await };
        self.inner.s3.get_or_try_init(make).await
    }

    async fn new_s3(&self, access: &Access) -> Result<S3, StoreError> {
        S3::new(&self.inner.options, &self.ca_bundle().await?, access).await
    }

    /// The server that a reference names, or the environment's.
    async fn s3_by(&self, access: &Access) -> Result<S3, StoreError> {
        if access.is_default() {
            return self.s3().await.cloned();
        }
        let mut others = self.inner.others.lock().await;
        if let Some(known) = others.get(access) {
            return Ok(known.clone());
        }
        let new = self.new_s3(access).await?;
        others.insert(access.clone(), new.clone());
        Ok(new)
    }

    async fn http(&self) -> Result<&Http, StoreError> {
        let make = || async { Http::new(&self.inner.options, &self.ca_bundle().await?) };
        self.inner.http.get_or_try_init(make).await
    }

    async fn lakefs(&self) -> Result<&Lakefs, StoreError> {
        let make = || async { Lakefs::new(&self.inner.options, &self.ca_bundle().await?) };
        self.inner.lakefs.get_or_try_init(make).await
    }

    /// The whole of a file or object.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn read(&self, at: &Location) -> Result<Bytes, StoreError> {
        if !at.is_reference() {
            return self.read_by(at, &Access::default()).await;
        }
        let meta = self.only(at).await?;
        self.read_found(&meta).await
    }

    /// The whole of what was found by a list, held against the digest that a reference says.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn read_found(&self, meta: &ObjectMeta) -> Result<Bytes, StoreError> {
        let Some(reference) = &meta.reference else {
            return self.read_by(&meta.location, &Access::default()).await;
        };
        let bytes = self.read_by(&meta.location, &reference.access).await?;
        if let Some(md5) = &reference.md5 {
            md5.check(&meta.location.to_string(), &bytes)?;
        }
        Ok(bytes)
    }

    /// The whole of a file or object, reached in the way that a reference names.
    pub(crate) async fn read_by(&self, at: &Location, access: &Access) -> Result<Bytes, StoreError> {
        match at {
            Location::Path(path) => {
                let path = path.clone();
                blocking(move || local::read(&path)).await
            }
            Location::S3 { bucket, key, version } => {
                let pin = Pin {
                    version_id: version.clone(),
                    ..Pin::default()
                };
                Ok(self.s3_by(access).await?.get(bucket, key, &pin).await?.0)
            }
            Location::Http(url) => Ok(self.http().await?.get(url, &Pin::default()).await?.0),
            Location::Lakefs(at) => Ok(self.lakefs().await?.get(at, None).await?.0),
            Location::Dvc(_) | Location::Delta(_) => Err(nested(at)),
        }
    }

    /// The one object that a reference stands for.
    async fn only(&self, at: &Location) -> Result<ObjectMeta, StoreError> {
        let mut found = self.resolve(at).await?.objects;
        match (found.pop(), found.len()) {
            (Some(meta), 0) => Ok(meta),
            (_, others) => Err(StoreError::Invalid {
                location: at.to_string(),
                what: format!(
                    "stands for {} files where one is needed; name one of them",
                    others + 1
                ),
            }),
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
            Location::S3 {
                bucket,
                key,
                version: None,
            } => self.s3().await?.put(bucket, key, bytes).await,
            other => Err(StoreError::Invalid {
                location: other.to_string(),
                what: format!(
                    "{} are read only; write to a path or s3://bucket/key",
                    other.read_only().unwrap_or_default()
                ),
            }),
        }
    }

    /// Size, version and time of one object.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn head(&self, at: &Location) -> Result<ObjectMeta, StoreError> {
        if at.is_reference() {
            return self.only(at).await;
        }
        self.head_by(at, &Access::default()).await
    }

    /// As [`Store::head`], of what was found by a list or is in a record, reached as its reference says.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn head_found(&self, found: &ObjectMeta) -> Result<ObjectMeta, StoreError> {
        self.head_by(&found.location, &access(found)).await
    }

    pub(crate) async fn head_by(&self, at: &Location, access: &Access) -> Result<ObjectMeta, StoreError> {
        match at {
            Location::Path(path) => {
                let path = path.clone();
                blocking(move || local::head(&path)).await
            }
            Location::S3 { bucket, key, version } => {
                let s3 = self.s3_by(access).await?;
                let meta = s3.head(bucket, key, version.as_deref()).await?;
                Ok(pinned(at, meta))
            }
            Location::Http(url) => self.http().await?.head(url).await,
            Location::Lakefs(at) => self.lakefs().await?.head(at).await,
            Location::Dvc(_) | Location::Delta(_) => Err(nested(at)),
        }
    }

    /// What a location stands for, in the order of names: itself, all below a directory or
    /// prefix, or all that match a glob. Never empty: finding nothing is an error.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn list(&self, at: &Location) -> Result<Vec<ObjectMeta>, StoreError> {
        Ok(self.resolve(at).await?.objects)
    }

    /// As [`Store::list`], with the version that a reference was resolved to.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn resolve(&self, at: &Location) -> Result<Listing, StoreError> {
        match at {
            Location::S3 { version: Some(_), .. } => {
                let meta = self.head_by(at, &Access::default()).await?;
                let version = meta.version_id.is_some().then(|| Version::named(at.to_string()));
                Ok(Listing {
                    version,
                    ..Listing::plain(vec![meta])
                })
            }
            Location::Dvc(reference) => dvc::resolve(self, reference).await,
            Location::Delta(reference) => delta::resolve(self, reference).await,
            Location::Lakefs(reference) => self.lakefs().await?.resolve(reference).await,
            Location::Path(_) | Location::S3 { .. } | Location::Http(_) => {
                Ok(Listing::plain(self.list_plain(at).await?))
            }
        }
    }

    /// What a location that is no reference stands for.
    pub(crate) async fn list_plain(&self, at: &Location) -> Result<Vec<ObjectMeta>, StoreError> {
        let found = match at {
            Location::Path(path) => {
                let path = path.clone();
                blocking(move || local::list(&path)).await?
            }
            Location::S3 { bucket, key, .. } => self.list_s3(bucket, key).await?,
            Location::Http(_) => vec![self.head_by(at, &Access::default()).await?],
            Location::Dvc(_) | Location::Delta(_) | Location::Lakefs(_) => return Err(nested(at)),
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
        match s3.head(bucket, key, None).await {
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
        Ok(self.resolve_data(at).await?.objects)
    }

    /// As [`Store::list_data`], with the version that a reference was resolved to.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn resolve_data(&self, at: &Location) -> Result<Listing, StoreError> {
        let mut listing = self.resolve(at).await?;
        let found = &mut listing.objects;
        // The log of a table says which files are its own, whatever they are called.
        if matches!(at, Location::Delta(_)) {
            return Ok(listing);
        }
        if found.len() > 1 || found[0].reference.is_none() && found[0].location.pattern() != at.pattern() {
            found.retain(|meta| {
                !meta
                    .below(at)
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
        Ok(listing)
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
            let s3 = self.s3_by(&access(recorded)).await?;
            return Ok(Object::new(recorded.clone(), Source::S3(s3)));
        }
        let object = self.open_by(at, recorded).await?;
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
        let found = if at.is_reference() {
            self.only(at).await?
        } else {
            ObjectMeta::unknown(at.clone())
        };
        self.open_found(&found).await
    }

    /// Opens what was found by a list, at the version that is there now; of a reference, at the version that was found.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open_found(&self, found: &ObjectMeta) -> Result<Object, StoreError> {
        if found.reference.is_some() {
            return self.open_recorded(found).await;
        }
        self.open_by(&found.location, found).await
    }

    async fn open_by(&self, at: &Location, found: &ObjectMeta) -> Result<Object, StoreError> {
        let access = access(found);
        let (now, source) = match at {
            Location::Path(path) => {
                let path = path.clone();
                let (file, meta) = blocking(move || Pinned::open(&path)).await?;
                (meta, Source::File(Arc::new(file)))
            }
            Location::S3 { .. } => (
                self.head_by(at, &access).await?,
                Source::S3(self.s3_by(&access).await?),
            ),
            Location::Http(_) => (
                self.head_by(at, &access).await?,
                Source::Http(self.http().await?.clone()),
            ),
            Location::Lakefs(_) => (
                self.head_by(at, &access).await?,
                Source::Lakefs(self.lakefs().await?.clone()),
            ),
            Location::Dvc(_) | Location::Delta(_) => return Err(nested(at)),
        };
        let reference = found.reference.clone().or(now.reference);
        Ok(Object::new(ObjectMeta { reference, ..now }, source))
    }
}

/// The way to an object.
fn access(meta: &ObjectMeta) -> Access {
    let reference = meta.reference.as_ref();
    reference
        .map(|reference| reference.access.clone())
        .unwrap_or_default()
}

/// An object of which a version was asked for stays at that: by its location, and for whoever looks for a file's name.
fn pinned(asked: &Location, meta: ObjectMeta) -> ObjectMeta {
    let Location::S3 { version: Some(_), .. } = asked else {
        return meta;
    };
    ObjectMeta {
        reference: Some(Box::new(Referred {
            name: asked.file_name().to_owned(),
            md5: None,
            access: Access::default(),
            partition: Vec::new(),
        })),
        location: asked.clone(),
        ..meta
    }
}

/// What a reference was resolved to is no reference.
fn nested(at: &Location) -> StoreError {
    StoreError::Invalid {
        location: at.to_string(),
        what: "is a reference, and not a file or an object".into(),
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
