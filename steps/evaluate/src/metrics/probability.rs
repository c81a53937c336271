//! Metrics that read the score as a probability.

use super::{Ones, Scored, Sum, Weight};

/// One bin of the reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationBin {
    /// Lower edge, outside the bin except for the first.
    pub lower: f64,
    /// Upper edge, inside the bin.
    pub upper: f64,
    /// Rows in it.
    pub rows: f64,
    /// Mean score of those rows.
    pub predicted: f64,
    /// Share of those rows that are positive.
    pub observed: f64,
}

/// Negative log-likelihood of one row. scikit-learn clips to the machine epsilon: a certain and
/// wrong prediction costs 36.04, not infinity.
pub(super) fn log_loss(label: bool, score: f64) -> f64 {
    let likelihood = if label { score } else { 1.0 - score };
    -likelihood.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
}

/// Squared error of one row (Brier 1950).
pub(super) fn squared_error(label: bool, score: f64) -> f64 {
    let miss = f64::from(u8::from(label)) - score;
    miss * miss
}

/// Bins `(0, 1/k], .. ((k-1)/k, 1]`, the first closed, as scikit-learn's `calibration_curve`.
pub(super) fn bin_of(score: f64, bins: usize) -> u16 {
    // The edges are i/k as a double: compare with them, for ceil(score * k) rounds across one.
    let edge = |i: usize| i as f64 / bins as f64;
    let guess = ((score * bins as f64).ceil() as usize).clamp(1, bins) - 1;
    let bin = if guess > 0 && score <= edge(guess) {
        guess - 1
    } else if guess + 1 < bins && score > edge(guess + 1) {
        guess + 1
    } else {
        guess
    };
    bin as u16
}

/// Rows, scores and positives of each bin.
fn binned<W: Weight>(rows: &Scored<'_>, weight: &W) -> Vec<[f64; 3]> {
    let mut bins = vec![[0.0; 3]; rows.bins()];
    let mut sums = vec![Sum::default(); if W::EXACT { rows.bins() } else { 0 }];
    for (row, (&label, &score)) in rows.labels().iter().zip(rows.scores()).enumerate() {
        let (times, at) = (weight.of(row), rows.bin(row));
        let bin = &mut bins[at];
        bin[0] += times;
        bin[1] += times * score;
        bin[2] += times * f64::from(u8::from(label));
        if W::EXACT {
            sums[at].add(times * score);
        }
    }
    for (bin, sum) in bins.iter_mut().zip(sums) {
        bin[1] = sum.value();
    }
    bins
}

/// Naeini, Cooper & Hauskrecht (2015), "Obtaining Well Calibrated Probabilities Using Bayesian
/// Binning": the mean distance between score and truth over equal-width bins, by rows.
pub(super) fn ece<W: Weight>(rows: &Scored<'_>, weight: &W) -> f64 {
    let bins = binned(rows, weight);
    let all: f64 = bins.iter().map(|bin| bin[0]).sum();
    let gaps: Sum = bins
        .iter()
        .map(|[_, scores, hits]| (hits - scores).abs())
        .collect();
    gaps.value() / all
}

/// The reliability diagram: bins that hold rows, lowest first.
pub fn calibration_curve(rows: &Scored<'_>) -> Vec<CalibrationBin> {
    let width = rows.bins() as f64;
    binned(rows, &Ones)
        .into_iter()
        .enumerate()
        .filter(|(_, [count, ..])| *count > 0.0)
        .map(|(at, [count, scores, hits])| CalibrationBin {
            lower: at as f64 / width,
            upper: (at + 1) as f64 / width,
            rows: count,
            predicted: scores / count,
            observed: hits / count,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::bin_of;

    #[test]
    fn a_score_on_an_edge_belongs_below_it() {
        assert_eq!(bin_of(0.0, 10), 0);
        assert_eq!(bin_of(0.1, 10), 0);
        assert_eq!(bin_of(0.100_000_000_000_001, 10), 1);
        assert_eq!(bin_of(1.0, 10), 9);
        for i in 1..15 {
            assert_eq!(bin_of(f64::from(i) / 15.0, 15), i as u16 - 1, "edge {i}");
        }
    }
}
