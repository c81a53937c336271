//! Programs from npm, each pinned by a `package-lock.json` of ours.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::{folder, key, tools};
use crate::say;

/// Installs what a folder of this repository locks; the folder of the programs.
pub(crate) fn install(cache: &Path, locked: &str) -> Result<PathBuf> {
    let start = Instant::now();
    let files = ["package.json", "package-lock.json"].map(|file| folder(locked).join(file));
    let home = cache.join("node").join(key(&files, "")?);
    let programs = home.join("node_modules/.bin");
    if programs.exists() {
        say::took(&format!("{locked}: in the cache"), start);
        return Ok(programs);
    }
    if !tools::works("npm", &["--version"]) {
        bail!("{locked} comes from npm and `npm` is not on the PATH: install Node.js 20 or newer");
    }
    // Complete or absent: what is half installed has another name.
    let fresh = home.with_extension(format!("new-{}", std::process::id()));
    std::fs::create_dir_all(&fresh).with_context(|| format!("cannot make {}", fresh.display()))?;
    for file in &files {
        let name = file.file_name().context("a lock file has a name")?;
        std::fs::copy(file, fresh.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    tools::run(
        Command::new("npm")
            .args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(&fresh),
    )?;
    std::fs::rename(&fresh, &home).with_context(|| format!("cannot put {} in place", home.display()))?;
    say::took(&format!("{locked}: installed"), start);
    Ok(programs)
}
