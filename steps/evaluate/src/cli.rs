//! The sub-commands.

use clap::{Parser, Subcommand};

use crate::gate::GateArgs;
use crate::load::LoadArgs;

/// Holds a challenger model to its quality gates.
#[derive(Debug, Parser)]
#[command(name = "evaluate", version, disable_help_subcommand = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of them in the life of the process"
)]
pub enum Command {
    /// Hold a challenger model to its quality gates, and to the champion on the same rows.
    Gate(GateArgs),
    /// Drive a served model at the expected rate and gate its latency and errors.
    Load(LoadArgs),
}
