//! The programs that write what references are read of: DVC, deltalake.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::process::from_setup;

/// Runs a script in the Python that has DVC and deltalake, and gives what it printed.
///
/// # Errors
/// When `make setup` has not been run, or the script fails.
pub fn python(
    script: &Path,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    env: &[(&str, String)],
    dir: &Path,
) -> anyhow::Result<String> {
    let done = Command::new(from_setup("references/bin/python")?)
        .arg(script)
        .args(args)
        .env_remove("PYTHONPATH")
        // What whoever runs the tests has set for DVC and Git is not what the tests mean.
        .env("XDG_CONFIG_HOME", dir)
        .env("XDG_CACHE_HOME", dir)
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("DVC_NO_ANALYTICS", "1")
        .envs(env.iter().map(|(name, value)| (name, value)))
        .current_dir(dir)
        .output()
        .with_context(|| format!("cannot start {}", script.display()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(
        done.status.success(),
        "{} ended with {}:\n{}{}",
        script.display(),
        done.status,
        text(&done.stdout),
        text(&done.stderr)
    );
    Ok(text(&done.stdout))
}
