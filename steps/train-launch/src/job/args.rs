//! Flags of the job executor.

use clap::{Args, ValueEnum};
use step_contract::InArtifact;

use super::indexed::{Primary, SuccessRule};
use super::quantity::quantity;
use super::trainjob::{JobKind, Runtime};
use super::volume::Volume;
use crate::cli::pair;
use crate::duration::Length;

/// What SIGTERM does to the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnTerminate {
    /// Asks the Workflow.
    Auto,
    /// Deletes it.
    Delete,
    /// Leaves it.
    Leave,
}

/// What flags say when nobody does, where that is asked for elsewhere.
pub(super) mod usual {
    /// `--backoff-limit`.
    pub(in super::super) const BACKOFF_LIMIT: u32 = 2;
    /// `--run-as-user`.
    pub(in super::super) const USER: i64 = 65_532;
    /// `--shm`.
    pub(in super::super) const SHM: &str = "1Gi";
    /// `--ttl`.
    pub(in super::super) const TTL: &str = "1d";
}

/// Flags of the job executor.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Job executor")]
pub struct JobArgs {
    /// The training image. By digest or tag; it needs nothing of ours.
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// The image of this step, from which the job takes this program; without it the one that this pod runs.
    #[arg(long, value_name = "IMAGE")]
    pub launcher_image: Option<String>,
    /// The pod that this runs in, to find its image.
    #[arg(long, env = "ARGO_POD_NAME", value_name = "NAME", help_heading = "Process")]
    pub pod_name: Option<String>,
    /// What is made: a Job, or a `TrainJob` of Kubeflow Trainer 2.
    #[arg(long, value_enum, default_value = "job")]
    pub kind: JobKind,
    /// The runtime of a `TrainJob`, which gives its pods and brings this program into them: one of the namespace, as
    /// kustomize/components/trainer has it, or `ClusterTrainingRuntime/NAME`.
    #[arg(long, default_value = "mlops-steps", value_name = "[KIND/]NAME")]
    pub runtime: Runtime,
    /// How many nodes one training runs on, as a `TrainJob`: the first keeps the run and the model.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000), value_name = "N")]
    pub nodes: u32,
    /// The team's own Job, a manifest of `batch/v1` of which only what differs must be there. It is merged into ours as
    /// `kubectl patch` would, and comes before the flags; what the launcher must set itself is refused by name.
    #[arg(long, value_name = "LOCATION")]
    pub job_template: Option<InArtifact>,
    /// Namespace of the job; without it the one that applies the manifest.
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// ServiceAccount of the training pod.
    #[arg(long, value_name = "NAME")]
    pub service_account: Option<String>,
    /// CPU request.
    #[arg(long, default_value = "1", value_parser = quantity, value_name = "QUANTITY")]
    pub cpu: String,
    /// CPU limit; none without it, so that idle cores may be used.
    #[arg(long, value_parser = quantity, value_name = "QUANTITY")]
    pub cpu_limit: Option<String>,
    /// Memory limit, and request.
    #[arg(long, default_value = "4Gi", value_parser = quantity, value_name = "QUANTITY")]
    pub memory: String,
    /// Memory request, where it is less than the limit.
    #[arg(long, value_parser = quantity, value_name = "QUANTITY")]
    pub memory_request: Option<String>,
    /// The longest that the job may be suspended, by a queue or by hand, before it is given up; without it as long as it
    /// takes.
    #[arg(long, value_name = "12h")]
    pub queue_timeout: Option<Length>,
    /// The longest that the pod may wait for a node or an image before the job is given up.
    #[arg(long, default_value = "30m", value_name = "30m")]
    pub pending_timeout: Length,
    /// What SIGTERM does to the job: `auto` deletes it when the Workflow is being stopped or is gone, and leaves it to
    /// the retry when only this pod goes.
    #[arg(long, value_enum, default_value_t = OnTerminate::Auto)]
    pub on_terminate: OnTerminate,
    /// Room for TRAIN_OUTPUT and the temporary directory.
    #[arg(long, default_value = "20Gi", value_parser = quantity, value_name = "QUANTITY")]
    pub disk: String,
    /// GPUs.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub gpu: u32,
    /// The extended resource that `--gpu` counts: `nvidia.com/gpu`, `nvidia.com/mig-1g.10gb`, `amd.com/gpu`.
    #[arg(long, default_value = "nvidia.com/gpu", value_name = "RESOURCE")]
    pub gpu_resource: String,
    /// Shared memory (`/dev/shm`), which data loaders need.
    #[arg(long, default_value = usual::SHM, value_parser = quantity, value_name = "QUANTITY")]
    pub shm: String,
    /// Labels that the node must have.
    #[arg(long, value_delimiter = '\n', value_parser = pair, value_name = "KEY=VALUE")]
    pub node_selector: Vec<(String, String)>,
    /// Taints to tolerate: `key`, `key=value`, with `:NoSchedule` or another effect behind it.
    #[arg(long, value_delimiter = '\n', value_name = "KEY[=VALUE][:EFFECT]")]
    pub toleration: Vec<String>,
    /// Which nodes and pods it wants to be near to or far from: Kubernetes' `affinity`, as YAML or JSON.
    #[arg(long, value_parser = affinity, value_name = "YAML")]
    pub affinity: Option<serde_json::Value>,
    /// Further volumes: `NAME=pvc:CLAIM:/PATH[:ro]`, `NAME=configmap:NAME:/PATH`, `NAME=secret:NAME:/PATH`,
    /// `NAME=emptydir:SIZE:/PATH`.
    #[arg(long, value_delimiter = '\n', value_name = "NAME=KIND:SOURCE:/PATH[:ro]")]
    pub volume: Vec<Volume>,
    /// Variables of the training container.
    #[arg(long, value_delimiter = '\n', value_parser = pair, value_name = "NAME=VALUE")]
    pub env: Vec<(String, String)>,
    /// Secrets whose keys become variables: credentials of S3 and MLflow.
    #[arg(long, value_delimiter = '\n', value_name = "SECRET")]
    pub env_from_secret: Vec<String>,
    /// Pull secrets of the images.
    #[arg(long, value_delimiter = '\n', value_name = "SECRET")]
    pub image_pull_secret: Vec<String>,
    /// How often a pod that was lost or failed for a passing reason is replaced.
    #[arg(long, default_value_t = usual::BACKOFF_LIMIT, value_name = "N")]
    pub backoff_limit: u32,
    /// How many trainings it is: seeds or folds, told apart by JOB_COMPLETION_INDEX, 0 to N - 1, each in a run of its own
    /// below the one run. The job is Indexed.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000), value_name = "N")]
    pub completions: u32,
    /// How many of `--completions` run at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000), value_name = "N")]
    pub parallelism: u32,
    /// How often a pod of one index is replaced, instead of `--backoff-limit` for all: an index that fails does not keep
    /// the others from ending.
    #[arg(long, value_name = "N")]
    pub backoff_limit_per_index: Option<u32>,
    /// How many indexes may fail before the rest are stopped. With `--backoff-limit-per-index`.
    #[arg(long, value_name = "N")]
    pub max_failed_indexes: Option<u32>,
    /// When the job has succeeded although not every index has: `succeededCount=3`, `succeededIndexes=0,2-4`, or both with
    /// `;` between them. Given more than once, each is enough.
    #[arg(long, value_delimiter = '\n', value_name = "RULE")]
    pub success_policy: Vec<SuccessRule>,
    /// Which index gives the model that goes on: `index=0`, or the best that succeeded by a metric that training logged,
    /// `metric=auc:max`, `metric=loss:min`.
    #[arg(long, default_value_t = Primary::Index(0), value_name = "index=N|metric=NAME:max|min")]
    pub primary: Primary,
    /// The index that this process trains, as a pod of an Indexed job; or its node, as one of `--nodes`.
    #[arg(
        long,
        env = "JOB_COMPLETION_INDEX",
        value_name = "N",
        help_heading = "Process"
    )]
    pub completion_index: Option<u32>,
    /// How long the job stays after its end.
    #[arg(long, default_value = usual::TTL, value_name = "1d")]
    pub ttl: Length,
    /// Kueue's queue: the job is suspended until it is admitted.
    #[arg(long, value_name = "QUEUE")]
    pub queue: Option<String>,
    /// Priority class.
    #[arg(long, value_name = "NAME")]
    pub priority_class: Option<String>,
    /// Runtime class, such as `nvidia`.
    #[arg(long, value_name = "NAME")]
    pub runtime_class: Option<String>,
    /// User id of the training container; it may not be root.
    #[arg(long, default_value_t = usual::USER, value_parser = clap::value_parser!(i64).range(1..=65_535), value_name = "UID")]
    pub run_as_user: i64,
    /// The Workflow that owns the job, so that it goes when the Workflow goes. With `--workflow-uid`.
    #[arg(long, env = "ARGO_WORKFLOW_NAME", value_name = "NAME")]
    pub workflow_name: Option<String>,
}

/// Only what it is made of is looked at here; the cluster knows the rest.
fn affinity(text: &str) -> Result<serde_json::Value, String> {
    let parsed: serde_json::Value =
        step_contract::load_foreign_yaml("--affinity", text).map_err(|error| error.to_string())?;
    let known = ["nodeAffinity", "podAffinity", "podAntiAffinity"];
    match parsed
        .as_object()
        .and_then(|fields| fields.keys().find(|name| !known.contains(&name.as_str())))
    {
        Some(other) => Err(format!(
            "`{other}` is no part of an affinity: {}",
            known.join(", ")
        )),
        None if parsed.as_object().is_some_and(|fields| !fields.is_empty()) => Ok(parsed),
        None => Err(format!("an object is needed, of {}", known.join(", "))),
    }
}
