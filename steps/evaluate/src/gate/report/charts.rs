//! The charts.

use step_report::{Format, Histogram, Lines, Section};

use crate::decide::Models;
use crate::metrics::{CurvePoint, Scored, calibration_curve, curve};

/// Points of a curve that are drawn: more cannot be told apart.
const POINTS: usize = 200;
/// Bins of the histogram of scores.
const BINS: usize = 40;

fn sides<'m, 'a>(models: &'m Models<'a>) -> impl Iterator<Item = (&'static str, &'m Scored<'a>)> {
    std::iter::once(("challenger", &models.challenger))
        .chain(models.champion.iter().map(|champion| ("champion", champion)))
}

/// ROC and precision-recall; nothing when a class is missing.
pub(super) fn curves(models: &Models<'_>) -> Vec<Section> {
    let all: Vec<(&str, Vec<CurvePoint>)> = sides(models)
        .filter_map(|(name, model)| Some((name, curve(model, POINTS).ok()?)))
        .collect();
    if all.is_empty() {
        return Vec::new();
    }
    let mut roc = Lines::new("ROC curve")
        .axes("false positive rate", "true positive rate")
        .formats(Format::Percent, Format::Percent);
    let mut precision = Lines::new("Precision and recall")
        .axes("recall", "precision")
        .formats(Format::Percent, Format::Percent);
    for (name, points) in all {
        let start = std::iter::once([0.0, 0.0]);
        let line: Vec<[f64; 2]> = start
            .chain(points.iter().map(|p| [p.false_positive_rate, p.recall]))
            .collect();
        roc = roc.line(name, line);
        let line: Vec<[f64; 2]> = points.iter().map(|p| [p.recall, p.precision]).collect();
        precision = precision.line(name, line);
    }
    roc = roc.line("by chance", vec![[0.0, 0.0], [1.0, 1.0]]);
    vec![roc.into(), precision.into()]
}

/// The reliability diagram; nothing when a score is no probability.
pub(super) fn calibration(models: &Models<'_>) -> Option<Section> {
    let probability = |model: &Scored<'_>| model.scores().iter().all(|score| (0.0..=1.0).contains(score));
    if models.challenger.is_empty() || !sides(models).all(|(_, model)| probability(model)) {
        return None;
    }
    let mut lines = Lines::new("Calibration")
        .axes("mean score of the bin", "share that is positive")
        .formats(Format::Percent, Format::Percent)
        .note(format!(
            "{} equal-width bins; empty ones are left out.",
            models.challenger.bins()
        ));
    for (name, model) in sides(models) {
        let points: Vec<[f64; 2]> = calibration_curve(model)
            .iter()
            .map(|bin| [bin.predicted, bin.observed])
            .collect();
        lines = lines.line(name, points);
    }
    Some(lines.line("calibrated", vec![[0.0, 0.0], [1.0, 1.0]]).into())
}

/// How the challenger's scores lie, by class.
pub(super) fn scores(models: &Models<'_>) -> Section {
    let model = &models.challenger;
    let (low, high) = model
        .scores()
        .iter()
        .fold((0.0_f64, 1.0_f64), |(low, high), score| {
            (low.min(*score), high.max(*score))
        });
    let width = (high - low) / BINS as f64;
    let edges: Vec<f64> = (0..=BINS).map(|edge| low + width * edge as f64).collect();
    let mut heights = [vec![0.0; BINS], vec![0.0; BINS]];
    let mut totals = [0.0_f64; 2];
    for (score, label) in model.scores().iter().zip(model.labels()) {
        let bin = (((score - low) / width) as usize).min(BINS - 1);
        heights[usize::from(*label)][bin] += 1.0;
        totals[usize::from(*label)] += 1.0;
    }
    let [negative, positive] = heights;
    let share = |counts: Vec<f64>, total: f64| -> Vec<f64> {
        counts.into_iter().map(|count| count / total.max(1.0)).collect()
    };
    Histogram::new("Scores of the challenger by class", edges)
        .axes("score", "share of the class")
        .series("label 0", share(negative, totals[0]))
        .series("label 1", share(positive, totals[1]))
        .format(Format::Percent)
        .into()
}
