//! The run: found or made once, tagged, and ended in the state that training ended in. In MLflow; or, without a tracking
//! server of ours, as notes beside the model.

mod ledger;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use mlflow_client::{Batch, Client, DatasetInput, Experiment, MlflowError, NewRun, Run, RunStatus};
use provenance::Digest;
use step_contract::Exit;
use step_runtime::{Context, StepError};

use crate::cli::{RunArgs, Tracker};
use crate::gather::Data;
use crate::job::{self, PARENT};
use crate::settings::{self, DATASET_TAG};
use ledger::{Ledger, Note};

/// Digest of the model that came out; its presence says that training is done.
pub(crate) const MODEL_DIGEST: &str = "model.digest";
/// Where the model is.
pub(crate) const MODEL_URI: &str = "model.uri";
/// Why the run failed or was killed; empty again when it came to an end after all.
const FAILURE_REASON: &str = "failure.reason";
/// The code that training ended with; empty while it trains.
pub(crate) const EXIT_CODE: &str = "launch.exit_code";
/// The uid of the Job whose failure this step has told: launched again, it is to be trained again.
pub(crate) const FAILURE_TOLD: &str = "mlops.failure.told";
/// Several trainings at once need a tracker.
pub(crate) const INDEXES: &str = "--completions needs --tracker mlflow: each index has a run of its own";
/// MLflow 2 keeps longer parameters not.
const PARAM_LIMIT: usize = 500;
/// MLflow 2 keeps longer tags not.
const TAG_LIMIT: usize = 5_000;

/// Where runs are kept.
#[derive(Debug, Clone)]
pub(crate) enum Server {
    /// MLflow.
    Mlflow(Box<Client>),
    /// The team's own store.
    Store(Ledger),
}

impl Server {
    /// MLflow's client, when that is it.
    pub(crate) const fn mlflow(&self) -> Option<&Client> {
        match self {
            Self::Mlflow(client) => Some(client),
            Self::Store(_) => None,
        }
    }

    /// MLflow's address; nothing without.
    pub(crate) fn tracking_uri(&self) -> &str {
        self.mlflow().map_or("", Client::tracking_uri)
    }
}

/// The run and the way to it.
#[derive(Debug, Clone)]
pub(crate) struct Tracking {
    /// The server.
    pub server: Server,
    /// The experiment.
    pub experiment: Experiment,
    /// The run as it was when it was found or made.
    pub run: Run,
    /// Whether an earlier attempt had made it.
    pub resumed: bool,
}

/// Whether a server can be reached by what was given, before anything else is done.
///
/// # Errors
/// No server is named, or a setting cannot be used.
pub(crate) fn check(args: &RunArgs, key: Digest, cx: &Context) -> Result<(), StepError> {
    server(args, key, cx, None).map(|_| ())
}

fn server(args: &RunArgs, key: Digest, cx: &Context, within: Option<Duration>) -> Result<Server, StepError> {
    match (args.tracker, &args.model_store) {
        (Tracker::Mlflow, None) => client(args, cx, within).map(|client| Server::Mlflow(Box::new(client))),
        (Tracker::None, Some(_)) if args.job.completions > 1 => Err(StepError::usage(INDEXES)),
        (Tracker::None, Some(base)) => Ledger::new(&cx.store, base, key).map(Server::Store),
        (Tracker::Mlflow, Some(_)) => Err(StepError::usage(
            "--model-store is for --tracker none: MLflow keeps the models of its runs itself",
        )),
        (Tracker::None, None) => Err(StepError::usage(
            "--tracker none needs --model-store, the place where models are kept, such as s3://models/flights",
        )),
    }
}

/// A client by flags and environment; `within` bounds all attempts of a call.
fn client(args: &RunArgs, cx: &Context, within: Option<Duration>) -> Result<Client, StepError> {
    let mut options = args.mlflow.options(cx.ca_file()).map_err(of_mlflow)?;
    if let Some(within) = within {
        options.retry = artifact_store::RetryPolicy::within(within);
        options.timeout = within.min(options.timeout);
    }
    Client::new(options).map_err(of_mlflow)
}

/// What is known of a training before it is launched.
#[derive(Debug)]
pub(crate) enum Known {
    /// Its experiment would be made.
    NoExperiment,
    /// Its run would be made.
    NoRun,
    /// An earlier attempt had made it.
    Run(Box<Run>),
}

/// Looks for the run of this training, and makes none.
///
/// # Errors
/// MLflow is away, or refuses.
pub(crate) async fn find(args: &RunArgs, key: Digest, cx: &Context) -> Result<Known, StepError> {
    let found = match server(args, key, cx, None)? {
        Server::Store(ledger) => ledger.read().await?,
        Server::Mlflow(client) => {
            let experiment = client.experiment(&args.experiment).await.map_err(of_mlflow)?;
            let Some(experiment) = experiment else {
                return Ok(Known::NoExperiment);
            };
            let key = mlflow_client::quoted(&key.to_string()).map_err(of_mlflow)?;
            let filter = format!("tags.`{}` = {key}", mlflow_client::IDEMPOTENCY_TAG);
            let runs = client.search_runs(&[&experiment.experiment_id], &filter).await;
            runs.map_err(of_mlflow)?.into_iter().next()
        }
    };
    Ok(found.map_or(Known::NoRun, |run| Known::Run(Box::new(run))))
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
    let client = match server(args, key, cx, None)? {
        Server::Mlflow(client) => client,
        Server::Store(ledger) => {
            let (run, resumed) = ledger.begin(&run_name(args)).await?;
            return Ok(Tracking {
                server: Server::Store(ledger),
                experiment: Experiment {
                    experiment_id: String::new(),
                    name: args.experiment.clone(),
                    artifact_location: String::new(),
                    lifecycle_stage: String::new(),
                },
                run,
                resumed,
            });
        }
    };
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
        server: Server::Mlflow(client),
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
        ("data.objects".to_owned(), objects(data)),
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
    tags.extend(args.more_tags.clone());
    tags.extend(args.tag.iter().cloned());
    tags.values_mut().for_each(|value| *value = cut(value));
    tags
}

/// What the key is made of, so that it can be compared in MLflow's tables beside what training logs itself. Only that: a
/// parameter never changes, and an attempt of the same key must find its own.
fn params(args: &RunArgs, argv: &[String], data: &Data) -> BTreeMap<String, String> {
    let known = [
        ("launch.command", Some(argv.join(" "))),
        ("launch.data", Some(data.training.digest.to_string())),
        ("launch.git_sha", Some(args.git_sha.clone())),
        ("launch.image", args.job.image.clone()),
        ("launch.step", Some(args.step.clone())),
        ("launch.trigger", Some(args.trigger.as_str().to_owned())),
        ("launch.trigger_id", args.trigger_id.clone()),
    ];
    known
        .into_iter()
        .filter_map(|(name, value)| {
            let value: String = value?.chars().take(PARAM_LIMIT).collect();
            Some((name.to_owned(), value)).filter(|(_, value)| !value.is_empty())
        })
        .collect()
}

/// The objects that are trained on, a line each, as many as a tag holds.
fn objects(data: &Data) -> String {
    let uris: Vec<&str> = data
        .training
        .splits
        .values()
        .flat_map(|split| split.objects.iter().map(|object| object.uri.as_str()))
        .collect();
    let mut shown = String::new();
    for (number, uri) in uris.iter().enumerate() {
        if shown.len() + uri.len() + 40 > TAG_LIMIT {
            return format!("{shown}… and {} more", uris.len() - number);
        }
        shown.push_str(uri);
        shown.push('\n');
    }
    shown.truncate(shown.trim_end().len());
    shown
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
        cx: &Context,
    ) -> Result<(), StepError> {
        let mut tags = tags(args, argv, data);
        // In a Job's pod the flags are not what the training was launched with.
        if self.run.tags.contains_key(settings::FLAGS) || self.run.tags.contains_key(PARENT) {
            tags.retain(|name, _| !args.more_tags.contains_key(name));
        }
        if !self.run.tags.contains_key(DATASET_TAG) {
            let kept = settings::keep_dataset(&self.server, &self.run, &data.validated, cx).await?;
            tags.insert(DATASET_TAG.to_owned(), kept);
        }
        let batch = Batch {
            tags,
            params: params(args, argv, data),
            ..Batch::default()
        };
        self.log(batch).await?;
        match &self.server {
            Server::Mlflow(client) => client
                .log_inputs(&self.run.run_id, &inputs(data))
                .await
                .map_err(of_mlflow),
            // The tags name the data.
            Server::Store(_) => Ok(()),
        }
    }

    async fn log(&self, batch: Batch) -> Result<(), StepError> {
        match &self.server {
            Server::Mlflow(client) => client
                .log_batch(&self.run.run_id, &batch)
                .await
                .map_err(of_mlflow),
            Server::Store(ledger) => {
                let note = Note {
                    tags: batch.tags,
                    params: batch.params,
                    ..Note::default()
                };
                ledger.note(&note).await
            }
        }
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
        // How all of them were launched is told by the run above.
        tags.retain(|name, _| !args.more_tags.contains_key(name));
        tags.extend(own.clone());
        let new = NewRun {
            experiment_id: self.experiment.experiment_id.clone(),
            run_name: format!("{}-{index}", run_name(args)),
            start_time: Timestamp::now().as_millisecond(),
            tags,
            key: job::index_key(key, index).to_string(),
        };
        let client = self.server.mlflow().ok_or_else(|| StepError::usage(INDEXES))?;
        let (run, resumed) = client.ensure_run(&new).await.map_err(of_mlflow)?;
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
        let is_set = |name: &&str| self.run.tags.get(*name).is_some_and(|value| !value.is_empty());
        let earlier = [FAILURE_REASON, EXIT_CODE].into_iter().filter(is_set);
        let cleared: BTreeMap<_, _> = earlier.map(|name| (name.to_owned(), String::new())).collect();
        if !cleared.is_empty() {
            self.set_tags(cleared).await?;
        }
        if self.run.status == RunStatus::Running {
            return Ok(());
        }
        self.set_status(RunStatus::Running, None).await
    }

    async fn set_status(&self, status: RunStatus, end_time: Option<i64>) -> Result<(), StepError> {
        match &self.server {
            Server::Mlflow(client) => client
                .update_run(&self.run.run_id, status, end_time)
                .await
                .map_err(of_mlflow),
            Server::Store(ledger) => {
                let note = Note {
                    status: Some(status),
                    end_time,
                    ..Note::default()
                };
                ledger.note(&note).await
            }
        }
    }

    /// Writes one tag.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn tag(&self, name: &str, value: &str) -> Result<(), StepError> {
        self.set_tags(BTreeMap::from([(name.to_owned(), value.to_owned())]))
            .await
    }

    /// Writes tags, those that are too long cut.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn set_tags(&self, mut tags: BTreeMap<String, String>) -> Result<(), StepError> {
        tags.values_mut().for_each(|value| *value = cut(value));
        self.log(Batch {
            tags,
            ..Batch::default()
        })
        .await
    }

    /// Writes why training came to nothing, and the code that it ended with where that is known.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn explain(&self, why: &str, exit_code: Option<i32>) -> Result<(), StepError> {
        let mut tags = BTreeMap::from([(FAILURE_REASON.to_owned(), why.to_owned())]);
        tags.extend(exit_code.map(|code| (EXIT_CODE.to_owned(), code.to_string())));
        self.set_tags(tags).await
    }

    /// Ends the run in `status`.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn end(&self, status: RunStatus) -> Result<(), StepError> {
        let now = Timestamp::now().as_millisecond();
        self.set_status(status, Some(now)).await
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
        let within = Duration::from_secs(3);
        let marked = async {
            let server = match &self.server {
                Server::Mlflow(_) => Server::Mlflow(Box::new(client(args, cx, Some(within))?)),
                kept @ Server::Store(_) => kept.clone(),
            };
            let quick = Self {
                server,
                ..self.clone()
            };
            // The state first: the reason is of no use without it.
            quick.end(status).await?;
            quick.explain(why, None).await
        };
        match tokio::time::timeout(2 * within, marked).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, ?status, "the end of the run could not be marked"),
            Err(_) => tracing::warn!(?status, "the end of the run could not be marked in time"),
        }
    }

    /// The run as it is now.
    ///
    /// # Errors
    /// MLflow is away, or the run is gone.
    pub(crate) async fn current(&self) -> Result<Run, StepError> {
        let found = match &self.server {
            Server::Mlflow(client) => client.run(&self.run.run_id).await.map_err(of_mlflow)?,
            Server::Store(ledger) => ledger.read().await?,
        };
        found.filter(|run| !run.deleted).ok_or_else(|| {
            // By hand, or by another launcher of this training whose run is older: the retry finds that one.
            StepError::unavailable(format!(
                "the run {} was deleted while training ran; a retry goes on with another run of this training",
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
