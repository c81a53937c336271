//! The process executor: all that is done, in the order that makes every point of it safe to be killed at.
//!
//! What a retry finds decides what is left to do: the run by its key; the model on the server by the tags of
//! the run; a training that has ended by the note in TRAIN_OUTPUT. Each of them is written before the next
//! thing begins.

use jiff::Timestamp;
use mlflow_client::{ModelUri, Run, RunStatus};
use provenance::{Compute, Digest, Record as _};
use step_contract::Exit;
use step_runtime::{Context, Finished, StepError};

use crate::asked::Asked;
use crate::cli::RunArgs;
use crate::compute;
use crate::duration::Length;
use crate::gather::{self, Data, When};
use crate::job::{self, Chosen};
use crate::model::{self, Models};
use crate::process::{Attempt, Ended, Environment, How, Limits, Meter, Output, Reader, train};
use crate::publish::{self, Published};
use crate::report::{self, Story};
use crate::tracking::{self, EXIT_CODE, MODEL_DIGEST, MODEL_URI, Tracking, of_mlflow};

/// What an attempt came to.
pub(crate) enum Outcome {
    /// The run holds the model.
    Trained(Trained),
    /// Training failed.
    Failed(Failed),
}

/// The run holds the model.
pub(crate) struct Trained {
    /// The primary model as the server holds it.
    pub published: Published,
    /// Its digest.
    pub digest: Digest,
    /// Other models, by name and digest.
    pub others: Vec<(String, Digest)>,
    /// What training printed last; empty when an earlier attempt had trained.
    pub tail: Vec<String>,
    /// Whether this attempt trained.
    pub now: bool,
    /// When the data was held against its record.
    pub looked: Looked,
    /// The index whose model it is, of several.
    pub chosen: Option<Box<Chosen>>,
    /// What it took, where that is told by more than its run.
    pub compute: Option<Compute>,
}

/// Training failed.
pub(crate) struct Failed {
    /// The sentence.
    pub why: String,
    /// Which check it is: `training`, `deadline`, `model`.
    pub check: &'static str,
    /// The code that training ended with, where it did and the run does not say so yet.
    pub exit_code: Option<i32>,
    /// What training printed last.
    pub tail: Vec<String>,
    /// When the data was held against its record.
    pub looked: Looked,
}

/// When the data was held against its record, as far as this attempt knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looked {
    /// Before training.
    Before,
    /// After training: an earlier attempt had trained.
    After,
    /// Before training and after it.
    Around,
    /// Before training and after it, in the Job's pod.
    InPod,
    /// Not by this attempt.
    Not,
}

/// Runs training here.
///
/// # Errors
/// See [`StepError`].
pub(crate) async fn run(args: &RunArgs, cx: &Context) -> Result<Finished, StepError> {
    let Asked {
        argv, data, key: all, ..
    } = Asked::of(args, cx).await?;
    let index = job::own_index(&args.job).map_err(StepError::usage)?;
    let other_node = job::other_node(&args.job).map_err(StepError::usage)?;
    let key = index.map_or(all, |index| job::index_key(all, index));
    if args.dry_run {
        return Ok(Finished::text(report::plan(args, &argv, &data, key)));
    }
    tracking::check(args, key, cx)?;
    forget_earlier_record(args);
    let dir = args.output_dir.clone();
    let (output, attempt) = tokio::task::spawn_blocking(move || Output::open(&dir, key)).await??;
    let mut tracking = or_stop(cx, tracking::attach(args, &argv, all, &data, cx)).await?;
    if let Some(index) = index {
        let below = tracking.attach_index(args, &argv, (index, all), &data);
        tracking = or_stop(cx, below).await?;
    }
    tracing::info!(run = %tracking.run.run_id, resumed = tracking.resumed, attempt = attempt.number, "the run");

    let work = Work {
        args,
        argv: &argv,
        data: &data,
        tracking: &tracking,
        output: &output,
        cx,
    };
    let story = Story {
        args,
        argv: &argv,
        data: &data,
        tracking: &tracking,
        key,
        template: None,
    };
    if let Some(node) = other_node {
        return Ok(match work.beside(attempt).await? {
            Some(failed) => report::failed(&story, &failed, Vec::new(), &tracking.run, cx),
            None => Finished::text(format!(
                "node {node} of {} has trained; the model is that of node 0\n",
                args.job.nodes
            )),
        });
    }
    match work.to_the_end(attempt).await {
        Ok((Outcome::Trained(trained), run)) => report::trained(&story, &trained, Vec::new(), &run, cx),
        Ok((Outcome::Failed(failed), run)) => Ok(report::failed(&story, &failed, Vec::new(), &run, cx)),
        Err(error) => {
            tracking.give_up(args, cx, &error).await;
            Err(error)
        }
    }
}

/// One attempt at a training whose run is known.
struct Work<'a> {
    args: &'a RunArgs,
    argv: &'a [String],
    data: &'a Data,
    tracking: &'a Tracking,
    output: &'a Output,
    cx: &'a Context,
}

impl Work<'_> {
    async fn to_the_end(&self, attempt: Attempt) -> Result<(Outcome, Run), StepError> {
        let outcome = self.outcome(attempt).await?;
        let run = or_stop(self.cx, finish(self.tracking, &outcome)).await?;
        Ok((outcome, run))
    }

    async fn outcome(&self, mut attempt: Attempt) -> Result<Outcome, StepError> {
        let cx = self.cx;
        or_stop(cx, self.tracking.describe(self.args, self.argv, self.data, cx)).await?;
        // A run whose tags name a model that the server holds is done, wherever it was trained.
        if let Some(done) = or_stop(cx, completed_before(self.tracking, cx)).await? {
            return Ok(Outcome::Trained(done));
        }
        let (tail, looked) = if attempt.trained.is_some() {
            tracing::info!("training had ended in an earlier attempt; going on with what it left");
            (None, Looked::After)
        } else {
            or_stop(cx, gather::verify(self.data, When::Before, cx)).await?;
            or_stop(cx, self.tracking.begin()).await?;
            let ended = self.train(&mut attempt).await?;
            if let Some(failed) = failure(&ended, self.args)? {
                return Ok(Outcome::Failed(failed));
            }
            // From here on a retry does not train again.
            attempt.trained = Some(Timestamp::now().to_string());
            attempt.seconds = Some(ended.seconds);
            self.output.save(&attempt)?;
            (Some(ended.tail), Looked::Around)
        };
        if let Err(error) = or_stop(cx, gather::verify(self.data, When::After, cx)).await {
            if error.exit() == Exit::Usage {
                self.forget(&mut attempt)?;
            }
            return Err(error);
        }
        let root = self.output.root().to_owned();
        match tokio::task::spawn_blocking(move || model::find(&root)).await? {
            Ok(models) => {
                let took = Compute {
                    train_seconds: attempt.seconds,
                    ..Compute::default()
                };
                let stored = store(models, self.tracking, &took, tail, looked, cx);
                Ok(Outcome::Trained(or_stop(cx, stored).await?))
            }
            Err(why) => {
                self.forget(&mut attempt)?;
                Ok(Outcome::Failed(Failed {
                    why,
                    check: "model",
                    exit_code: Some(0),
                    tail: tail.unwrap_or_default(),
                    looked,
                }))
            }
        }
    }

    /// Trains on another node than the first, which alone keeps the run and the model.
    async fn beside(&self, mut attempt: Attempt) -> Result<Option<Failed>, StepError> {
        or_stop(self.cx, gather::verify(self.data, When::Before, self.cx)).await?;
        let ended = self.train(&mut attempt).await?;
        failure(&ended, self.args)
    }

    /// What was trained is worth nothing: trying again must train again.
    fn forget(&self, attempt: &mut Attempt) -> Result<(), StepError> {
        attempt.trained = None;
        self.output.save(attempt)
    }

    /// How far training is, for Argo and for whoever watches. A file of an earlier attempt says nothing of this one.
    fn meter(&self) -> Result<Meter, StepError> {
        let file = self.output.own("progress");
        let reader = reader(self.args)?;
        if let Err(error) = std::fs::remove_file(&file)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(StepError::usage(format!(
                "cannot remove {}: {error}",
                file.display()
            )));
        }
        let progress = std::sync::Arc::clone(&self.cx.progress);
        Ok(Meter::new(reader, file, move |steps| {
            progress.set_steps(steps.step, steps.total);
        }))
    }

    /// Runs the child; it alone sees to its own end when the step shall stop.
    async fn train(&self, attempt: &mut Attempt) -> Result<Ended, StepError> {
        let dataset = self.output.own("dataset.json");
        std::fs::write(&dataset, self.data.training.to_json())
            .map_err(|e| StepError::usage(format!("cannot write {}: {e}", dataset.display())))?;
        let meter = self.meter()?;
        let show = |path: &std::path::Path| path.to_string_lossy().into_owned();
        let tracking = self.tracking;
        // The address holds no credentials; they go beside it.
        let mut vars = Vec::new();
        if let Some(client) = tracking.server.mlflow() {
            vars.extend(client.auth_vars());
            vars.extend([
                ("MLFLOW_TRACKING_URI", client.tracking_uri().to_owned()),
                ("MLFLOW_RUN_ID", tracking.run.run_id.clone()),
                ("MLFLOW_EXPERIMENT_ID", tracking.experiment.experiment_id.clone()),
            ]);
        }
        vars.extend([
            ("TRAIN_RUN_ID", tracking.run.run_id.clone()),
            ("TRAIN_DATASET", show(&dataset)),
            ("TRAIN_OUTPUT", show(self.output.root())),
            ("TRAIN_PROGRESS", show(meter.file())),
        ]);
        vars.extend(trusted(self.cx));
        if let Some(client) = tracking.server.mlflow() {
            // MLflow's client in the training is to trust the server as this one does.
            if let Some(authorities) = client.authorities().map_err(of_mlflow)? {
                let file = self.output.own("authorities.pem");
                std::fs::write(&file, authorities)
                    .map_err(|e| StepError::usage(format!("cannot write {}: {e}", file.display())))?;
                vars.push(("MLFLOW_TRACKING_SERVER_CERT_PATH", show(&file)));
            }
        }
        let environment = Environment {
            argv: self.argv.to_vec(),
            workdir: self.args.workdir.clone(),
            vars,
        };
        let limits = Limits {
            deadline: self.args.deadline.as_ref().map(Length::duration),
            grace: self.args.stop_grace.duration(),
            cancel: self.cx.cancel.clone(),
        };
        let ended = train(&environment, &limits, &meter, |group| {
            attempt.group = group;
            self.output.save(attempt)
        })
        .await?;
        attempt.group = None;
        tracing::info!(how = ?ended.how, "training ended");
        Ok(ended)
    }
}

/// Where training finds the authorities of `--ca-file`: for itself, and for S3 where that is reached by TLS at an address of
/// the team's own, unless training is told otherwise.
fn trusted(cx: &Context) -> Vec<(&'static str, String)> {
    let Some(file) = cx.ca_file() else {
        return Vec::new();
    };
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let file = file.to_string_lossy().into_owned();
    let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let endpoint = var("AWS_ENDPOINT_URL_S3").or(var("AWS_ENDPOINT_URL"));
    let mut vars = vec![("TRAIN_CA_FILE", file.clone())];
    if endpoint.is_some_and(|address| address.starts_with("https://")) && var("AWS_CA_BUNDLE").is_none() {
        vars.push(("AWS_CA_BUNDLE", file));
    }
    vars
}

/// What reads the steps off training's lines.
///
/// # Errors
/// `--progress-pattern` cannot be used.
pub(crate) fn reader(args: &RunArgs) -> Result<Reader, StepError> {
    Reader::of_training(args.progress_pattern.as_deref(), args.progress_total).map_err(StepError::usage)
}

/// The model of an earlier attempt: the run's tags name it, it is in this very run, and the server holds these bytes.
pub(crate) async fn completed_before(
    tracking: &Tracking,
    cx: &Context,
) -> Result<Option<Trained>, StepError> {
    let tags = &tracking.run.tags;
    let (Some(uri), Some(named)) = (tags.get(MODEL_URI), tags.get(MODEL_DIGEST)) else {
        return Ok(None);
    };
    let own = match tracking.server.mlflow() {
        Some(_) => {
            matches!(uri.parse(), Ok(ModelUri::Run { run_id, .. }) if run_id == tracking.run.run_id)
        }
        None => uri.starts_with(&format!("{}/", tracking.run.artifact_uri)),
    };
    if !own {
        tracing::warn!(model = %uri, run = %tracking.run.run_id, "the run's tags name a model that is not its own");
        return Ok(None);
    }
    let (Some(published), Ok(digest)) = (
        publish::held(&tracking.server, &cx.store, uri, named).await?,
        named.parse(),
    ) else {
        return Ok(None);
    };
    tracing::info!(model = %uri, "an earlier attempt had completed this training");
    Ok(Some(Trained {
        published,
        digest,
        others: Vec::new(),
        tail: Vec::new(),
        now: false,
        looked: Looked::Not,
        chosen: None,
        compute: None,
    }))
}

/// The outcome of a training that did not end well; `None` when it did.
fn failure(ended: &Ended, args: &RunArgs) -> Result<Option<Failed>, StepError> {
    let (why, check) = match ended.how {
        How::Well => return Ok(None),
        How::Stopped => return Err(StepError::terminated()),
        How::Code(code) => (
            format!("the training command ended with exit code {code}"),
            "training",
        ),
        How::Signal(9) => (
            "the training command was killed by signal 9: most likely it needed more memory than it may have"
                .into(),
            "training",
        ),
        How::Signal(signal) => (
            format!("the training command was ended by signal {signal}"),
            "training",
        ),
        How::Deadline => {
            let bound = args.deadline.as_ref().map(Length::to_string).unwrap_or_default();
            (
                format!("training did not end within --deadline {bound} and was stopped"),
                "deadline",
            )
        }
    };
    let why = match &ended.last {
        Some(line) if check == "training" => format!("{why}; its last line: {line}"),
        _ => why,
    };
    let fatal = &args.fatal_exit_code;
    if let How::Code(code) = ended.how
        && !fatal.is_empty()
        && !fatal.contains(&code)
    {
        return Err(StepError::unavailable(format!(
            "{why}; it is none of --fatal-exit-code, so trying again may help"
        )));
    }
    Ok(Some(Failed {
        why,
        check,
        exit_code: match ended.how {
            How::Code(code) => Some(code),
            // As a shell tells it.
            How::Signal(signal) => Some(128 + signal),
            _ => None,
        },
        tail: ended.tail.clone(),
        looked: Looked::Before,
    }))
}

async fn store(
    models: Models,
    tracking: &Tracking,
    took: &Compute,
    tail: Option<Vec<String>>,
    looked: Looked,
    cx: &Context,
) -> Result<Trained, StepError> {
    // MLflow takes files of a deleted run, and then refuses its tags: nothing is brought to one.
    tracking.current().await?;
    let put = |model| publish::publish(&tracking.server, &cx.store, &tracking.run, model);
    let mut others = Vec::new();
    for model in &models.others {
        put(model).await?;
        others.push((model.name.clone(), model.digest));
    }
    let published = put(&models.primary).await?;
    let digest = models.primary.digest;
    let mut tags = compute::tags(took);
    tags.insert(EXIT_CODE.to_owned(), "0".to_owned());
    tags.insert(MODEL_URI.to_owned(), published.uri.clone());
    tags.insert(MODEL_DIGEST.to_owned(), digest.to_string());
    tracking.set_tags(tags).await?;
    Ok(Trained {
        published,
        digest,
        others,
        now: tail.is_some(),
        tail: tail.unwrap_or_default(),
        looked,
        chosen: None,
        compute: None,
    })
}

/// Ends the run as training came out, with the reason when to nothing, and reads it back, with all that training logged. A
/// run that is ended already stays as it is, so that a retry writes the same record.
pub(crate) async fn finish(tracking: &Tracking, outcome: &Outcome) -> Result<Run, StepError> {
    let status = match outcome {
        Outcome::Trained(_) => RunStatus::Finished,
        Outcome::Failed(failed) => {
            tracking.explain(&failed.why, failed.exit_code).await?;
            RunStatus::Failed
        }
    };
    let run = tracking.current().await?;
    if run.status != status || run.end_time.is_none() {
        tracking.end(status).await?;
        return tracking.current().await;
    }
    Ok(run)
}

/// A record of an earlier training in the same place must not be taken for this one's.
pub(crate) fn forget_earlier_record(args: &RunArgs) {
    if let Ok(artifact_store::Location::Path(path)) = args.run.as_str().parse()
        && path.is_file()
        && let Err(error) = std::fs::remove_file(&path)
    {
        tracing::warn!(path = %path.display(), %error, "cannot remove an earlier record");
    }
}

/// Gives up `work` when the step shall stop.
pub(crate) async fn or_stop<T>(
    cx: &Context,
    work: impl Future<Output = Result<T, StepError>>,
) -> Result<T, StepError> {
    tokio::select! {
        done = work => done,
        () = cx.cancel.cancelled() => Err(StepError::terminated()),
    }
}
