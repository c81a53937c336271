//! From evidence to a decision. Pure: no clock, no files, no network.
//!
//! One check a file. Nothing here can pass for want of evidence: a metric without a value, too few rows, a score
//! that is missing are outcomes with a name, and on all rows each of them rejects.

mod behaviour;
mod champion;
mod estimate;
mod fairness;
mod figures;
mod latency;
mod rows;
mod slices;
mod thresholds;
mod verdict;

use std::collections::BTreeMap;

use step_report::Check;

use crate::config::behaviour::Test;
use crate::config::{Gates, On};
use crate::evidence::{Evidence, distinct};
use crate::metrics::{Metric, Ones, Scored};

pub use estimate::{Improvement, Known, Models, Valued, Wanted};
pub use fairness::{GroupRate, group_rates};
pub use figures::{apart, count, p_value, range, show};
pub use slices::SliceLine;
pub use verdict::{Verdict, summarise};

/// What was decided, and the numbers that it rests on.
#[derive(Debug)]
pub struct Decision<'a> {
    /// The word.
    pub verdict: Verdict,
    /// One sentence.
    pub reason: String,
    /// Every check.
    pub checks: Vec<Check>,
    /// Metrics of all rows; empty when scores are missing.
    pub known: BTreeMap<Metric, Known>,
    /// Metrics of every slice.
    pub slices: Vec<SliceLine>,
    /// The models, for the curves; none when scores are missing.
    pub models: Option<Models<'a>>,
}

/// The rows of one subset: how many there are, and of each class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// All.
    pub rows: u64,
    /// Positive.
    pub positives: u64,
}

impl Size {
    /// Counts labels.
    pub fn of(labels: &[bool]) -> Self {
        Self {
            rows: labels.len() as u64,
            positives: labels.iter().filter(|label| **label).count() as u64,
        }
    }

    /// Negative rows.
    pub fn negatives(self) -> u64 {
        self.rows - self.positives
    }

    /// What is missing for a judgement, in words; `None` when there are enough.
    pub fn lacks(self, min_rows: u64, min_per_class: u64) -> Option<String> {
        let smaller = self.positives.min(self.negatives());
        (self.rows < min_rows || smaller < min_per_class).then(|| {
            format!(
                "{}, {} of them positive and {} negative; {min_rows} rows and {min_per_class} of each class are needed",
                count(self.rows, "row", "rows"),
                self.positives,
                self.negatives()
            )
        })
    }
}

/// Holds the evidence to the gates. `stop` is asked now and then; when it says so the decision is worthless.
pub fn decide<'a>(
    gates: &Gates,
    tests: &[Test],
    evidence: &'a Evidence,
    stop: &(dyn Fn() -> bool + Sync),
) -> Decision<'a> {
    let mut checks = rows::scores(evidence);
    let size = Size::of(&evidence.rows.labels);
    checks.push(rows::enough(gates, size));
    let complete = |scores: &crate::evidence::Scores| scores.missing.is_empty();
    let models = complete(&evidence.challenger).then(|| Models {
        challenger: scored(gates, evidence, &evidence.challenger.values),
        champion: evidence
            .champion
            .as_ref()
            .filter(|c| complete(c))
            .map(|c| scored(gates, evidence, &c.values)),
    });
    let gated = gated(gates);
    let wanted = Wanted {
        level: gates.confidence,
        plan: gates.bootstrap,
        gated: &gated,
        stop,
    };
    let known = models
        .as_ref()
        .map(|models| estimate::estimate(models, &Metric::ALL, &wanted))
        .unwrap_or_default();
    checks.extend(thresholds::all_rows(gates, &known, size));
    checks.extend(champion::all_rows(gates, evidence, &known, size));
    let slices = models
        .as_ref()
        .map(|models| slices::measure(gates, evidence, models, &wanted))
        .unwrap_or_default();
    checks.extend(slices::hold(gates, &slices));
    checks.extend(fairness::hold(gates, evidence, models.as_ref()));
    checks.extend(latency::hold(gates, evidence));
    checks.extend(behaviour::hold(gates, tests, evidence));
    let (verdict, reason) = summarise(&checks);
    Decision {
        verdict,
        reason,
        checks,
        known,
        slices,
        models,
    }
}

fn scored<'a>(gates: &Gates, evidence: &'a Evidence, scores: &'a [f64]) -> Scored<'a> {
    Scored::new(&evidence.rows.labels, scores, gates.threshold, gates.bins)
}

/// The metrics that a gate names.
fn gated(gates: &Gates) -> Vec<Metric> {
    let thresholds = gates.thresholds.iter().map(|gate| gate.metric);
    distinct(thresholds.chain(gates.champion.iter().map(|gate| gate.metric)))
}

/// The metrics that have to be known on every slice: what is held there, and the AUC for the table.
fn slice_metrics(gates: &Gates) -> Vec<Metric> {
    let thresholds = gates
        .thresholds
        .iter()
        .filter(|gate| matches!(gate.on, On { slices: true, .. }));
    let deltas = gates.champion.iter().filter(|gate| gate.on_slices);
    distinct(
        thresholds
            .map(|gate| gate.metric)
            .chain(deltas.map(|gate| gate.metric))
            .chain([Metric::AucRoc]),
    )
}

/// The confusion of a model over all rows.
pub fn confusion(model: &Scored<'_>) -> crate::metrics::Confusion {
    model.confusion(&Ones)
}
