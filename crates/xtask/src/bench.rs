//! `cargo xtask bench`: times the steps beside the tools that people use instead, in one run.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::build::{self, Profile};
use crate::lab::{self, folder, tools};
use crate::say;

/// What is timed or simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Suite {
    /// `data-validate` beside DuckDB, pandera and Great Expectations.
    Validate,
    /// The rule of `kserve-canary` beside Flagger's, Argo Rollouts' and Kayenta's.
    Canary,
}

/// Options of the benchmarks.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How often each case runs; the medians are printed
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// The large sets too, which take 20 GB of disk and half an hour
    #[arg(long)]
    large: bool,
    /// One suite, and not all
    #[arg(long, value_enum)]
    only: Option<Suite>,
}

/// All suites, or the one that is asked for.
pub(crate) fn run(options: &Options) -> Result<()> {
    let wants = |suite| options.only.is_none_or(|only| only == suite);
    if wants(Suite::Validate) {
        validate(options)?;
    }
    if wants(Suite::Canary) {
        canary()?;
    }
    Ok(())
}

/// How often and how fast a canary is rolled back: a simulation, whose figures do not depend on the machine.
fn canary() -> Result<()> {
    say::heading("Canaries");
    let status = Command::new(build::example("monte_carlo")?)
        .status()
        .context("cannot run the simulation")?;
    if !status.success() {
        bail!("the simulation failed");
    }
    Ok(())
}

/// Validation: `data-validate` beside DuckDB, pandera and Great Expectations.
fn validate(options: &Options) -> Result<()> {
    let lab = lab::setup()?;
    say::heading("Benchmarks");
    let start = Instant::now();
    let binary = build::some(Profile::Dist, &["data-validate"])?.join("data-validate");
    say::took("data-validate, as it is released", start);
    let cache = lab::cache()?;
    let home = folder("bench/validate");
    let peers = lab::environment(&cache, &home.join("requirements.lock"), "the peers")?;
    let data = cache.join("bench").join("validate");
    let large = options.large.then_some("--large");
    tools::run(
        Command::new(lab.python_bin.join("python"))
            .arg(home.join("data.py"))
            .arg(&data)
            .args(large),
    )?;
    let status = Command::new(peers.join("bin/python"))
        .arg(home.join("run.py"))
        .arg(binary)
        .arg(peers.join("bin/python"))
        .arg(&lab.versitygw)
        .arg(data)
        .arg(format!("--rounds={}", options.rounds))
        .args(large)
        .status()
        .context("cannot run bench/validate/run.py")?;
    if !status.success() {
        bail!("bench/validate/run.py failed");
    }
    Ok(())
}
