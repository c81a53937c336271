//! What Kueue says of a Job that waits in its queue: the Workload that it made for the Job.

use kubernetes::{Cluster, Kind};
use serde_json::Value;

use super::objects::Job;

/// The label by which Kueue takes a Job into a queue.
pub(super) const QUEUE: &str = "kueue.x-k8s.io/queue-name";
const GROUP: &str = "kueue.x-k8s.io";
/// The label by which Kueue finds the Workload of a Job.
const JOB_UID: &str = "kueue.x-k8s.io/job-uid";
/// Versions whose conditions this reads, best first.
const VERSIONS: [Kind; 2] = [
    Kind::new(GROUP, "v1beta2", "Workload", "workloads"),
    Kind::new(GROUP, "v1beta1", "Workload", "workloads"),
];

/// Asks Kueue, where there is one.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The kind as the cluster serves it; none before it was asked, or where it has none.
    kind: Option<Kind>,
    is_asked: bool,
    said: Option<String>,
}

impl Queue {
    /// What Kueue said last.
    pub(super) fn said(&self) -> Option<&str> {
        self.said.as_deref()
    }

    /// Asks anew. Where the cluster has no Kueue, or does not let itself be asked, it is as if nobody had: a queue that
    /// cannot be looked into is no reason to give a training up.
    pub(super) async fn look(&mut self, job: &Job, cluster: &Cluster) {
        if job.label(QUEUE).is_none() || !job.is_suspended() {
            self.said = None;
            return;
        }
        if !self.is_asked {
            match cluster.versions(GROUP).await {
                Ok(served) => {
                    let known = |kind: &&Kind| served.iter().any(|version| version == kind.version);
                    self.kind = VERSIONS.iter().find(known).copied();
                    self.is_asked = true;
                }
                Err(error) => tracing::warn!(%error, "cannot ask which version of Kueue there is"),
            }
        }
        let Some(kind) = self.kind else { return };
        match cluster.list(kind, &format!("{JOB_UID}={}", job.uid())).await {
            Ok(workloads) => {
                let own = workloads.iter().find(|workload| is_of(workload, job.uid()));
                self.said =
                    Some(own.map_or_else(|| "Kueue has made no Workload for it yet".to_owned(), stands));
            }
            Err(error) => tracing::warn!(%error, "the Workload of the Job cannot be read"),
        }
    }
}

fn is_of(workload: &Value, uid: &str) -> bool {
    let owners = workload["metadata"]["ownerReferences"].as_array();
    owners.into_iter().flatten().any(|owner| owner["uid"] == uid)
}

/// Where a Workload stands, in a sentence.
fn stands(workload: &Value) -> String {
    let status = &workload["status"];
    let condition = |kind: &str, holds: &str| {
        let all = status["conditions"].as_array();
        let mut all = all.into_iter().flatten();
        all.find(|one| one["type"] == kind && one["status"] == holds)
    };
    let queue = status["admission"]["clusterQueue"]
        .as_str()
        .map_or_else(String::new, |queue| format!(" in ClusterQueue {queue}"));
    let no_quota = condition("QuotaReserved", "False").map(said);
    if workload["spec"]["active"] == false {
        let why = condition("Evicted", "True").or_else(|| condition("DeactivationTarget", "True"));
        let why = why.map_or_else(String::new, |why| format!(" ({})", said(why)));
        return format!(
            "Kueue has deactivated its Workload {}{why}; it queues again when spec.active is true",
            workload["metadata"]["name"].as_str().unwrap_or_default()
        );
    }
    if let Some(evicted) = condition("Evicted", "True") {
        let by = condition("Preempted", "True").filter(|_| evicted["reason"] == "Preempted");
        let now = no_quota.map_or_else(String::new, |now| format!("; now {now}"));
        return format!("Kueue has evicted it ({}){now}", said(by.unwrap_or(evicted)));
    }
    if condition("Admitted", "True").is_some() {
        return format!("Kueue has admitted it{queue}, and it has not begun yet");
    }
    if condition("QuotaReserved", "True").is_some() {
        return format!("Kueue has reserved quota for it{queue}{}", checks(status));
    }
    match no_quota {
        Some(why) => format!("Kueue has no quota for it yet ({why})"),
        None => "Kueue has not decided on its Workload yet".to_owned(),
    }
}

/// The admission checks that are not through.
fn checks(status: &Value) -> String {
    let all = status["admissionChecks"].as_array();
    let waits = all
        .into_iter()
        .flatten()
        .filter(|check| check["state"] != "Ready");
    let word = |check: &Value, field: &str| check[field].as_str().unwrap_or_default().trim().to_owned();
    let waits: Vec<String> = waits
        .map(|check| {
            let (name, state, message) = (word(check, "name"), word(check, "state"), word(check, "message"));
            match message.as_str() {
                "" => format!("{name} is {state}"),
                message => format!("{name} is {state}: {message}"),
            }
        })
        .collect();
    match waits.join(", ") {
        none if none.is_empty() => String::new(),
        waits => format!(" and waits for its admission checks: {waits}"),
    }
}

fn said(condition: &Value) -> String {
    let word = |field: &str| condition[field].as_str().unwrap_or_default().trim();
    match (word("reason"), word("message")) {
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Types, reasons and messages as in Kueue 0.17 (`apis/kueue/v1beta2/workload_types.go`, `pkg/scheduler`).
    fn workload(conditions: &Value) -> Value {
        json!({
            "metadata": {"name": "job-train-1-a1b2c", "ownerReferences": [{"kind": "Job", "uid": "u"}]},
            "spec": {"active": true, "queueName": "team-a"},
            "status": {"conditions": conditions},
        })
    }

    fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
        json!({"type": kind, "status": status, "reason": reason, "message": message})
    }

    #[test]
    fn a_workload_is_told_by_what_happened_to_it() {
        let full = "couldn't assign flavors to pod set main: insufficient unused quota for cpu in flavor default, 1 more needed";
        let pending = condition("QuotaReserved", "False", "Pending", full);
        let preempted = "Preempted to accommodate a workload (UID: x, JobUID: y) due to prioritization in the ClusterQueue";
        let evicted = condition("Evicted", "True", "Preempted", preempted);
        for (conditions, expected) in [
            (json!([]), "Kueue has not decided on its Workload yet".to_owned()),
            (
                json!([pending]),
                format!("Kueue has no quota for it yet (Pending: {full})"),
            ),
            (
                json!([
                    evicted,
                    condition("Preempted", "True", "InClusterQueue", preempted),
                    pending
                ]),
                format!("Kueue has evicted it (InClusterQueue: {preempted}); now Pending: {full}"),
            ),
            (
                json!([
                    condition(
                        "Evicted",
                        "True",
                        "PodsReadyTimeout",
                        "Exceeded the PodsReady timeout ns/x"
                    ),
                    condition("Preempted", "True", "InClusterQueue", "long ago")
                ]),
                "Kueue has evicted it (PodsReadyTimeout: Exceeded the PodsReady timeout ns/x)".to_owned(),
            ),
            (
                json!([
                    condition("Evicted", "False", "QuotaReserved", "Previously: x"),
                    condition(
                        "QuotaReserved",
                        "True",
                        "QuotaReserved",
                        "Quota reserved in ClusterQueue gpus"
                    )
                ]),
                "Kueue has reserved quota for it".to_owned(),
            ),
        ] {
            assert_eq!(stands(&workload(&conditions)), expected);
        }
    }

    #[test]
    fn admission_and_its_checks_are_told() {
        let mut reserved = workload(&json!([condition("QuotaReserved", "True", "QuotaReserved", "")]));
        reserved["status"]["admission"] = json!({"clusterQueue": "gpus"});
        reserved["status"]["admissionChecks"] = json!([
            {"name": "budget", "state": "Ready", "message": ""},
            {"name": "capacity", "state": "Pending", "message": "waiting for nodes"},
            {"name": "other", "state": "Retry", "message": ""},
        ]);
        assert_eq!(
            stands(&reserved),
            "Kueue has reserved quota for it in ClusterQueue gpus and waits for its admission checks: capacity is Pending: \
             waiting for nodes, other is Retry"
        );
        let conditions = reserved["status"]["conditions"].as_array_mut().unwrap();
        conditions.push(condition(
            "Admitted",
            "True",
            "Admitted",
            "The workload is admitted",
        ));
        assert_eq!(
            stands(&reserved),
            "Kueue has admitted it in ClusterQueue gpus, and it has not begun yet"
        );
    }

    #[test]
    fn a_workload_that_is_switched_off_says_how_it_goes_on() {
        let mut off = workload(&json!([condition(
            "Evicted",
            "True",
            "Deactivated",
            "The workload is deactivated"
        )]));
        off["spec"]["active"] = json!(false);
        assert_eq!(
            stands(&off),
            "Kueue has deactivated its Workload job-train-1-a1b2c (Deactivated: The workload is deactivated); it queues again \
             when spec.active is true"
        );
    }

    #[test]
    fn a_workload_is_of_the_job_that_owns_it() {
        assert!(is_of(&workload(&json!([])), "u") && !is_of(&workload(&json!([])), "v"));
    }
}
