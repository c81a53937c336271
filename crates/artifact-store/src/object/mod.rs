//! What has been opened: one version of one object, read in ranges.

mod ahead;
mod ranges;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::error::StoreError;
use crate::http::Http;
use crate::lakefs::Lakefs;
use crate::local::Pinned;
use crate::location::Location;
use crate::reference::Referred;
use crate::s3::{Pin, S3};
use ahead::Ahead;
pub use ranges::ObjectReader;

/// What a store says of an object without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Where it is.
    pub location: Location,
    /// Its length in bytes.
    pub size: u64,
    /// The entity tag, as the store gives it; none for files.
    pub etag: Option<String>,
    /// The version, in a versioned bucket.
    pub version_id: Option<String>,
    /// When it was last written.
    pub modified: Option<jiff::Timestamp>,
    /// What the reference says that it was found by.
    pub reference: Option<Box<Referred>>,
}

impl ObjectMeta {
    /// A location that nobody has looked at.
    pub(crate) fn unknown(location: Location) -> Self {
        Self {
            location,
            size: 0,
            etag: None,
            version_id: None,
            modified: None,
            reference: None,
        }
    }

    /// What it is called: by the reference that it was found by, else by its location.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.reference {
            Some(reference) => &reference.name,
            None => self.location.pattern(),
        }
    }

    /// The last part of what it is called.
    #[must_use]
    pub fn file_name(&self) -> &str {
        match &self.reference {
            Some(reference) => reference.name.rsplit('/').next().unwrap_or(""),
            None => self.location.file_name(),
        }
    }

    /// What it is called below the location that it was found by: see [`Location::below`].
    #[must_use]
    pub fn below<'a>(&'a self, asked: &Location) -> &'a str {
        match &self.reference {
            Some(reference) => &reference.name,
            None => asked.below(&self.location),
        }
    }
}

/// One version of one object. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Object {
    meta: Arc<ObjectMeta>,
    source: Source,
    ahead: Arc<Ahead>,
    runtime: Handle,
}

#[derive(Debug, Clone)]
pub(crate) enum Source {
    File(Arc<Pinned>),
    S3(S3),
    Http(Http),
    Lakefs(Lakefs),
}

impl Object {
    pub(crate) fn new(meta: ObjectMeta, source: Source) -> Self {
        let (meta, runtime) = (Arc::new(meta), Handle::current());
        let ahead = Ahead::new(source.clone(), Arc::clone(&meta), runtime.clone());
        Self {
            meta,
            source,
            ahead: Arc::new(ahead),
            runtime,
        }
    }

    /// What was opened.
    #[must_use]
    pub fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    /// Its length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.meta.size
    }

    /// The bytes of `range`, of the version that was opened.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when that version is gone.
    pub async fn fetch(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        fetch(&self.source, &self.meta, range).await
    }
}

/// One request for `range`, held against what was opened.
async fn fetch(source: &Source, meta: &ObjectMeta, range: Range<u64>) -> Result<Bytes, StoreError> {
    if range.start > range.end || range.end > meta.size {
        return Err(StoreError::Invalid {
            location: meta.location.to_string(),
            what: format!("bytes {}..{} of {} asked for", range.start, range.end, meta.size),
        });
    }
    if range.is_empty() {
        return Ok(Bytes::new());
    }
    let pin = Pin {
        etag: meta.etag.clone(),
        version_id: meta.version_id.clone(),
        range: Some(range.clone()),
    };
    let (bytes, now) = match (source, &meta.location) {
        (Source::S3(s3), Location::S3 { bucket, key, .. }) => s3.get(bucket, key, &pin).await?,
        (Source::Http(http), Location::Http(url)) => http.get(url, &pin).await?,
        (Source::Lakefs(lakefs), Location::Lakefs(at)) => {
            let (bytes, size) = lakefs.get(at, pin.range).await?;
            (bytes, ObjectMeta { size, ..meta.clone() })
        }
        (Source::File(file), _) => {
            let file = Arc::clone(file);
            let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            return crate::store::blocking(move || file.read_at(range.start, len)).await;
        }
        _ => {
            return Err(StoreError::Invalid {
                location: meta.location.to_string(),
                what: "opened by another kind of store".into(),
            });
        }
    };
    if now.size != meta.size {
        return Err(StoreError::Changed {
            location: meta.location.to_string(),
            since: "opened".into(),
            what: format!("{} bytes instead of {}", now.size, meta.size),
        });
    }
    Ok(bytes)
}
