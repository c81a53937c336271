//! Metrics of the order of the scores: AUC, average precision, KS, and the two curves.

use super::{Metric, MetricError, Ones, Scored, Sum};

/// One point of the ROC and precision-recall curves: the rows at or above one score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// The score from which on rows are taken.
    pub score: f64,
    /// Share of the positives taken.
    pub recall: f64,
    /// Share of the negatives taken.
    pub false_positive_rate: f64,
    /// Share of the taken that are positive.
    pub precision: f64,
}

fn totals(runs: &[(f64, f64)], metric: Metric) -> Result<(f64, f64), MetricError> {
    let (positives, negatives) = runs.iter().fold((0.0, 0.0), |(positives, negatives), (p, n)| {
        (positives + p, negatives + n)
    });
    match (positives > 0.0, negatives > 0.0) {
        (true, true) => Ok((positives, negatives)),
        (any, _) => Err(MetricError::SingleClass {
            metric,
            only: u8::from(any),
        }),
    }
}

/// Hanley & McNeil (1982): the share of positive-negative pairs in order, ties counted half.
pub(super) fn auc(runs: &[(f64, f64)], metric: Metric) -> Result<f64, MetricError> {
    let (positives, negatives) = totals(runs, metric)?;
    let (mut above, mut pairs) = (0.0, 0.0);
    for (p, n) in runs {
        // Counts are integers, so twice the number of ordered pairs is exact below 2^53.
        pairs += n * (2.0 * above + p);
        above += p;
    }
    Ok(pairs / (2.0 * positives * negatives))
}

/// `sum (R_n - R_{n-1}) P_n`, as scikit-learn's `average_precision_score`: no interpolation.
pub(super) fn average_precision(runs: &[(f64, f64)], metric: Metric) -> Result<f64, MetricError> {
    let (positives, _) = totals(runs, metric)?;
    let (mut taken, mut hits) = (0.0, 0.0);
    let mut area = Sum::default();
    for (p, n) in runs {
        taken += p + n;
        hits += p;
        if *p > 0.0 {
            area.add(p * (hits / taken));
        }
    }
    Ok(area.value() / positives)
}

/// The two-sample Kolmogorov-Smirnov statistic of the scores of the two classes.
pub(super) fn ks(runs: &[(f64, f64)], metric: Metric) -> Result<f64, MetricError> {
    let (positives, negatives) = totals(runs, metric)?;
    let (mut hits, mut alarms) = (0.0, 0.0);
    let mut widest: f64 = 0.0;
    for (p, n) in runs {
        hits += p;
        alarms += n;
        widest = widest.max((hits / positives - alarms / negatives).abs());
    }
    Ok(widest)
}

/// Points of the ROC and precision-recall curves, from the highest score down: all, or `most` of them, evenly.
pub fn curve(rows: &Scored<'_>, most: usize) -> Result<Vec<CurvePoint>, MetricError> {
    let runs = rows.runs(&Ones);
    let (positives, negatives) = totals(&runs, Metric::AucRoc)?;
    let (mut hits, mut alarms) = (0.0, 0.0);
    let scores = rows.ties().map(|run| rows.scores()[run[0] as usize]);
    let last = runs.len() - 1;
    let mut wanted = (0..most)
        .map(|at| at * last / most.saturating_sub(1).max(1))
        .peekable();
    let mut points = Vec::new();
    for (at, ((p, n), score)) in runs.iter().zip(scores).enumerate() {
        hits += p;
        alarms += n;
        let drawn = runs.len() <= most || wanted.next_if(|next| *next <= at).is_some();
        points.extend(drawn.then(|| CurvePoint {
            score,
            recall: hits / positives,
            false_positive_rate: alarms / negatives,
            precision: hits / (hits + alarms),
        }));
    }
    Ok(points)
}
