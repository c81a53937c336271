//! What a location stands for, and which version of it.

use tabular::Kind;

use crate::object::ObjectMeta;

/// The objects that a location stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// In the order of their names.
    pub objects: Vec<ObjectMeta>,
    /// The version that a reference was resolved to; none for paths, prefixes and globs.
    pub version: Option<Version>,
    /// The columns of a table that has a schema of its own; a file that lacks one has nulls there.
    pub columns: Vec<(String, Kind)>,
}

impl Listing {
    /// Objects of no version.
    pub(crate) fn plain(objects: Vec<ObjectMeta>) -> Self {
        Self {
            objects,
            version: None,
            columns: Vec::new(),
        }
    }
}

/// A version of data, by a name that never means another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// `dvc:md5:….dir`, `delta:s3://lake/trips@v3`, `lakefs://repo/<commit>/path`.
    pub name: String,
    /// The commit of Git or of lakeFS that it was found at.
    pub commit: Option<String>,
}

impl Version {
    /// A version that is no commit's.
    pub(crate) fn named(name: String) -> Self {
        Self { name, commit: None }
    }
}
