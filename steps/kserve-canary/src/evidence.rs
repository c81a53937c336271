//! What was gathered: the requests of both arms.

use kserve_api::record::Request;

/// The requests of both arms.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The model that serves.
    pub champion: Arm,
    /// The model on trial.
    pub canary: Arm,
}

/// The requests of one arm, in the order of time.
#[derive(Debug, Clone, Default)]
pub struct Arm {
    /// Where they were read from.
    pub sources: Vec<Source>,
    /// All of them.
    pub requests: Vec<Request>,
}

/// One record file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where.
    pub uri: String,
    /// `sha256:…` of its bytes.
    pub digest: String,
    /// How many requests.
    pub rows: u64,
}

impl From<Vec<Request>> for Arm {
    /// Requests in the order of time, from nowhere in particular.
    fn from(requests: Vec<Request>) -> Self {
        Self {
            sources: Vec::new(),
            requests,
        }
    }
}

impl Arm {
    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.requests.len() as u64
    }

    /// The requests of each record.
    pub fn parts(&self) -> impl Iterator<Item = (&Source, &[Request])> {
        let mut rest = self.requests.as_slice();
        self.sources.iter().map(move |source| {
            let rows = usize::try_from(source.rows).unwrap_or(usize::MAX);
            let (part, after) = rest.split_at(rows.min(rest.len()));
            rest = after;
            (source, part)
        })
    }

    /// Requests without a usable prediction.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.requests.iter().filter(|r| !r.succeeded()).count() as u64
    }

    /// Latencies of the successful requests, ascending.
    #[must_use]
    pub fn latencies(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self
            .requests
            .iter()
            .filter(|r| r.succeeded())
            .map(|r| r.latency_ms)
            .collect();
        all.sort_by(f64::total_cmp);
        all
    }

    /// Predictions of the successful requests, in the order of time.
    #[must_use]
    pub fn predictions(&self) -> Vec<f64> {
        self.requests
            .iter()
            .filter(|r| r.succeeded())
            .filter_map(|r| r.prediction)
            .collect()
    }

    /// First and last intended start, nanoseconds since 1970.
    #[must_use]
    pub fn window(&self) -> Option<(i64, i64)> {
        Some((
            self.requests.first()?.intended_start,
            self.requests.last()?.intended_start,
        ))
    }
}
