//! How files appear in a directory all at once, or as nearly so as the directory allows; and never at the cost of
//! files that are there already.
//!
//! A destination that is not there is made by one rename. One that is there (a mounted volume cannot be renamed)
//! gets its entries one by one, while a working directory in it says that it is not whole. A fetch that is killed
//! before all bytes are verified leaves only the working directory, which the next one clears; one that is killed
//! after that leaves the mark `whole` in it, and the next one moves what is left. Nothing else is ever removed.
//!
//! Fetches into one destination wait for each other on a lock of the directory itself, which ends with the process
//! however that ends.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use provenance::{Digest, digest_dir_without};

use super::disk;
use crate::error::Error;

/// Name of the working directory: in the destination, or beside one that is not there.
const WORK: &str = ".mlflow-register-fetch";

/// What may be in a destination that is empty: ours, and what a fresh volume has.
const KEPT: [&str; 2] = [WORK, "lost+found"];

/// How long another fetch into the same place is waited for.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// A destination that nobody else fetches to.
pub(crate) struct Landing {
    destination: PathBuf,
    work: PathBuf,
    in_place: bool,
    /// Whether entries are on their way into the destination: the rest must not be removed then.
    landed: bool,
    /// `None` where the file system has no locks.
    _lock: Option<File>,
}

impl Landing {
    /// Waits until nobody else fetches to `destination`, and ends what a killed fetch has left there.
    pub(crate) async fn at(destination: &Path) -> Result<Self, Error> {
        let destination = std::path::absolute(destination).map_err(|error| disk(destination, &error))?;
        let landing = loop {
            let in_place = destination.is_dir();
            if !in_place && destination.exists() {
                return Err(Error::Usage(format!(
                    "{} is a file: a directory is needed",
                    destination.display()
                )));
            }
            let parent = destination.parent().unwrap_or(&destination);
            let (locked, work) = if in_place {
                (destination.as_path(), destination.join(WORK))
            } else {
                fs::create_dir_all(parent).map_err(|error| disk(parent, &error))?;
                let name = destination.file_name().unwrap_or_default().to_string_lossy();
                (parent, parent.join(format!("{WORK}-{name}")))
            };
            let lock = lock(locked).await?;
            // The one that was waited for may have made the directory.
            if destination.is_dir() == in_place {
                break Self {
                    destination,
                    work,
                    in_place,
                    landed: false,
                    _lock: lock,
                };
            }
        };
        if landing.whole().exists() {
            landing.land()?;
        }
        landing.clear()?;
        Ok(landing)
    }

    /// What the destination holds; `None` when it is empty or not there.
    pub(crate) async fn holds(&self) -> Result<Option<Digest>, Error> {
        if !self.in_place || self.others()?.is_empty() {
            return Ok(None);
        }
        digest(&self.destination).await.map(Some)
    }

    /// Makes the directory to download into.
    pub(crate) fn begin(&self) -> Result<PathBuf, Error> {
        let model = self.model();
        fs::create_dir_all(&model).map_err(|error| disk(&model, &error))?;
        Ok(model)
    }

    /// Lets the files appear.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        if !self.in_place {
            fs::rename(self.model(), &self.destination).map_err(|error| disk(&self.destination, &error))?;
            return sync(self.destination.parent().unwrap_or(&self.destination));
        }
        if let Some(name) = self.others()?.first() {
            return Err(Error::Usage(format!(
                "{} was empty, and {name} came while the model was fetched: nothing was put there",
                self.destination.display()
            )));
        }
        let whole = self.whole();
        File::create(&whole)
            .and_then(|mark| mark.sync_all())
            .map_err(|error| disk(&whole, &error))?;
        sync(&self.work)?;
        self.landed = true;
        self.land()
    }

    /// Moves the verified files into the destination.
    fn land(&self) -> Result<(), Error> {
        let model = self.model();
        if model.is_dir() {
            for entry in fs::read_dir(&model).map_err(|error| disk(&model, &error))? {
                let entry = entry.map_err(|error| disk(&model, &error))?;
                let target = self.destination.join(entry.file_name());
                if target.symlink_metadata().is_ok() {
                    return Err(Error::Usage(format!(
                        "{} is in the way of a fetch that was stopped halfway: remove it, or give a directory that is empty or not there",
                        target.display()
                    )));
                }
                fs::rename(entry.path(), &target).map_err(|error| disk(&target, &error))?;
            }
            sync(&self.destination)?;
            fs::remove_dir(&model).map_err(|error| disk(&model, &error))?;
        }
        let whole = self.whole();
        fs::remove_file(&whole).map_err(|error| disk(&whole, &error))?;
        fs::remove_dir(&self.work).map_err(|error| disk(&self.work, &error))?;
        sync(&self.destination)
    }

    /// Names of what others have put into the destination.
    fn others(&self) -> Result<Vec<String>, Error> {
        let failed = |error| disk(&self.destination, &error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.destination).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if !KEPT.contains(&name.as_str()) {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn model(&self) -> PathBuf {
        self.work.join("model")
    }

    fn whole(&self) -> PathBuf {
        self.work.join("whole")
    }

    fn clear(&self) -> Result<(), Error> {
        if self.work.exists() {
            fs::remove_dir_all(&self.work).map_err(|error| disk(&self.work, &error))?;
        }
        Ok(())
    }
}

impl Drop for Landing {
    /// What was downloaded and did not land goes. What cannot be taken away is cleared by the next fetch.
    fn drop(&mut self) {
        if !self.landed
            && let Err(error) = self.clear()
        {
            tracing::warn!(%error, "what was downloaded is left");
        }
    }
}

/// Digest of what is on the disk, whatever came by wire.
pub(crate) async fn digest(directory: &Path) -> Result<Digest, Error> {
    let directory = directory.to_path_buf();
    tokio::task::spawn_blocking(move || digest_dir_without(&directory, &KEPT))
        .await
        .map_err(|error| Error::Internal(format!("the digest could not be computed: {error}")))?
        .map(|(digest, _)| digest)
        .map_err(|error| Error::Usage(error.to_string()))
}

async fn lock(directory: &Path) -> Result<Option<File>, Error> {
    let handle = File::open(directory).map_err(|error| disk(directory, &error))?;
    let began = Instant::now();
    loop {
        match handle.try_lock() {
            Ok(()) => return Ok(Some(handle)),
            Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Busy(format!(
                    "another fetch holds {} for more than {} minutes",
                    directory.display(),
                    PATIENCE.as_secs() / 60
                )));
            }
            Err(TryLockError::Error(error)) => {
                tracing::warn!(path = %directory.display(), %error, "cannot be locked: two fetches at once may fail");
                return Ok(None);
            }
        }
    }
}

fn sync(directory: &Path) -> Result<(), Error> {
    File::open(directory)
        .and_then(|handle| handle.sync_all())
        .map_err(|error| disk(directory, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn at(destination: &Path) -> Landing {
        Landing::at(destination).await.unwrap()
    }

    fn put(landing: &Landing, text: &str) {
        let directory = landing.begin().unwrap();
        fs::create_dir_all(directory.join("data")).unwrap();
        fs::write(directory.join("data/model"), text).unwrap();
        fs::write(directory.join("MLmodel"), "m").unwrap();
    }

    /// As a process that is killed leaves it: no destructor runs, and its lock is gone.
    fn killed(mut landing: Landing) {
        landing.landed = true;
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_appears_at_once() {
        let root = tempfile::tempdir().unwrap();
        let destination = root.path().join("model");
        let landing = at(&destination).await;
        assert!(landing.holds().await.unwrap().is_none());
        put(&landing, "killed here");
        assert!(!destination.exists());
        killed(landing);
        let landing = at(&destination).await;
        put(&landing, "x");
        landing.finish().unwrap();
        assert_eq!(fs::read_to_string(destination.join("data/model")).unwrap(), "x");
        assert_eq!(names(root.path()), ["model"]);
        let again = at(&destination).await;
        assert_eq!(
            again.holds().await.unwrap(),
            Some(digest(&destination).await.unwrap())
        );
    }

    #[tokio::test]
    async fn a_volume_is_filled_however_often_the_fetch_is_killed() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("lost+found")).unwrap();
        let landing = at(root.path()).await;
        put(&landing, "half");
        killed(landing);
        let landing = at(root.path()).await;
        assert!(landing.holds().await.unwrap().is_none());
        assert_eq!(names(root.path()), ["lost+found"], "the half is cleared");
        put(&landing, "new");
        // Killed between two renames.
        fs::write(landing.whole(), "").unwrap();
        fs::rename(landing.model().join("data"), root.path().join("data")).unwrap();
        killed(landing);
        let landing = at(root.path()).await;
        assert_eq!(names(root.path()), ["MLmodel", "data", "lost+found"]);
        assert_eq!(fs::read_to_string(root.path().join("data/model")).unwrap(), "new");
        let held = landing.holds().await.unwrap();
        drop(landing);
        // Killed between the removal of the mark and that of its directory.
        fs::create_dir(root.path().join(WORK)).unwrap();
        assert_eq!(at(root.path()).await.holds().await.unwrap(), held);
        assert_eq!(names(root.path()), ["MLmodel", "data", "lost+found"]);
    }

    #[tokio::test]
    async fn files_of_others_are_never_removed() {
        let root = tempfile::tempdir().unwrap();
        let landing = at(root.path()).await;
        put(&landing, "x");
        fs::write(root.path().join("theirs"), "y").unwrap();
        let said = landing.finish().unwrap_err().to_string();
        assert!(said.contains("theirs came while"), "{said}");
        assert_eq!(names(root.path()), ["theirs"]);
        // In the way of one that was stopped halfway.
        let landing = at(root.path()).await;
        put(&landing, "x");
        fs::write(landing.whole(), "").unwrap();
        fs::write(root.path().join("MLmodel"), "theirs").unwrap();
        killed(landing);
        let said = Landing::at(root.path()).await.err().unwrap().to_string();
        assert!(said.contains("MLmodel is in the way"), "{said}");
        assert_eq!(fs::read_to_string(root.path().join("MLmodel")).unwrap(), "theirs");
    }

    #[tokio::test]
    async fn what_did_not_land_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        for destination in [root.path().join("model"), root.path().to_path_buf()] {
            let landing = at(&destination).await;
            put(&landing, "bad");
            drop(landing);
            assert!(names(root.path()).is_empty());
        }
        fs::write(root.path().join("file"), "").unwrap();
        assert!(Landing::at(&root.path().join("file")).await.is_err());
    }

    #[tokio::test]
    async fn a_second_fetch_waits_for_the_first_and_sees_what_it_made() {
        let root = tempfile::tempdir().unwrap();
        for destination in [root.path().join("model"), root.path().join("model")] {
            let first = at(&destination).await;
            put(&first, "x");
            let second = Landing::at(&destination);
            tokio::pin!(second);
            let waited = tokio::time::timeout(Duration::from_millis(300), &mut second).await;
            assert!(waited.is_err(), "the first has not come to its end");
            if first.holds().await.unwrap().is_none() {
                first.finish().unwrap();
            } else {
                drop(first);
            }
            let second = second.await.unwrap();
            assert_eq!(
                second.holds().await.unwrap(),
                Some(digest(&destination).await.unwrap())
            );
        }
        assert_eq!(names(root.path()), ["model"]);
    }
}
