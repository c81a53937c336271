//! The log of a container, followed line by line: over broken connections and rotated files, nothing lost, nothing
//! twice.

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
/// Between attempts to go on.
const PAUSE: Duration = Duration::from_secs(1);

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

/// The last time stamp that was seen, and how many lines bore it: several may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place {
    last: Option<Timestamp>,
    with_it: usize,
}

impl Place {
    /// Whether a line comes after what was read, `again` being how many of the same time stamp came before it in
    /// this attempt.
    fn takes(&mut self, at: Timestamp, again: usize) -> bool {
        match self.last {
            Some(last) if at < last => false,
            Some(last) if at == last => {
                if again < self.with_it {
                    return false;
                }
                self.with_it += 1;
                true
            }
            _ => {
                self.last = Some(at);
                self.with_it = 1;
                true
            }
        }
    }
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
            loop {
                match self.attempt(cluster, take).await {
                    Ok(true) => return Ok(()),
                    Ok(false) => {}
                    Err(ClusterError::NotFound { .. }) => return Ok(()),
                    // The container has not started, or the node is away.
                    Err(ClusterError::Unavailable { .. } | ClusterError::Invalid { .. }) => {}
                    Err(error) => return Err(error),
                }
                tokio::time::sleep(PAUSE).await;
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
            since_time: self.place.last,
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
        let (mut stamp, mut again) = (None, 0);
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
            again = if stamp == Some(at) { again + 1 } else { 0 };
            stamp = Some(at);
            if self.place.takes(at, again) {
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

    fn at(nanoseconds: i128) -> Timestamp {
        Timestamp::from_nanosecond(nanoseconds).unwrap()
    }

    #[test]
    fn lines_that_come_again_are_taken_once() {
        let mut place = Place::default();
        let mut read = |stamps: &[i128]| {
            let (mut last, mut again, mut taken) = (None, 0, 0);
            for stamp in stamps {
                again = if last == Some(*stamp) { again + 1 } else { 0 };
                last = Some(*stamp);
                taken += usize::from(place.takes(at(*stamp), again));
            }
            taken
        };
        assert_eq!(read(&[1, 2, 2, 3]), 4);
        // The connection broke; from the start of the second everything comes again, and one more of the last stamp.
        assert_eq!(read(&[1, 2, 2, 3, 3, 4]), 2);
        assert_eq!(read(&[3, 3, 4, 4, 4]), 2);
        assert_eq!(read(&[]), 0);
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
