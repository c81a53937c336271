//! Where the indexes of an Indexed Job stand. Pure: what was seen in, words out.

use super::objects::{Job, Pod};
use super::sets::Set;
use super::state::State;

/// How far they are, while any of them trains.
pub(super) fn running(job: &Job, pods: &[Pod]) -> Option<String> {
    let all = job.indexes()?;
    let running: Set = pods
        .iter()
        .filter(|pod| pod.is_running())
        .filter_map(Pod::index)
        .collect();
    (!running.is_empty()).then(|| format!("training: index {running} of {all}{}", ended(job)))
}

/// Which have ended, in brackets.
fn ended(job: &Job) -> String {
    let sets = [("succeeded", job.completed()), ("failed", job.failed())];
    let said: Vec<String> = sets
        .iter()
        .filter(|(_, set)| !set.is_empty())
        .map(|(word, set)| format!("{set} {word}"))
        .collect();
    match said.join("; ") {
        none if none.is_empty() => none,
        said => format!(" ({said})"),
    }
}

/// The wait of the index that waits longest, when none trains. A pod that could not run beside another waits since that
/// one's end, not since it was made.
pub(super) fn waiting(job: &Job, pods: &[Pod]) -> Option<State> {
    job.indexes()?;
    let last_end = pods.iter().filter_map(Pod::ended_at).max();
    let waiting = pods.iter().filter(|pod| pod.ending().is_none());
    let pod = waiting.min_by_key(|pod| pod.made())?;
    let why = pod
        .waits_for()
        .unwrap_or_else(|| "its pod has not started".to_owned());
    let index = pod
        .index()
        .map_or_else(String::new, |index| format!("index {index}: "));
    Some(State::Waiting {
        since: pod.made().max(last_end),
        why: format!("{index}{why}"),
    })
}

/// The index whose failure is told.
pub(super) struct Failing<'a> {
    /// The last pod of it that says why.
    pub(super) last: Option<(&'a Pod, String)>,
    /// How many pods it had.
    pub(super) attempts: usize,
    /// Which it is, and which others, as the sentence begins.
    pub(super) which: String,
}

/// Of all that failed for good, or of all pods that failed when the first failure ends the Job, the newest.
pub(super) fn failing<'a>(job: &Job, pods: &'a [Pod]) -> Option<Failing<'a>> {
    let all = job.indexes()?;
    let failed = job.failed();
    let last = pods
        .iter()
        .filter(|pod| !pod.is_disrupted())
        .filter(|pod| failed.is_empty() || pod.index().is_some_and(|index| failed.contains(index)))
        .filter_map(|pod| Some((pod, pod.failure()?)))
        .max_by_key(|(pod, _)| pod.made());
    let index = last.as_ref().and_then(|(pod, _)| pod.index());
    let of_many = match failed.len() {
        0 | 1 => String::new(),
        many => format!("{many} of {all} indexes failed ({failed}); "),
    };
    Some(Failing {
        attempts: pods.iter().filter(|pod| pod.index() == index).count(),
        which: index.map_or_else(String::new, |index| format!("{of_many}index {index}: ")),
        last,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::state::judge;
    use super::*;

    fn job(status: &Value) -> Job {
        Job::of(&json!({
            "metadata": {"name": "train-1", "uid": "u", "creationTimestamp": "2026-11-26T00:00:00Z"},
            "spec": {"completions": 5, "completionMode": "Indexed"}, "status": status,
        }))
        .unwrap()
    }

    fn pod(index: u32, second: u8, status: &Value) -> Pod {
        Pod::of(&json!({
            "metadata": {"name": format!("train-1-{index}-{second}"), "creationTimestamp": format!("2026-11-26T00:00:{second:02}Z"),
                         "annotations": {"batch.kubernetes.io/job-completion-index": index.to_string()}},
            "status": status,
        }))
        .unwrap()
    }

    fn running() -> Value {
        json!({"containerStatuses": [{"name": "train", "state": {"running": {}}}]})
    }

    fn ended(code: i32, second: u8) -> Value {
        json!({"phase": "Failed", "containerStatuses": [{"name": "train", "state": {"terminated": {
            "exitCode": code, "reason": "Error", "message": format!("FAILED: said by {code}"),
            "finishedAt": format!("2026-11-26T00:00:{second:02}Z")}}}]})
    }

    #[test]
    fn says_which_train_and_which_have_ended() {
        let pods = [
            pod(3, 9, &running()),
            pod(1, 0, &running()),
            pod(0, 0, &ended(0, 5)),
        ];
        let said = |status: &Value| judge(&job(status), &pods);
        assert_eq!(
            said(&json!({})),
            State::Among("training: index 1,3 of 5".to_owned())
        );
        assert_eq!(
            said(&json!({"completedIndexes": "0", "failedIndexes": "2"})),
            State::Among("training: index 1,3 of 5 (0 succeeded; 2 failed)".to_owned())
        );
    }

    #[test]
    fn an_index_waits_since_there_was_room_for_it() {
        let pending = json!({"phase": "Pending", "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}]});
        let wait = |pods: &[Pod]| match judge(&job(&json!({})), pods) {
            State::Waiting { since, why } => (since.unwrap().to_string(), why),
            other => panic!("{other:?}"),
        };
        let (since, why) = wait(&[pod(2, 9, &pending), pod(1, 1, &pending)]);
        assert_eq!(since, "2026-11-26T00:00:01Z");
        assert_eq!(why, "index 1: Unschedulable: 0/1 nodes are available");
        let (since, _) = wait(&[pod(0, 1, &ended(0, 40)), pod(1, 1, &pending)]);
        assert_eq!(since, "2026-11-26T00:00:40Z", "index 0 had its place until then");
        let (_, why) = wait(&[]);
        assert_eq!(why, "it has no pod");
    }

    fn why(reason: &str, failed: &str, pods: &[Pod]) -> String {
        let status = json!({"failedIndexes": failed, "conditions": [
            {"type": "Failed", "status": "True", "reason": reason, "message": "said by the controller"}]});
        match judge(&job(&status), pods) {
            State::Failed(failure) => failure.why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_failure_names_its_index() {
        let pods = [
            pod(1, 0, &ended(3, 5)),
            pod(1, 6, &ended(3, 9)),
            pod(4, 2, &ended(3, 4)),
            // It was tried again and went well: not why the Job failed.
            pod(2, 8, &ended(4, 20)),
        ];
        assert_eq!(
            why("FailedIndexes", "1,4", &pods),
            "2 of 5 indexes failed (1,4); index 1: said by 3 (pod train-1-1-6, the last of 2 attempts)"
        );
        assert_eq!(
            why("FailedIndexes", "4", &pods),
            "index 4: said by 3 (pod train-1-4-2)"
        );
        // The first that fails ends a Job without a bound per index, and the status names none.
        assert_eq!(
            why("PodFailurePolicy", "", &pods[..1]),
            "index 1: said by 3 (pod train-1-1-0)"
        );
        assert!(why("FailedIndexes", "3", &[]).contains("no pod of it is left to say why"));
    }
}
