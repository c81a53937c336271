//! Where the nodes of one distributed training stand. Pure: what was seen in, words out.

use std::collections::BTreeMap;

use super::indexes::Failing;
use super::objects::{Job, Pod};
use super::state::State;

/// How many nodes it has, when it has several.
fn several(job: &Job) -> Option<u32> {
    job.nodes().filter(|nodes| *nodes > 1)
}

/// The pod of each node that was made last.
fn newest(pods: &[Pod]) -> BTreeMap<Option<u32>, &Pod> {
    let mut newest: BTreeMap<Option<u32>, &Pod> = BTreeMap::new();
    for pod in pods {
        let known = newest.entry(pod.index()).or_insert(pod);
        if pod.made() > known.made() {
            *known = pod;
        }
    }
    newest
}

fn named(node: Option<u32>) -> String {
    node.map_or_else(String::new, |node| format!("node {node}: "))
}

/// It waits as long as one node does: no training begins without all. It trains while one of them runs.
pub(super) fn stands(job: &Job, pods: &[Pod]) -> Option<State> {
    let all = several(job)?;
    let newest = newest(pods);
    let waits = newest
        .iter()
        .filter(|(_, pod)| !pod.is_running() && pod.ending().is_none());
    if let Some((node, pod)) = waits.min_by_key(|(_, pod)| pod.made()) {
        let why = pod.waits_for();
        let why = why.unwrap_or_else(|| "its pod has not started".to_owned());
        return Some(State::Waiting {
            since: pod.made(),
            why: format!("{}{why}", named(*node)),
        });
    }
    let running = newest.values().filter(|pod| pod.is_running()).count();
    (running > 0).then(|| State::Among(format!("training on {running} of {all} nodes")))
}

/// The node whose pod ended badly first: the others fail for want of it.
pub(super) fn failing<'a>(job: &Job, pods: &'a [Pod]) -> Option<Failing<'a>> {
    several(job)?;
    let first = newest(pods)
        .into_iter()
        .filter(|(_, pod)| !pod.is_disrupted())
        .filter_map(|(node, pod)| Some((node, pod, pod.failure()?)))
        .min_by_key(|(_, pod, _)| (pod.ended_at().is_none(), pod.ended_at()));
    let Some((node, pod, why)) = first else {
        return Some(Failing {
            last: None,
            attempts: pods.len(),
            which: String::new(),
        });
    };
    Some(Failing {
        last: Some((pod, why)),
        attempts: pods.iter().filter(|pod| pod.index() == node).count(),
        which: named(node),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::state::{State, judge};
    use super::*;

    fn job(conditions: &Value) -> Job {
        Job::of(&json!({
            "metadata": {"name": "train-1", "uid": "u"}, "spec": {"trainer": {"numNodes": 2}},
            "status": {"conditions": conditions},
        }))
        .unwrap()
    }

    /// A pod of a node, made and ended at these seconds.
    fn pod(node: u32, made: u8, state: &Value) -> Pod {
        Pod::of(&json!({
            "metadata": {
                "name": format!("train-1-node-0-{node}-{made}"),
                "creationTimestamp": format!("2026-12-01T00:00:{made:02}Z"),
                "annotations": {"batch.kubernetes.io/job-completion-index": node.to_string()},
            },
            "status": {"phase": "Running", "containerStatuses": [{"name": "node", "state": state}]},
        }))
        .unwrap()
    }

    fn ended(second: u8, code: i32, said: &str) -> Value {
        json!({"terminated": {"exitCode": code, "message": said, "finishedAt": format!("2026-12-01T00:01:{second:02}Z")}})
    }

    #[test]
    fn it_waits_for_the_node_that_waits_longest_and_trains_with_all() {
        let (runs, waits) = (
            json!({"running": {}}),
            json!({"waiting": {"reason": "ImagePullBackOff"}}),
        );
        let State::Waiting { since, why } = judge(
            &job(&json!([])),
            &[pod(0, 1, &runs), pod(1, 2, &waits), pod(1, 0, &ended(0, 143, ""))],
        ) else {
            panic!("it waits");
        };
        assert_eq!(since.unwrap().to_string(), "2026-12-01T00:00:02Z");
        assert_eq!(why, "node 1: container node: ImagePullBackOff");
        let all = [pod(0, 1, &runs), pod(1, 2, &runs)];
        assert_eq!(
            judge(&job(&json!([])), &all),
            State::Among("training on 2 of 2 nodes".to_owned())
        );
        // The first may still bring its model home.
        let late = [pod(0, 1, &runs), pod(1, 2, &ended(5, 0, ""))];
        assert_eq!(
            judge(&job(&json!([])), &late),
            State::Among("training on 1 of 2 nodes".to_owned())
        );
    }

    #[test]
    fn the_node_that_failed_first_is_named() {
        let failed = job(
            &json!([{"type": "Failed", "status": "True", "reason": "FailedJobs", "message": "jobset failed"}]),
        );
        let pods = [
            pod(
                0,
                1,
                &ended(
                    9,
                    3,
                    "FAILED: the training command ended with exit code 1: connection closed by peer",
                ),
            ),
            pod(
                1,
                1,
                &ended(
                    4,
                    3,
                    "FAILED: the training command ended with exit code 1: CUDA out of memory",
                ),
            ),
            pod(1, 0, &ended(0, 143, "")),
        ];
        let State::Failed(failure) = judge(&failed, &pods) else {
            panic!("it failed");
        };
        assert_eq!(
            failure.why,
            "node 1: the training command ended with exit code 1: CUDA out of memory (pod train-1-node-0-1-1, the last of 2 \
             attempts)"
        );
        let State::Failed(failure) = judge(&failed, &[]) else {
            panic!("it failed");
        };
        assert_eq!(failure.check, "lost");
    }
}
