//! The files of a repository, as they lie in a checkout or in a commit.

use std::path::{Path, PathBuf};

/// What is read of a repository. Paths have slashes and no dots; the top is "".
pub(super) trait Tree {
    /// The bytes of a file; none when there is none.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, String>;

    /// The files and the directories in a directory; empty when there is none.
    fn entries(&self, dir: &str) -> Result<Entries, String>;

    /// The text of a file; none when there is none.
    fn text(&self, path: &str) -> Result<Option<String>, String> {
        let Some(bytes) = self.read(path)? else {
            return Ok(None);
        };
        String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| format!("{path} is not UTF-8 text"))
    }
}

/// The names in a directory, in order.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub files: Vec<String>,
    pub dirs: Vec<String>,
}

impl Entries {
    pub(super) fn has_dir(&self, name: &str) -> bool {
        self.dirs.iter().any(|dir| dir == name)
    }
}

/// `a/b` of `a` and `b`, where either may be empty.
pub(super) fn joined(dir: &str, name: &str) -> String {
    match (dir, name) {
        ("", only) | (only, "") => only.to_owned(),
        (dir, name) => format!("{dir}/{name}"),
    }
}

/// A checkout, as it lies.
pub(super) struct Checkout(pub PathBuf);

impl Tree for Checkout {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        let at = self.0.join(path);
        match std::fs::read(&at) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if is_absent(&error) || at.is_dir() => Ok(None),
            Err(error) => Err(format!("{}: {error}", at.display())),
        }
    }

    fn entries(&self, dir: &str) -> Result<Entries, String> {
        let at = self.0.join(dir);
        let mut found = Entries::default();
        let listed = match std::fs::read_dir(&at) {
            Ok(listed) => listed,
            Err(error) if is_absent(&error) => return Ok(found),
            Err(error) => return Err(failed(&at, &error)),
        };
        for entry in listed {
            let entry = entry.map_err(|error| failed(&at, &error))?;
            // Names that are no text are no files of DVC's, which are YAML.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            // A link to a directory is not followed: it may lead back.
            let is_dir = entry.file_type().map_err(|error| failed(&at, &error))?.is_dir();
            if is_dir { &mut found.dirs } else { &mut found.files }.push(name);
        }
        found.files.sort();
        found.dirs.sort();
        Ok(found)
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as K;
    matches!(error.kind(), K::NotFound | K::NotADirectory)
}

fn failed(at: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", at.display())
}
