//! The MLflow run: found or made once, tagged, and ended in the state that training ended in.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use mlflow_client::{Batch, Client, DatasetInput, Experiment, MlflowError, NewRun, Run, RunStatus};
use provenance::Digest;
use step_contract::Exit;
use step_runtime::{Context, StepError};

use crate::cli::RunArgs;
use crate::gather::Data;
use crate::job::{self, PARENT};

/// Digest of the model that came out; its presence says that training is done.
pub(crate) const MODEL_DIGEST: &str = "model.digest";
/// Where the model is.
pub(crate) const MODEL_URI: &str = "model.uri";
/// Why the run failed or was killed; empty again when it came to an end after all.
const FAILURE_REASON: &str = "failure.reason";
/// The uid of the Job whose failure this step has told: launched again, it is to be trained again.
pub(crate) const FAILURE_TOLD: &str = "mlops.failure.told";
/// MLflow keeps longer tags not.
const TAG_LIMIT: usize = 5_000;

/// The run and the way to it.
#[derive(Debug, Clone)]
pub(crate) struct Tracking {
    /// The server.
    pub client: Client,
    /// The experiment.
    pub experiment: Experiment,
    /// The run as it was when it was found or made.
    pub run: Run,
    /// Whether an earlier attempt had made it.
    pub resumed: bool,
}

/// A client by flags and environment; `within` bounds all attempts of a call.
///
/// # Errors
/// No server is named, or a setting cannot be used.
pub(crate) fn client(args: &RunArgs, cx: &Context, within: Option<Duration>) -> Result<Client, StepError> {
    let mut options = args.mlflow.options(cx.ca_file()).map_err(of_mlflow)?;
    if let Some(within) = within {
        options.retry = artifact_store::RetryPolicy::within(within);
        options.timeout = within.min(options.timeout);
    }
    Client::new(options).map_err(of_mlflow)
}

/// Finds the run of this training, or makes it.
///
/// # Errors
/// MLflow is away, or refuses.
pub(crate) async fn attach(
    args: &RunArgs,
    argv: &[String],
    key: Digest,
    data: &Data,
    cx: &Context,
) -> Result<Tracking, StepError> {
    let client = client(args, cx, None)?;
    let experiment = client
        .ensure_experiment(&args.experiment)
        .await
        .map_err(of_mlflow)?;
    let new = NewRun {
        experiment_id: experiment.experiment_id.clone(),
        run_name: run_name(args),
        start_time: Timestamp::now().as_millisecond(),
        tags: tags(args, argv, data),
        key: key.to_string(),
    };
    let (run, resumed) = client.ensure_run(&new).await.map_err(of_mlflow)?;
    if run.deleted {
        return Err(StepError::usage(format!(
            "the MLflow run {} of this training was deleted; restore it, or give another --workflow-uid",
            run.run_id
        )));
    }
    Ok(Tracking {
        client,
        experiment,
        run,
        resumed,
    })
}

/// The name that MLflow shows.
fn run_name(args: &RunArgs) -> String {
    let sha: String = args.git_sha.chars().take(8).collect();
    args.run_name
        .clone()
        .unwrap_or_else(|| format!("{}-{sha}", args.trigger))
}

fn inputs(data: &Data) -> Vec<DatasetInput> {
    let mut inputs: Vec<DatasetInput> = Vec::new();
    for (name, split) in &data.training.splits {
        inputs.push(DatasetInput {
            name: name.clone(),
            digest: split.digest.to_string(),
            uri: split.uri.clone(),
            context: if name == "train" {
                "training".to_owned()
            } else {
                name.clone()
            },
            rows: Some(split.rows),
        });
    }
    inputs
}

fn tags(args: &RunArgs, argv: &[String], data: &Data) -> BTreeMap<String, String> {
    let version = args.data_version.as_deref().unwrap_or(&data.validated.version);
    let mut tags = BTreeMap::from([
        ("mlflow.source.git.commit".to_owned(), args.git_sha.clone()),
        ("mlflow.source.name".to_owned(), argv.join(" ")),
        ("mlflow.source.type".to_owned(), "JOB".to_owned()),
        ("trigger.kind".to_owned(), args.trigger.as_str().to_owned()),
        ("data.version".to_owned(), version.to_owned()),
        ("data.digest".to_owned(), data.validated.digest.to_string()),
        (
            "data.training_digest".to_owned(),
            data.training.digest.to_string(),
        ),
        ("argo.step".to_owned(), args.step.clone()),
    ]);
    if let Some(uid) = &args.workflow_uid {
        tags.insert("argo.workflow.uid".to_owned(), uid.clone());
    }
    if let Some(id) = &args.trigger_id {
        tags.insert("trigger.id".to_owned(), id.clone());
    }
    for (name, value) in [
        ("mlflow.source.git.branch", &args.git_branch),
        ("mlflow.source.git.repoURL", &args.git_repo),
        ("argo.workflow.name", &args.job.workflow_name),
        ("launch.image", &args.job.image),
    ] {
        tags.extend(value.iter().map(|value| (name.to_owned(), value.clone())));
    }
    // As training narrowed it, or as validation had.
    let narrowed = data
        .window
        .as_ref()
        .map(|window| (window.from.to_string(), window.to.to_string()));
    let cut_out = data.validated.window.as_ref();
    if let Some((from, to)) =
        narrowed.or_else(|| cut_out.map(|window| (window.from.clone(), window.to.clone())))
    {
        tags.insert("data.window".to_owned(), format!("{from}/{to}"));
    }
    if args.job.completions > 1 {
        tags.insert("launch.completions".to_owned(), args.job.completions.to_string());
    }
    tags.extend(args.tag.iter().cloned());
    tags.values_mut().for_each(|value| *value = cut(value));
    tags
}

fn cut(value: &str) -> String {
    value.chars().take(TAG_LIMIT).collect()
}

impl Tracking {
    /// Writes what the run is of: its tags and its data. An attempt that was killed right after the creation may have
    /// left it without.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn describe(
        &self,
        args: &RunArgs,
        argv: &[String],
        data: &Data,
    ) -> Result<(), StepError> {
        let batch = Batch {
            tags: tags(args, argv, data),
            ..Batch::default()
        };
        let id = &self.run.run_id;
        self.client.log_batch(id, &batch).await.map_err(of_mlflow)?;
        self.client.log_inputs(id, &inputs(data)).await.map_err(of_mlflow)
    }

    /// Finds the run of one index of this training, below its own, or makes it.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn attach_index(
        self,
        args: &RunArgs,
        argv: &[String],
        (index, key): (u32, Digest),
        data: &Data,
    ) -> Result<Self, StepError> {
        let own = [
            (PARENT.to_owned(), self.run.run_id.clone()),
            ("launch.index".to_owned(), index.to_string()),
        ];
        let mut tags = tags(args, argv, data);
        tags.extend(own.clone());
        let new = NewRun {
            experiment_id: self.experiment.experiment_id.clone(),
            run_name: format!("{}-{index}", run_name(args)),
            start_time: Timestamp::now().as_millisecond(),
            tags,
            key: job::index_key(key, index).to_string(),
        };
        let (run, resumed) = self.client.ensure_run(&new).await.map_err(of_mlflow)?;
        let run = Self { run, resumed, ..self };
        for (name, value) in &own {
            // Another run may be above it when that of an earlier attempt was deleted.
            if run.run.tags.get(name) != Some(value) {
                run.tag(name, value).await?;
            }
        }
        Ok(run)
    }

    /// Says that training goes on: an earlier attempt may have ended the run.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn begin(&self) -> Result<(), StepError> {
        let earlier = self.run.tags.get(FAILURE_REASON);
        if earlier.is_some_and(|why| !why.is_empty()) {
            self.tag(FAILURE_REASON, "").await?;
        }
        if self.run.status == RunStatus::Running {
            return Ok(());
        }
        self.client
            .update_run(&self.run.run_id, RunStatus::Running, None)
            .await
            .map_err(of_mlflow)
    }

    /// Writes one tag.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn tag(&self, name: &str, value: &str) -> Result<(), StepError> {
        let mut batch = Batch::default();
        batch.tags.insert(name.to_owned(), cut(value));
        let id = &self.run.run_id;
        self.client.log_batch(id, &batch).await.map_err(of_mlflow)
    }

    /// Writes why training came to nothing.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn explain(&self, why: &str) -> Result<(), StepError> {
        self.tag(FAILURE_REASON, why).await
    }

    /// Ends the run in `status`.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn end(&self, status: RunStatus) -> Result<(), StepError> {
        let now = Timestamp::now().as_millisecond();
        self.client
            .update_run(&self.run.run_id, status, Some(now))
            .await
            .map_err(of_mlflow)
    }

    /// Marks the end that `error` means for the run.
    pub(crate) async fn give_up(&self, args: &RunArgs, cx: &Context, error: &StepError) {
        match error.exit() {
            Exit::Terminated => self.mark(args, cx, RunStatus::Killed, &error.to_string()).await,
            // The retry goes on with the run as it is.
            Exit::Unavailable => {}
            _ => self.mark(args, cx, RunStatus::Failed, &error.to_string()).await,
        }
    }

    /// Marks the run's end in the little time that is left after SIGTERM. Failing is logged only.
    pub(crate) async fn mark(&self, args: &RunArgs, cx: &Context, status: RunStatus, why: &str) {
        let marked = async {
            let quick = Self {
                client: client(args, cx, Some(Duration::from_secs(3)))?,
                ..self.clone()
            };
            // The state first: the reason is of no use without it.
            quick.end(status).await?;
            quick.explain(why).await
        };
        let marked = marked.await;
        if let Err(error) = marked {
            tracing::warn!(%error, ?status, "the end of the run could not be marked");
        }
    }

    /// The run as it is now.
    ///
    /// # Errors
    /// MLflow is away, or the run is gone.
    pub(crate) async fn current(&self) -> Result<Run, StepError> {
        self.client
            .run(&self.run.run_id)
            .await
            .map_err(of_mlflow)?
            .filter(|run| !run.deleted)
            .ok_or_else(|| {
                // By hand, or by another launcher of this training whose run is older: the retry finds that one.
                StepError::unavailable(format!(
                    "the MLflow run {} was deleted while training ran; a retry goes on with another run of this training",
                    self.run.run_id
                ))
            })
    }
}

/// The exit that an MLflow failure asks for.
pub(crate) fn of_mlflow(error: MlflowError) -> StepError {
    match error {
        MlflowError::Unavailable { call, why } => {
            StepError::unavailable(format!("MLflow is not available: {call}: {why}"))
        }
        other => StepError::usage(other.to_string()),
    }
}
