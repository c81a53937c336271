//! Where a Job stands, read from the Job, its pods and their events. Pure: what was seen in, a word out.

use jiff::Timestamp;
use step_contract::Exit;

use super::objects::{Condition, Job, Pod};
use super::{indexes, nodes};

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
    /// Several of it train, or have: how far they are.
    Among(String),
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
    /// The code of the pod's program, where that was not its own verdict: then the run has training's.
    pub exit_code: Option<i32>,
    /// Whether the program in the pod refused what it was given: a mistake of the caller's, and no verdict on training.
    pub refused: bool,
}

/// Where the Job stands.
pub(crate) fn judge(job: &Job, pods: &[Pod]) -> State {
    if job.condition("Complete").is_some() {
        return State::Complete;
    }
    if let Some(failed) = job.condition("Failed") {
        return State::Failed(failure(job, failed, pods));
    }
    if let Some(said) = indexes::running(job, pods) {
        return State::Among(said);
    }
    let newest = newest(pods);
    if newest.is_some_and(Pod::is_running) && job.nodes().is_none_or(|nodes| nodes == 1) {
        return State::Running;
    }
    if job.is_suspended() {
        let suspended = job.condition("Suspended");
        let why = suspended.map_or("suspended", |found| found.message.as_str());
        let since = suspended.and_then(|found| found.last_transition_time);
        return State::Queued {
            since: since.or(job.made()),
            why: if why.is_empty() { "suspended" } else { why }.to_owned(),
        };
    }
    if let Some(state) = indexes::waiting(job, pods).or_else(|| nodes::stands(job, pods)) {
        return state;
    }
    let Some(newest) = newest else {
        return State::Waiting {
            since: job.began().or(job.made()),
            why: "it has no pod".to_owned(),
        };
    };
    // A pod that has ended is late for nothing, however long ago it was made.
    if let Some(ending) = newest.ending() {
        return State::Between(ending);
    }
    State::Waiting {
        since: newest.made(),
        why: newest
            .waits_for()
            .unwrap_or_else(|| "its pod has not started".to_owned()),
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
    let (last, attempts, which) = match indexes::failing(job, pods).or_else(|| nodes::failing(job, pods)) {
        Some(failing) => (failing.last, failing.attempts, failing.which),
        None => (last, pods.len(), String::new()),
    };
    match (failed.reason.as_str(), last) {
        ("DeadlineExceeded", _) => Failure {
            why: format!(
                "the Job did not end within its {} s and was stopped",
                job.deadline()
            ),
            check: "deadline",
            exit_code: None,
            refused: false,
        },
        (_, Some((pod, why))) => {
            let again = if attempts > 1 {
                format!(", the last of {attempts} attempts")
            } else {
                String::new()
            };
            Failure {
                why: format!("{which}{why} (pod {}{again})", pod.name()),
                check: "training",
                exit_code: pod.exit_code().filter(|code| *code != i32::from(Exit::No.code())),
                refused: pod.is_refused(),
            }
        }
        (reason, None) => Failure {
            why: format!(
                "the Job failed and no pod of it is left to say why: {reason}: {}",
                failed.message
            ),
            check: "lost",
            exit_code: None,
            refused: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
        let suspended = Job::of(&json!({
            "metadata": {"name": "train-1", "uid": "u"}, "spec": {"suspend": true},
            "status": {"conditions": [{"type": "Suspended", "status": "True", "message": "Job suspended",
                                       "lastTransitionTime": "2026-11-26T00:00:09Z"}]},
        }))
        .unwrap();
        let State::Queued { since, why } = judge(&suspended, &[]) else {
            panic!("it queues");
        };
        assert_eq!(
            (since.unwrap().to_string().as_str(), why.as_str()),
            ("2026-11-26T00:00:09Z", "Job suspended")
        );
    }
}
