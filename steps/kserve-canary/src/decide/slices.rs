//! Requests counted by time slice, both arms side by side.

use std::collections::BTreeMap;

use drift_stats::sequential::Arm as Count;
use kserve_api::record::Request;

use crate::evidence::{Arm, Evidence};

/// Below this share of requests in slices that both arms have, slices are given up.
const SHARED_ENOUGH: f64 = 0.9;

/// Canary and champion in one slice.
pub(super) type Pair = (Count, Count);

/// Counts per slice: which requests count at all, and which of them are events.
///
/// A slice in which one arm has no request says nothing about the other. When too much would be lost that way
/// (the arms were not driven at the same time), all requests are one slice.
pub(super) fn count(
    evidence: &Evidence,
    slice_seconds: f64,
    counts: impl Fn(&Request) -> bool,
    event: impl Fn(&Request) -> bool,
) -> Vec<Pair> {
    let width = if shared(evidence, slice_seconds) < SHARED_ENOUGH {
        None
    } else {
        Some(slice_seconds)
    };
    let mut slices = BTreeMap::<i64, Pair>::new();
    let none = Count { trials: 0, events: 0 };
    for (is_canary, arm) in [(true, &evidence.canary), (false, &evidence.champion)] {
        for request in arm.requests.iter().filter(|r| counts(r)) {
            let key = width.map_or(0, |width| slice(evidence, request, width));
            let pair = slices.entry(key).or_insert((none, none));
            let count = if is_canary { &mut pair.0 } else { &mut pair.1 };
            count.trials += 1;
            count.events += u64::from(event(request));
        }
    }
    slices.into_values().collect()
}

/// The share of requests, of the arm that has less of it, in slices that both arms have.
pub(super) fn shared(evidence: &Evidence, slice_seconds: f64) -> f64 {
    let keys = |arm: &Arm| -> BTreeMap<i64, usize> {
        let mut keys = BTreeMap::new();
        for request in &arm.requests {
            *keys.entry(slice(evidence, request, slice_seconds)).or_default() += 1;
        }
        keys
    };
    let (canary, champion) = (keys(&evidence.canary), keys(&evidence.champion));
    let within = |one: &BTreeMap<i64, usize>, other: &BTreeMap<i64, usize>| {
        let all: usize = one.values().sum();
        let both: usize = one
            .iter()
            .filter(|(key, _)| other.contains_key(key))
            .map(|(_, n)| n)
            .sum();
        if all == 0 { 0.0 } else { both as f64 / all as f64 }
    };
    within(&canary, &champion).min(within(&champion, &canary))
}

fn slice(evidence: &Evidence, request: &Request, seconds: f64) -> i64 {
    let start = [&evidence.canary, &evidence.champion]
        .iter()
        .filter_map(|arm| arm.window())
        .map(|(from, _)| from)
        .min()
        .unwrap_or(0);
    let width = ((seconds * 1e9) as i64).max(1);
    (request.intended_start - start).div_euclid(width)
}
