//! What names data: a path, an object or a prefix in S3, a web address, a reference to a version.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use crate::delta::DeltaRef;
use crate::dvc::DvcRef;
use crate::glob;
use crate::lakefs::LakefsRef;

/// Where data is.
///
/// ```
/// use artifact_store::Location;
/// let at: Location = "s3://lake/flights/2013-04.parquet".parse()?;
/// assert_eq!(at, Location::S3 { bucket: "lake".into(), key: "flights/2013-04.parquet".into(), version: None });
/// assert_eq!(at.to_string(), "s3://lake/flights/2013-04.parquet");
/// assert!("gs://lake/x".parse::<Location>().is_err());
/// # Ok::<(), artifact_store::LocationError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// A file or directory of this machine.
    Path(PathBuf),
    /// An object, or with an empty key or one that ends with `/` a prefix.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key, without a leading slash.
        key: String,
        /// The version that was asked for by `?versionId=`; without it the current one.
        version: Option<String>,
    },
    /// Something that a web server gives out; read only.
    Http(Url),
    /// What a DVC repository tracks; read only.
    Dvc(DvcRef),
    /// A version of a Delta table; read only.
    Delta(DeltaRef),
    /// Something in lakeFS; read only.
    Lakefs(LakefsRef),
}

/// Why a text names nothing that can be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a location: {why}; give a path, s3://bucket/key, https://…, dvc:path@revision, delta:table@vN or \
         lakefs://repository/ref/path"
)]
pub struct LocationError {
    text: String,
    why: String,
}

/// What comes between a key and the id of its version.
const VERSION: &str = "?versionId=";

impl Location {
    /// The location `name` below this one, as below a directory.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        match self {
            Self::Path(path) => Self::Path(path.join(name)),
            Self::S3 { bucket, key, .. } => {
                let slash = if key.is_empty() || key.ends_with('/') {
                    ""
                } else {
                    "/"
                };
                Self::S3 {
                    bucket: bucket.clone(),
                    key: format!("{key}{slash}{name}"),
                    version: None,
                }
            }
            Self::Http(url) => {
                let mut url = url.clone();
                let path = format!("{}/{name}", url.path().trim_end_matches('/'));
                url.set_path(&path);
                Self::Http(url)
            }
            Self::Dvc(reference) => Self::Dvc(reference.join(name)),
            Self::Delta(reference) => reference.join(name),
            Self::Lakefs(reference) => Self::Lakefs(reference.join(name)),
        }
    }

    /// The last part of the name: what a message or a format by extension needs.
    #[must_use]
    pub fn file_name(&self) -> &str {
        let text = match self {
            Self::Path(path) => return path.file_name().and_then(|n| n.to_str()).unwrap_or(""),
            Self::S3 { key, .. } => key.as_str(),
            Self::Http(url) => url.path(),
            Self::Dvc(reference) => &reference.path,
            Self::Delta(reference) => return reference.table.file_name(),
            Self::Lakefs(reference) => &reference.path,
        };
        text.trim_end_matches('/').rsplit('/').next().unwrap_or("")
    }

    /// The name of something found by listing this location, without the part that all found there share: `year=2013/a.csv`
    /// of `s3://lake/trips/year=2013/a.csv` below `s3://lake/trips/` or `s3://lake/trips/*/*.csv`. Empty for the location
    /// itself.
    #[must_use]
    pub fn below<'a>(&self, found: &'a Self) -> &'a str {
        let base = self.pattern();
        let base = if glob::is_glob(base) {
            glob::literal_prefix(base)
        } else {
            base
        };
        let (base, name) = (base.trim_start_matches("./"), found.pattern());
        let name = name.strip_prefix("./").unwrap_or(name);
        name.strip_prefix(base).unwrap_or("").trim_start_matches('/')
    }

    /// The part of the name that a glob or a listing works on: the path, or the key.
    pub(crate) fn pattern(&self) -> &str {
        match self {
            Self::Path(path) => path.to_str().unwrap_or(""),
            Self::S3 { key, .. } => key,
            Self::Http(url) => url.path(),
            Self::Dvc(reference) => &reference.path,
            Self::Delta(reference) => reference.table.pattern(),
            Self::Lakefs(reference) => &reference.path,
        }
    }

    /// Whether it is to be looked up before there is a file or an object.
    pub(crate) fn is_reference(&self) -> bool {
        matches!(self, Self::Dvc(_) | Self::Delta(_) | Self::Lakefs(_))
    }

    /// Why what it names cannot be written, as the subject of a sentence: only files and objects can be, and no version of
    /// them.
    #[must_use]
    pub fn read_only(&self) -> Option<&'static str> {
        match self {
            Self::Path(_) | Self::S3 { version: None, .. } => None,
            Self::S3 { .. } => Some("versions of an object"),
            Self::Http(_) => Some("web addresses"),
            Self::Dvc(_) => Some("references to DVC"),
            Self::Delta(_) => Some("references to Delta tables"),
            Self::Lakefs(_) => Some("references to lakeFS"),
        }
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no = |why: &str| LocationError {
            text: text.to_owned(),
            why: why.to_owned(),
        };
        if text.is_empty() {
            return Err(no("it is empty"));
        }
        if text.contains('\0') || text.contains('\n') {
            return Err(no("it contains a line break or a zero byte"));
        }
        match text.split_once(':') {
            Some(("dvc", reference)) => {
                return DvcRef::parse(reference).map(Self::Dvc).map_err(|why| no(&why));
            }
            Some(("delta", reference)) => {
                return DeltaRef::parse(reference)
                    .map(Self::Delta)
                    .map_err(|why| no(&why));
            }
            _ => {}
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::Path(PathBuf::from(text)));
        };
        match scheme {
            "s3" | "s3a" => {
                let (rest, version) = match rest.rsplit_once(VERSION) {
                    Some((_, "")) => return Err(no("after `?versionId=` comes the id of a version")),
                    Some((rest, version)) => (rest, Some(version.to_owned())),
                    None => (rest, None),
                };
                let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return Err(no("the bucket is missing"));
                }
                let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
                if let Some(c) = bucket.chars().find(|c| !allowed(*c)) {
                    return Err(no(&format!("a bucket name cannot contain `{c}`")));
                }
                if version.is_some() && (key.is_empty() || key.ends_with('/') || glob::is_glob(key)) {
                    return Err(no(
                        "a version is of one object; name its whole key before `?versionId=`",
                    ));
                }
                Ok(Self::S3 {
                    bucket: bucket.to_owned(),
                    key: key.to_owned(),
                    version,
                })
            }
            "file" => match rest.strip_prefix("localhost").unwrap_or(rest) {
                path if path.starts_with('/') => Ok(Self::Path(PathBuf::from(path))),
                _ => Err(no("after file:// comes an absolute path")),
            },
            "lakefs" => LakefsRef::parse(rest).map(Self::Lakefs).map_err(|why| no(&why)),
            "http" | "https" => {
                let url = Url::parse(text).map_err(|e| no(&e.to_string()))?;
                Ok(Self::Http(url))
            }
            other => Err(no(&format!("the scheme `{other}` is not known"))),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::S3 { bucket, key, version } => {
                write!(f, "s3://{bucket}/{key}")?;
                version
                    .iter()
                    .try_for_each(|version| write!(f, "{VERSION}{version}"))
            }
            // A query may be a presigned signature and user info a password: neither is shown.
            Self::Http(url) => {
                let mut shown = url.clone();
                shown.set_query(None);
                let _ = shown.set_username("");
                let _ = shown.set_password(None);
                write!(f, "{shown}")
            }
            Self::Dvc(reference) => write!(f, "dvc:{reference}"),
            Self::Delta(reference) => write!(f, "delta:{reference}"),
            Self::Lakefs(reference) => reference.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (text, shown) in [
            ("data/a.csv", "data/a.csv"),
            ("file:///tmp/a b.csv", "/tmp/a b.csv"),
            ("s3://b", "s3://b/"),
            ("s3a://b/k//x", "s3://b/k//x"),
            ("s3://b/k?.csv", "s3://b/k?.csv"),
            ("s3://b/k/x?versionId=3/L4+q=", "s3://b/k/x?versionId=3/L4+q="),
            ("dvc:data/train@v1", "dvc:data/train@v1"),
            ("lakefs://lake/main/trips/", "lakefs://lake/main/trips/"),
            ("delta:s3a://lake/trips/@v3", "delta:s3://lake/trips@v3"),
            ("dvc:/in/repo.git#data/a#b.csv", "dvc:/in/repo.git#data/a#b.csv"),
            (
                "https://u:p@h.example/d/a.csv?X-Amz-Signature=1",
                "https://h.example/d/a.csv",
            ),
            ("C:colon in a name", "C:colon in a name"),
        ] {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn says_why_not() {
        for (text, why) in [
            ("", "it is empty"),
            ("s3:///key", "the bucket is missing"),
            ("s3://buc ket/key", "cannot contain ` `"),
            ("gs://b/k", "the scheme `gs` is not known"),
            ("s3://b/k?versionId=", "comes the id of a version"),
            ("s3://b/k/?versionId=1", "a version is of one object"),
            ("s3://b/k?x?versionId=1", "a version is of one object"),
            ("dvc:@v1", "the path is missing"),
            ("file://there/x", "an absolute path"),
        ] {
            let said = text.parse::<Location>().unwrap_err().to_string();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn joins_and_names() {
        let at: Location = "s3://b/runs".parse().unwrap();
        assert_eq!(at.join("a/b.json").to_string(), "s3://b/runs/a/b.json");
        assert_eq!(at.join("a/b.json").file_name(), "b.json");
        assert_eq!(
            "s3://b/".parse::<Location>().unwrap().join("x").to_string(),
            "s3://b/x"
        );
    }
}
