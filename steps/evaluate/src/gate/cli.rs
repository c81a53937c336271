//! What may be asked of `evaluate gate`.

use clap::Args;
use provenance::Digest;
use step_contract::{InArtifact, Secret};
use step_runtime::{CommonArgs, DecisionArgs};

use crate::load::{InputFormat, ProtocolName};

/// Hold a challenger model to its quality gates, and to the champion on the same rows.
#[derive(Debug, Clone, Args)]
pub struct GateArgs {
    /// The gates.
    #[arg(long, default_value = "/config/quality_gates.yaml", value_name = "LOCATION")]
    pub gates: InArtifact,
    /// Behavioural tests; they ask the endpoint.
    #[arg(long, value_name = "LOCATION")]
    pub behaviour: Option<InArtifact>,
    /// The challenger's scores, one row each, when it is not asked by `--endpoint`.
    #[arg(long, value_name = "LOCATION", help_heading = "Models")]
    pub predictions: Option<InArtifact>,
    /// The champion's scores of the same rows, when it is not asked by `--champion-endpoint`.
    #[arg(long, value_name = "LOCATION", help_heading = "Models")]
    pub champion_predictions: Option<InArtifact>,
    /// Base URL of the model server of the challenger.
    #[arg(long, value_name = "URL", help_heading = "Models")]
    pub endpoint: Option<String>,
    /// The challenger's name on its server; also names the model in the report and in the GitHub issue.
    #[arg(long, help_heading = "Models")]
    pub model: Option<String>,
    /// Base URL of the model server of the champion.
    #[arg(long, value_name = "URL", help_heading = "Models")]
    pub champion_endpoint: Option<String>,
    /// The champion's name on its server; that of `--model` when not given.
    #[arg(long, help_heading = "Models")]
    pub champion_model: Option<String>,
    /// The champion as it was registered or promoted: binds the report to the champion's digest.
    #[arg(long, value_name = "LOCATION", help_heading = "Models")]
    pub champion_version: Option<InArtifact>,
    /// The champion's digest alone, where its server loaded it by that: binds the report as `--champion-version` does.
    #[arg(
        long,
        value_name = "DIGEST",
        conflicts_with = "champion_version",
        help_heading = "Models"
    )]
    pub champion_digest: Option<Digest>,
    /// The challenger's training run: binds the report to the model's digest.
    #[arg(long, value_name = "LOCATION", help_heading = "Data")]
    pub run: Option<InArtifact>,
    /// The validated dataset: binds the report to the bytes that are judged on.
    #[arg(long, value_name = "LOCATION", help_heading = "Data")]
    pub dataset: Option<InArtifact>,
    /// The split of `--dataset` that is judged on: its rows in the window of the dataset, when it has one.
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    pub split: Option<String>,
    /// The rows that are judged on: a file, a directory, a prefix or a glob. Without it, the objects of `--split`,
    /// or the file of `--predictions` itself.
    #[arg(long, value_name = "LOCATION", help_heading = "Data")]
    pub data: Option<InArtifact>,
    /// The column that identifies a row; rows are paired on it. Without it, `id` when there is one.
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    pub id_column: Option<String>,
    /// The column of the truth: 0 and 1, or booleans, or see `--positive-label`.
    #[arg(long, value_name = "NAME", default_value = "label", help_heading = "Data")]
    pub label_column: String,
    /// The value of the label column that is the positive class, when it is not 1.
    #[arg(long, value_name = "VALUE", help_heading = "Data")]
    pub positive_label: Option<String>,
    /// The column of the score in files of predictions.
    #[arg(long, value_name = "NAME", default_value = "score", help_heading = "Data")]
    pub score_column: String,
    /// Columns whose every value is a slice, separated by commas or lines.
    #[arg(long, value_name = "NAMES", value_delimiter = '\n', help_heading = "Data")]
    pub slice_columns: Vec<String>,
    /// Columns that must not make a difference, separated by commas or lines.
    #[arg(long, value_name = "NAMES", value_delimiter = '\n', help_heading = "Data")]
    pub sensitive_columns: Vec<String>,
    /// Columns that are features, in the model's order, separated by commas or lines. For an endpoint.
    #[arg(long, value_name = "NAMES", value_delimiter = '\n', help_heading = "Endpoint")]
    pub feature_columns: Vec<String>,
    /// The inference protocol.
    #[arg(long, value_enum, default_value_t = ProtocolName::V2, help_heading = "Endpoint")]
    pub protocol: ProtocolName,
    /// How rows travel: one float matrix, or one tensor per column. `auto` takes the matrix unless a column is text.
    #[arg(long, value_enum, default_value_t = InputFormat::Auto, help_heading = "Endpoint")]
    pub input_format: InputFormat,
    /// Name of the matrix tensor.
    #[arg(long, default_value = "input-0", help_heading = "Endpoint")]
    pub input_name: String,
    /// The V2 output that holds the score, when the model has several.
    #[arg(long, help_heading = "Endpoint")]
    pub output: Option<String>,
    /// The column of a `[n, k]` answer that is the score, from 0; the second of two when not given.
    #[arg(long, help_heading = "Endpoint")]
    pub positive_class: Option<usize>,
    /// Rows in one request.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Endpoint")]
    pub batch_rows: u32,
    /// `Host` header, for a model behind a gateway that routes by host name.
    #[arg(long, help_heading = "Endpoint")]
    pub host: Option<String>,
    /// The report of `evaluate load`: its latency is held to the gates. It has to be about `--model`, and about the
    /// endpoint that is judged, or one that was named `challenger`.
    #[arg(long, value_name = "LOCATION")]
    pub load_report: Option<InArtifact>,
    /// `OWNER/NAME`: a rejection opens or updates one issue for the model there.
    #[arg(long, value_name = "REPOSITORY", help_heading = "GitHub")]
    pub github_repository: Option<String>,
    /// Token that may write issues.
    #[arg(
        long,
        env = "GITHUB_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        help_heading = "GitHub"
    )]
    pub github_token: Option<Secret>,
    /// Base URL of the API, for GitHub Enterprise Server.
    #[arg(
        long,
        env = "GITHUB_API_URL",
        default_value = "https://api.github.com",
        value_name = "URL",
        help_heading = "GitHub"
    )]
    pub github_api_url: String,
    /// Where the report goes.
    #[command(flatten)]
    pub common: CommonArgs,
    /// What a no does.
    #[command(flatten)]
    pub decision: DecisionArgs,
}

/// Names that were given as a list: by repetition, by lines or by commas.
pub(super) fn names(given: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in given
        .iter()
        .flat_map(|text| text.split(['\n', ',']))
        .map(str::trim)
    {
        if !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}
