//! Training as a `TrainJob` of Kubeflow Trainer: its runtime gives the pod, with this program in it, and the team's
//! administrators keep it; what one training is comes from the flags.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use kubernetes::Kind;
use serde_json::{Value, json};

use super::args::{JobArgs, usual};
use super::indexed::Primary;
use super::manifest::{Plan, command, env, name, pairs, resources, tolerations};
use super::volume::Volume;

/// `TrainJob` as Kubeflow Trainer 2 serves it.
const TRAIN_JOB: Kind = Kind::new("trainer.kubeflow.org", "v1alpha1", "TrainJob", "trainjobs");
/// The label of `JobSet` on the pods that it makes for a `TrainJob`: both have one name.
pub(super) const JOB_SET: &str = "jobset.sigs.k8s.io/jobset-name";
/// The container that trains, and the part of a runtime that it is in: Kubeflow Trainer's name for both.
pub(super) const NODE: &str = "node";

/// Kinds of runtimes: of a namespace, which is meant where none is said, and of the cluster.
const RUNTIMES: [&str; 2] = ["TrainingRuntime", "ClusterTrainingRuntime"];

/// What the job executor makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum JobKind {
    /// A Job of `batch/v1`.
    Job,
    /// A `TrainJob` of Kubeflow Trainer 2.
    Trainjob,
}

impl JobKind {
    /// As the API serves it.
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Job => Kind::JOB,
            Self::Trainjob => TRAIN_JOB,
        }
    }
}

/// The runtime of a `TrainJob`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    kind: &'static str,
    name: String,
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl FromStr for Runtime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once('/').unwrap_or((RUNTIMES[0], text));
        let Some(kind) = RUNTIMES.into_iter().find(|known| *known == kind) else {
            return Err(format!(
                "`{kind}` is no kind of a runtime; {} or {} is needed before the slash",
                RUNTIMES[0], RUNTIMES[1]
            ));
        };
        if name.is_empty() {
            return Err("the name of the runtime is missing".to_owned());
        }
        Ok(Self {
            kind,
            name: name.to_owned(),
        })
    }
}

/// Holds the flags to the kind that they are for.
///
/// # Errors
/// One is of the other kind; the sentence names it.
pub(super) fn check(job: &JobArgs) -> Result<(), String> {
    match job.kind {
        JobKind::Job if job.nodes > 1 => Err(format!(
            "--nodes {} is one training on several nodes, which --kind trainjob makes; several trainings are --completions",
            job.nodes
        )),
        JobKind::Job => Ok(()),
        JobKind::Trainjob => match of_the_runtime(job).iter().find(|(_, is_given)| *is_given) {
            Some((flag, _)) => Err(format!(
                "{flag} cannot be given with --kind trainjob: a TrainJob has no field for it; {} says it",
                job.runtime
            )),
            None => Ok(()),
        },
    }
}

/// The flags that a `TrainJob` has no field for, and whether they say anything else than they do by default.
fn of_the_runtime(job: &JobArgs) -> [(&'static str, bool); 17] {
    [
        ("--job-template", job.job_template.is_some()),
        ("--launcher-image", job.launcher_image.is_some()),
        ("--env-from-secret", !job.env_from_secret.is_empty()),
        ("--image-pull-secret", !job.image_pull_secret.is_empty()),
        ("--affinity", job.affinity.is_some()),
        ("--priority-class", job.priority_class.is_some()),
        ("--runtime-class", job.runtime_class.is_some()),
        ("--run-as-user", job.run_as_user != usual::USER),
        ("--shm", job.shm != usual::SHM),
        ("--ttl", job.ttl.to_string() != usual::TTL),
        ("--backoff-limit", job.backoff_limit != usual::BACKOFF_LIMIT),
        ("--completions", job.completions != 1),
        ("--parallelism", job.parallelism != 1),
        ("--backoff-limit-per-index", job.backoff_limit_per_index.is_some()),
        ("--max-failed-indexes", job.max_failed_indexes.is_some()),
        ("--success-policy", !job.success_policy.is_empty()),
        ("--primary", job.primary != Primary::Index(0)),
    ]
}

/// What the `TrainJob` asks of its runtime.
///
/// # Errors
/// A flag is missing or cannot be used.
pub(super) fn spec(plan: &Plan<'_>) -> Result<Value, String> {
    let job = &plan.args.job;
    let image = job
        .image
        .as_ref()
        .ok_or("--executor job needs --image, the training image")?;
    let mut volumes = vec![json!({ "name": "dataset", "configMap": { "name": name(plan.key) } })];
    volumes.extend(job.volume.iter().map(Volume::volume));
    let mut mounts = vec![json!({ "name": "dataset", "mountPath": "/in", "readOnly": true })];
    mounts.extend(job.volume.iter().map(Volume::mount));
    let mut pod = json!({
        "targetJobs": [{ "name": NODE }],
        "volumes": volumes,
        "containers": [{ "name": NODE, "volumeMounts": mounts }],
    });
    if let Some(account) = &job.service_account {
        pod["serviceAccountName"] = json!(account);
    }
    if !job.node_selector.is_empty() {
        pod["nodeSelector"] = pairs(&job.node_selector);
    }
    if let Some(tolerations) = tolerations(job)? {
        pod["tolerations"] = tolerations;
    }
    Ok(json!({
        "runtimeRef": {
            "apiGroup": TRAIN_JOB.group,
            "kind": job.runtime.kind,
            "name": job.runtime.name,
        },
        "trainer": {
            "image": image,
            "command": command(plan),
            "env": env(plan)?,
            "numNodes": job.nodes,
            "resourcesPerNode": resources(job),
        },
        "podSpecOverrides": [pod],
    }))
}

/// The node of one training that this process is, when it is not the first: only the first keeps the run and the model.
///
/// # Errors
/// It is not said which, or there is no such node.
pub(crate) fn other_node(job: &JobArgs) -> Result<Option<u32>, String> {
    match (job.nodes, job.completion_index) {
        (1, _) | (_, Some(0)) => Ok(None),
        (nodes, None) => Err(format!(
            "--nodes {nodes} with --executor process is one pod of a TrainJob, which has its number in \
             JOB_COMPLETION_INDEX, and that is not set; --executor job --kind trainjob makes one"
        )),
        (nodes, Some(node)) if node >= nodes => Err(format!(
            "JOB_COMPLETION_INDEX is {node}, and --nodes {nodes} has 0 to {}",
            nodes - 1
        )),
        (_, Some(node)) => Ok(Some(node)),
    }
}
