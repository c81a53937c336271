//! Standard errors in one pass, for so many rows that resampling would cost minutes and tell the same.
//!
//! The delta method on class means (van der Vaart 1998, "Asymptotic Statistics", chapter 3): a decision metric is a
//! function of the shares of positives and of negatives that are predicted positive, a loss the mean of its rows. Like
//! the bootstrap here it keeps the size of each class, and pairs are compared row by row.

use super::delong::Estimate;
use crate::metrics::{Confusion, Metric, Scored};

/// The metric with its standard error. `None` for metrics that are no smooth function of means.
pub fn estimate(rows: &Scored<'_>, metric: Metric) -> Option<Estimate> {
    let value = rows.metric(metric).ok()?;
    Some(Estimate {
        value,
        se: spread(rows.labels(), &influence(rows, metric)?),
    })
}

/// The improvement of the first over the second, on the same rows.
pub fn improvement(ours: &Scored<'_>, theirs: &Scored<'_>, metric: Metric) -> Option<Estimate> {
    let value = metric.improvement(ours.metric(metric).ok()?, theirs.metric(metric).ok()?);
    let mut differences = influence(ours, metric)?;
    for (difference, other) in differences.iter_mut().zip(influence(theirs, metric)?) {
        *difference -= other;
    }
    Some(Estimate {
        value,
        se: spread(ours.labels(), &differences),
    })
}

/// What each row contributes to the metric, to first order and up to a constant of its class; times its class's size.
fn influence(rows: &Scored<'_>, metric: Metric) -> Option<Vec<f64>> {
    let labels = rows.labels();
    let positives = labels.iter().filter(|label| **label).count() as f64;
    let negatives = labels.len() as f64 - positives;
    match metric {
        Metric::LogLoss | Metric::Brier => {
            let shares = [negatives, positives].map(|class| class / labels.len() as f64);
            let losses = rows.losses(metric)?;
            Some(
                losses
                    .iter()
                    .zip(labels)
                    .map(|(loss, label)| loss * shares[usize::from(*label)])
                    .collect(),
            )
        }
        _ if metric.at_threshold() => {
            let counts = rows.confusion(&crate::metrics::Ones);
            let at = |tp: f64, fp: f64| {
                let moved = Confusion {
                    tp,
                    fp,
                    tn: negatives - fp,
                    fn_: positives - tp,
                };
                moved.metric(metric).ok()
            };
            // One row more and one row less, held inside what is possible.
            let slope = |of: &dyn Fn(f64) -> Option<f64>, here: f64, most: f64| -> Option<f64> {
                let (low, high) = ((here - 1.0).max(0.0), (here + 1.0).min(most));
                Some((of(high)? - of(low)?) / (high - low))
            };
            let by_tp = slope(&|tp| at(tp, counts.fp), counts.tp, positives)? * positives;
            let by_fp = slope(&|fp| at(counts.tp, fp), counts.fp, negatives)? * negatives;
            let slopes = [by_fp, by_tp];
            let of = |row: usize| {
                if rows.predicts(row) {
                    slopes[usize::from(labels[row])]
                } else {
                    0.0
                }
            };
            Some((0..labels.len()).map(of).collect())
        }
        _ => None,
    }
}

/// The standard error of the sum of the two class means.
fn spread(labels: &[bool], values: &[f64]) -> f64 {
    let variance = |class: bool| {
        let mine = || {
            values
                .iter()
                .zip(labels)
                .filter(|(_, label)| **label == class)
                .map(|(value, _)| *value)
        };
        let n = mine().count() as f64;
        if n < 2.0 {
            return 0.0;
        }
        let mean = mine().sum::<f64>() / n;
        mine().map(|value| (value - mean).powi(2)).sum::<f64>() / n / n
    };
    (variance(true) + variance(false)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::bootstrap::{Method, Plan, replicates};

    #[test]
    fn the_delta_method_agrees_with_the_bootstrap() {
        let mut random = crate::comparison::SplitMix64::new(5);
        let mut unit = || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let labels: Vec<bool> = (0..3000).map(|_| unit() < 0.3).collect();
        let mut scores = |signal: f64| -> Vec<f64> {
            labels
                .iter()
                .map(|label| {
                    (0.35 + signal * f64::from(u8::from(*label)) + unit() * 0.4 - 0.2).clamp(0.01, 0.99)
                })
                .collect()
        };
        let (ours, theirs) = (scores(0.3), scores(0.2));
        let (ours, theirs) = (
            Scored::new(&labels, &ours, 0.5, 10),
            Scored::new(&labels, &theirs, 0.5, 10),
        );
        let metrics: Vec<Metric> = Metric::ALL
            .into_iter()
            .filter(|metric| influence(&ours, *metric).is_some())
            .collect();
        assert_eq!(metrics.len(), 9);
        let plan = Plan {
            replicates: 3000,
            seed: 3,
            method: Method::Percentile,
        };
        let drawn = replicates(&[&ours, &theirs], &metrics, plan, &|| false);
        let deviation = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
        };
        for (metric, drawn) in metrics.iter().zip(&drawn) {
            let alone = estimate(&ours, *metric).unwrap().se / deviation(&drawn.values[0]);
            let paired =
                improvement(&ours, &theirs, *metric).unwrap().se / deviation(&drawn.improvements(*metric));
            assert!(
                (0.93..1.07).contains(&alone) && (0.93..1.07).contains(&paired),
                "{metric}: {alone} {paired}"
            );
        }
    }
}
