//! The gates after every name and number has been checked.

use step_report::Severity;

use crate::comparison::bootstrap;
use crate::metrics::Metric;

/// What a challenger is held to.
#[derive(Debug, Clone, PartialEq)]
pub struct Gates {
    /// The score from which on a row counts as predicted positive.
    pub threshold: f64,
    /// Level of the intervals.
    pub confidence: f64,
    /// Bins of the calibration error.
    pub bins: usize,
    /// Rows below which nothing is judged.
    pub min_rows: u64,
    /// Rows of each class below which nothing is judged.
    pub min_per_class: u64,
    /// Bounds on metrics.
    pub thresholds: Vec<ThresholdGate>,
    /// Bounds on the improvement over the champion.
    pub champion: Vec<ChampionGate>,
    /// What a model without champion is told; `None`: such a run is an error.
    pub first_model: Option<FirstModel>,
    /// Bounds on the answer time.
    pub latency: Option<Latency>,
    /// Bounds on gaps between groups.
    pub fairness: Option<Fairness>,
    /// How slices are held.
    pub slices: Slices,
    /// How intervals are drawn.
    pub bootstrap: bootstrap::Plan,
}

/// Which side of the bound is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The value must not be below.
    Minimum,
    /// The value must not be above.
    Maximum,
}

/// A bound on one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdGate {
    /// Which.
    pub metric: Metric,
    /// From which side.
    pub side: Side,
    /// Where.
    pub bound: f64,
    /// The value, or the end of its interval that is nearer to the bound.
    pub rule: ThresholdRule,
    /// What a miss means.
    pub severity: Severity,
    /// Rows that it needs.
    pub min_rows: u64,
    /// Where it is held.
    pub on: On,
}

/// Where a threshold is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct On {
    /// On all rows.
    pub all: bool,
    /// On every slice.
    pub slices: bool,
}

/// How a threshold is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThresholdRule {
    /// By the value.
    Point,
    /// By the end of the interval that is nearer to the bound.
    Interval,
}

/// A bound on the improvement over the champion.
#[derive(Debug, Clone, PartialEq)]
pub struct ChampionGate {
    /// Which metric.
    pub metric: Metric,
    /// How.
    pub rule: ChampionRule,
    /// The error that the tests may have.
    pub alpha: f64,
    /// What a miss means.
    pub severity: Severity,
    /// Rows that it needs.
    pub min_rows: u64,
    /// Whether no slice may be significantly worse.
    pub on_slices: bool,
}

/// How a challenger is held against the champion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ChampionRule {
    /// The improvement is at least this.
    Point(f64),
    /// The lower end of its interval is at least this.
    CiLower(f64),
    /// It is positive at `alpha`, and at least this.
    Superiority(f64),
    /// It is above minus this margin at `alpha`.
    NonInferiority(f64),
}

/// What a model without champion is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstModel {
    /// The other gates decide.
    PassThresholds,
    /// It is rejected.
    Refuse,
}

/// Bounds on the answer time.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    /// Each bound in milliseconds.
    pub bounds: Vec<(Quantile, f64)>,
    /// Requests to send without a load report.
    pub requests: usize,
    /// What a miss means.
    pub severity: Severity,
}

/// A quantile of the answer time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantile {
    /// The median.
    P50,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
}

impl Quantile {
    /// Its name in gates files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50_ms",
            Self::P95 => "p95_ms",
            Self::P99 => "p99_ms",
        }
    }

    /// The share of requests that are not slower.
    pub const fn share(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P95 => 0.95,
            Self::P99 => 0.99,
        }
    }
}

/// Bounds on gaps between groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Fairness {
    /// The largest gap allowed.
    pub max_disparity: f64,
    /// Sensitive columns of the gates file.
    pub columns: Vec<String>,
    /// The gaps that are bounded.
    pub gaps: Vec<Gap>,
    /// Rows that a group needs.
    pub min_rows: u64,
    /// What a miss means.
    pub severity: Severity,
}

/// A gap between groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// In the share that is predicted positive.
    DemographicParity,
    /// In the share of the positives that is predicted positive.
    Tpr,
    /// In the share of the negatives that is predicted positive.
    Fpr,
}

impl Gap {
    /// Its name in checks.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DemographicParity => "demographic_parity_difference",
            Self::Tpr => "tpr_gap",
            Self::Fpr => "fpr_gap",
        }
    }

    /// What is compared, for people.
    pub const fn rate(self) -> &'static str {
        match self {
            Self::DemographicParity => "predicted positive",
            Self::Tpr => "of the positives found",
            Self::Fpr => "of the negatives alarmed on",
        }
    }

    /// The rows that the rate is a share of.
    pub const fn among(self) -> &'static str {
        match self {
            Self::DemographicParity => "rows",
            Self::Tpr => "positive rows",
            Self::Fpr => "negative rows",
        }
    }
}

/// How slices are held.
#[derive(Debug, Clone, PartialEq)]
pub struct Slices {
    /// Slice columns of the gates file.
    pub columns: Vec<String>,
    /// Rows below which a slice is not judged.
    pub min_rows: u64,
    /// Rows of each class below which a slice is not judged.
    pub min_per_class: u64,
    /// The error that the tests together may have.
    pub alpha: f64,
    /// How they are corrected.
    pub correction: Correction,
    /// The most values of a slice column.
    pub max_values: usize,
    /// What a slice that is significantly worse means.
    pub severity: Severity,
}

/// A correction for many tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    /// Holm.
    Holm,
    /// Benjamini-Hochberg.
    BenjaminiHochberg,
}

impl Correction {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holm => "Holm",
            Self::BenjaminiHochberg => "Benjamini-Hochberg",
        }
    }
}
