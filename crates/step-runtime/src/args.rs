//! Arguments that every step shares.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use step_contract::{OutArtifact, OutParameter};

/// The flags of every sub-command that ends in a verdict: where its report goes.
///
/// Flatten it into the sub-command's own arguments; the runtime reads it by itself.
#[derive(Debug, Clone, Args)]
pub struct CommonArgs {
    /// The report as JSON; written whatever the exit code is.
    #[arg(long, default_value = "/out/report.json", value_name = "LOCATION")]
    pub report: OutArtifact,
    /// The report as Markdown, short enough for a GitHub comment.
    #[arg(long, default_value = "/out/report.md", value_name = "LOCATION")]
    pub report_md: OutArtifact,
    /// The report as one HTML page that opens offline.
    #[arg(long, default_value = "/out/report.html", value_name = "LOCATION")]
    pub report_html: OutArtifact,
    /// The checks as JUnit XML.
    #[arg(long, default_value = "/out/report.junit.xml", value_name = "LOCATION")]
    pub report_junit: OutArtifact,
    /// The in-toto statement: what was made, from what, by digest.
    #[arg(long, default_value = "/out/statement.json", value_name = "LOCATION")]
    pub statement: OutArtifact,
    /// The verdict word, for the workflow.
    #[arg(long, default_value = "/out/verdict", value_name = "FILE")]
    pub verdict: OutParameter,
}

/// The flag of every sub-command whose verdict may be no.
#[derive(Debug, Clone, Copy, Args)]
pub struct DecisionArgs {
    /// What a no does: `fail` exits 3, `report` exits 0 so that the workflow branches on the verdict.
    #[arg(long, value_enum, default_value_t = OnReject::Fail)]
    pub on_reject: OnReject,
}

/// What a no does to the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnReject {
    /// Exit 3.
    Fail,
    /// Exit 0; the verdict says no.
    Report,
}

/// The flags that tune the process, on every step at every level.
#[derive(Debug, Clone, Args)]
pub struct ProcessArgs {
    /// The form of the log on standard error.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, env = "LOG_FORMAT", help_heading = "Process")]
    pub log_format: LogFormat,
    /// What is logged: a level, or filters as `tracing` writes them.
    #[arg(
        long,
        global = true,
        default_value = "info",
        env = "LOG_LEVEL",
        help_heading = "Process",
        value_name = "FILTER"
    )]
    pub log_level: String,
    /// PEM file with further certificate authorities to trust.
    #[arg(
        long,
        global = true,
        env = "CA_FILE",
        help_heading = "Process",
        value_name = "FILE"
    )]
    pub ca_file: Option<PathBuf>,
    /// The file that Kubernetes reads the last words from; written when it is there.
    #[arg(
        long,
        global = true,
        default_value = "/dev/termination-log",
        help_heading = "Process",
        value_name = "FILE"
    )]
    pub termination_log: PathBuf,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
