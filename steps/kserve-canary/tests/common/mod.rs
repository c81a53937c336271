//! Records made from a seed.

use kserve_api::record::Request;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// 2026-01-05T12:00:00Z.
pub(crate) const NOON: i64 = 1_767_614_400_000_000_000;

/// How an arm behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traffic {
    pub(crate) requests: usize,
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) error_rate: f64,
    /// Every latency is multiplied by this.
    pub(crate) slowdown: f64,
    /// Added to every score, before it is held within 0 and 1.
    pub(crate) shift: f64,
    pub(crate) start: i64,
    pub(crate) seed: u64,
}

impl Traffic {
    pub(crate) fn healthy(requests: usize, seed: u64) -> Self {
        Self {
            requests,
            rate: 20.0,
            error_rate: 0.0,
            slowdown: 1.0,
            shift: 0.0,
            start: NOON,
            seed,
        }
    }

    /// Latency is log-normal around 8 ms, the score a uniform draw.
    pub(crate) fn requests(self) -> Vec<Request> {
        let mut random = StdRng::seed_from_u64(self.seed);
        (0..self.requests)
            .map(|at| {
                let failed = random.random::<f64>() < self.error_rate;
                let normal: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
                let score = (random.random::<f64>() + self.shift).clamp(0.0, 1.0);
                Request {
                    request: (at % 500) as i64,
                    intended_start: self.start + (at as f64 / self.rate * 1e9) as i64,
                    latency_ms: if failed {
                        0.5
                    } else {
                        8.0 * (0.3 * normal).exp() * self.slowdown
                    },
                    status: if failed { 503 } else { 200 },
                    prediction: (!failed).then_some(score),
                }
            })
            .collect()
    }
}
