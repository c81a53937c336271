//! The folder of a demo.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};

/// Says that a folder is ours to clear.
const MARK: &str = ".mlops-steps-demo";

/// The folder of a demo, held against a second one while it is claimed.
#[derive(Clone)]
pub(crate) struct Place {
    dir: PathBuf,
    _held: Option<Arc<File>>,
}

impl Place {
    /// The folder, without claiming it.
    pub(crate) fn at(dir: &Path) -> Result<Self> {
        let dir = std::path::absolute(dir).context("the folder of the demo has no absolute path")?;
        Ok(Self { dir, _held: None })
    }

    /// Makes the folder and holds it.
    pub(crate) fn claim(dir: &Path) -> Result<Self> {
        let place = Self::at(dir)?;
        let mark = place.dir.join(MARK);
        let foreign = place
            .dir
            .read_dir()
            .is_ok_and(|mut entries| entries.next().is_some())
            && !mark.exists();
        if foreign {
            bail!(
                "{} holds something else than a demo: give another --dir, or empty it",
                place.dir.display()
            );
        }
        std::fs::create_dir_all(&place.dir)
            .with_context(|| format!("cannot make {}", place.dir.display()))?;
        let held = File::create(&mark).with_context(|| format!("cannot write {}", mark.display()))?;
        if held.try_lock().is_err() {
            bail!(
                "another demo is running in {}: wait for it, or give another --dir",
                place.dir.display()
            );
        }
        Ok(Self {
            _held: Some(Arc::new(held)),
            ..place
        })
    }

    /// Removes what an earlier demo left.
    pub(crate) fn clear(&self) -> Result<()> {
        for entry in self
            .dir
            .read_dir()?
            .flatten()
            .filter(|entry| entry.file_name() != MARK)
        {
            let path = entry.path();
            let gone = if path.is_dir() {
                std::fs::remove_dir_all(&path)
            } else {
                std::fs::remove_file(&path)
            };
            gone.with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }

    /// The list of processes.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.join("processes.json")
    }

    /// Databases, buckets and logs of the services.
    pub(crate) fn services(&self) -> PathBuf {
        self.dir.join("services")
    }

    /// The reports of the steps.
    pub(crate) fn reports(&self) -> PathBuf {
        self.dir.join("reports")
    }

    /// Models put on the disk.
    pub(crate) fn models(&self) -> PathBuf {
        self.dir.join("models")
    }
}
