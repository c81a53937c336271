//! Building the step binaries.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::lab::{folder, tools};

/// The steps, each a package and a binary of that name.
pub(crate) const STEPS: [&str; 6] = [
    "data-validate",
    "train-launch",
    "evaluate",
    "mlflow-register",
    "kserve-canary",
    "enroll-drift",
];

/// A cargo profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Optimised across crates, for what is given away.
    Dist,
    /// What tests, demo and cluster run.
    Release,
}

/// Cargo in this workspace. `cargo run` says which package it runs: build scripts look at that, and would build their
/// crates anew, so it is not handed on.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let of_xtask = name.to_string_lossy();
        if of_xtask.starts_with("CARGO_PKG_") || of_xtask.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command.current_dir(folder(""));
    command
}

/// Builds the step binaries; the folder they are in.
pub(crate) fn steps(profile: Profile) -> Result<PathBuf> {
    some(profile, &STEPS)
}

/// Builds some of them; the folder they are in.
pub(crate) fn some(profile: Profile, steps: &[&str]) -> Result<PathBuf> {
    let targets: Vec<&str> = steps.iter().flat_map(|step| ["--bin", step]).collect();
    let built = built(profile, &targets)?;
    built
        .parent()
        .map(Path::to_owned)
        .context("a binary without a folder")
}

/// Builds an example of a step; where it is.
pub(crate) fn example(name: &str) -> Result<PathBuf> {
    built(Profile::Release, &["--example", name])
}

/// Builds targets; the first of them.
fn built(profile: Profile, targets: &[&str]) -> Result<PathBuf> {
    let profile = match profile {
        Profile::Dist => "dist",
        Profile::Release => "release",
    };
    let mut command = cargo();
    command.args([
        "build",
        "--quiet",
        "--message-format=json-render-diagnostics",
        "--profile",
        profile,
    ]);
    // No `--package`: features are then those of the whole workspace, and what the tests built is used again. Cargo's own
    // errors go to the terminal as they come.
    let output = command
        .args(targets)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("{} do not build", targets.join(" "));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .context("cargo built nothing that runs")
}

/// The commit of this checkout, with `-dirty` when it is not what is committed.
pub(crate) fn revision() -> Result<String> {
    let git = |args: &[&str]| tools::run(Command::new("git").args(args).current_dir(folder("")));
    let head = git(&["rev-parse", "HEAD"])?;
    let dirty = if git(&["status", "--porcelain"])?.is_empty() {
        ""
    } else {
        "-dirty"
    };
    Ok(format!("{}{dirty}", head.trim()))
}
