//! When which endpoint is asked about which row. Pure: the same seed gives the same schedule.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::Arrivals;

/// One request to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// When it is due, from the start.
    pub due: Duration,
    /// Which endpoint.
    pub endpoint: usize,
    /// Which row of the data.
    pub row: usize,
}

/// `requests` for each of `endpoints`, over `duration`, in order of time.
///
/// The k-th request of every endpoint is about the same row, and they stand next to each other in time; which
/// endpoint comes first is drawn anew each time, so that none always profits from a warm cache. Random arrivals
/// are those of a Poisson process given their number: sorted uniform draws (Ross, "Stochastic Processes",
/// theorem 2.3.1), so that the count of requests is known beforehand. Rows come in a shuffled order, and again
/// when they are used up.
#[must_use]
pub fn schedule(
    arrivals: Arrivals,
    duration: Duration,
    requests: usize,
    endpoints: usize,
    rows: usize,
    seed: u64,
) -> Vec<Slot> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..rows).collect();
    order.shuffle(&mut random);
    let count = requests * endpoints;
    let seconds = duration.as_secs_f64();
    let mut due: Vec<f64> = match arrivals {
        Arrivals::Fixed => (0..count).map(|i| i as f64 / count as f64).collect(),
        Arrivals::Poisson => (0..count).map(|_| random.random::<f64>()).collect(),
    };
    due.sort_by(f64::total_cmp);
    let mut turn: Vec<usize> = (0..endpoints).collect();
    let mut slots = Vec::with_capacity(count);
    for (k, times) in due.chunks(endpoints.max(1)).enumerate() {
        turn.shuffle(&mut random);
        let row = order[k % rows];
        slots.extend(times.iter().zip(&turn).map(|(share, endpoint)| Slot {
            due: Duration::from_secs_f64(share * seconds),
            endpoint: *endpoint,
            row,
        }));
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn both_endpoints_get_the_same_rows_in_the_same_order() {
        for arrivals in [Arrivals::Poisson, Arrivals::Fixed] {
            let slots = schedule(arrivals, MINUTE, 500, 2, 37, 7);
            let rows = |endpoint| -> Vec<usize> {
                slots
                    .iter()
                    .filter(|s| s.endpoint == endpoint)
                    .map(|s| s.row)
                    .collect()
            };
            assert_eq!(rows(0).len(), 500);
            assert_eq!(rows(0), rows(1));
            assert!(slots.is_sorted_by_key(|s| s.due));
            assert!(slots.iter().all(|s| s.due < MINUTE));
            let mut seen = rows(0)[..37].to_vec();
            seen.sort_unstable();
            assert_eq!(
                seen,
                (0..37).collect::<Vec<_>>(),
                "every row once before any comes twice"
            );
            let first = slots.chunks(2).filter(|pair| pair[0].endpoint == 0).count();
            assert!((150..350).contains(&first), "none is always first: {first}");
        }
    }

    #[test]
    fn a_seed_is_a_schedule() {
        let of = |seed| schedule(Arrivals::Poisson, MINUTE, 100, 1, 10, seed);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    /// Gaps of a Poisson process are exponential: their standard deviation is their mean.
    #[test]
    fn random_arrivals_are_a_poisson_process() {
        let slots = schedule(Arrivals::Poisson, MINUTE, 20_000, 1, 10, 7);
        let gaps: Vec<f64> = slots
            .windows(2)
            .map(|w| (w[1].due - w[0].due).as_secs_f64())
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let deviation = (gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        assert!((deviation / mean - 1.0).abs() < 0.05, "{deviation} / {mean}");
    }

    #[test]
    fn even_arrivals_are_even() {
        let slots = schedule(Arrivals::Fixed, Duration::from_secs(10), 100, 1, 10, 7);
        assert!(
            slots
                .windows(2)
                .all(|w| ((w[1].due - w[0].due).as_secs_f64() - 0.1).abs() < 1e-6)
        );
    }
}
