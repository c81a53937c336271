//! How a person names what DVC tracks.

use std::fmt;
use std::path::Path;

/// `dvc:PATH[@REV]` or `dvc:REPO#PATH[@REV]`.
///
/// `PATH` alone is a path of this machine, inside of a checkout of the repository: `dvc:data/train@v1`,
/// `dvc:/in/repo/data/train`. With `REPO#`, `REPO` is a checkout or a bare Git directory and `PATH` is inside of it:
/// `dvc:/in/repo.git#data/train@v1`. `REV` is a tag, a branch or a commit; it is what comes after the last `@`, so that
/// a path with an `@` and no revision ends with one: `dvc:a@b.csv@`. Without a revision the checkout is read as it lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DvcRef {
    /// A checkout or a bare Git directory; none when `path` leads into the checkout.
    pub repo: Option<String>,
    /// What is tracked: a file, a directory, or something inside of one.
    pub path: String,
    /// A tag, a branch or a commit.
    pub rev: Option<String>,
}

impl DvcRef {
    /// Reads what comes after `dvc:`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some((scheme @ ("http" | "https" | "ssh" | "git"), _)) = text.split_once("://") {
            return Err(format!(
                "a repository behind {scheme}:// is not cloned here; clone it before (in Argo: a git artifact) and \
                 give dvc:DIRECTORY#PATH@REVISION"
            ));
        }
        let (repo, path) = match text.split_once('#') {
            Some((repo, path)) if !repo.is_empty() => (Some(repo.to_owned()), path),
            _ => (None, text),
        };
        let (path, rev) = match path.rsplit_once('@') {
            Some((path, "")) => (path, None),
            Some((path, rev)) => (path, Some(rev.to_owned())),
            None => (path, None),
        };
        let path = match &repo {
            Some(_) => inside(path)?,
            None => path.trim_end_matches('/').to_owned(),
        };
        if path.is_empty() {
            return Err("the path is missing; write dvc:PATH@REVISION".to_owned());
        }
        Ok(Self { repo, path, rev })
    }

    /// What lies below it.
    pub(crate) fn join(&self, name: &str) -> Self {
        Self {
            path: format!("{}/{name}", self.path),
            ..self.clone()
        }
    }
}

/// A path inside of a repository, without `.` and slashes at its ends.
fn inside(path: &str) -> Result<String, String> {
    if Path::new(path).is_absolute() {
        return Err(format!(
            "after `#` comes a path inside of the repository, and `{path}` is absolute"
        ));
    }
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if parts.contains(&"..") {
        return Err(format!("`{path}` leads out of the repository"));
    }
    Ok(parts.join("/"))
}

impl fmt::Display for DvcRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(repo) = &self.repo {
            write!(f, "{repo}#")?;
        }
        f.write_str(&self.path)?;
        match &self.rev {
            Some(rev) => write!(f, "@{rev}"),
            None if self.path.contains('@') => f.write_str("@"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for (text, repo, path, rev) in [
            ("data/train", None, "data/train", None),
            ("data/train@v1.0", None, "data/train", Some("v1.0")),
            ("/in/repo/a.csv@0a1b", None, "/in/repo/a.csv", Some("0a1b")),
            (
                "../r#data/a.csv@feature/x",
                Some("../r"),
                "data/a.csv",
                Some("feature/x"),
            ),
            ("a@b.csv@", None, "a@b.csv", None),
            ("a@b.csv@v1", None, "a@b.csv", Some("v1")),
        ] {
            let read = DvcRef::parse(text).unwrap();
            let expected = DvcRef {
                repo: repo.map(str::to_owned),
                path: path.to_owned(),
                rev: rev.map(str::to_owned),
            };
            assert_eq!((read.to_string().as_str(), &read), (text, &expected));
        }
        assert_eq!(
            DvcRef::parse("r#./data//a/@v1").unwrap().to_string(),
            "r#data/a@v1"
        );
    }

    #[test]
    fn says_why_not() {
        for (text, why) in [
            ("", "the path is missing"),
            ("r#@v1", "the path is missing"),
            ("r#../x", "leads out of the repository"),
            ("r#/x", "is absolute"),
            ("https://example.com/org/repo#data@v1", "clone it before"),
        ] {
            let said = DvcRef::parse(text).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
