//! Where a Job stands, read from the Job, its pods and their events. Pure: what was seen in, a word out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use step_contract::Exit;

/// The container that trains.
pub(crate) const CONTAINER: &str = "train";

/// Where a Job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It may not start yet: suspended, by a queue or by hand.
    Queued {
        /// Since when.
        since: Option<Timestamp>,
        /// In the words of who suspended it.
        why: String,
    },
    /// Its pod does not run yet, since when and why.
    Waiting {
        /// When the pod was made; without a pod, when the Job began to want one.
        since: Option<Timestamp>,
        /// In the words of the scheduler or the kubelet.
        why: String,
    },
    /// It trains.
    Running,
    /// Its newest pod has ended, as said; the Job has not said yet whether that was the end, or is about to make another.
    Between(String),
    /// Training ended well.
    Complete,
    /// It failed for good.
    Failed(Failure),
}

/// Why a Job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The sentence.
    pub why: String,
    /// Which check it is: `training`, `deadline`, `lost`.
    pub check: &'static str,
    /// Whether the program in the pod refused what it was given: a mistake of the caller's, and no verdict on training.
    pub refused: bool,
}

/// What is read of a Job.
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
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobStatus {
    #[serde(default)]
    conditions: Vec<Condition>,
    /// When it began, or went on after it was suspended.
    start_time: Option<Timestamp>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    last_transition_time: Option<Timestamp>,
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

    /// Whether it has failed for good.
    pub(crate) fn has_failed(&self) -> bool {
        self.status
            .conditions
            .iter()
            .any(|condition| condition.holds("Failed"))
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

    /// Whether it is of the Job with this uid, and not of one that had its name before.
    pub(crate) fn is_of(&self, job: &str) -> bool {
        self.metadata
            .owner_references
            .iter()
            .any(|owner| owner.uid == job)
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

    fn train(&self) -> Option<&ContainerStatus> {
        self.status
            .container_statuses
            .iter()
            .find(|status| status.name == CONTAINER)
    }

    fn is_disrupted(&self) -> bool {
        self.status
            .conditions
            .iter()
            .any(|condition| condition.holds("DisruptionTarget"))
    }

    /// Why it does not run: the scheduler's sentence, or what a container waits for.
    fn waits_for(&self) -> Option<String> {
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
    fn is_refused(&self) -> bool {
        let ended = self.train().and_then(|train| train.state.terminated.as_ref());
        ended.is_some_and(|ended| ended.exit_code == i32::from(Exit::Usage.code()))
    }

    /// Why its training ended badly.
    fn failure(&self) -> Option<String> {
        let ended = self.train().and_then(|train| train.state.terminated.as_ref());
        let Some(ended) = ended else {
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

/// Where the Job stands.
pub(crate) fn judge(job: &Job, pods: &[Pod]) -> State {
    let condition = |kind: &str| {
        job.status
            .conditions
            .iter()
            .find(|condition| condition.holds(kind))
    };
    if condition("Complete").is_some() {
        return State::Complete;
    }
    if let Some(failed) = condition("Failed") {
        return State::Failed(failure(job, failed, pods));
    }
    let newest = newest(pods);
    if newest.is_some_and(|pod| pod.train().is_some_and(|train| train.state.running.is_some())) {
        return State::Running;
    }
    if job.spec.suspend || condition("Suspended").is_some() {
        let suspended = condition("Suspended");
        let why = suspended.map_or("suspended", |found| found.message.as_str());
        let since = suspended.and_then(|found| found.last_transition_time);
        return State::Queued {
            since: since.or(job.metadata.creation_timestamp),
            why: if why.is_empty() { "suspended" } else { why }.to_owned(),
        };
    }
    // A pod that has ended is late for nothing, however long ago it was made.
    if let Some(ending) = newest.and_then(Pod::ending) {
        return State::Between(ending);
    }
    State::Waiting {
        since: match newest {
            Some(pod) => pod.made(),
            None => job.status.start_time.or(job.metadata.creation_timestamp),
        },
        why: match newest {
            Some(pod) => pod
                .waits_for()
                .unwrap_or_else(|| "its pod has not started".to_owned()),
            None => "it has no pod".to_owned(),
        },
    }
}

/// The pod that was made last.
pub(crate) fn newest(pods: &[Pod]) -> Option<&Pod> {
    pods.iter().max_by_key(|pod| pod.made())
}

fn failure(job: &Job, failed: &Condition, pods: &[Pod]) -> Failure {
    // The last word of the pods, those that were pushed off their node aside.
    let last = pods
        .iter()
        .filter(|pod| !pod.is_disrupted())
        .filter_map(|pod| Some((pod, pod.failure()?)))
        .max_by_key(|(pod, _)| pod.made());
    let attempts = pods.len();
    match (failed.reason.as_str(), last) {
        ("DeadlineExceeded", _) => Failure {
            why: format!(
                "the Job did not end within its {} s and was stopped",
                job.spec.active_deadline_seconds.unwrap_or_default()
            ),
            check: "deadline",
            refused: false,
        },
        (_, Some((pod, why))) => {
            let again = if attempts > 1 {
                format!(", the last of {attempts} attempts")
            } else {
                String::new()
            };
            Failure {
                why: format!("{why} (pod {}{again})", pod.name()),
                check: "training",
                refused: pod.is_refused(),
            }
        }
        (reason, None) => Failure {
            why: format!(
                "the Job failed and no pod of it is left to say why: {reason}: {}",
                failed.message
            ),
            check: "lost",
            refused: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(conditions: &Value) -> Job {
        Job::of(&json!({
            "metadata": {"name": "train-1", "uid": "u"}, "spec": {"activeDeadlineSeconds": 60},
            "status": {"conditions": conditions},
        }))
        .unwrap()
    }

    fn failed(reason: &str) -> Job {
        job(&json!([
            {"type": "FailureTarget", "status": "True", "reason": reason},
            {"type": "Failed", "status": "True", "reason": reason, "message": "said by the controller"},
        ]))
    }

    fn pod(name: &str, second: u8, status: &Value) -> Pod {
        Pod::of(&json!({
            "metadata": {"name": name, "creationTimestamp": format!("2026-11-26T00:00:{second:02}Z")},
            "status": status,
        }))
        .unwrap()
    }

    fn ended(code: i32, reason: &str, message: &str) -> Value {
        json!({"phase": "Failed", "containerStatuses": [{"name": "train", "state": {"terminated": {
            "exitCode": code, "reason": reason, "message": message,
            "startedAt": "2026-11-26T00:00:00Z", "finishedAt": "2026-11-26T00:01:30Z"}}}]})
    }

    #[test]
    fn a_new_job_waits_and_says_for_what() {
        let waits = |pods: &[Pod]| match judge(&job(&json!([])), pods) {
            State::Waiting { why, .. } => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(waits(&[]), "it has no pod");
        let unscheduled = json!({"phase": "Pending", "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."}]});
        assert!(waits(&[pod("a", 0, &unscheduled)]).starts_with("Unschedulable: 0/1 nodes"));
        let no_image = json!({"phase": "Pending", "containerStatuses": [{"name": "train", "state": {
            "waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}}]});
        assert_eq!(
            waits(&[pod("a", 0, &no_image)]),
            "container train: ImagePullBackOff: Back-off pulling image"
        );
        let creating = json!({"phase": "Pending", "containerStatuses": [{"name": "train", "state": {
            "waiting": {"reason": "ContainerCreating"}}}]});
        assert_eq!(waits(&[pod("a", 0, &creating)]), "its pod has not started");
    }

    #[test]
    fn the_newest_pod_says_whether_it_trains() {
        let running = json!({"phase": "Running", "containerStatuses": [{"name": "train", "state": {
            "running": {"startedAt": "2026-11-26T00:00:00Z"}}}]});
        let pods = [pod("a", 0, &ended(137, "OOMKilled", "")), pod("b", 5, &running)];
        assert_eq!(judge(&job(&json!([])), &pods), State::Running);
        assert!(pods[0].has_begun());
        assert_eq!(pods[0].ending().unwrap(), "exit code 137 (OOMKilled)");
        assert_eq!(pods[0].seconds(), Some(90.0));
    }

    #[test]
    fn a_pod_that_has_trained_is_late_for_nothing() {
        let succeeded = json!({"phase": "Succeeded", "containerStatuses": [{"name": "train", "state": {"terminated": {
            "exitCode": 0, "reason": "Completed"}}}]});
        let evicted = json!({"phase": "Failed", "reason": "Evicted", "containerStatuses": [{"name": "train", "state": {
            "terminated": {"exitCode": 143, "reason": "Error"}}}]});
        let unready = job(&json!([{"type": "SuccessCriteriaMet", "status": "True"}]));
        for (status, said) in [(succeeded, "exit code 0"), (evicted, "exit code 143")] {
            assert_eq!(
                judge(&unready, &[pod("a", 0, &status)]),
                State::Between(said.to_owned())
            );
        }
        // The pod after an evicted one waits by its own time.
        let pods = [
            pod("a", 0, &ended(143, "Error", "")),
            pod("b", 9, &json!({"phase": "Pending"})),
        ];
        assert!(
            matches!(judge(&unready, &pods), State::Waiting { since: Some(since), .. }
            if since.to_string() == "2026-11-26T00:00:09Z")
        );
    }

    #[test]
    fn a_job_without_a_pod_waits_since_it_began() {
        let job = |status: &Value| {
            Job::of(&json!({
                "metadata": {"name": "train-1", "uid": "u", "creationTimestamp": "2026-11-26T00:00:00Z"}, "status": status,
            }))
            .unwrap()
        };
        for (status, expected) in [
            (json!({}), "2026-11-26T00:00:00Z"),
            (
                json!({"startTime": "2026-11-26T07:00:00Z"}),
                "2026-11-26T07:00:00Z",
            ),
        ] {
            let State::Waiting { since, why } = judge(&job(&status), &[]) else {
                panic!("it waits");
            };
            assert_eq!(
                (since.unwrap().to_string().as_str(), why.as_str()),
                (expected, "it has no pod")
            );
        }
    }

    #[test]
    fn a_pod_is_of_the_job_that_made_it() {
        let pod =
            Pod::of(&json!({"metadata": {"name": "a", "ownerReferences": [{"uid": "new", "kind": "Job"}]}}))
                .unwrap();
        assert!(pod.is_of("new") && !pod.is_of("old"));
    }

    #[test]
    fn what_the_program_in_the_pod_refused_is_no_verdict() {
        let refused = |code| match judge(
            &failed("PodFailurePolicy"),
            &[pod("a", 0, &ended(code, "Error", "no"))],
        ) {
            State::Failed(failure) => failure.refused,
            other => panic!("{other:?}"),
        };
        assert!(refused(2) && !refused(3) && !refused(4) && !refused(137));
    }

    #[test]
    fn a_job_on_its_way_to_failure_has_not_failed() {
        let target = job(&json!([{"type": "FailureTarget", "status": "True", "reason": "PodFailurePolicy"}]));
        assert!(matches!(judge(&target, &[]), State::Waiting { .. }));
        let no =
            job(&json!([{"type": "Failed", "status": "False"}, {"type": "Complete", "status": "False"}]));
        assert!(matches!(judge(&no, &[]), State::Waiting { .. }));
        let done = job(&json!([{"type": "SuccessCriteriaMet", "status": "True"},
                               {"type": "Complete", "status": "True"}]));
        assert_eq!(judge(&done, &[]), State::Complete);
    }

    #[test]
    fn a_failure_is_a_sentence() {
        let why = |job: &Job, pods: &[Pod]| match judge(job, pods) {
            State::Failed(failure) => (failure.check, failure.why),
            other => panic!("{other:?}"),
        };
        let policy = failed("PodFailurePolicy");
        let said = "FAILED: the training command ended with exit code 1; its last line: KeyError: late\n";
        assert_eq!(
            why(&policy, &[pod("a", 0, &ended(3, "Error", said))]),
            (
                "training",
                "the training command ended with exit code 1; its last line: KeyError: late (pod a)"
                    .to_owned()
            )
        );
        let twice = [
            pod("b", 9, &ended(137, "OOMKilled", "")),
            pod("a", 0, &ended(4, "Error", "MLflow is not available")),
        ];
        let (_, memory) = why(&failed("BackoffLimitExceeded"), &twice);
        assert!(
            memory.contains("more memory") && memory.contains("pod b, the last of 2"),
            "{memory}"
        );
        assert_eq!(why(&failed("DeadlineExceeded"), &twice).0, "deadline");
        let (check, lost) = why(&policy, &[]);
        assert!(
            check == "lost" && lost.contains("said by the controller"),
            "{lost}"
        );
        // A pod that was pushed off its node is not why the Job failed.
        let mut pushed = ended(143, "Error", "");
        pushed["conditions"] = json!([{"type": "DisruptionTarget", "status": "True"}]);
        let (_, other) = why(
            &policy,
            &[pod("a", 0, &ended(2, "Error", "bad flags")), pod("b", 9, &pushed)],
        );
        assert!(other.starts_with("bad flags (exit code 2)"), "{other}");
    }

    #[test]
    fn a_suspended_job_queues() {
        let mut suspended = job(
            &json!([{"type": "Suspended", "status": "True", "message": "Job suspended",
                         "lastTransitionTime": "2026-11-26T00:00:09Z"}]),
        );
        suspended.spec.suspend = true;
        let State::Queued { since, why } = judge(&suspended, &[]) else {
            panic!("it queues");
        };
        assert_eq!(
            (since.unwrap().to_string().as_str(), why.as_str()),
            ("2026-11-26T00:00:09Z", "Job suspended")
        );
    }
}
