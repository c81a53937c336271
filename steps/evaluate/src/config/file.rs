//! `quality_gates.yaml` as it may be written. What the words mean is said in `gates`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::value::{GateValue, SeverityWord};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatesFile {
    /// The gates.
    pub evaluation: EvaluationFile,
}

/// The gates that a challenger has to pass.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationFile {
    /// Metric to the least value it may have: `auc_roc: 0.87`.
    pub minimum_thresholds: BTreeMap<String, GateValue>,
    /// Metric to the largest value it may have: `log_loss: 0.4`.
    pub maximum_thresholds: BTreeMap<String, GateValue>,
    /// `<metric>_delta` to the least improvement over the champion. Positive is better for every metric: for a
    /// metric that falls as it improves, the improvement is champion less challenger.
    pub champion_improvement: BTreeMap<String, GateValue>,
    /// What is done about the champion beside the deltas.
    pub champion: Option<ChampionFile>,
    /// Bounds on the answer time.
    pub latency: Option<LatencyFile>,
    /// Bounds on the gaps between groups.
    pub fairness: Option<FairnessFile>,
    /// How slices are held.
    pub slices: Option<SlicesFile>,
    /// How the calibration error is binned.
    pub calibration: Option<CalibrationFile>,
    /// How intervals are drawn.
    pub bootstrap: Option<BootstrapFile>,
    /// The score from which on a row counts as predicted positive (`>=`). Default 0.5.
    pub threshold: Option<f64>,
    /// Level of the intervals. Default 0.95.
    pub confidence: Option<f64>,
    /// Rows below which nothing is judged. Default 100.
    pub min_rows: Option<u64>,
    /// Rows of each class below which nothing is judged. Default 10.
    pub min_per_class: Option<u64>,
}

/// The champion.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChampionFile {
    /// What a model is told that comes without a champion to beat. Without this key such a run is an error:
    /// nobody forgets a champion by accident.
    pub first_model: Option<FirstModelWord>,
}

/// What becomes of a model that has no champion to beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FirstModelWord {
    /// The other gates decide; the deltas are reported as skipped.
    PassThresholds,
    /// It is rejected.
    Refuse,
}

/// Bounds on the answer time, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LatencyFile {
    /// Median.
    pub p50_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// Requests of one row each that are sent when no load report is given; p99_ms needs 299, p95_ms 59.
    /// Default 500.
    pub requests: Option<u64>,
    /// What a miss means. Default `error`.
    pub severity: Option<SeverityWord>,
}

/// Bounds on the gaps between the groups of the sensitive columns.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FairnessFile {
    /// Whether the gate is held. Default true.
    pub enabled: Option<bool>,
    /// The largest gap that any two groups may have.
    pub max_disparity: Option<f64>,
    /// Sensitive columns, beside those of `--sensitive-columns`.
    pub columns: Vec<String>,
    /// The gaps that are bounded. Default demographic_parity and tpr_gap.
    pub metrics: Option<Vec<GapWord>>,
    /// Rows below which a group is not judged (for a rate among positives or negatives: rows of that class).
    /// Default 50.
    pub min_rows: Option<u64>,
    /// What a miss means. Default `error`.
    pub severity: Option<SeverityWord>,
}

/// A gap between groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapWord {
    /// In the share that is predicted positive.
    DemographicParity,
    /// In the share of the positives that is predicted positive.
    TprGap,
    /// In the share of the negatives that is predicted positive.
    FprGap,
}

/// How slices are held.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SlicesFile {
    /// Columns to slice by, beside those of `--slice-columns`.
    pub columns: Vec<String>,
    /// Rows below which a slice is not judged: it warns. Default 100.
    pub min_rows: Option<u64>,
    /// Rows of each class below which a slice is not judged: it warns. Default 10.
    pub min_per_class: Option<u64>,
    /// The chance of one false alarm (`holm`) or the share of false alarms (`bh`). Default 0.05.
    pub alpha: Option<f64>,
    /// How the tests on all slices are corrected. Default `holm`.
    pub correction: Option<CorrectionWord>,
    /// The most values that a slice column may have. Default 100.
    pub max_values: Option<u64>,
    /// Metric to the least value it may have on every slice.
    pub minimum_thresholds: BTreeMap<String, GateValue>,
    /// What a miss of the champion test on a slice means. Default `error`.
    pub severity: Option<SeverityWord>,
}

/// A correction for many tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionWord {
    /// Holm: bounds the chance of even one false alarm.
    Holm,
    /// Benjamini-Hochberg: bounds the share of false alarms.
    Bh,
}

/// How the calibration error is binned.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CalibrationFile {
    /// Equal-width bins. Default 10.
    pub bins: Option<u64>,
}

/// How bootstrap intervals are drawn.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BootstrapFile {
    /// Replicates, at least 2000 and 20 / (1 - confidence), which is the default.
    pub replicates: Option<u64>,
    /// What the replicates are seeded with. Default 1.
    pub seed: Option<u64>,
    /// How the interval is read off. Default `percentile`.
    pub method: Option<MethodWord>,
}

/// How an interval is read off the replicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MethodWord {
    /// Percentiles.
    Percentile,
    /// Bias-corrected and accelerated.
    Bca,
}
