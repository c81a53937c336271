//! Sends the requests when they are due.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use kserve_api::{AnswerError, AnswerShape, InferenceClient, Protocol, record::Request};
use step_runtime::{Context, StepError};
use tokio::sync::{Semaphore, mpsc};

use super::decide::Measured;
use super::gather::{Plan, Target};
use super::schedule::Slot;

/// What came of the requests before the clock started.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WarmUp {
    /// Requests sent.
    pub requests: usize,
    /// Those without a usable prediction.
    pub failed: usize,
    /// Latencies of the others, milliseconds.
    pub latency_ms: Vec<f64>,
}

/// One answer, or none.
struct Outcome {
    endpoint: usize,
    request: Request,
    /// Why there is no prediction.
    failure: Option<String>,
    /// How late it was sent for the generator's sake, milliseconds.
    lag_ms: f64,
    /// How long after it was due it was sent, milliseconds; never, where its time was over first.
    sent_ms: Option<f64>,
}

/// What all requests to one endpoint share.
struct Lane {
    client: InferenceClient,
    in_flight: Arc<Semaphore>,
    waited: AtomicU64,
}

/// What all requests share.
struct Shared {
    lanes: Vec<Lane>,
    answer: AnswerShape,
    timeout: Duration,
    start: Instant,
    start_ns: i64,
}

pub(super) async fn drive(
    plan: &Arc<Plan>,
    targets: Vec<Target>,
    cx: &Context,
) -> Result<Vec<Measured>, StepError> {
    let mut warm_ups = Vec::new();
    for target in &targets {
        tokio::select! {
            warm_up = warm_up(plan, target) => warm_ups.push(warm_up?),
            () = cx.cancel.cancelled() => return Err(StepError::terminated()),
        }
    }
    let lanes = targets
        .iter()
        .map(|target| Lane {
            client: target.client.clone(),
            in_flight: Arc::new(Semaphore::new(plan.max_in_flight)),
            waited: AtomicU64::new(0),
        })
        .collect();
    let shared = Arc::new(Shared {
        lanes,
        answer: plan.answer.clone(),
        timeout: plan.timeout,
        start: Instant::now(),
        start_ns: i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default(),
    });
    let (answers, mut inbox) = mpsc::unbounded_channel();
    let generator = generate(Arc::clone(&shared), Arc::clone(plan), answers, cx);

    let mut measured: Vec<Measured> = targets
        .into_iter()
        .zip(warm_ups)
        .map(|(target, warm_up)| Measured {
            label: target.label,
            url: target.client.endpoint().shown(),
            model: target.client.endpoint().model().to_owned(),
            requests: Vec::with_capacity(plan.requests),
            failures: BTreeMap::new(),
            warm_up,
            waited: 0,
            lag_ms: Vec::with_capacity(plan.requests),
            sent_ms: Vec::with_capacity(plan.requests),
        })
        .collect();
    let (mut done, all) = (0_u64, plan.slots.len() as u64);
    loop {
        tokio::select! {
            outcome = inbox.recv() => match outcome {
                Some(outcome) => {
                    let endpoint = &mut measured[outcome.endpoint];
                    endpoint.requests.push(outcome.request);
                    endpoint.lag_ms.push(outcome.lag_ms);
                    endpoint.sent_ms.push(outcome.sent_ms);
                    if let Some(failure) = outcome.failure {
                        *endpoint.failures.entry(failure).or_default() += 1;
                    }
                    done += 1;
                    cx.progress.set(done, all);
                }
                None => break,
            },
            () = cx.cancel.cancelled() => return Err(StepError::terminated()),
        }
    }
    generator.await??;
    for (endpoint, lane) in measured.iter_mut().zip(&shared.lanes) {
        // Answers come in the order of their ends; a record is in the order of the schedule.
        endpoint.requests.sort_by_key(|request| request.intended_start);
        endpoint.waited = lane.waited.load(Ordering::Relaxed);
    }
    if done < all {
        return Err(StepError::internal(format!(
            "{all} requests were due and {done} came to an end"
        )));
    }
    Ok(measured)
}

/// A thread of its own: the runtime's timers tick in milliseconds, a sleeping thread wakes within 0.1 ms.
fn generate(
    shared: Arc<Shared>,
    plan: Arc<Plan>,
    answers: mpsc::UnboundedSender<Outcome>,
    cx: &Context,
) -> tokio::task::JoinHandle<Result<(), StepError>> {
    let (runtime, cancel) = (tokio::runtime::Handle::current(), cx.cancel.clone());
    tokio::task::spawn_blocking(move || {
        let mut last: Option<(usize, Bytes)> = None;
        for slot in plan.slots.iter().copied() {
            // Made before it is due, so that a latency holds nothing of it; both endpoints get the same one.
            let body = match last.take() {
                Some((row, body)) if row == slot.row => body,
                _ => body(&plan, slot.row)?,
            };
            last = Some((slot.row, body.clone()));
            let due = shared.start + slot.due;
            // Short naps, so that SIGTERM is heard between requests that are far apart.
            while let Some(left) = due
                .checked_duration_since(Instant::now())
                .filter(|left| !left.is_zero())
            {
                if cancel.is_cancelled() {
                    return Ok(());
                }
                std::thread::sleep(left.min(Duration::from_millis(100)));
            }
            let lag_ms = due.elapsed().as_secs_f64() * 1e3;
            let (shared, answers) = (Arc::clone(&shared), answers.clone());
            runtime.spawn(async move {
                let outcome = ask(&shared, slot, body, (due, lag_ms)).await;
                // The receiver is only gone when the step is stopping.
                drop(answers.send(outcome));
            });
        }
        Ok(())
    })
}

async fn ask(shared: &Shared, slot: Slot, body: Bytes, (due, lag_ms): (Instant, f64)) -> Outcome {
    let lane = &shared.lanes[slot.endpoint];
    let give_up = tokio::time::Instant::from_std(due + shared.timeout);
    let mut sent_ms = None;
    let call = async {
        let permit = match lane.in_flight.try_acquire() {
            Ok(permit) => Ok(permit),
            Err(_) => {
                lane.waited.fetch_add(1, Ordering::Relaxed);
                lane.in_flight.acquire().await
            }
        };
        sent_ms = Some(due.elapsed().as_secs_f64() * 1e3);
        let answer = lane.client.post_once(body).await;
        drop(permit);
        answer
    };
    let answer = tokio::time::timeout_at(give_up, call).await;
    let latency_ms = due.elapsed().as_secs_f64() * 1e3;
    let (status, prediction) = match answer {
        Err(_) => (
            0,
            Err(format!("no answer within {} s", shared.timeout.as_secs_f64())),
        ),
        Ok(Err(why)) => (0, Err(why)),
        Ok(Ok(raw)) if raw.is_success() => {
            let protocol = lane.client.endpoint().protocol();
            (
                raw.status,
                read(&shared.answer, protocol, &raw.body)
                    .map_err(|why| format!("HTTP {}: {why}", raw.status)),
            )
        }
        Ok(Ok(raw)) => (raw.status, Err(format!("HTTP {}: {}", raw.status, raw.words()))),
    };
    let due_ns = i64::try_from(slot.due.as_nanos()).unwrap_or(i64::MAX);
    Outcome {
        endpoint: slot.endpoint,
        request: Request {
            request: slot.row as i64,
            intended_start: shared.start_ns.saturating_add(due_ns),
            latency_ms,
            status: i32::from(status),
            prediction: prediction.as_ref().ok().copied(),
        },
        failure: prediction.err(),
        lag_ms,
        sent_ms,
    }
}

fn read(answer: &AnswerShape, protocol: Protocol, body: &[u8]) -> Result<f64, AnswerError> {
    answer.predictions(protocol, body, 1).map(|one| one[0])
}

/// The request about one row.
fn body(plan: &Plan, row: usize) -> Result<Bytes, StepError> {
    let at = plan.data.place(row);
    match plan.data.table.body(&plan.shape, at..at + 1) {
        Ok(body) => Ok(Bytes::from(body)),
        Err(why) => Err(super::gather::usage(&why)),
    }
}

/// One after the other: connections open, caches fill, and a wrong request is found before it counts.
async fn warm_up(plan: &Plan, target: &Target) -> Result<WarmUp, StepError> {
    let endpoint = target.client.endpoint();
    let mut warm_up = WarmUp::default();
    let rows = plan.slots.iter().map(|slot| slot.row).take(plan.warm_up);
    for row in rows {
        let body = body(plan, row)?;
        let began = Instant::now();
        let answer = target.client.post_once(body).await;
        warm_up.requests += 1;
        let wrong = |why: &str| {
            StepError::usage(format!(
                "{} cannot be asked about row {row} of {}: {why}",
                endpoint.infer_url_shown(),
                plan.data.uri
            ))
        };
        match answer {
            Ok(raw) if raw.is_success() => match read(&plan.answer, endpoint.protocol(), &raw.body) {
                Ok(_) => warm_up.latency_ms.push(began.elapsed().as_secs_f64() * 1e3),
                // The wrong output or class is our mistake; a NaN is the model's, and counts as an error.
                Err(AnswerError::Shape(why)) => return Err(wrong(&why)),
                Err(AnswerError::NotANumber(_)) => warm_up.failed += 1,
            },
            // 408 and 429 are load, the other 4xx say that the request itself is wrong.
            Ok(raw) if (400..500).contains(&raw.status) && ![408, 429].contains(&raw.status) => {
                return Err(wrong(&format!("HTTP {}: {}", raw.status, raw.words())));
            }
            Ok(_) | Err(_) => warm_up.failed += 1,
        }
    }
    Ok(warm_up)
}
