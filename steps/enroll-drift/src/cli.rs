//! What may be asked.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use step_contract::{InArtifact, OutArtifact, Secret};
use step_runtime::{CommonArgs, DecisionArgs};

/// The command line.
#[derive(Debug, Parser)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Freeze the baseline of a model and write the schedule that watches it.
    ///
    /// Reads the data twice: once to choose bins, once to count exactly. Memory does not grow with the rows.
    Enroll(Box<EnrollArgs>),
    /// Hold a window of live data against the baseline.
    ///
    /// Says how far each column has moved (PSI, with its chance), decides by the largest significant one, tells
    /// the channel, and posts the retraining event under an id that a retry cannot double.
    Check(Box<CheckArgs>),
}

/// `enroll`.
#[derive(Debug, ClapArgs)]
pub struct EnrollArgs {
    /// The data of the baseline: a file, a prefix or a glob. Without it, `reference_dataset` of the
    /// configuration, or the split of `--dataset`.
    #[arg(long, value_name = "LOCATION", value_delimiter = '\n')]
    pub data: Vec<String>,
    /// What is watched, and what happens when it moves.
    #[arg(long, default_value = "/config/drift.yaml", value_name = "LOCATION")]
    pub config: InArtifact,
    /// The validated dataset; its objects are the baseline, and must be unchanged.
    #[arg(long, value_name = "LOCATION")]
    pub dataset: Option<InArtifact>,
    /// The split of `--dataset` to take.
    #[arg(long, default_value = "train", value_name = "NAME")]
    pub split: String,
    /// The run that made the model, for its digest.
    #[arg(long, value_name = "LOCATION")]
    pub run: Option<InArtifact>,
    /// The registered version, for its name and digest.
    #[arg(long, value_name = "LOCATION")]
    pub model_version: Option<InArtifact>,
    /// Name of the model, when no record gives it.
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Where the baseline goes.
    #[arg(long, default_value = "/out/baseline.json", value_name = "LOCATION")]
    pub baseline: OutArtifact,
    /// Where the CronWorkflow goes that runs the check.
    #[arg(long, default_value = "/out/cron.yaml", value_name = "LOCATION")]
    pub manifest: OutArtifact,
    /// Cron schedule of the check (five fields, UTC); by default one check a monitoring window.
    #[arg(long, value_name = "CRON")]
    pub schedule: Option<String>,
    /// The live data that the scheduled check reads; by default a place to fill in.
    #[arg(long, value_name = "LOCATION")]
    pub live: Option<String>,
    /// Key of the baseline in the default artifact repository, for the scheduled check; by default
    /// `profiles/<model>/baseline.json`.
    #[arg(long, value_name = "KEY")]
    pub baseline_key: Option<String>,
    /// A further parameter of the scheduled check, such as `webhook-token-file=/var/run/secrets/...`; by default it reads
    /// its configuration from the ConfigMap `<model>-mlops`.
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = '\n', value_parser = parameter)]
    pub check_parameter: Vec<(String, String)>,
    /// Whether the CronWorkflow is applied, replacing an earlier one of the model: `auto` where this runs in a cluster.
    #[arg(long, value_enum, default_value_t = Apply::Auto)]
    pub apply: Apply,
    /// Where reports go.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Whether the schedule is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Apply {
    /// Where this runs in a cluster.
    Auto,
    /// It is; to the cluster of `KUBECONFIG`, or this one.
    Always,
    /// It is only written.
    Never,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("NAME=VALUE is needed".to_owned()),
    }
}

/// `check`.
#[derive(Debug, ClapArgs)]
pub struct CheckArgs {
    /// The frozen baseline.
    #[arg(long, default_value = "/in/baseline.json", value_name = "LOCATION")]
    pub baseline: InArtifact,
    /// The live data: a file, a prefix or a glob.
    #[arg(long, value_name = "LOCATION", required = true, value_delimiter = '\n')]
    pub data: Vec<String>,
    /// What is watched, and what happens when it moves.
    #[arg(long, default_value = "/config/drift.yaml", value_name = "LOCATION")]
    pub config: InArtifact,
    /// The registered version that serves now; refused when the baseline is another model's.
    #[arg(long, value_name = "LOCATION")]
    pub model_version: Option<InArtifact>,
    /// The end of the window, RFC 3339; by default now, at the last full hour. Needs `time_column`.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Length of the window (`36h`, `7d`) in place of `monitoring_window_hours`. Needs `time_column`.
    #[arg(long, value_name = "LENGTH")]
    pub window: Option<String>,
    /// Verdicts that exit 3: any of ALERT, RETRAIN, INSUFFICIENT, DATA_QUALITY.
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub fail_on: Vec<String>,
    /// Send nothing; the report shows what would be sent.
    #[arg(long)]
    pub dry_run: bool,
    /// Where the retraining event goes; written when there is one and it is delivered or not to be sent. One that is not
    /// delivered is in the report and below `--outbox`.
    #[arg(long, default_value = "/out/event.json", value_name = "LOCATION")]
    pub event: OutArtifact,
    /// A prefix for events that could not be delivered: `<prefix>/<model>/<event id>.json`.
    #[arg(long, value_name = "LOCATION")]
    pub outbox: Option<String>,
    /// How long a webhook is tried, seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub webhook_retry_seconds: u32,
    /// Bearer token of the webhook.
    #[arg(
        long,
        env = "ENROLL_DRIFT_WEBHOOK_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub webhook_token: Option<Secret>,
    /// A file with the webhook's bearer token, read when it is posted to: such as this pod's own service account token,
    /// which Argo's server takes.
    #[arg(long, value_name = "FILE", conflicts_with = "webhook_token")]
    pub webhook_token_file: Option<PathBuf>,
    /// Bot token for `slack://` channels.
    #[arg(long, env = "SLACK_BOT_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub slack_token: Option<Secret>,
    /// Incoming webhook of Slack, in place of a bot token.
    #[arg(long, env = "SLACK_WEBHOOK_URL", value_name = "URL", hide_env_values = true)]
    pub slack_webhook: Option<Secret>,
    /// Slack's API.
    #[arg(
        long,
        env = "SLACK_API_URL",
        default_value = "https://slack.com/api",
        value_name = "URL"
    )]
    pub slack_api: String,
    /// Where reports go.
    #[command(flatten)]
    pub common: CommonArgs,
    /// What a no does.
    #[command(flatten)]
    pub decision: DecisionArgs,
}
