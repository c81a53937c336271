//! What MLflow holds, counted, to prove that a stage did not run.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Runs and registered versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Training runs of any outcome.
    pub(crate) runs: u64,
    /// Versions of all registered models.
    pub(crate) versions: u64,
}

/// Looks into MLflow's own database: neither our client nor its server can be wrong about it.
pub(crate) fn count(python_bin: &Path, database: &Path) -> Result<Counted> {
    const ASK: &str = "import sqlite3, sys; db = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True); \
        print(*(db.execute(f'select count(*) from {t}').fetchone()[0] for t in ('runs', 'model_versions')))";
    let output = Command::new(python_bin.join("python"))
        .args(["-c", ASK])
        .arg(database)
        .output()?;
    if !output.status.success() {
        bail!(
            "cannot count in {}:\n{}",
            database.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let text = String::from_utf8(output.stdout)?;
    let (runs, versions) = text.trim().split_once(' ').context("the database said nothing")?;
    Ok(Counted {
        runs: runs.parse()?,
        versions: versions.parse()?,
    })
}
