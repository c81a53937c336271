//! A Job, followed to its end: its state, its pods, their logs.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use kubernetes::{Change, Cluster, Kind, LogLine, Logs};
use serde_json::Value;
use step_runtime::{Progress, StepError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::kueue::Queue;
use super::launch::of_cluster;
use super::objects::{Job, Pod};
use super::state::{Failure, State, judge};
use crate::duration::Length;
use crate::process::{From, Mask, Reader, Tail, secrets_of};

/// How often the Job is asked for although it is watched: a deletion that nobody saw is found so.
const LOOK: Duration = Duration::from_secs(15);
/// How long the logs may bring nothing once the Job has ended, before they are given up.
const DRAIN: Duration = Duration::from_secs(20);

/// How a Job ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Well.
    Complete,
    /// Badly, for good.
    Failed(Failure),
    /// It did not start in time, and is to be deleted; which check that is: `pending`, `queue`.
    NeverStarted(String, &'static str),
}

/// What was seen of a Job.
#[derive(Debug)]
pub(crate) struct Followed {
    /// How it ended.
    pub ended: Ended,
    /// As it was last.
    pub job: Job,
    /// Its pods.
    pub pods: Vec<Pod>,
    /// The last lines of the pod that printed last.
    pub tail: Vec<String>,
}

/// Which objects are followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Which<'a> {
    /// What the Job is.
    pub kind: Kind,
    /// Its name.
    pub name: &'a str,
    /// The label that it has.
    pub labelled: &'a str,
    /// The label that its pods have.
    pub pods: &'a str,
}

/// Bounds on following.
pub(crate) struct Patience<'a> {
    /// The longest that a pod may wait to run.
    pub pending: &'a Length,
    /// The longest that it may be suspended.
    pub queue: Option<&'a Length>,
    /// Where the steps go that training tells.
    pub progress: &'a Arc<Progress>,
    /// Set when the step shall stop.
    pub cancel: &'a CancellationToken,
}

/// Follows the Job to its end.
///
/// # Errors
/// The cluster refuses, the Job goes away, or the step shall stop.
pub(crate) async fn follow(
    job: &Job,
    which: Which<'_>,
    cluster: &Cluster,
    patience: &Patience<'_>,
) -> Result<Followed, StepError> {
    let mut jobs = cluster.watch(which.kind, which.labelled);
    let mut pods = cluster.watch(Kind::POD, which.pods);
    let mut seen = Seen {
        job: job.clone(),
        pods: BTreeMap::new(),
        logs: Listeners::new(cluster, patience.progress),
        said: String::new(),
        refused: None,
        queue: Queue::default(),
    };
    // An attempt may find a Job that has waited too long already: first what holds it back, then the verdict.
    seen.still_there(which, cluster).await?;
    let mut look = tokio::time::interval_at(tokio::time::Instant::now() + LOOK, LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        if seen.ended(patience).is_some() {
            // It may have been heard of before its pods were, and they say why.
            seen.last_pods(which.pods, cluster).await?;
            if let Some(ended) = seen.ended(patience) {
                seen.logs.end().await;
                return Ok(Followed {
                    ended,
                    job: seen.job,
                    tail: seen.logs.tail(),
                    pods: seen.pods.into_values().collect(),
                });
            }
        }
        tokio::select! {
            change = jobs.next() => match change {
                Some(Ok(Change::Is(object))) => _ = seen.job(&object)?,
                Some(Ok(Change::Gone(_))) | None => seen.still_there(which, cluster).await?,
                Some(Err(error)) => tracing::warn!(%error, "watching the Job; going on"),
            },
            change = pods.next() => match change {
                Some(Ok(Change::Is(object))) => seen.pod(&object)?,
                Some(Ok(Change::Gone(object))) => {
                    tracing::info!(pod = %object["metadata"]["name"], "a pod is gone");
                    // How it ended is often told only by its last state.
                    seen.pod(&object)?;
                }
                Some(Err(error)) => tracing::warn!(%error, "watching the pods; going on"),
                None => {}
            },
            _ = look.tick() => seen.still_there(which, cluster).await?,
            () = patience.cancel.cancelled() => return Err(StepError::terminated()),
        }
    }
}

struct Seen {
    job: Job,
    pods: BTreeMap<String, Pod>,
    logs: Listeners,
    said: String,
    /// Why no pod of it could be made, as an event says.
    refused: Option<String>,
    /// What the queue says that holds it back.
    queue: Queue,
}

impl Seen {
    /// Takes in a Job when it is the one that is followed; whether it is.
    fn job(&mut self, object: &Value) -> Result<bool, StepError> {
        let job = Job::of(object).map_err(StepError::internal)?;
        let is_ours = job.uid() == self.job.uid();
        if is_ours {
            self.job = job;
        }
        Ok(is_ours)
    }

    fn pod(&mut self, object: &Value) -> Result<(), StepError> {
        let pod = Pod::of(object).map_err(StepError::internal)?;
        if !pod.is_of(&self.job) {
            return Ok(());
        }
        if pod.has_begun() {
            self.logs.listen(&pod);
        }
        self.pods.insert(pod.name().to_owned(), pod);
        Ok(())
    }

    /// Asks for the Job itself.
    async fn still_there(&mut self, which: Which<'_>, cluster: &Cluster) -> Result<(), StepError> {
        let found = cluster
            .get(which.kind, which.name)
            .await
            .map_err(|error| of_cluster(&error))?;
        let is_there = found.map_or(Ok(false), |object| self.job(&object))?;
        if !is_there {
            return Err(gone(which));
        }
        self.queue.look(&self.job, cluster).await;
        if self.pods.is_empty() {
            self.why_no_pod(cluster).await;
        }
        Ok(())
    }

    /// All pods as they are at the end.
    async fn last_pods(&mut self, selector: &str, cluster: &Cluster) -> Result<(), StepError> {
        match cluster.list(Kind::POD, selector).await {
            Ok(pods) => pods.iter().try_for_each(|pod| self.pod(pod)),
            Err(error) => {
                tracing::warn!(%error, "the pods of the Job cannot be read; the report has those that were seen");
                Ok(())
            }
        }
    }

    /// A quota, a policy or a missing account keeps a pod from being made: only an event of the Job says so.
    async fn why_no_pod(&mut self, cluster: &Cluster) {
        let fields = format!("involvedObject.uid={},type=Warning", self.job.uid());
        match cluster.list_fields(Kind::EVENT, &fields).await {
            Ok(events) => self.refused = last_said(&events).or(self.refused.take()),
            Err(error) => tracing::debug!(%error, "the events of the Job cannot be read"),
        }
    }

    /// Says where the Job stands when that is news; its end when it has one.
    fn ended(&mut self, patience: &Patience<'_>) -> Option<Ended> {
        let pods: Vec<Pod> = self.pods.values().cloned().collect();
        let (said, ended) = match judge(&self.job, &pods) {
            State::Complete => ("complete".to_owned(), Some(Ended::Complete)),
            State::Failed(failure) => ("failed".to_owned(), Some(Ended::Failed(failure))),
            State::Running => ("training".to_owned(), None),
            State::Among(said) => (said, None),
            State::Between(ending) => (format!("between pods: the last ended with {ending}"), None),
            State::Queued { since, why } => {
                let why = self.queue.said().map_or(why, str::to_owned);
                let late = patience.queue.filter(|longest| is_late(since, longest));
                let ended = late.map(|longest| {
                    let why = format!("the Job was not admitted within --queue-timeout {longest}: {why}");
                    Ended::NeverStarted(why, "queue")
                });
                (format!("queued: {why}"), ended)
            }
            State::Waiting { since, why } => {
                let why = match &self.refused {
                    Some(refused) if pods.is_empty() => format!("{why}: {refused}"),
                    _ => why,
                };
                let longest = patience.pending;
                let ended = is_late(since, longest).then(|| {
                    let why =
                        format!("the training pod did not start within --pending-timeout {longest}: {why}");
                    Ended::NeverStarted(why, "pending")
                });
                (format!("waiting: {why}"), ended)
            }
        };
        if said != self.said {
            tracing::info!("the Job is {said}");
            self.said = said;
        }
        ended
    }
}

fn is_late(since: Option<Timestamp>, longest: &Length) -> bool {
    let waited = since.and_then(|since| Duration::try_from(Timestamp::now().duration_since(since)).ok());
    waited.is_some_and(|waited| waited > longest.duration())
}

/// What the last of some events says.
fn last_said(events: &[Value]) -> Option<String> {
    let at = |event: &Value| -> Option<Timestamp> {
        let times = ["lastTimestamp", "eventTime", "firstTimestamp"];
        times.iter().find_map(|time| event[time].as_str()?.parse().ok())
    };
    let last = events.iter().max_by_key(|event| at(event))?;
    Some(format!(
        "{}: {}",
        last["reason"].as_str()?,
        last["message"].as_str()?.trim()
    ))
}

fn gone(which: Which<'_>) -> StepError {
    StepError::unavailable(format!(
        "the {} {} was deleted while it trained; a retry launches it again",
        which.kind.kind, which.name
    ))
}

/// The logs of all pods, each followed by a task of its own.
struct Listeners {
    cluster: Cluster,
    progress: Arc<Progress>,
    tasks: BTreeMap<String, JoinHandle<()>>,
    tail: Arc<Mutex<(String, Tail)>>,
    lines: Arc<AtomicU64>,
}

impl Listeners {
    fn new(cluster: &Cluster, progress: &Arc<Progress>) -> Self {
        Self {
            cluster: cluster.clone(),
            progress: Arc::clone(progress),
            tasks: BTreeMap::new(),
            tail: Arc::default(),
            lines: Arc::default(),
        }
    }

    fn listen(&mut self, pod: &Pod) {
        if self.tasks.contains_key(pod.name()) {
            return;
        }
        let (name, container) = (pod.name().to_owned(), pod.container().to_owned());
        let (cluster, tail) = (self.cluster.clone(), Arc::clone(&self.tail));
        let (progress, lines) = (Arc::clone(&self.progress), Arc::clone(&self.lines));
        let task = tokio::spawn(async move {
            let mut mask = Mask::of(secrets());
            let mut steps = Reader::of_launcher();
            let mut take = |line: LogLine| {
                lines.fetch_add(1, Ordering::Relaxed);
                if let Some(steps) = steps.line(&line.text) {
                    progress.set_steps(steps.step, steps.total);
                }
                let mut shown = mask.push(line.text.as_bytes());
                shown.extend(mask.rest());
                shown.push(b'\n');
                // Nobody listening to us is no reason to stop.
                let mut err = std::io::stderr().lock();
                let _ = write!(err, "[{name}] ").and_then(|()| err.write_all(&shown));
                let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
                if tail.0 != name {
                    *tail = (name.clone(), Tail::default());
                }
                tail.1.push(From::Out, &shown);
            };
            if let Err(error) = Logs::of(&name, &container).follow(&cluster, &mut take).await {
                tracing::warn!(pod = %name, %error, "the log of the pod cannot be read");
            }
        });
        self.tasks.insert(pod.name().to_owned(), task);
    }

    /// Waits for what is left of the logs, as long as they bring something: a long log over a slow connection is no reason to
    /// lose its end.
    async fn end(&mut self) {
        let mut all = futures::future::join_all(std::mem::take(&mut self.tasks).into_values());
        let mut lines = self.lines.load(Ordering::Relaxed);
        while tokio::time::timeout(DRAIN, &mut all).await.is_err() {
            let more = self.lines.load(Ordering::Relaxed);
            if more == lines {
                tracing::warn!("the logs did not end with the Job; what is missing is in the cluster");
                return;
            }
            lines = more;
        }
    }

    fn tail(&self) -> Vec<String> {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut tail.1).finish().0
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        for task in self.tasks.values() {
            task.abort();
        }
    }
}

fn secrets() -> Vec<String> {
    secrets_of(
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_event_says_why_there_is_no_pod() {
        let event = |message: &str, times: Value| {
            let mut event = json!({"reason": "FailedCreate", "message": message});
            event
                .as_object_mut()
                .unwrap()
                .extend(times.as_object().unwrap().clone());
            event
        };
        let events = [
            event(
                "exceeded quota: b",
                json!({"lastTimestamp": "2026-11-26T00:00:09Z"}),
            ),
            event(
                "exceeded quota: a",
                json!({"lastTimestamp": null, "eventTime": "2026-11-26T00:00:02.000001Z"}),
            ),
            event("no time", json!({})),
        ];
        assert_eq!(last_said(&events).unwrap(), "FailedCreate: exceeded quota: b");
        assert_eq!(
            last_said(&events[1..]).unwrap(),
            "FailedCreate: exceeded quota: a"
        );
        assert_eq!(last_said(&[]), None);
    }
}
