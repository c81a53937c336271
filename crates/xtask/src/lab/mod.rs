//! The lab: a Python with MLflow, MLServer and LightGBM, one with an older MLflow, and an S3 server, pinned by hash.
//!
//! Each part lives in a folder of the cache that is named after the hash of its lock files; `venv`, `venv-mlflow2`,
//! `references` and `bin/versitygw` are links to the folders in force. So a changed lock makes a new folder, going back to an
//! old one costs nothing, and two checkouts share what they have in common.

pub(crate) mod go;
pub(crate) mod node;
mod python;
mod s3;
pub(crate) mod tools;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use provenance::digest_bytes;

use crate::say;
pub(crate) use python::environment;

/// Where the parts are.
#[derive(Debug, Clone)]
pub(crate) struct Lab {
    /// `bin/` of the Python environment.
    pub(crate) python_bin: PathBuf,
    /// `bin/` of the environment with MLflow 2.
    pub(crate) mlflow2_bin: PathBuf,
    /// An MLflow database with its tables made, to copy: making them takes MLflow ten seconds.
    pub(crate) mlflow_db: PathBuf,
    /// The S3 server.
    pub(crate) versitygw: PathBuf,
}

impl Lab {
    /// Says where everything is.
    pub(crate) fn show(&self) {
        say::line(&format!(
            "  programs of the environment: {}",
            self.python_bin.display()
        ));
        say::line(&format!(
            "  programs of MLflow 2:        {}",
            self.mlflow2_bin.display()
        ));
        say::line(&format!(
            "  empty MLflow database:       {}",
            self.mlflow_db.display()
        ));
        say::line(&format!(
            "  S3 server:                   {}",
            self.versitygw.display()
        ));
    }
}

/// Installs what is missing and says where everything is.
pub(crate) fn setup() -> Result<Lab> {
    let cache = cache()?;
    std::fs::create_dir_all(cache.join("bin")).with_context(|| {
        format!(
            "cannot make {}; set MLOPS_STEPS_CACHE to a writable folder",
            cache.display()
        )
    })?;
    // Two set-ups at once (a demo and a test run) must not write the same folder.
    let lock = File::create(cache.join("setup.lock")).context("cannot make the set-up's lock file")?;
    lock.lock().context("cannot take the set-up's lock")?;
    say::heading("Set-up");
    let start = Instant::now();
    let locks = folder("tests/lab/python");
    let venv = python::install(&cache, &locks)?;
    let mlflow2 = python::install_mlflow2(&cache, &locks)?;
    let pins = folder("tests/lab/references/requirements.lock");
    python::references(&cache, &locks.join("build.lock"), &pins)?;
    let versitygw = s3::install(&cache)?;
    say::took("set-up, all", start);
    Ok(Lab {
        python_bin: venv.join("bin"),
        mlflow2_bin: mlflow2.join("bin"),
        mlflow_db: venv.join(python::MLFLOW_DB),
        versitygw,
    })
}

/// A folder of this repository.
pub(crate) fn folder(relative: &str) -> PathBuf {
    Path::new(env!("MLOPS_STEPS_ROOT")).join(relative)
}

/// Where things live that outlast a checkout.
pub(crate) fn cache() -> Result<PathBuf> {
    if let Some(chosen) = std::env::var_os("MLOPS_STEPS_CACHE").filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(chosen));
    }
    let home = std::env::var_os("HOME").context("neither HOME nor MLOPS_STEPS_CACHE is set")?;
    Ok(Path::new(&home).join(".cache/mlops-steps"))
}

/// Names a folder after what is in these files, and what else makes it what it is.
pub(crate) fn key(files: &[PathBuf], further: &str) -> Result<String> {
    let mut all = further.as_bytes().to_vec();
    for path in files {
        File::open(path)
            .and_then(|mut file| file.read_to_end(&mut all))
            .with_context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(digest_bytes(&all).hex().chars().take(16).collect())
}

/// Points `link` at `target`, whatever it was before.
fn relink(link: &Path, target: &Path) -> Result<()> {
    if std::fs::read_link(link).is_ok_and(|now| now == target) {
        return Ok(());
    }
    let fresh = link.with_extension(format!("new-{}", std::process::id()));
    std::os::unix::fs::symlink(target, &fresh)
        .and_then(|()| std::fs::rename(&fresh, link))
        .with_context(|| format!("cannot link {} to {}", link.display(), target.display()))
}
