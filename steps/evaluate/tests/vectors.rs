//! Metrics and paired tests against values that other programs computed (`vectors/`).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use evaluate::comparison::delong::Placements;
use evaluate::comparison::mcnemar::{Discordant, EXACT_BELOW};
use evaluate::comparison::{bootstrap, interval};
use evaluate::metrics::{Counts, Metric, Ones, Scored};
use serde::Deserialize;

#[derive(Deserialize)]
struct Metrics {
    threshold: f64,
    bins: usize,
    cases: Vec<MetricCase>,
}

#[derive(Deserialize)]
struct MetricCase {
    name: String,
    labels: Vec<u8>,
    scores: Vec<f64>,
    metrics: BTreeMap<String, Option<f64>>,
    confusion: BTreeMap<String, f64>,
    counts: Option<Vec<u32>>,
    weighted: Option<BTreeMap<String, Option<f64>>>,
}

#[derive(Deserialize)]
struct Comparison {
    paired: Vec<PairedCase>,
    mcnemar: Vec<McNemarCase>,
    percentile: BootstrapCase,
    bca: BootstrapCase,
}

#[derive(Deserialize)]
struct PairedCase {
    name: String,
    labels: Vec<u8>,
    challenger: Vec<f64>,
    champion: Vec<f64>,
    delong: DeLong,
}

#[derive(Deserialize)]
struct DeLong {
    auc: [f64; 2],
    se: [f64; 2],
    delta: f64,
    delta_se: f64,
    p_two_sided: Option<f64>,
    p_below: Option<f64>,
    p_above: Option<f64>,
}

#[derive(Deserialize)]
struct McNemarCase {
    gained: u64,
    lost: u64,
    exact: f64,
    mid_p: f64,
}

#[derive(Deserialize)]
struct BootstrapCase {
    observed: f64,
    replicates: Vec<f64>,
    jackknife: Vec<f64>,
    level: f64,
    interval: [f64; 2],
}

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

fn metric_vectors() -> Metrics {
    read(include_str!("vectors/metrics.json"))
}

fn comparison_vectors() -> Comparison {
    read(include_str!("vectors/comparison.json"))
}

fn bools(labels: &[u8]) -> Vec<bool> {
    labels.iter().map(|label| *label == 1).collect()
}

#[track_caller]
fn close(what: &str, ours: f64, theirs: f64, tolerance: f64) {
    let off = (ours - theirs).abs() / theirs.abs().max(1.0);
    assert!(
        off <= tolerance,
        "{what}: ours {ours:e}, theirs {theirs:e}, off by {off:e}"
    );
}

#[test]
fn every_metric_equals_scikit_learn() {
    let vectors = metric_vectors();
    for case in &vectors.cases {
        let labels = bools(&case.labels);
        let rows = Scored::new(&labels, &case.scores, vectors.threshold, vectors.bins);
        for metric in Metric::ALL {
            let what = format!("{} {metric}", case.name);
            match case.metrics[metric.name()] {
                Some(theirs) => close(&what, rows.metric(metric).unwrap(), theirs, 1e-12),
                None => assert!(rows.metric(metric).is_err(), "{what} has a value"),
            }
        }
        let counts = rows.confusion(&Ones);
        let ours = [counts.tp, counts.fp, counts.tn, counts.fn_];
        let theirs = ["tp", "fp", "tn", "fn"].map(|cell| case.confusion[cell]);
        assert_eq!(ours, theirs, "{}", case.name);
    }
}

#[test]
fn a_weighted_metric_is_the_metric_of_repeated_rows() {
    let vectors = metric_vectors();
    let mut seen = 0;
    for case in &vectors.cases {
        let (Some(counts), Some(theirs)) = (&case.counts, &case.weighted) else {
            continue;
        };
        let labels = bools(&case.labels);
        let rows = Scored::new(&labels, &case.scores, vectors.threshold, vectors.bins);
        for metric in Metric::ALL {
            let ours = rows.weighted(metric, &Counts(counts)).unwrap();
            close(
                &format!("{} {metric}", case.name),
                ours,
                theirs[metric.name()].unwrap(),
                1e-12,
            );
        }
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn delong_equals_the_definition() {
    for case in comparison_vectors().paired {
        let labels = bools(&case.labels);
        let place = |scores| Placements::of(&Scored::new(&labels, scores, 0.5, 10)).unwrap();
        let (ours, theirs) = (place(&case.challenger), place(&case.champion));
        let expected = case.delong;
        for (place, at) in [(&ours, 0), (&theirs, 1)] {
            close(&case.name, place.estimate().value, expected.auc[at], 1e-13);
            close(&case.name, place.estimate().se, expected.se[at], 1e-12);
        }
        let delta = ours.minus(&theirs);
        close(&case.name, delta.value, expected.delta, 1e-13);
        close(&case.name, delta.se, expected.delta_se, 1e-12);
        if let Some(p) = expected.p_two_sided {
            close(&case.name, delta.p_two_sided(), p, 1e-10);
            close(&case.name, delta.p_below(0.0), expected.p_below.unwrap(), 1e-10);
            close(&case.name, delta.p_above(0.0), expected.p_above.unwrap(), 1e-10);
        } else {
            assert_eq!(delta.p_two_sided(), 1.0, "{}", case.name);
        }
    }
}

#[test]
fn mcnemar_is_exact_on_few_rows_and_mid_p_on_many() {
    for case in comparison_vectors().mcnemar {
        let counts = Discordant {
            gained: case.gained,
            lost: case.lost,
        };
        let few = case.gained + case.lost < EXACT_BELOW;
        let expected = if few { case.exact } else { case.mid_p };
        close(&format!("{counts:?}"), counts.p_two_sided(), expected, 1e-12);
        let (worse, better) = (counts.p_worse(), counts.p_better());
        assert!(
            worse.max(better) >= 0.5 && worse.min(better) <= expected,
            "{counts:?}"
        );
    }
}

#[test]
fn bootstrap_intervals_equal_scipy_on_its_own_replicates() {
    let vectors = comparison_vectors();
    let case = vectors.percentile;
    let (lower, upper) = interval::percentile(&case.replicates, case.level).unwrap();
    close("percentile lower", lower, case.interval[0], 1e-12);
    close("percentile upper", upper, case.interval[1], 1e-12);
    let case = vectors.bca;
    let (lower, upper) = interval::bca(&case.replicates, case.observed, &case.jackknife, case.level).unwrap();
    // statrs' normal quantile carries eleven digits.
    close("BCa lower", lower, case.interval[0], 1e-10);
    close("BCa upper", upper, case.interval[1], 1e-10);
}

/// The bootstrap's spread of the AUC difference agrees with DeLong's standard error.
#[test]
fn the_paired_bootstrap_agrees_with_delong() {
    let plan = bootstrap::Plan {
        replicates: 4000,
        seed: 1,
        method: bootstrap::Method::Percentile,
    };
    for case in comparison_vectors()
        .paired
        .iter()
        .filter(|case| case.labels.len() >= 400)
    {
        let labels = bools(&case.labels);
        let ours = Scored::new(&labels, &case.challenger, 0.5, 10);
        let theirs = Scored::new(&labels, &case.champion, 0.5, 10);
        let drawn = bootstrap::replicates(&[&ours, &theirs], &[Metric::AucRoc], plan, &|| false);
        let deltas = drawn[0].improvements(Metric::AucRoc);
        let mean = deltas.iter().sum::<f64>() / deltas.len() as f64;
        let spread = (deltas.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / deltas.len() as f64).sqrt();
        let ratio = spread / case.delong.delta_se;
        assert!((0.9..1.1).contains(&ratio), "{}: {ratio}", case.name);
    }
}
