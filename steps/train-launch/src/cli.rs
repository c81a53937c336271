//! What may be asked.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use mlflow_client::MlflowArgs;
use provenance::Trigger;
use step_contract::{InArtifact, OutArtifact, OutParameter};
use step_runtime::{CommonArgs, DecisionArgs};

use crate::duration::Length;
use crate::job::JobArgs;

/// The command line.
#[derive(Debug, Parser)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train, and hand on the model that came out.
    Run(Box<RunArgs>),
    /// Print what `run` with the same flags would read, find and make, and in what it differs from what is there.
    Plan(Box<RunArgs>),
    /// Train once more what an MLflow run was trained with, by what the run says of itself.
    Reproduce(Box<ReproduceArgs>),
    /// Copy this program into another container's volume, as the init container of the job does.
    Install(InstallArgs),
    /// Hold what training has left to the training contract, without a server: for the machine of whoever writes it.
    VerifyOutput(VerifyArgs),
}

/// Where training runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Executor {
    /// As a child process, here.
    Process,
    /// As a Kubernetes Job.
    Job,
}

impl Executor {
    /// As the flag takes it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Job => "job",
        }
    }
}

/// Who keeps the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tracker {
    /// MLflow.
    Mlflow,
    /// Nobody: training logs to a tracker of the team's own, such as Weights & Biases or Comet.
    None,
}

impl Tracker {
    /// As the flag takes it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Mlflow => "mlflow",
            Self::None => "none",
        }
    }
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Where training runs.
    #[arg(long, value_enum, default_value = "process")]
    pub executor: Executor,
    /// The validated data: `dataset.json` of data-validate.
    #[arg(long, default_value = "/in/dataset.json", value_name = "LOCATION")]
    pub dataset: InArtifact,
    /// The training command. One value is split into words as a shell would, without being one (quotes and
    /// backslashes, nothing else; lines are words too). Given more than once, each is one argument as it is.
    #[arg(long, required = true, allow_hyphen_values = true, value_name = "WORDS")]
    pub command: Vec<String>,
    /// Where the command runs; the current directory without it.
    #[arg(long, value_name = "DIR")]
    pub workdir: Option<PathBuf>,
    /// The MLflow experiment; made when it is not there.
    #[arg(long, value_name = "NAME")]
    pub experiment: String,
    /// Who keeps the run and its model: MLflow; or nobody, for training that logs to Weights & Biases, Comet or another
    /// tracker by itself. The model is then kept in `--model-store`, and what the run is of beside it.
    #[arg(long, value_enum, default_value = "mlflow")]
    pub tracker: Tracker,
    /// Where models are kept with `--tracker none`: each below the key of its training.
    #[arg(long, value_name = "s3://BUCKET/PREFIX")]
    pub model_store: Option<String>,
    /// Name of the run in MLflow; without it the trigger and the start of the git SHA.
    #[arg(long, value_name = "NAME")]
    pub run_name: Option<String>,
    /// The commit of the training code, 7 to 64 hex digits.
    #[arg(long, value_parser = git_sha, value_name = "SHA")]
    pub git_sha: String,
    /// The branch that the commit is on.
    #[arg(long, value_name = "BRANCH")]
    pub git_branch: Option<String>,
    /// Where the training code is kept.
    #[arg(long, value_name = "URL")]
    pub git_repo: Option<String>,
    /// What the team calls this data; without it the version in `--dataset`.
    #[arg(long, value_name = "VERSION")]
    pub data_version: Option<String>,
    /// Why this training runs.
    #[arg(long, default_value = "manual", value_parser = trigger(), value_name = "WHY")]
    pub trigger: Trigger,
    /// Which event it was, such as the id that enroll-drift sent.
    #[arg(long, value_name = "ID")]
    pub trigger_id: Option<String>,
    /// Further tags of the run, `key=value`.
    #[arg(long, value_delimiter = '\n', value_parser = tag, value_name = "KEY=VALUE")]
    pub tag: Vec<(String, String)>,
    /// Train on the newest part only: the objects of `--window-split` whose date, in their name, reaches
    /// into this time before `--as-of`. Whole objects: never less data than asked for.
    #[arg(long, value_name = "90d|12h|4w")]
    pub window: Option<Length>,
    /// The split that `--window` narrows.
    #[arg(long, default_value = "train", value_name = "SPLIT")]
    pub window_split: String,
    /// The end of the window (exclusive), RFC 3339 or a date; without it the end of the newest object's date.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// The workflow's uid. A retry in the same workflow goes on with the same MLflow run, and does not
    /// train again what is trained.
    #[arg(long, env = "ARGO_WORKFLOW_UID", value_name = "UID")]
    pub workflow_uid: Option<String>,
    /// The name of this step in the workflow, when it trains more than once.
    #[arg(long, default_value = "train", value_name = "NAME")]
    pub step: String,
    /// TRAIN_OUTPUT: the directory that training writes to. Empty, absent, or of an earlier attempt.
    #[arg(long, default_value = "/out/training", value_name = "DIR")]
    pub output_dir: PathBuf,
    /// The longest that training may take.
    #[arg(long, value_name = "30m|8h|2d")]
    pub deadline: Option<Length>,
    /// An exit code of the command that training again would only repeat. Given once or more, every other code but 0 is a
    /// passing trouble: the step ends with exit 4, and is tried again. Without it every code is fatal.
    #[arg(long, value_delimiter = '\n', value_parser = clap::value_parser!(i32).range(1..=255), value_name = "CODE")]
    pub fatal_exit_code: Vec<i32>,
    /// How long training may flush after SIGTERM before it is killed, at most 15s.
    #[arg(long, default_value = "10s", value_parser = grace, value_name = "10s")]
    pub stop_grace: Length,
    /// What training prints at every step, as a regular expression with the groups `step` and `total`; without it the usual
    /// forms are known (`epoch 3/10`, `step 40 of 2000`, `progress: 12/100`, a bar of tqdm). A file that training writes goes
    /// before: TRAIN_PROGRESS.
    #[arg(long, value_name = "REGEX")]
    pub progress_pattern: Option<String>,
    /// All steps, where what training prints does not say how many there are.
    #[arg(long, requires = "progress_pattern", value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    pub progress_total: Option<u64>,
    /// The record of the run: model, digests, parameters, metrics.
    #[arg(long, default_value = "/out/run.json", value_name = "LOCATION")]
    pub run: OutArtifact,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags document themselves")]
    pub left: LeftArgs,
    /// Print what would be done, and do nothing: with `--executor job` the manifest.
    #[arg(long)]
    pub dry_run: bool,
    /// Tags that the launch itself adds to the run.
    #[arg(skip)]
    pub(crate) more_tags: std::collections::BTreeMap<String, String>,
    /// The record of the data where it was read already: its name and its bytes.
    #[arg(skip)]
    pub(crate) recorded: Option<(String, Vec<u8>)>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags document themselves")]
    pub job: JobArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags document themselves")]
    pub mlflow: MlflowArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags document themselves")]
    pub decision: DecisionArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags document themselves")]
    pub common: CommonArgs,
}

/// What a training leaves to the workflow besides its record.
#[derive(Debug, Clone, Args)]
pub struct LeftArgs {
    /// The model's URI, `runs:/<run>/<path>`, for the workflow. This and the two below are written when the verdict
    /// is TRAINED.
    #[arg(long, default_value = "/out/model-uri", value_name = "FILE")]
    pub model_uri: OutParameter,
    /// The digest of the model's files, `sha256:…`, for the workflow.
    #[arg(long, default_value = "/out/model-digest", value_name = "FILE")]
    pub model_digest: OutParameter,
    /// The id of the run in MLflow, for the workflow.
    #[arg(long, default_value = "/out/run-id", value_name = "FILE")]
    pub run_id: OutParameter,
}

/// Arguments of `reproduce`.
#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// The MLflow run to repeat: its code, data, image and settings are read from its tags and artifacts.
    #[arg(long, value_name = "RUN_ID")]
    pub run: String,
    /// Flags of `run` that take the place of the original's, behind `--`: `-- --namespace=other --memory=16Gi`.
    #[arg(last = true, allow_hyphen_values = true, value_name = "FLAGS")]
    pub flags: Vec<String>,
    /// The workflow's uid. A retry in the same workflow goes on with the same run.
    #[arg(long, env = "ARGO_WORKFLOW_UID", value_name = "UID")]
    pub workflow_uid: Option<String>,
    /// The Workflow that owns the job, so that it goes when the Workflow goes.
    #[arg(long, env = "ARGO_WORKFLOW_NAME", value_name = "NAME")]
    pub workflow_name: Option<String>,
    /// The pod that this runs in, to find its image.
    #[arg(long, env = "ARGO_POD_NAME", value_name = "NAME", help_heading = "Process")]
    pub pod_name: Option<String>,
    /// TRAIN_OUTPUT: the directory that training writes to. Empty, absent, or of an earlier attempt.
    #[arg(long, default_value = "/out/training", value_name = "DIR")]
    pub output_dir: PathBuf,
    /// The record of the new run.
    #[arg(long, default_value = "/out/run.json", value_name = "LOCATION")]
    pub record: OutArtifact,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags document themselves")]
    pub left: LeftArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags document themselves")]
    pub mlflow: MlflowArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags document themselves")]
    pub decision: DecisionArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags document themselves")]
    pub common: CommonArgs,
}

/// Arguments of `install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Where to.
    #[arg(long, default_value = "/mlops/train-launch", value_name = "FILE")]
    pub to: PathBuf,
}

/// Arguments of `verify-output`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// What TRAIN_OUTPUT was.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

fn git_sha(text: &str) -> Result<String, String> {
    let good = (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if good {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("7 to 64 hex digits are needed".to_owned())
    }
}

/// Its words are listed in the help and in the template's `enum`.
fn trigger() -> impl TypedValueParser<Value = Trigger> {
    PossibleValuesParser::new(Trigger::ALL.map(Trigger::as_str)).try_map(|word| word.parse::<Trigger>())
}

/// Kubernetes grants 30 s, the runtime 20 of them; the rest is for marking the run.
const LONGEST_GRACE: Duration = Duration::from_secs(15);

fn grace(text: &str) -> Result<Length, String> {
    let length: Length = text.parse()?;
    if length.duration() > LONGEST_GRACE {
        return Err(format!(
            "`{text}` is longer than {} s: a pod is killed 30 s after SIGTERM, and the run is to be marked before",
            LONGEST_GRACE.as_secs()
        ));
    }
    Ok(length)
}

/// What the keys of tags begin with that this step and MLflow write: register and lineage read them.
const RESERVED: [&str; 9] = [
    "argo.", "compute.", "data.", "failure.", "launch.", "mlflow.", "mlops.", "model.", "trigger.",
];

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = pair(text)?;
    match RESERVED.iter().find(|own| key.starts_with(**own)) {
        Some(own) => Err(format!(
            "`{key}`: tags that begin with `{own}` are written by this step and by MLflow only; give it another name"
        )),
        None => Ok((key, value)),
    }
}

/// `key=value` with a key that is there.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("key=value is needed".to_owned()),
    }
}
