//! What names data: a path, an object or a prefix in S3, a web address.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use crate::glob;

/// Where data is.
///
/// ```
/// use artifact_store::Location;
/// let at: Location = "s3://lake/flights/2013-04.parquet".parse()?;
/// assert_eq!(at, Location::S3 { bucket: "lake".into(), key: "flights/2013-04.parquet".into() });
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
    },
    /// Something that a web server gives out; read only.
    Http(Url),
}

/// Why a text names nothing that can be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a location: {why}; give a path, s3://bucket/key or https://…")]
pub struct LocationError {
    text: String,
    why: String,
}

impl Location {
    /// The location `name` below this one, as below a directory.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        match self {
            Self::Path(path) => Self::Path(path.join(name)),
            Self::S3 { bucket, key } if key.is_empty() || key.ends_with('/') => Self::S3 {
                bucket: bucket.clone(),
                key: format!("{key}{name}"),
            },
            Self::S3 { bucket, key } => Self::S3 {
                bucket: bucket.clone(),
                key: format!("{key}/{name}"),
            },
            Self::Http(url) => {
                let mut url = url.clone();
                let path = format!("{}/{name}", url.path().trim_end_matches('/'));
                url.set_path(&path);
                Self::Http(url)
            }
        }
    }

    /// The last part of the name: what a message or a format by extension needs.
    #[must_use]
    pub fn file_name(&self) -> &str {
        let text = match self {
            Self::Path(path) => return path.file_name().and_then(|n| n.to_str()).unwrap_or(""),
            Self::S3 { key, .. } => key.as_str(),
            Self::Http(url) => url.path(),
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
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text.split_once(':') {
                Some((scheme @ ("dvc" | "delta" | "lakefs"), _)) => {
                    Err(no(&format!("`{scheme}:` references are not read yet")))
                }
                _ => Ok(Self::Path(PathBuf::from(text))),
            };
        };
        match scheme {
            "s3" | "s3a" => {
                let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return Err(no("the bucket is missing"));
                }
                let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
                if let Some(c) = bucket.chars().find(|c| !allowed(*c)) {
                    return Err(no(&format!("a bucket name cannot contain `{c}`")));
                }
                Ok(Self::S3 {
                    bucket: bucket.to_owned(),
                    key: key.to_owned(),
                })
            }
            "file" => match rest.strip_prefix("localhost").unwrap_or(rest) {
                path if path.starts_with('/') => Ok(Self::Path(PathBuf::from(path))),
                _ => Err(no("after file:// comes an absolute path")),
            },
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
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            // A query may be a presigned signature and user info a password: neither is shown.
            Self::Http(url) => {
                let mut shown = url.clone();
                shown.set_query(None);
                let _ = shown.set_username("");
                let _ = shown.set_password(None);
                write!(f, "{shown}")
            }
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
            ("dvc:data@v1", "`dvc:` references are not read yet"),
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
