//! The job executor: training as a Kubernetes Job that runs this same program around the training command,
//! so that both executors keep one contract.
//!
//! The run in MLflow is found or made here, under the key that the pod's program makes too: so the run is the same
//! for this attempt, for a retry of it, and for every pod of the Job. What training came to is read from the run,
//! never from this process's memory; whatever kills this, a retry finds the Job by its name and goes on.

mod args;
mod follow;
mod launch;
mod manifest;
mod objects;
mod plan;
mod quantity;
mod state;
mod took;
mod volume;

pub(crate) use args::JobArgs;
pub(crate) use plan::plan;

use std::collections::BTreeMap;

use kubernetes::{Cluster, Kind};
use mlflow_client::RunStatus;
use provenance::Digest;
use step_contract::Exit;
use step_report::{Cell, Format, Table};
use step_runtime::{Context, Finished, StepError};

use crate::act::{Failed, Looked, Outcome, completed_before, finish, forget_earlier_record, or_stop, reader};
use crate::cli::RunArgs;
use crate::gather::Data;
use crate::report::{self, Story};
use crate::tracking::{self, FAILURE_TOLD, Tracking};
use crate::words::argv;
use crate::{compute, gather, identity};
use follow::{Ended, Followed, Patience, follow};
use launch::{Launched, launch, let_go, of_cluster, own_image};
use manifest::{Manifest, Plan, TRAINING};
use objects::{Job, Pod};

/// What the manifest shows where the image is that of the pod that applies it.
const IMAGE_OF_THIS_POD: &str = "image-of-train-launch";

/// Launches the Job and follows it; with `--dry-run` prints it.
///
/// # Errors
/// See [`StepError`].
pub(crate) async fn run(args: &RunArgs, cx: &Context) -> Result<Finished, StepError> {
    let argv = argv(&args.command).map_err(|why| StepError::usage(format!("--command: {why}")))?;
    let data = gather::read_dataset(args, cx).await?;
    let key = identity::key(args, &argv, &data.training);
    reader(args)?;
    let surroundings = surroundings(cx)?;
    let asked = Asked {
        args,
        argv: &argv,
        data: &data,
        key,
    };
    let manifest = |image: &str, is_owned: bool| {
        manifest::build(&surroundings.plan(asked, image, is_owned)).map_err(StepError::usage)
    };
    if args.dry_run {
        let image = args.job.launcher_image.as_deref().unwrap_or(IMAGE_OF_THIS_POD);
        return Ok(Finished::text(format!("{:#}", manifest(image, true)?.list())));
    }
    // What cannot be is refused before anything is made.
    manifest(IMAGE_OF_THIS_POD, true)?;
    tracking::check(args, key, cx)?;
    forget_earlier_record(args);
    let cluster = Cluster::connect(args.job.namespace.as_deref(), &cx.cancel)
        .await
        .map_err(|error| of_cluster(&error))?;
    let image = match &args.job.launcher_image {
        Some(image) => image.clone(),
        None => or_stop(cx, own_image(&args.job, &cluster)).await?,
    };
    let is_owned = cluster.is_own_namespace();
    if !is_owned && args.job.workflow_name.is_some() {
        tracing::warn!(
            namespace = cluster.namespace(),
            "the Job is in another namespace than its Workflow, which cannot own it there: it goes by its --ttl"
        );
    }
    let manifest = manifest(&image, is_owned)?;
    let tracking = or_stop(cx, tracking::attach(args, &argv, key, &data, cx)).await?;
    tracing::info!(run = %tracking.run.run_id, resumed = tracking.resumed, "the run");

    let work = Work {
        args,
        argv: &argv,
        data: &data,
        manifest: &manifest,
        name: &manifest::name(key),
        selector: format!("{TRAINING}={}", &key.hex()[..20]),
        cluster: &cluster,
        tracking: &tracking,
        cx,
    };
    let story = Story {
        args,
        argv: &argv,
        data: &data,
        tracking: &tracking,
        key,
    };
    match work.to_the_end().await {
        Ok((outcome, pods)) => {
            let run = or_stop(cx, finish(&tracking, &outcome)).await?;
            match outcome {
                Outcome::Trained(trained) => report::trained(&story, &trained, pods, &run, cx),
                Outcome::Failed(failed) => Ok(report::failed(&story, &failed, pods, &run, cx)),
            }
        }
        Err(error) if error.exit() == Exit::Terminated => {
            let deleted = let_go(work.name, &args.job, args.workflow_uid.as_deref(), &cluster).await;
            if deleted {
                tracking
                    .mark(args, cx, RunStatus::Killed, "the workflow was stopped")
                    .await;
            }
            Err(error)
        }
        Err(error) => {
            tracking.give_up(args, cx, &error).await;
            Err(error)
        }
    }
}

/// The training that is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The flags.
    pub args: &'a RunArgs,
    /// The training command.
    pub argv: &'a [String],
    /// The data.
    pub data: &'a Data,
    /// The idempotency key.
    pub key: Digest,
}

/// What of this process's surroundings the pod gets too.
struct Surroundings {
    ca: Option<String>,
    mlflow: Vec<(String, String)>,
}

impl Surroundings {
    fn plan<'a>(&'a self, asked: Asked<'a>, launcher_image: &'a str, is_owned: bool) -> Plan<'a> {
        Plan {
            args: asked.args,
            argv: asked.argv,
            data: asked.data,
            key: asked.key,
            launcher_image,
            ca: self.ca.as_deref(),
            mlflow: &self.mlflow,
            is_owned,
        }
    }
}

fn surroundings(cx: &Context) -> Result<Surroundings, StepError> {
    Ok(Surroundings {
        ca: authorities(cx)?,
        mlflow: settings_of_mlflow(),
    })
}

/// What `--ca-file` holds, for the pod.
fn authorities(cx: &Context) -> Result<Option<String>, StepError> {
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path)
            .map_err(|error| StepError::usage(format!("--ca-file {}: {error}", path.display())))
    };
    cx.ca_file().map(read).transpose()
}

/// How this process talks to MLflow, beside address and credentials: the pod's program and training do it alike.
fn settings_of_mlflow() -> Vec<(String, String)> {
    const SETTINGS: [&str; 5] = [
        "MLFLOW_HTTP_REQUEST_TIMEOUT",
        "MLFLOW_RETRY_SECONDS",
        "MLFLOW_TRACKING_AUTH",
        "MLFLOW_TRACKING_INSECURE_TLS",
        "MLFLOW_WORKSPACE",
    ];
    SETTINGS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
        .collect()
}

/// A training whose run is known.
struct Work<'a> {
    args: &'a RunArgs,
    argv: &'a [String],
    data: &'a Data,
    manifest: &'a Manifest,
    name: &'a str,
    selector: String,
    cluster: &'a Cluster,
    tracking: &'a Tracking,
    cx: &'a Context,
}

impl Work<'_> {
    /// What training came to, and a table of its pods.
    async fn to_the_end(&self) -> Result<(Outcome, Option<Table>), StepError> {
        let cx = self.cx;
        or_stop(cx, self.tracking.describe(self.args, self.argv, self.data, cx)).await?;
        if let Some(done) = or_stop(cx, completed_before(self.tracking, cx)).await? {
            // Killed between the pod's end and ours, an attempt has not said what the Job took.
            if !compute::knows_pods(&self.tracking.run.tags) {
                or_stop(cx, self.took_before()).await?;
            }
            return Ok((Outcome::Trained(done), None));
        }
        or_stop(cx, self.tracking.begin()).await?;
        let told = self.tracking.run.tags.get(FAILURE_TOLD).map(String::as_str);
        let (launched, job) = or_stop(cx, launch(self.manifest, told, self.cluster)).await?;
        match launched {
            Launched::Now => tracing::info!(job = self.name, "the Job is made"),
            Launched::Adopted => tracing::info!(job = self.name, "the Job of an earlier attempt goes on"),
            Launched::Again => tracing::info!(
                job = self.name,
                "the failed Job of an earlier attempt is made anew"
            ),
        }
        or_stop(cx, self.tracking.set_tags(self.of_job(&job))).await?;
        let patience = Patience {
            pending: &self.args.job.pending_timeout,
            queue: self.args.job.queue_timeout.as_ref(),
            progress: &cx.progress,
            cancel: &cx.cancel,
        };
        let followed = follow(&job, self.name, &self.selector, self.cluster, &patience).await?;
        or_stop(
            cx,
            self.tracking.set_tags(took::tags(&followed.pods, &self.args.job)),
        )
        .await?;
        let pods = Some(table(&followed));
        let failed = |why: String, check, exit_code, tail| {
            Outcome::Failed(Failed {
                why,
                check,
                exit_code,
                tail,
                looked: Looked::Not,
            })
        };
        let outcome = match followed.ended {
            Ended::Complete => self.read_back(followed.tail).await?,
            Ended::Failed(failure) => {
                or_stop(cx, self.tracking.tag(FAILURE_TOLD, job.uid())).await?;
                if failure.refused {
                    return Err(StepError::usage(failure.why));
                }
                failed(failure.why, failure.check, failure.exit_code, followed.tail)
            }
            Ended::NeverStarted(why, check) => {
                self.cluster
                    .delete_this(Kind::JOB, self.name, job.uid())
                    .await
                    .map_err(|error| of_cluster(&error))?;
                failed(why, check, None, followed.tail)
            }
        };
        Ok((outcome, pods))
    }

    /// Which Job trains, for whoever looks from the run.
    fn of_job(&self, job: &Job) -> BTreeMap<String, String> {
        [
            ("launch.job.name", self.name),
            ("launch.job.namespace", self.cluster.namespace()),
            ("launch.job.uid", job.uid()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }

    /// What the Job of an earlier attempt took, when it is still there.
    async fn took_before(&self) -> Result<(), StepError> {
        let seen = async {
            let job = self.cluster.get(Kind::JOB, self.name).await?;
            let pods = self.cluster.list(Kind::POD, &self.selector).await?;
            Ok((job, pods))
        };
        let (job, pods) = seen.await.map_err(|error| of_cluster(&error))?;
        let Some(job) = job else { return Ok(()) };
        let job = Job::of(&job).map_err(StepError::internal)?;
        let mut known = Vec::new();
        for pod in &pods {
            known.push(Pod::of(pod).map_err(StepError::internal)?);
        }
        known.retain(|pod| pod.is_of(job.uid()));
        let mut tags = self.of_job(&job);
        tags.extend(took::tags(&known, &self.args.job));
        self.tracking.set_tags(tags).await
    }

    /// The pod's program has put the model into the run and said so in its tags.
    async fn read_back(&self, tail: Vec<String>) -> Result<Outcome, StepError> {
        let tracking = Tracking {
            run: or_stop(self.cx, self.tracking.current()).await?,
            ..self.tracking.clone()
        };
        let held = or_stop(self.cx, completed_before(&tracking, self.cx)).await?;
        Ok(match held {
            Some(mut trained) => {
                trained.now = true;
                trained.looked = Looked::InPod;
                trained.tail = tail;
                Outcome::Trained(trained)
            }
            None => Outcome::Failed(Failed {
                why: format!(
                    "the Job {} completed, and the run {} names no model that MLflow holds",
                    self.name, tracking.run.run_id
                ),
                check: "model",
                exit_code: None,
                tail,
                looked: Looked::InPod,
            }),
        })
    }
}

/// Every pod that trained, how it ended and how long it took.
fn table(followed: &Followed) -> Table {
    let mut table = Table::new("Pods of the Job", ["pod", "node", "made", "ended", "seconds"]);
    let mut pods: Vec<_> = followed.pods.iter().collect();
    pods.sort_by_key(|pod| pod.made());
    for pod in pods {
        table.push([
            Cell::text(pod.name()),
            Cell::text(pod.node()),
            pod.made()
                .map_or_else(Cell::empty, |made| Cell::text(made.to_string())),
            Cell::text(pod.ending().unwrap_or_default()),
            pod.seconds()
                .map_or_else(Cell::empty, |seconds| Cell::number(seconds, Format::default())),
        ]);
    }
    table
}
