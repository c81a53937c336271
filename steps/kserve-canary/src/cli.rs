//! What may be asked.

use clap::{Args as ClapArgs, Parser, Subcommand};
use step_contract::InArtifact;
use step_runtime::{CommonArgs, DecisionArgs};

/// Where a team's ConfigMap puts the file.
pub(crate) const DEFAULT_CONFIG: &str = "/config/canary.yaml";

/// Judges a canary against the champion under the same traffic.
#[derive(Debug, Parser)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge recorded requests of both arms; moves no traffic.
    Judge(Box<JudgeArgs>),
}

/// Judge recorded requests of both arms; moves no traffic.
#[derive(Debug, Clone, ClapArgs)]
pub struct JudgeArgs {
    /// The champion's record of requests (Parquet: request, intended_start, latency_ms, status, prediction).
    /// Give it again for a further record, made later: the records are judged as one.
    #[arg(
        long,
        default_value = "/in/champion",
        value_delimiter = '\n',
        value_name = "LOCATION"
    )]
    pub champion: Vec<InArtifact>,
    /// The canary's record of requests. Give it again for a further record.
    #[arg(
        long,
        default_value = "/in/canary",
        value_delimiter = '\n',
        value_name = "LOCATION"
    )]
    pub canary: Vec<InArtifact>,
    /// Margins and modes of the checks. The defaults hold when this is not given and the file is not there.
    #[arg(long, default_value = DEFAULT_CONFIG, value_name = "LOCATION")]
    pub config: InArtifact,
    /// Where the report goes.
    #[command(flatten)]
    pub common: CommonArgs,
    /// What a no does.
    #[command(flatten)]
    pub decision: DecisionArgs,
}
