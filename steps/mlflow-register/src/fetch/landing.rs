//! How files appear in a directory all at once, or as nearly so as the directory allows.
//!
//! A destination that is not there is made by one rename. One that is there (a mounted volume cannot be
//! renamed) gets its entries one by one, while a marker directory in it says that it is not whole; a killed
//! fetch leaves the marker, and the next one begins again.

use std::fs;
use std::path::{Path, PathBuf};

use provenance::{Digest, digest_dir};

use super::disk;
use crate::error::Error;

/// Name of the marker, and of the directory beside a destination that is not there.
const MARKER: &str = ".mlflow-register-fetch";

pub(crate) struct Landing {
    destination: PathBuf,
    temporary: PathBuf,
    in_place: bool,
}

impl Landing {
    pub(crate) fn new(destination: &Path) -> Result<Self, Error> {
        let destination = std::path::absolute(destination).map_err(|error| disk(destination, &error))?;
        let in_place = destination.is_dir();
        if !in_place && destination.exists() {
            return Err(Error::Usage(format!(
                "{} is a file: a directory is needed",
                destination.display()
            )));
        }
        let temporary = if in_place {
            destination.join(MARKER)
        } else {
            let name = destination.file_name().unwrap_or_default().to_string_lossy();
            destination.with_file_name(format!("{MARKER}-{name}"))
        };
        Ok(Self {
            destination,
            temporary,
            in_place,
        })
    }

    /// What a whole destination holds; `None` when it is empty, not there, or was left half done.
    pub(crate) fn already_there(&self) -> Result<Option<Digest>, Error> {
        if !self.in_place || self.temporary.exists() {
            return Ok(None);
        }
        let mut entries = fs::read_dir(&self.destination).map_err(|error| disk(&self.destination, &error))?;
        // A fresh volume has this and nothing else.
        if entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == "lost+found")) {
            return Ok(None);
        }
        digest_dir(&self.destination)
            .map(|(digest, _)| Some(digest))
            .map_err(|error| Error::Usage(error.to_string()))
    }

    /// Makes the directory to download into, without what an earlier fetch left in it.
    pub(crate) fn begin(&self) -> Result<PathBuf, Error> {
        if self.temporary.exists() {
            fs::remove_dir_all(&self.temporary).map_err(|error| disk(&self.temporary, &error))?;
        }
        fs::create_dir_all(&self.temporary).map_err(|error| disk(&self.temporary, &error))?;
        Ok(self.temporary.clone())
    }

    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Lets the files appear.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if !self.in_place {
            fs::rename(&self.temporary, &self.destination)
                .map_err(|error| disk(&self.destination, &error))?;
            return sync(self.destination.parent().unwrap_or(&self.destination));
        }
        // Only what a fetch that was killed here has left can be in the way: the directory was empty, or
        // had the marker in it.
        for entry in fs::read_dir(&self.destination).map_err(|error| disk(&self.destination, &error))? {
            let path = entry.map_err(|error| disk(&self.destination, &error))?.path();
            if path == self.temporary || path.file_name().is_some_and(|name| name == "lost+found") {
                continue;
            }
            let gone = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            gone.map_err(|error| disk(&path, &error))?;
        }
        for entry in fs::read_dir(&self.temporary).map_err(|error| disk(&self.temporary, &error))? {
            let entry = entry.map_err(|error| disk(&self.temporary, &error))?;
            let target = self.destination.join(entry.file_name());
            fs::rename(entry.path(), &target).map_err(|error| disk(&target, &error))?;
        }
        sync(&self.destination)?;
        fs::remove_dir(&self.temporary).map_err(|error| disk(&self.temporary, &error))?;
        sync(&self.destination)
    }

    /// Takes away what was downloaded. What cannot be taken away is cleared by the next fetch.
    pub(crate) fn abandon(&self) {
        if let Err(error) = fs::remove_dir_all(&self.temporary) {
            tracing::warn!(path = %self.temporary.display(), %error, "cannot remove what was refused");
        }
    }
}

fn sync(directory: &Path) -> Result<(), Error> {
    fs::File::open(directory)
        .and_then(|handle| handle.sync_all())
        .map_err(|error| disk(directory, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(landing: &Landing, text: &str) {
        let directory = landing.begin().unwrap();
        fs::create_dir_all(directory.join("data")).unwrap();
        fs::write(directory.join("data/model"), text).unwrap();
        fs::write(directory.join("MLmodel"), "m").unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_appears_at_once() {
        let root = tempfile::tempdir().unwrap();
        let destination = root.path().join("model");
        let landing = Landing::new(&destination).unwrap();
        assert!(landing.already_there().unwrap().is_none());
        put(&landing, "killed here");
        assert!(!destination.exists());
        let landing = Landing::new(&destination).unwrap();
        put(&landing, "x");
        landing.finish().unwrap();
        assert_eq!(fs::read_to_string(destination.join("data/model")).unwrap(), "x");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        let again = Landing::new(&destination).unwrap();
        assert_eq!(
            again.already_there().unwrap().unwrap(),
            digest_dir(&destination).unwrap().0
        );
    }

    #[test]
    fn a_volume_that_was_left_half_done_is_begun_again() {
        let root = tempfile::tempdir().unwrap();
        let landing = Landing::new(root.path()).unwrap();
        put(&landing, "old");
        // Killed between two renames.
        fs::rename(root.path().join(MARKER).join("data"), root.path().join("data")).unwrap();
        let landing = Landing::new(root.path()).unwrap();
        assert!(landing.already_there().unwrap().is_none());
        put(&landing, "new");
        landing.finish().unwrap();
        assert_eq!(fs::read_to_string(root.path().join("data/model")).unwrap(), "new");
        let mut names: Vec<_> = fs::read_dir(root.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["MLmodel", "data"]);
    }

    #[test]
    fn what_was_refused_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let landing = Landing::new(&root.path().join("model")).unwrap();
        put(&landing, "bad");
        landing.abandon();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        fs::write(root.path().join("file"), "").unwrap();
        assert!(Landing::new(&root.path().join("file")).is_err());
    }
}
