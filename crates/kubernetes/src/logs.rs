//! The log of a container, followed line by line: over broken connections and rotated files, nothing lost, nothing
//! twice.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{AsyncBufReadExt as _, FutureExt as _};
use jiff::Timestamp;
use kube::core::Request;
use kube::core::subresource::LogParams;

use crate::error::sort;
use crate::{Cluster, ClusterError};

/// A line may be no longer: a progress bar without line ends must not fill the memory.
const WIDTH: usize = 64 * 1024;
/// Between attempts to go on, after the first, which is made at once.
const PAUSE: Duration = Duration::from_secs(5);

/// A line of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the runtime took it, to the nanosecond.
    pub at: Timestamp,
    /// Without its line end.
    pub text: String,
}

/// How far the log of one container was read.
#[derive(Debug, Clone)]
pub struct Logs {
    pod: String,
    container: String,
    place: Place,
}

/// The lines that a new connection brings again: those of the last second before the last line, for the server goes back to
/// a whole second. Lines of two streams may be stamped out of order, so they are told by stamp and text, and counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    last: Option<Timestamp>,
    /// Lines since the second that the next connection begins with. A burst of a hundred thousand is one second's.
    lines: BTreeMap<(Timestamp, u64), Times>,
}

/// How often a line of one stamp and text came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Times {
    /// It was taken so often.
    taken: u32,
    /// This connection may still bring it again so often.
    due: u32,
}

impl Place {
    /// A new connection begins.
    fn reconnect(&mut self) {
        for times in self.lines.values_mut() {
            times.due = times.taken;
        }
    }

    /// Whether a line was not taken before.
    fn takes(&mut self, at: Timestamp, text: &str) -> bool {
        let times = self.lines.entry((at, hash(text))).or_default();
        if times.due > 0 {
            times.due -= 1;
            return false;
        }
        times.taken += 1;
        if self.last.is_none_or(|last| last < at) {
            self.last = Some(at);
            // One second more than the server goes back: lines are stamped a little out of order.
            let from = at.as_second() - 1;
            if self
                .lines
                .first_key_value()
                .is_some_and(|((first, _), _)| first.as_second() < from)
            {
                self.lines.retain(|(at, _), _| at.as_second() >= from);
            }
        }
        true
    }

    /// Where the next connection begins.
    fn since(&self) -> Option<Timestamp> {
        let last = self.last?;
        last.checked_sub(jiff::SignedDuration::from_secs(1)).ok()
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Logs {
    /// From the first line.
    #[must_use]
    pub fn of(pod: &str, container: &str) -> Self {
        Self {
            pod: pod.to_owned(),
            container: container.to_owned(),
            place: Place::default(),
        }
    }

    /// The pod.
    #[must_use]
    pub fn pod(&self) -> &str {
        &self.pod
    }

    /// Gives every further line to `take` until the container has ended. A connection that breaks is made anew; a
    /// pod that is gone ends it. Drop the future to stop.
    ///
    /// # Errors
    /// The log may not be read.
    pub fn follow<'a>(
        &'a mut self,
        cluster: &'a Cluster,
        take: &'a mut (dyn FnMut(LogLine) + Send),
    ) -> BoxFuture<'a, Result<(), ClusterError>> {
        async move {
            let mut pause = Duration::ZERO;
            loop {
                match self.attempt(cluster, take).await {
                    Ok(true) => return Ok(()),
                    Ok(false) => {}
                    Err(ClusterError::NotFound { .. }) => return Ok(()),
                    // The container has not started, or the node is away.
                    Err(ClusterError::Unavailable { .. } | ClusterError::Invalid { .. }) => {}
                    Err(error) => return Err(error),
                }
                tokio::time::sleep(pause).await;
                pause = PAUSE;
            }
        }
        .boxed()
    }

    /// One connection; true when it ended because the log did.
    async fn attempt(
        &mut self,
        cluster: &Cluster,
        take: &mut (dyn FnMut(LogLine) + Send),
    ) -> Result<bool, ClusterError> {
        let call = format!("read the log of {}/{}", self.pod, self.container);
        let params = LogParams {
            container: Some(self.container.clone()),
            follow: true,
            timestamps: true,
            // The server cuts it to the second: lines of that second come again, and are told by their stamps.
            since_time: self.place.since(),
            ..LogParams::default()
        };
        let path = format!("/api/v1/namespaces/{}/pods", cluster.namespace());
        let request = Request::new(path)
            .logs(&self.pod, &params)
            .map_err(|error| sort(&call, &kube::Error::BuildRequest(error)).error)?;
        let stream = cluster
            .client
            .request_stream(request)
            .await
            .map_err(|error| sort(&call, &error).error)?;
        let mut stream = std::pin::pin!(stream);
        let mut bytes = Vec::new();
        self.place.reconnect();
        loop {
            bytes.clear();
            match stream.read_until(b'\n', &mut bytes).await {
                // Cleanly: the container has ended, unless the file was rotated away under the connection.
                Ok(0) => return self.has_ended(cluster).await,
                Ok(_) => {}
                Err(_) => return Ok(false),
            }
            // A line that broke off comes again as a whole.
            if bytes.last() != Some(&b'\n') {
                return self.has_ended(cluster).await;
            }
            let Some((at, text)) = split(&bytes) else { continue };
            if self.place.takes(at, &text) {
                take(LogLine { at, text });
            }
        }
    }

    async fn has_ended(&self, cluster: &Cluster) -> Result<bool, ClusterError> {
        let Some(pod) = cluster.get(crate::Kind::POD, &self.pod).await? else {
            return Ok(true);
        };
        let statuses = pod.pointer("/status/containerStatuses");
        let ours = statuses
            .and_then(|all| all.as_array())
            .into_iter()
            .flatten()
            .find(|status| status["name"] == self.container.as_str());
        Ok(ours.is_some_and(|status| status.pointer("/state/terminated").is_some()))
    }
}

/// `2026-11-26T00:42:08.909403123Z text`.
fn split(line: &[u8]) -> Option<(Timestamp, String)> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.get(..WIDTH).unwrap_or(line);
    let text = String::from_utf8_lossy(line);
    let (at, text) = text.split_once(' ').unwrap_or((&text, ""));
    Some((at.parse().ok()?, text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a log over connections that break after so many lines each; a connection begins with the whole second that
    /// was asked for.
    fn read(log: &[(i128, &str)], breaks: &[usize]) -> Vec<String> {
        let at = |nanoseconds| Timestamp::from_nanosecond(nanoseconds).unwrap();
        let mut place = Place::default();
        let mut taken = Vec::new();
        for lines in breaks.iter().copied().chain([usize::MAX]) {
            place.reconnect();
            let since = place.since().map(|since| since.as_second());
            let brought = log
                .iter()
                .filter(|(stamp, _)| since.is_none_or(|since| at(*stamp).as_second() >= since));
            for (stamp, text) in brought.take(lines) {
                if place.takes(at(*stamp), text) {
                    taken.push((*text).to_owned());
                }
            }
        }
        taken
    }

    #[test]
    fn over_broken_connections_nothing_is_lost_and_nothing_twice() {
        const SECOND: i128 = 1_000_000_000;
        let words: Vec<String> = (0..400).map(|line| format!("line {}", line / 2)).collect();
        // A hundred lines a second; each text twice, some with one stamp; every tenth stamped before the one before.
        let stamp = |line: usize| {
            let at = (line as i128 / 3) * 3 * SECOND / 100;
            if line % 10 == 9 { at - SECOND / 50 } else { at }
        };
        let log: Vec<(i128, &str)> = words
            .iter()
            .enumerate()
            .map(|(line, word)| (10 * SECOND + stamp(line), word.as_str()))
            .collect();
        for breaks in [
            &[][..],
            &[0, 0],
            &[1],
            &[57],
            &[100, 0, 250, 3],
            &[150, 90, 90, 90],
            &[399],
        ] {
            assert_eq!(read(&log, breaks), words, "{breaks:?}");
        }
    }

    #[test]
    fn a_line_has_a_stamp_and_a_text() {
        let (at, text) = split(b"2026-11-26T00:42:08.909403123Z  two  words\r\n").unwrap();
        assert_eq!(at.subsec_nanosecond(), 909_403_123);
        assert_eq!(text, " two  words\r");
        assert_eq!(split(b"2026-11-26T00:42:08Z \n").unwrap().1, "");
        assert!(split(b"no stamp\n").is_none());
    }
}
