//! What may be asked.

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use mlflow_client::{MlflowArgs, Stage};
use provenance::Digest;
use step_contract::{InArtifact, OutArtifact, OutParameter};
use step_runtime::{CommonArgs, DecisionArgs};

/// Arguments of `mlflow-register`.
#[derive(Debug, Parser)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Verify the chain of evidence and register the model, once.
    Register(Box<RegisterArgs>),
    /// Point an alias to the registered version.
    Promote(PromoteArgs),
    /// Point an alias back to the version that the promotion replaced.
    Rollback(RollbackArgs),
    /// Put a model on a disk, verified and whole.
    Fetch(FetchArgs),
    /// Say which version an alias points to, and by which digest.
    Resolve(ResolveArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct RegisterArgs {
    /// The training run, as train-launch wrote it.
    #[arg(long, default_value = "/in/run.json", value_name = "LOCATION")]
    pub(crate) run: InArtifact,
    /// The report of data-validate.
    #[arg(long, default_value = "/in/validation.json", value_name = "LOCATION")]
    pub(crate) validation: InArtifact,
    /// The report of evaluate.
    #[arg(long, default_value = "/in/evaluation.json", value_name = "LOCATION")]
    pub(crate) evaluation: InArtifact,
    /// The dataset, as data-validate wrote it: says which rows trained the model and which judged it.
    #[arg(long, default_value = "/in/dataset.json", value_name = "LOCATION")]
    pub(crate) dataset: InArtifact,
    /// The split of the dataset that the model was trained on: an evaluation on its rows is refused.
    #[arg(long, default_value = "train", value_name = "NAME")]
    pub(crate) train_split: String,
    /// The statement of data-validate: proves that the report is as it was written.
    #[arg(long, value_name = "LOCATION")]
    pub(crate) validation_statement: Option<InArtifact>,
    /// The statement of train-launch: proves that the run is as it was written.
    #[arg(long, value_name = "LOCATION")]
    pub(crate) training_statement: Option<InArtifact>,
    /// The statement of evaluate: proves that the report is as it was written.
    #[arg(long, value_name = "LOCATION")]
    pub(crate) evaluation_statement: Option<InArtifact>,
    /// Refuse when one of the three statements is not given.
    #[arg(long)]
    pub(crate) require_statements: bool,
    /// The registered model; made when it is not there.
    #[arg(long, value_parser = model_name)]
    pub(crate) name: String,
    /// The stage that the version gets: None, Staging, Production or Archived.
    #[arg(long, default_value = "Staging")]
    pub(crate) stage: Stage,
    /// The alias that the version gets. Never the champion's: a model comes into service by `promote` only.
    #[arg(long, default_value = "challenger", value_parser = alias_name)]
    pub(crate) alias: String,
    /// The alias that `promote` is going to move: where it points now is what a promotion expects later.
    #[arg(long, default_value = "champion", value_parser = alias_name)]
    pub(crate) champion_alias: String,
    /// Move the versions that are in the stage now to Archived.
    #[arg(long)]
    pub(crate) archive_previous: bool,
    /// Accept a validation or evaluation with the verdict WARN.
    #[arg(long, default_value_t = true, action = ArgAction::Set, value_name = "BOOL")]
    pub(crate) allow_warn: bool,
    /// Accept an evaluation on predictions from a file: nobody saw this model make them.
    #[arg(long)]
    pub(crate) accept_file_predictions: bool,
    /// A tag for the version, `key=value`; repeat, or one a line.
    #[arg(long = "tag", value_parser = tag, value_delimiter = '\n', value_name = "KEY=VALUE")]
    pub(crate) tags: Vec<(String, String)>,
    /// The server that is going to load the model.
    #[arg(long, value_enum, default_value_t = Runtime::Mlserver)]
    pub(crate) runtime: Runtime,
    /// The team's part of the model card: purpose, limits, owners, licence.
    #[arg(long, value_name = "LOCATION")]
    pub(crate) card_config: Option<InArtifact>,
    /// The registered version, for the steps that follow.
    #[arg(long, default_value = "/out/model-version.json", value_name = "LOCATION")]
    pub(crate) model_version: OutArtifact,
    /// The model card.
    #[arg(long, default_value = "/out/card.md", value_name = "LOCATION")]
    pub(crate) card: OutArtifact,
    /// The dependency manifest.
    #[arg(long, default_value = "/out/dependencies.json", value_name = "LOCATION")]
    pub(crate) dependencies: OutArtifact,
    /// The deployment metadata: flavour, signature, runtimes.
    #[arg(long, default_value = "/out/deployment.json", value_name = "LOCATION")]
    pub(crate) deployment: OutArtifact,
    /// Verify only: print the checks and what would be registered, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) mlflow: MlflowArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) decision: DecisionArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PromoteArgs {
    /// The version, as `register` wrote it.
    #[arg(long, default_value = "/in/model-version.json", value_name = "LOCATION")]
    pub(crate) model_version: InArtifact,
    /// The alias to move.
    #[arg(long, default_value = "champion", value_parser = alias_name)]
    pub(crate) alias: String,
    /// The version that the alias points to now, or `none`; without it, the one of the time of registration.
    #[arg(long, value_name = "VERSION", value_parser = expected)]
    pub(crate) expect: Option<Expected>,
    /// The digest of the model that was judged: another version's record is refused.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) expect_digest: Option<Digest>,
    /// Promote a version that was rolled back before.
    #[arg(long)]
    pub(crate) after_rollback: bool,
    /// The stage that the version gets as well.
    #[arg(long)]
    pub(crate) stage: Option<Stage>,
    /// Move the versions that are in that stage now to Archived.
    #[arg(long, requires = "stage")]
    pub(crate) archive_previous: bool,
    /// The version after the promotion, with what it replaced.
    #[arg(long, default_value = "/out/model-version.json", value_name = "LOCATION")]
    pub(crate) promoted: OutArtifact,
    #[command(flatten)]
    pub(crate) mlflow: MlflowArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) decision: DecisionArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RollbackArgs {
    /// The version whose promotion is taken back, as `register` or `promote` wrote it.
    #[arg(long, default_value = "/in/model-version.json", value_name = "LOCATION")]
    pub(crate) model_version: InArtifact,
    /// The alias to move back.
    #[arg(long, default_value = "champion", value_parser = alias_name)]
    pub(crate) alias: String,
    /// The stage that the version before gets back, and that the version loses; without it, the one that the
    /// promotion gave.
    #[arg(long)]
    pub(crate) stage: Option<Stage>,
    /// Move all other versions that are in that stage now to Archived as well.
    #[arg(long, requires = "stage")]
    pub(crate) archive_previous: bool,
    #[command(flatten)]
    pub(crate) mlflow: MlflowArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) decision: DecisionArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct FetchArgs {
    /// The model: models:/name@alias, models:/name/version, runs:/run/path, s3://bucket/prefix, or a path.
    pub(crate) source: String,
    /// The directory to put it in: not there, empty, or holding this very model.
    pub(crate) destination: std::path::PathBuf,
    /// The digest that the files must have; a registered version must have the digest of its tag besides.
    #[arg(long)]
    pub(crate) digest: Option<Digest>,
    /// Take a registered version that has no digest tag.
    #[arg(long)]
    pub(crate) unverified: bool,
    #[command(flatten)]
    pub(crate) mlflow: MlflowArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) decision: DecisionArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ResolveArgs {
    /// The registered model.
    #[arg(long, value_parser = model_name)]
    pub(crate) name: String,
    /// The alias.
    #[arg(long, default_value = "champion", value_parser = alias_name)]
    pub(crate) alias: String,
    /// Refuse when there is no such alias: without it that is an answer, as for a first model.
    #[arg(long)]
    pub(crate) required: bool,
    /// URI of the version, by its number; empty when there is none.
    #[arg(long, default_value = "/out/model-uri", value_name = "FILE")]
    pub(crate) model_uri: OutParameter,
    /// Digest of its files; empty when there is none.
    #[arg(long, default_value = "/out/model-digest", value_name = "FILE")]
    pub(crate) model_digest: OutParameter,
    /// Its number; empty when there is none.
    #[arg(long, default_value = "/out/version", value_name = "FILE")]
    pub(crate) version: OutParameter,
    #[command(flatten)]
    pub(crate) mlflow: MlflowArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) decision: DecisionArgs,
}

/// A server that loads models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    /// MLServer with its MLflow runtime (KServe model format `mlflow`).
    Mlserver,
    /// KServe's own scikit-learn server.
    Sklearnserver,
    /// Another one: nothing is checked.
    Other,
}

/// Where an alias has to point before it is moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// It does not exist.
    Nothing,
    /// A version.
    Version(String),
}

fn model_name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.contains(['/', ':']) {
        Err("a registered model's name is not empty and has no `/` and no `:`".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

fn alias_name(text: &str) -> Result<String, String> {
    let plain = !text.is_empty()
        && text.len() <= 255
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let number = text
        .strip_prefix(['v', 'V'])
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|digit| digit.is_ascii_digit()));
    if !plain {
        Err("an alias has letters, digits, `_` and `-` only".to_owned())
    } else if number || text.eq_ignore_ascii_case("latest") {
        Err("MLflow keeps `latest` and v1, v2, … for itself".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, _)) if key.starts_with("mlops.") => {
            Err("tags that begin with `mlops.` are written by this step only".to_owned())
        }
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("a tag is written key=value".to_owned()),
    }
}

fn expected(text: &str) -> Result<Expected, String> {
    if text.eq_ignore_ascii_case("none") {
        Ok(Expected::Nothing)
    } else if text.bytes().all(|digit| digit.is_ascii_digit()) {
        Ok(Expected::Version(text.to_owned()))
    } else {
        Err("a version number or `none`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mlflow_refuses_are_refused_at_once() {
        assert!(model_name("flight-delays").is_ok() && model_name("a b.c").is_ok());
        assert!(model_name("").is_err() && model_name("a/b").is_err() && model_name("a:1").is_err());
        assert!(alias_name("champion_2").is_ok() && alias_name("version").is_ok() && alias_name("v").is_ok());
        for bad in ["", "v1", "V22", "latest", "Latest", "a b", "a.b"] {
            assert!(alias_name(bad).is_err(), "{bad}");
        }
        assert!(tag("team=fraud=x").is_ok_and(|(key, value)| key == "team" && value == "fraud=x"));
        assert!(tag("team").is_err() && tag("=x").is_err() && tag("mlops.model_digest=x").is_err());
        assert_eq!(expected("none"), Ok(Expected::Nothing));
        assert!(expected("v3").is_err());
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }
}
