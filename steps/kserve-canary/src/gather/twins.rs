//! Two arms that are one: the same record under two names, whatever it was packed or sorted by on the way.

use std::collections::HashSet;

use kserve_api::record::Request;
use step_runtime::StepError;

use crate::evidence::Arm;

/// What tells a request from all others. Two servers that are asked about the same row at the same instant never
/// take equally long, to the last digit that a float of 32 bits keeps, on every request.
type Mark = (i64, i64, u32);

/// Refuses a record of one arm that is all in a record of the other.
///
/// # Errors
/// Names both records.
pub(super) fn refuse(champion: &Arm, canary: &Arm) -> Result<(), StepError> {
    for (one, ours) in champion.parts() {
        for (other, theirs) in canary.parts() {
            if twins(ours, theirs) {
                return Err(StepError::usage(format!(
                    "--canary {} and --champion {} are one record: every request of the shorter is in the other, with the same row, time and latency; give each arm what it recorded itself",
                    other.uri, one.uri
                )));
            }
        }
    }
    Ok(())
}

fn twins(one: &[Request], other: &[Request]) -> bool {
    let (fewer, more) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    // Most often the first one tells.
    let Some(first) = fewer.first().map(mark) else {
        return false;
    };
    if !more.iter().any(|request| mark(request) == first) {
        return false;
    }
    let known: HashSet<Mark> = more.iter().map(mark).collect();
    fewer.iter().all(|request| known.contains(&mark(request)))
}

fn mark(request: &Request) -> Mark {
    // A record holds microseconds; other tools may have held nanoseconds in between.
    let micros = request.intended_start.div_euclid(1000);
    (request.request, micros, (request.latency_ms as f32).to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(latency: impl Fn(i64) -> f64) -> Vec<Request> {
        (0..100)
            .map(|at| Request {
                request: at % 7,
                intended_start: at / 2 * 1_000_000,
                latency_ms: latency(at),
                status: 200,
                prediction: Some(0.5),
            })
            .collect()
    }

    #[test]
    fn a_copy_is_found_and_a_shadow_is_not() {
        let ours = requests(|at| 8.0 + at as f64 / 3.0);
        let mut copy = ours.clone();
        // Two requests of one instant changed places, the latency went through 32 bits, rows were cut off.
        copy.swap(4, 5);
        copy.iter_mut()
            .for_each(|r| r.latency_ms = f64::from(r.latency_ms as f32));
        copy.truncate(90);
        assert!(twins(&ours, &copy) && twins(&copy, &ours));
        // The same rows at the same instants, as a gateway that mirrors requests records them.
        let shadow = requests(|at| if at == 0 { 8.0 } else { 8.1 + at as f64 / 3.0 });
        assert!(!twins(&ours, &shadow));
        assert!(!twins(&ours, &[]));
    }
}
