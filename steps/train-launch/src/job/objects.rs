//! What is read of a Job and of its pods.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use step_contract::Exit;

use super::sets::Set;
use super::trainjob::{JOB_SET, NODE};

/// The container that trains, in a Job of ours.
pub(crate) const CONTAINER: &str = "train";

/// What is read of a Job, or of a `TrainJob`, which says what becomes of it in the same words.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Job {
    metadata: Metadata,
    #[serde(default)]
    spec: JobSpec,
    #[serde(default)]
    status: JobStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    owner_references: Vec<Owner>,
    creation_timestamp: Option<Timestamp>,
    deletion_timestamp: Option<Timestamp>,
}

#[derive(Debug, Clone, Deserialize)]
struct Owner {
    uid: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobSpec {
    #[serde(default)]
    suspend: bool,
    active_deadline_seconds: Option<i64>,
    trainer: Option<Trainer>,
    completions: Option<u32>,
    completion_mode: Option<String>,
}

/// Only a `TrainJob` has one.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trainer {
    num_nodes: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobStatus {
    #[serde(default)]
    conditions: Vec<Condition>,
    /// When it began, or went on after it was suspended.
    start_time: Option<Timestamp>,
    #[serde(default)]
    completed_indexes: String,
    #[serde(default)]
    failed_indexes: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) message: String,
    pub(super) last_transition_time: Option<Timestamp>,
}

impl Condition {
    fn holds(&self, kind: &str) -> bool {
        self.kind == kind && self.status == "True"
    }
}

impl Job {
    /// Reads it.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn of(object: &Value) -> Result<Self, String> {
        serde_json::from_value(object.clone()).map_err(|error| format!("a Job that cannot be read: {error}"))
    }

    /// Its uid: a Job of the same name that was made later has another.
    pub(crate) fn uid(&self) -> &str {
        &self.metadata.uid
    }

    /// An annotation.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata.annotations.get(name).map(String::as_str)
    }

    /// A label.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.metadata.labels.get(name).map(String::as_str)
    }

    /// The condition of that kind, when it holds.
    pub(super) fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status
            .conditions
            .iter()
            .find(|condition| condition.holds(kind))
    }

    /// How many nodes the one training runs on, as a `TrainJob`; none as a Job.
    pub(super) fn nodes(&self) -> Option<u32> {
        let trainer = self.spec.trainer.as_ref()?;
        Some(trainer.num_nodes.unwrap_or(1))
    }

    /// How many indexes it has, when it is Indexed.
    pub(super) fn indexes(&self) -> Option<u32> {
        let is_indexed = self.spec.completion_mode.as_deref() == Some("Indexed");
        self.spec.completions.filter(|_| is_indexed)
    }

    /// The indexes that have ended well.
    pub(super) fn completed(&self) -> Set {
        self.status.completed_indexes.parse().unwrap_or_default()
    }

    /// The indexes that have failed for good.
    pub(super) fn failed(&self) -> Set {
        self.status.failed_indexes.parse().unwrap_or_default()
    }

    /// Whether it has failed for good.
    pub(crate) fn has_failed(&self) -> bool {
        self.condition("Failed").is_some()
    }

    /// Whether it may not start: as it is asked to be, or as it is.
    pub(super) fn is_suspended(&self) -> bool {
        self.spec.suspend || self.condition("Suspended").is_some()
    }

    /// When it was made.
    pub(super) fn made(&self) -> Option<Timestamp> {
        self.metadata.creation_timestamp
    }

    /// When it began, or went on after it was suspended.
    pub(super) fn began(&self) -> Option<Timestamp> {
        self.status.start_time
    }

    /// Seconds that it may be active.
    pub(super) fn deadline(&self) -> i64 {
        self.spec.active_deadline_seconds.unwrap_or_default()
    }

    /// Whether somebody has asked for its end.
    pub(crate) fn is_going(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }
}

/// What is read of a pod.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Pod {
    metadata: Metadata,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    #[serde(default)]
    node_name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodStatus {
    #[serde(default)]
    phase: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    conditions: Vec<Condition>,
    #[serde(default)]
    init_container_statuses: Vec<ContainerStatus>,
    #[serde(default)]
    container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    name: String,
    /// What the runtime runs: `docker.io/team/train@sha256:…`.
    #[serde(default, rename = "imageID")]
    image_id: String,
    #[serde(default)]
    state: ContainerState,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct ContainerState {
    waiting: Option<Waiting>,
    running: Option<Value>,
    terminated: Option<Terminated>,
}

#[derive(Debug, Clone, Deserialize)]
struct Waiting {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Terminated {
    exit_code: i32,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
}

impl Pod {
    /// Reads it.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn of(object: &Value) -> Result<Self, String> {
        serde_json::from_value(object.clone()).map_err(|error| format!("a pod that cannot be read: {error}"))
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether it is of this Job, and not of one that had its name before. Between a `TrainJob` and its pods are two owners
    /// more, which its name stands for: pods that were made before it are not its own.
    pub(crate) fn is_of(&self, job: &Job) -> bool {
        if job.nodes().is_some() {
            let is_named = self.metadata.labels.get(JOB_SET) == Some(&job.metadata.name);
            return is_named && self.made() >= job.made();
        }
        let mut owners = self.metadata.owner_references.iter();
        owners.any(|owner| owner.uid == job.uid())
    }

    /// Its index, in an Indexed Job; its node, in a `TrainJob`.
    pub(super) fn index(&self) -> Option<u32> {
        let index = self
            .metadata
            .annotations
            .get("batch.kubernetes.io/job-completion-index");
        index?.parse().ok()
    }

    /// When its training container ended.
    pub(super) fn ended_at(&self) -> Option<Timestamp> {
        self.train()?.state.terminated.as_ref()?.finished_at
    }

    /// Where it runs.
    pub(crate) fn node(&self) -> &str {
        &self.spec.node_name
    }

    /// When it was made.
    pub(crate) fn made(&self) -> Option<Timestamp> {
        self.metadata.creation_timestamp
    }

    /// Whether its training container has begun, so that it has a log.
    pub(crate) fn has_begun(&self) -> bool {
        self.train()
            .is_some_and(|train| train.state.running.is_some() || train.state.terminated.is_some())
    }

    /// Whether its training container runs.
    pub(super) fn is_running(&self) -> bool {
        self.train().is_some_and(|train| train.state.running.is_some())
    }

    /// How it ended, in a few words; nothing while it has not.
    pub(crate) fn ending(&self) -> Option<String> {
        if let Some(ended) = self.train().and_then(|train| train.state.terminated.as_ref()) {
            let reason = match ended.reason.as_str() {
                "" | "Error" | "Completed" => String::new(),
                reason => format!(" ({reason})"),
            };
            return Some(format!("exit code {}{reason}", ended.exit_code));
        }
        (self.status.phase == "Failed").then(|| self.status.reason.clone())
    }

    /// Seconds that its training container ran.
    pub(crate) fn seconds(&self) -> Option<f64> {
        let ended = self.train()?.state.terminated.as_ref()?;
        Some(ended.finished_at?.duration_since(ended.started_at?).as_secs_f64())
    }

    /// Seconds that it held its node: from being scheduled to the end of training, or to its disruption where the end is not
    /// told. Of a pod that has not ended, nothing.
    pub(crate) fn held(&self) -> Option<f64> {
        let scheduled = self.holds("PodScheduled")?.last_transition_time?;
        let ended = self
            .train()
            .and_then(|train| train.state.terminated.as_ref()?.finished_at);
        let ended = ended.or(self
            .holds("DisruptionTarget")
            .and_then(|it| it.last_transition_time))?;
        Some(ended.duration_since(scheduled).as_secs_f64().max(0.0))
    }

    /// The digest of the training image, where the runtime knows one that can be pulled.
    pub(crate) fn image_digest(&self) -> Option<&str> {
        let (_, digest) = self.train()?.image_id.rsplit_once('@')?;
        Some(digest)
    }

    /// The code that its training container ended with.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        Some(self.train()?.state.terminated.as_ref()?.exit_code)
    }

    fn holds(&self, kind: &str) -> Option<&Condition> {
        self.status
            .conditions
            .iter()
            .find(|condition| condition.holds(kind))
    }

    fn train(&self) -> Option<&ContainerStatus> {
        let all = &self.status.container_statuses;
        let named = |name| all.iter().find(|status| status.name == name);
        named(CONTAINER).or_else(|| named(NODE))
    }

    /// The container that trains.
    pub(super) fn container(&self) -> &str {
        self.train().map_or(CONTAINER, |train| &train.name)
    }

    pub(super) fn is_disrupted(&self) -> bool {
        self.holds("DisruptionTarget").is_some()
    }

    /// Why it does not run: the scheduler's sentence, or what a container waits for.
    pub(super) fn waits_for(&self) -> Option<String> {
        let unscheduled = self.status.conditions.iter().find(|condition| {
            condition.kind == "PodScheduled" && condition.status == "False" && !condition.message.is_empty()
        });
        if let Some(condition) = unscheduled {
            return Some(format!("{}: {}", condition.reason, condition.message));
        }
        let containers = self
            .status
            .init_container_statuses
            .iter()
            .chain(&self.status.container_statuses);
        containers
            .filter_map(|container| Some((container, container.state.waiting.as_ref()?)))
            .find(|(_, waiting)| {
                !matches!(
                    waiting.reason.as_str(),
                    "" | "PodInitializing" | "ContainerCreating"
                )
            })
            .map(|(container, waiting)| {
                let message = waiting.message.trim();
                if message.is_empty() {
                    format!("container {}: {}", container.name, waiting.reason)
                } else {
                    format!("container {}: {}: {message}", container.name, waiting.reason)
                }
            })
    }

    /// Whether its program ended as one that was given what it cannot take.
    pub(super) fn is_refused(&self) -> bool {
        let ended = self.train().and_then(|train| train.state.terminated.as_ref());
        ended.is_some_and(|ended| ended.exit_code == i32::from(Exit::Usage.code()))
    }

    /// Why its training ended badly.
    pub(super) fn failure(&self) -> Option<String> {
        let ended = self.train().and_then(|train| train.state.terminated.as_ref());
        // One of several pods of a Job that has failed may have trained well.
        let Some(ended) = ended.filter(|ended| ended.exit_code != 0) else {
            let init = self.status.init_container_statuses.iter().find_map(|status| {
                let ended = status
                    .state
                    .terminated
                    .as_ref()
                    .filter(|ended| ended.exit_code != 0)?;
                Some(format!(
                    "init container {} ended with exit code {}",
                    status.name, ended.exit_code
                ))
            });
            return init.or_else(|| {
                (self.status.phase == "Failed")
                    .then(|| format!("{}: {}", self.status.reason, self.status.message))
            });
        };
        // The launcher in the pod leaves its sentence; without one the log's end stands there.
        let said = ended.message.trim();
        let said = said.strip_prefix("FAILED: ").unwrap_or(said);
        Some(match (ended.reason.as_str(), ended.exit_code, said) {
            ("OOMKilled", ..) => {
                "training was killed because it needed more memory than its limit".to_owned()
            }
            (_, 137, "") => "training was killed by signal 9".to_owned(),
            (_, code, "") => format!("training ended with exit code {code}"),
            (_, 3, said) => said.to_owned(),
            (_, code, said) => format!("{said} (exit code {code})"),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_is_of_the_job_that_made_it() {
        let job = |uid: &str| Job::of(&json!({"metadata": {"name": "train-1", "uid": uid}})).unwrap();
        let pod =
            Pod::of(&json!({"metadata": {"name": "a", "ownerReferences": [{"uid": "new", "kind": "Job"}]}}))
                .unwrap();
        assert!(pod.is_of(&job("new")) && !pod.is_of(&job("old")));
    }

    #[test]
    fn a_pod_of_a_trainjob_bears_its_name_and_is_younger() {
        let job = Job::of(&json!({
            "metadata": {"name": "train-1", "uid": "u", "creationTimestamp": "2026-12-01T00:00:05Z"},
            "spec": {"runtimeRef": {"name": "mlops-steps"}, "trainer": {"numNodes": 2}},
        }))
        .unwrap();
        let pod = |name: &str, made: &str| {
            Pod::of(&json!({"metadata": {
                "name": "a", "labels": {"jobset.sigs.k8s.io/jobset-name": name}, "creationTimestamp": made,
            }}))
            .unwrap()
        };
        assert_eq!(job.nodes(), Some(2));
        assert!(pod("train-1", "2026-12-01T00:00:05Z").is_of(&job));
        assert!(!pod("train-2", "2026-12-01T00:00:09Z").is_of(&job));
        // Of one that had its name and is gone.
        assert!(!pod("train-1", "2026-12-01T00:00:04Z").is_of(&job));
    }

    #[test]
    fn a_pod_holds_its_node_until_training_ends_or_is_disrupted() {
        let pod = |conditions: Value, state: Value| {
            Pod::of(&json!({"metadata": {"name": "a"}, "status": {
                "conditions": conditions,
                "containerStatuses": [{"name": "train", "imageID": "docker.io/team/train@sha256:ab", "state": state}],
            }}))
            .unwrap()
        };
        let scheduled =
            json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-30T20:00:00Z"});
        let pushed = json!({"type": "DisruptionTarget", "status": "True", "lastTransitionTime": "2026-11-30T20:30:00Z"});
        let ended = json!({"terminated": {"exitCode": 0, "startedAt": "2026-11-30T20:10:00Z", "finishedAt": "2026-11-30T21:00:00Z"}});
        let running = json!({"running": {}});
        let first = pod(json!([scheduled]), ended.clone());
        assert_eq!((first.held(), first.seconds()), (Some(3600.0), Some(3000.0)));
        assert_eq!(first.image_digest(), Some("sha256:ab"));
        assert_eq!(
            pod(json!([scheduled, pushed]), running.clone()).held(),
            Some(1800.0)
        );
        assert_eq!(pod(json!([scheduled]), running).held(), None);
        assert_eq!(pod(json!([]), ended).held(), None);
    }
}
