//! The job executor: training as a Kubernetes Job that runs this same program around the training command,
//! so that both executors keep one contract.
//!
//! The run in MLflow is found or made here, under the key that the pod's program makes too: so the run is the same
//! for this attempt, for a retry of it, and for every pod of the Job. What training came to is read from the run,
//! never from this process's memory; whatever kills this, a retry finds the Job by its name and goes on.

mod args;
mod follow;
#[cfg(test)]
mod hour;
mod indexed;
mod indexes;
mod kueue;
mod launch;
mod manifest;
mod merge;
mod nodes;
mod objects;
mod owned;
mod plan;
mod primary;
mod quantity;
mod sets;
mod state;
mod template;
mod took;
mod trainjob;
mod volume;

pub(crate) use args::JobArgs;
pub(crate) use indexed::{key as index_key, own as own_index};
pub(crate) use plan::plan;
pub(crate) use primary::{Chosen, PARENT};
pub(crate) use template::{Template, schema as template_schema};
pub(crate) use trainjob::other_node;

use std::collections::BTreeMap;

use kubernetes::{Cluster, Kind};
use mlflow_client::RunStatus;
use provenance::Digest;
use step_contract::Exit;
use step_report::{Cell, Format, Table};
use step_runtime::{Context, Finished, StepError};

use crate::act::{Failed, Looked, Outcome, completed_before, finish, forget_earlier_record, or_stop};
use crate::asked::Asked;
use crate::cli::RunArgs;
use crate::compute;
use crate::gather::Data;
use crate::report::{self, Story};
use crate::tracking::{self, FAILURE_TOLD, Tracking};
use follow::{Ended, Followed, Patience, Which, follow};
use launch::{Launched, launch, let_go, of_cluster, own_image, validate};
use manifest::{Manifest, Plan, TRAINING};
use objects::{Job, Pod};
use primary::Indexes;
use trainjob::{JOB_SET, JobKind};

/// What the manifest shows where the image is that of the pod that applies it.
const IMAGE_OF_THIS_POD: &str = "image-of-train-launch";

/// Launches the Job and follows it; with `--dry-run` prints it.
///
/// # Errors
/// See [`StepError`].
pub(crate) async fn run(args: &RunArgs, cx: &Context) -> Result<Finished, StepError> {
    let asked = Asked::of(args, cx).await?;
    let Asked { argv, data, key, .. } = &asked;
    let key = *key;
    let surroundings = surroundings(args, cx).await?;
    let manifest = |image: &str, is_owned: bool| {
        manifest::build(&surroundings.plan(&asked, image, is_owned)).map_err(StepError::usage)
    };
    if args.dry_run {
        let image = args.job.launcher_image.as_deref().unwrap_or(IMAGE_OF_THIS_POD);
        return Ok(Finished::text(format!("{:#}", manifest(image, true)?.list())));
    }
    // What cannot be is refused before anything is made.
    manifest(IMAGE_OF_THIS_POD, true)?;
    tracking::check(args, key, cx)?;
    forget_earlier_record(args);
    let cluster = connect(args, cx).await?;
    let image = match (&args.job.launcher_image, args.job.kind) {
        (Some(image), _) => image.clone(),
        (None, JobKind::Job) => or_stop(cx, own_image(&args.job, &cluster)).await?,
        // Its runtime has one.
        (None, JobKind::Trainjob) => String::new(),
    };
    let is_owned = cluster.is_own_namespace();
    if !is_owned && args.job.workflow_name.is_some() {
        tracing::warn!(
            namespace = cluster.namespace(),
            "the Job is in another namespace than its Workflow, which cannot own it there: it goes by its --ttl"
        );
    }
    let manifest = manifest(&image, is_owned)?;
    or_stop(cx, validate(&manifest, &cluster)).await?;
    let tracking = or_stop(cx, tracking::attach(args, argv, key, data, cx)).await?;
    tracing::info!(run = %tracking.run.run_id, resumed = tracking.resumed, "the run");

    let (name, labelled) = (manifest::name(key), format!("{TRAINING}={}", &key.hex()[..20]));
    let pods = match args.job.kind {
        JobKind::Job => labelled.clone(),
        JobKind::Trainjob => format!("{JOB_SET}={name}"),
    };
    let work = Work {
        args,
        argv,
        data,
        manifest: &manifest,
        which: Which {
            kind: manifest.kind,
            name: &name,
            labelled: &labelled,
            pods: &pods,
        },
        key,
        cluster: &cluster,
        tracking: &tracking,
        cx,
    };
    let story = Story {
        args,
        argv,
        data,
        tracking: &tracking,
        key,
        template: surroundings.template.as_ref(),
    };
    match work.to_the_end().await {
        Ok((outcome, tables)) => {
            let run = or_stop(cx, finish(&tracking, &outcome)).await?;
            match outcome {
                // Of several trainings the record is that of the one whose model goes on.
                Outcome::Trained(mut trained) => {
                    trained.compute =
                        compute::of_indexes(&run, trained.chosen.as_ref().map(|chosen| &chosen.run));
                    let run = trained.chosen.as_ref().map_or(&run, |chosen| &chosen.run);
                    report::trained(&story, &trained, tables, run, cx)
                }
                Outcome::Failed(failed) => Ok(report::failed(&story, &failed, tables, &run, cx)),
            }
        }
        Err(error) if error.exit() == Exit::Terminated => {
            let deleted = let_go(work.which.name, &args.job, args.workflow_uid.as_deref(), &cluster).await;
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

/// The cluster that the Job is for.
async fn connect(args: &RunArgs, cx: &Context) -> Result<Cluster, StepError> {
    Cluster::connect(args.job.namespace.as_deref(), &cx.cancel)
        .await
        .map_err(|error| of_cluster(&error))
}

/// What of this process's surroundings the pod gets too.
struct Surroundings {
    template: Option<Template>,
    ca: Option<String>,
    mlflow: Vec<(String, String)>,
}

impl Surroundings {
    fn plan<'a>(&'a self, asked: &'a Asked<'a>, launcher_image: &'a str, is_owned: bool) -> Plan<'a> {
        Plan {
            args: asked.args,
            argv: &asked.argv,
            data: &asked.data,
            key: asked.key,
            template: self.template.as_ref(),
            launcher_image,
            ca: self.ca.as_deref(),
            mlflow: &self.mlflow,
            is_owned,
        }
    }
}

async fn surroundings(args: &RunArgs, cx: &Context) -> Result<Surroundings, StepError> {
    let template = match &args.job.job_template {
        Some(at) => Some(Template::read(at, cx).await?),
        None => None,
    };
    Ok(Surroundings {
        template,
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
    which: Which<'a>,
    key: Digest,
    cluster: &'a Cluster,
    tracking: &'a Tracking,
    cx: &'a Context,
}

impl Work<'_> {
    /// What training came to, and tables of its pods and indexes.
    async fn to_the_end(&self) -> Result<(Outcome, Vec<Table>), StepError> {
        let cx = self.cx;
        or_stop(cx, self.tracking.describe(self.args, self.argv, self.data, cx)).await?;
        let done = match or_stop(cx, completed_before(self.tracking, cx)).await? {
            Some(done) => Some((Outcome::Trained(done), Vec::new())),
            None => or_stop(cx, self.indexes_before()).await?,
        };
        if let Some(done) = done {
            // Killed between the pod's end and ours, an attempt has not said what the Job took.
            if !compute::knows_pods(&self.tracking.run.tags) {
                or_stop(cx, self.took_before()).await?;
            }
            return Ok(done);
        }
        or_stop(cx, self.tracking.begin()).await?;
        let told = self.tracking.run.tags.get(FAILURE_TOLD).map(String::as_str);
        let (launched, job) = or_stop(cx, launch(self.manifest, told, self.cluster)).await?;
        let what = match launched {
            Launched::Now => "the Job is made",
            Launched::Adopted => "the Job of an earlier attempt goes on",
            Launched::Again => "the failed Job of an earlier attempt is made anew",
        };
        tracing::info!(job = self.which.name, "{what}");
        or_stop(cx, self.tracking.set_tags(self.of_job(&job))).await?;
        let patience = Patience {
            pending: &self.args.job.pending_timeout,
            queue: self.args.job.queue_timeout.as_ref(),
            progress: &cx.progress,
            cancel: &cx.cancel,
        };
        let followed = follow(&job, self.which, self.cluster, &patience).await?;
        or_stop(
            cx,
            self.tracking.set_tags(took::tags(&followed.pods, &self.args.job)),
        )
        .await?;
        let mut tables = vec![table(&followed)];
        let indexes = match self.args.job.completions {
            1 => None,
            many => Some(or_stop(cx, Indexes::of(&followed, self.key, many, self.tracking)).await?),
        };
        tables.extend(indexes.as_ref().map(Indexes::table));
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
            Ended::Complete => match &indexes {
                Some(indexes) => {
                    or_stop(cx, indexes.note(self.tracking)).await?;
                    self.choose(indexes, true, followed.tail).await?
                }
                None => self.read_back(followed.tail).await?,
            },
            Ended::Failed(failure) => {
                or_stop(cx, self.tracking.tag(FAILURE_TOLD, job.uid())).await?;
                if failure.refused {
                    return Err(StepError::usage(failure.why));
                }
                failed(failure.why, failure.check, failure.exit_code, followed.tail)
            }
            Ended::NeverStarted(why, check) => {
                self.cluster
                    .delete_this(self.which.kind, self.which.name, job.uid())
                    .await
                    .map_err(|error| of_cluster(&error))?;
                failed(why, check, None, followed.tail)
            }
        };
        Ok((outcome, tables))
    }

    /// What an earlier attempt came to whose Job had ended well: the choice among its indexes, made again.
    async fn indexes_before(&self) -> Result<Option<(Outcome, Vec<Table>)>, StepError> {
        let completions = self.args.job.completions;
        let Some(indexes) = Indexes::before(self.key, completions, self.tracking).await? else {
            return Ok(None);
        };
        let outcome = self.choose(&indexes, false, Vec::new()).await?;
        match &outcome {
            // A model that the server has lost is to be trained again.
            Outcome::Failed(failed) if failed.check == "model" => return Ok(None),
            Outcome::Trained(_) if self.tracking.run.status != RunStatus::Finished => {
                self.tracking.begin().await?;
            }
            _ => {}
        }
        Ok(Some((outcome, vec![indexes.table()])))
    }

    /// The model of the index that `--primary` asks for: its pod's program has put it into the run of that index.
    async fn choose(&self, indexes: &Indexes, now: bool, tail: Vec<String>) -> Result<Outcome, StepError> {
        let failed = |why: String, check, tail| {
            Outcome::Failed(Failed {
                why,
                check,
                exit_code: None,
                tail,
                looked: if now { Looked::InPod } else { Looked::Not },
            })
        };
        let mut chosen = match indexes.choose(&self.args.job.primary, &self.tracking.run.run_id) {
            Ok(chosen) => chosen,
            Err(why) => return Ok(failed(why, "primary", tail)),
        };
        let below = Tracking {
            run: chosen.run.clone(),
            ..self.tracking.clone()
        };
        chosen.run = or_stop(self.cx, below.current()).await?;
        let below = Tracking {
            run: chosen.run.clone(),
            ..below
        };
        let Some(mut trained) = or_stop(self.cx, completed_before(&below, self.cx)).await? else {
            let why = format!(
                "index {} completed, and its run {} names no model that MLflow holds",
                chosen.record.primary, chosen.run.run_id
            );
            return Ok(failed(why, "model", tail));
        };
        or_stop(self.cx, chosen.note(self.tracking)).await?;
        if now {
            trained.now = true;
            trained.looked = Looked::InPod;
            trained.tail = tail;
        }
        trained.chosen = Some(Box::new(chosen));
        Ok(Outcome::Trained(trained))
    }

    /// Which Job trains, for whoever looks from the run.
    fn of_job(&self, job: &Job) -> BTreeMap<String, String> {
        [
            ("launch.job.name", self.which.name),
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
            let job = self.cluster.get(self.which.kind, self.which.name).await?;
            let pods = self.cluster.list(Kind::POD, self.which.pods).await?;
            Ok((job, pods))
        };
        let (job, pods) = seen.await.map_err(|error| of_cluster(&error))?;
        let Some(job) = job else { return Ok(()) };
        let job = Job::of(&job).map_err(StepError::internal)?;
        let mut known = Vec::new();
        for pod in &pods {
            known.push(Pod::of(pod).map_err(StepError::internal)?);
        }
        known.retain(|pod| pod.is_of(&job));
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
                    self.which.name, tracking.run.run_id
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
