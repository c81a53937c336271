//! How a person names data in lakeFS.

use std::fmt;

/// `lakefs://REPOSITORY/REF/PATH`: an object, a prefix that ends with `/`, or a glob, at a branch, a tag or a commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LakefsRef {
    /// The repository.
    pub repository: String,
    /// A branch, a tag, a commit or an expression over them (`main~2`).
    pub reference: String,
    /// Below the reference; empty for all of it.
    pub path: String,
}

impl LakefsRef {
    /// Reads what comes after `lakefs://`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, '/');
        let mut next = || parts.next().unwrap_or_default().to_owned();
        let (repository, reference, path) = (next(), next(), next());
        if repository.is_empty() || reference.is_empty() {
            return Err("after lakefs:// come a repository and a branch, tag or commit: lakefs://repository/main/path/".to_owned());
        }
        Ok(Self {
            repository,
            reference,
            path,
        })
    }

    /// What lies below it.
    pub(crate) fn join(&self, name: &str) -> Self {
        let slash = if self.path.is_empty() || self.path.ends_with('/') {
            ""
        } else {
            "/"
        };
        self.with_path(format!("{}{slash}{name}", self.path))
    }

    pub(crate) fn with_path(&self, path: String) -> Self {
        Self { path, ..self.clone() }
    }

    /// Whether the reference is a whole commit id, which never means another version.
    pub(crate) fn is_commit(&self) -> bool {
        self.reference.len() == 64 && self.reference.bytes().all(|b| b.is_ascii_hexdigit())
    }
}

impl fmt::Display for LakefsRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lakefs://{}/{}/{}", self.repository, self.reference, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in [
            "lake/main/trips/",
            "lake/v1.0/a b/c.csv",
            "lake/main~2/",
            "lake/main/x@y",
        ] {
            let read = LakefsRef::parse(text).unwrap();
            assert_eq!(read.to_string(), format!("lakefs://{text}"));
            assert!(!read.is_commit());
        }
        assert_eq!(
            LakefsRef::parse("lake/main").unwrap().join("a.csv").to_string(),
            "lakefs://lake/main/a.csv"
        );
        assert_eq!(
            LakefsRef::parse("lake/main/t").unwrap().join("a.csv").path,
            "t/a.csv"
        );
        for text in ["", "lake", "lake/", "/main/x"] {
            assert!(
                LakefsRef::parse(text)
                    .unwrap_err()
                    .contains("come a repository and a branch"),
                "{text}"
            );
        }
    }
}
