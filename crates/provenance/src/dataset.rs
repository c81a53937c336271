//! `dataset.json`: exactly which bytes were validated, and so may be trained and judged on.
//!
//! The digest rules: a split's digest is the digest of its objects' list (see [`crate::tree`]), each named by
//! its URI, or by what a reference calls it, without the directory that all objects of the split share; the dataset's digest is the digest of
//! the lines `<hex of the split>  <name of the split>\n`, sorted by name. So a dataset copied as a whole to
//! another bucket is the same dataset; a file that moved between partitions is not.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::record::Record;
use crate::tree::{FileDigest, digest_files, line};

/// The data of one pipeline run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// `mlops-steps/dataset/v1`.
    pub schema: String,
    /// Canonical version string: what the team calls it (`dvc:md5:…`, `s3:…?versionId=…`), else the digest.
    pub version: String,
    /// Digest of all splits.
    pub digest: Digest,
    /// The time window that was cut out, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Splits and reference tables by name: `train`, `validation`, `airports`.
    pub splits: BTreeMap<String, Split>,
}

/// A window of time over one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The time column.
    pub column: String,
    /// The instant at which the window ends, as asked for.
    pub as_of: String,
    /// Its length as asked for: `90d`.
    pub length: String,
    /// First instant inside, RFC 3339.
    pub from: String,
    /// First instant after, RFC 3339.
    pub to: String,
}

impl Window {
    /// The first instant inside and the first after, in nanoseconds since 1970-01-01: a row is inside when its time
    /// is, and a row without a time never is.
    ///
    /// # Errors
    /// An end that is no instant, named.
    pub fn range(&self) -> Result<Range<i128>, String> {
        let instant = |field: &str, text: &str| match text.parse::<Timestamp>() {
            Ok(at) => Ok(at.as_nanosecond()),
            Err(_) => Err(format!(
                "window.{field} is `{text}`, an instant as RFC 3339 has it is needed"
            )),
        };
        Ok(instant("from", &self.from)?..instant("to", &self.to)?)
    }
}

/// One named part of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// As it was named: a file, a prefix, a glob, a data version reference.
    pub uri: String,
    /// Digest of the objects.
    pub digest: Digest,
    /// Rows in all objects.
    pub rows: u64,
    /// The version that a reference was resolved to, by a name that never means another: `dvc:md5:….dir`,
    /// `delta:s3://lake/trips@v3`, `lakefs://repo/<commit>/path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The commit of Git or of lakeFS that the reference was resolved at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether the dataset's window cut it: then rows are those inside. A reference is never cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub windowed: bool,
    /// The objects that were read, every one.
    pub objects: Vec<DataObject>,
}

/// One file or object of a split, pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataObject {
    /// Its own location.
    pub uri: String,
    /// Bytes.
    pub size: u64,
    /// Entity tag that the store gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Version id that the store gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Rows.
    pub rows: u64,
    /// Digest of the bytes.
    pub digest: Digest,
    /// What the reference says of it that the split's `uri` is; none of paths, prefixes and globs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ObjectReference>,
}

/// What a reference says of an object besides where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectReference {
    /// What it is called below the split's `uri`, whatever the store calls it: `year=2013/a.parquet`.
    pub name: String,
    /// The S3 server that it is in, where the reference names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Columns whose values stand in the log of the table and not in the file; null is null.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub partition: BTreeMap<String, Option<String>>,
}

impl DataObject {
    /// What it is called: by its reference, else by its location.
    pub fn name(&self) -> &str {
        self.reference
            .as_ref()
            .map_or(&self.uri, |reference| &reference.name)
    }
}

/// A dataset, named in another record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetRef {
    /// [`Dataset::digest`].
    pub digest: Digest,
    /// [`Dataset::version`].
    pub version: String,
}

impl Split {
    /// A split of these objects; digest and row count follow from them.
    ///
    /// # Errors
    /// There is no object, or two have one name.
    pub fn new(uri: impl Into<String>, objects: Vec<DataObject>) -> Result<Self, crate::TreeError> {
        let digest = objects_digest(&objects)?;
        let rows = objects.iter().map(|object| object.rows).sum();
        Ok(Self {
            uri: uri.into(),
            digest,
            rows,
            version: None,
            commit: None,
            windowed: false,
            objects,
        })
    }

    /// Says which version the reference was resolved to, and at which commit.
    #[must_use]
    pub fn at(mut self, version: Option<String>, commit: Option<String>) -> Self {
        self.version = version;
        self.commit = commit;
        self
    }

    /// Says whether the window cut it.
    #[must_use]
    pub fn windowed(mut self, windowed: bool) -> Self {
        self.windowed = windowed;
        self
    }
}

impl Dataset {
    /// A dataset of these splits; without a version of its own it is called by its digest.
    pub fn new(version: Option<String>, window: Option<Window>, splits: BTreeMap<String, Split>) -> Self {
        let digest = splits_digest(&splits);
        Self {
            schema: Self::SCHEMA.to_owned(),
            version: version.unwrap_or_else(|| digest.to_string()),
            digest,
            window,
            splits,
        }
    }

    /// The reference that other records carry.
    pub fn reference(&self) -> DatasetRef {
        DatasetRef {
            digest: self.digest,
            version: self.version.clone(),
        }
    }
}

impl Record for Dataset {
    const SCHEMA: &'static str = "mlops-steps/dataset/v1";

    fn check(&self) -> Result<(), String> {
        for (name, split) in &self.splits {
            let digest = objects_digest(&split.objects).map_err(|error| format!("splits.{name}: {error}"))?;
            if digest != split.digest {
                return Err(format!(
                    "splits.{name}.digest is {}, its objects give {digest}",
                    split.digest
                ));
            }
            let rows: u64 = split.objects.iter().map(|object| object.rows).sum();
            if rows != split.rows {
                return Err(format!(
                    "splits.{name}.rows is {}, its objects have {rows}",
                    split.rows
                ));
            }
        }
        let digest = splits_digest(&self.splits);
        if digest != self.digest {
            return Err(format!("digest is {}, the splits give {digest}", self.digest));
        }
        Ok(())
    }
}

fn splits_digest(splits: &BTreeMap<String, Split>) -> Digest {
    let mut hasher = Hasher::new();
    for (name, split) in splits {
        hasher.update(line(&split.digest, name));
    }
    hasher.finish()
}

fn objects_digest(objects: &[DataObject]) -> Result<Digest, crate::TreeError> {
    let shared = shared_directory(objects);
    let files: Vec<FileDigest> = objects
        .iter()
        .map(|object| FileDigest {
            path: object.name().get(shared..).unwrap_or_default().to_owned(),
            size: object.size,
            digest: object.digest,
        })
        .collect();
    digest_files(&files)
}

/// Length of the longest prefix ending in `/` that all names have.
fn shared_directory(objects: &[DataObject]) -> usize {
    let Some(first) = objects.first() else { return 0 };
    let mut shared = first.name().rfind('/').map_or(0, |slash| slash + 1);
    for object in objects {
        while shared > 0
            && !object
                .name()
                .starts_with(first.name().get(..shared).unwrap_or_default())
        {
            let shorter = first
                .name()
                .get(..shared - 1)
                .and_then(|prefix| prefix.rfind('/'));
            shared = shorter.map_or(0, |slash| slash + 1);
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest_bytes;

    fn object(uri: &str, text: &str) -> DataObject {
        DataObject {
            uri: uri.to_owned(),
            size: text.len() as u64,
            etag: None,
            version_id: None,
            rows: 10,
            digest: digest_bytes(text),
            reference: None,
        }
    }

    fn split(uris: [&str; 2]) -> Digest {
        Split::new("x", uris.iter().map(|uri| object(uri, "rows")).collect())
            .unwrap()
            .digest
    }

    #[test]
    fn a_copy_of_the_whole_is_the_same_dataset() {
        let bucket = split(["s3://raw/flights/m=1/0.parquet", "s3://raw/flights/m=2/0.parquet"]);
        assert_eq!(bucket, split(["/mnt/m=1/0.parquet", "/mnt/m=2/0.parquet"]));
        assert_ne!(bucket, split(["/mnt/m=1/0.parquet", "/mnt/m=3/0.parquet"]));
    }

    #[test]
    fn what_a_reference_names_is_what_a_copy_names() {
        let named = |uri: &str, name: &str| DataObject {
            reference: Some(ObjectReference {
                name: name.to_owned(),
                ..ObjectReference::default()
            }),
            ..object(uri, "rows")
        };
        let objects = vec![
            named("s3://dvc/ab/1", "m=1/0.parquet"),
            named("s3://dvc/ab/1", "m=2/0.parquet"),
        ];
        let split_of = Split::new("dvc:flights@v1", objects).unwrap();
        assert_eq!(
            split_of.digest,
            split(["/mnt/m=1/0.parquet", "/mnt/m=2/0.parquet"])
        );
    }

    #[test]
    fn the_shared_directory_ends_at_a_slash() {
        let length =
            |uris: &[&str]| shared_directory(&uris.iter().map(|uri| object(uri, "")).collect::<Vec<_>>());
        assert_eq!(length(&["a/b/part-1", "a/b/part-2"]), 4);
        assert_eq!(length(&["a/bc/1", "a/bd/1"]), 2);
        assert_eq!(length(&["one", "two"]), 0);
        assert_eq!(length(&["s3://b/k"]), 7);
        assert_eq!(length(&[]), 0);
    }
}
