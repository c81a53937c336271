//! The one retry policy: exponential with jitter, bounded by elapsed time, `Retry-After` kept.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// How long and how often to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The first pause.
    pub min_delay: Duration,
    /// The longest pause that we choose; a server's `Retry-After` may be longer.
    pub max_delay: Duration,
    /// No new attempt starts after this much time.
    pub max_elapsed: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            min_delay: Duration::from_millis(200),
            max_delay: Duration::from_secs(8),
            max_elapsed: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// The default with another bound on the whole time.
    #[must_use]
    pub fn within(max_elapsed: Duration) -> Self {
        Self {
            max_elapsed,
            ..Self::default()
        }
    }
}

/// Whether a failed attempt is worth another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// The answer is final.
    No,
    /// After the policy's next pause.
    Yes,
    /// Not before this pause, for the server said so.
    After(Duration),
}

/// Runs `op` until it succeeds, fails for good, or the policy's time is over; returns its last
/// error. `op` must be safe to repeat.
///
/// # Errors
/// The last error of `op`.
pub async fn retry<T, E, F, Fut>(policy: &RetryPolicy, op: F, again: impl Fn(&E) -> Again) -> Result<T, E>
where
    E: Display,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    retry_unless(policy, &CancellationToken::new(), op, again).await
}

/// As [`retry`], but once `stop` is set a failure is the last one: an attempt under way may end, and
/// what is written while the process stops still gets its one attempt.
///
/// # Errors
/// The last error of `op`.
pub async fn retry_unless<T, E, F, Fut>(
    policy: &RetryPolicy,
    stop: &CancellationToken,
    mut op: F,
    again: impl Fn(&E) -> Again,
) -> Result<T, E>
where
    E: Display,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let mut pauses = Pauses::new(policy);
    loop {
        let error = match op().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if !pauses.waited(again(&error), stop, error.to_string()).await {
            return Err(error);
        }
    }
}

/// The pauses of one operation. What all operations share is here, and not generic: it is compiled once.
struct Pauses<'a> {
    policy: &'a RetryPolicy,
    started: Instant,
    delays: ExponentialBackoff,
}

impl<'a> Pauses<'a> {
    fn new(policy: &'a RetryPolicy) -> Self {
        Self {
            policy,
            started: Instant::now(),
            delays: ExponentialBuilder::default()
                .with_jitter()
                .with_factor(2.0)
                .with_min_delay(policy.min_delay)
                .with_max_delay(policy.max_delay)
                .without_max_times()
                .build(),
        }
    }

    /// Waits before the next attempt; false when there shall be none.
    fn waited<'b>(
        &'b mut self,
        again: Again,
        stop: &'b CancellationToken,
        error: String,
    ) -> BoxFuture<'b, bool> {
        async move {
            let ours = self.delays.next().unwrap_or(self.policy.max_delay);
            let pause = match again {
                Again::No => return false,
                Again::Yes => ours,
                Again::After(theirs) => theirs.max(ours),
            };
            let spent = self.started.elapsed();
            if stop.is_cancelled() || spent.saturating_add(pause) > self.policy.max_elapsed {
                return false;
            }
            tracing::warn!(
                retry_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                elapsed_ms = u64::try_from(spent.as_millis()).unwrap_or(u64::MAX),
                "{error}; trying again"
            );
            tokio::select! {
                () = tokio::time::sleep(pause) => true,
                () = stop.cancelled() => false,
            }
        }
        .boxed()
    }
}

/// What an HTTP status says about trying again: 408, 425, 429 and 5xx but 501 and 505.
#[must_use]
pub fn again_by_status(status: u16, retry_after: Option<Duration>) -> Again {
    match (status, retry_after) {
        (501 | 505, _) => Again::No,
        (408 | 425 | 429 | 500..=599, Some(pause)) => Again::After(pause),
        (408 | 425 | 429 | 500..=599, None) => Again::Yes,
        _ => Again::No,
    }
}

/// The pause that a `Retry-After` header asks for: seconds, or an HTTP date.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(artifact_store::retry_after("7"), Some(Duration::from_secs(7)));
/// assert_eq!(artifact_store::retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
/// assert_eq!(artifact_store::retry_after("soon"), None);
/// ```
#[must_use]
pub fn retry_after(header: &str) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(header).ok()?.timestamp();
    let wait = at.duration_since(jiff::Timestamp::now());
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn quick(max_elapsed: u64) -> RetryPolicy {
        RetryPolicy {
            min_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(2),
            max_elapsed: Duration::from_millis(max_elapsed),
        }
    }

    async fn attempts(policy: RetryPolicy, good_at: u32, again: Again) -> (Result<u32, String>, u32) {
        let tries = Cell::new(0);
        let got = retry(
            &policy,
            || {
                tries.set(tries.get() + 1);
                let n = tries.get();
                async move {
                    if n >= good_at {
                        Ok(n)
                    } else {
                        Err(format!("no {n}"))
                    }
                }
            },
            |_| again,
        )
        .await;
        (got, tries.get())
    }

    #[tokio::test]
    async fn tries_until_it_works() {
        assert_eq!(attempts(quick(5_000), 4, Again::Yes).await, (Ok(4), 4));
    }

    #[tokio::test]
    async fn a_final_answer_is_asked_once() {
        assert_eq!(
            attempts(quick(5_000), 4, Again::No).await,
            (Err("no 1".into()), 1)
        );
    }

    #[tokio::test]
    async fn gives_the_last_error_when_time_is_over() {
        let (got, tries) = attempts(quick(20), u32::MAX, Again::Yes).await;
        assert_eq!(got, Err(format!("no {tries}")));
        assert!(tries > 2, "{tries}");
    }

    #[tokio::test]
    async fn a_pause_beyond_the_bound_is_not_waited_for() {
        let started = Instant::now();
        let (got, tries) = attempts(quick(50), 2, Again::After(Duration::from_secs(30))).await;
        assert_eq!((got, tries), (Err("no 1".into()), 1));
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn nothing_is_tried_again_when_the_process_stops() {
        let (stop, tries, started) = (CancellationToken::new(), Cell::new(0), Instant::now());
        let op = || {
            tries.set(tries.get() + 1);
            // The second failure is paused after for long: the stop comes into that pause.
            let (stop, second) = (stop.clone(), tries.get() == 2);
            async move {
                if second {
                    tokio::spawn(async move { stop.cancel() });
                }
                Err::<(), _>("no")
            }
        };
        let policy = RetryPolicy {
            min_delay: Duration::from_secs(1),
            ..RetryPolicy::default()
        };
        let got = retry_unless(&policy, &stop, op, |_| Again::After(Duration::from_millis(1))).await;
        assert_eq!((got, tries.get()), (Err("no"), 2));
        assert!(started.elapsed() < Duration::from_secs(4));
        // What comes after has one attempt.
        let got = retry_unless(&policy, &stop, || async { Err::<(), _>("no") }, |_| Again::Yes).await;
        assert_eq!(got, Err("no"));
    }

    #[test]
    fn statuses() {
        assert_eq!(again_by_status(404, None), Again::No);
        assert_eq!(again_by_status(501, None), Again::No);
        assert_eq!(again_by_status(503, None), Again::Yes);
        let pause = Duration::from_secs(3);
        assert_eq!(again_by_status(429, Some(pause)), Again::After(pause));
    }
}
