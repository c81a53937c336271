//! The names of the metrics, and which way is better.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A metric that a gate may bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    /// Area under the ROC curve, ties counted half.
    AucRoc,
    /// Average precision, the step-wise area under the precision-recall curve.
    AveragePrecision,
    /// Harmonic mean of precision and recall.
    F1Score,
    /// Share of the predicted positives that are positive.
    Precision,
    /// Share of the positives that are predicted positive.
    Recall,
    /// Share of the rows that are predicted right.
    Accuracy,
    /// Mean of recall and specificity.
    BalancedAccuracy,
    /// Share of the negatives that are predicted negative.
    Specificity,
    /// Matthews correlation coefficient.
    Mcc,
    /// Mean negative log-likelihood.
    LogLoss,
    /// Mean squared error of the probability.
    Brier,
    /// Expected calibration error over equal-width bins.
    Ece,
    /// Largest gap between the score distributions of the two classes.
    Ks,
    /// `2 * auc_roc - 1`.
    Gini,
}

/// Which way a metric improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// More is better: it takes a minimum.
    Higher,
    /// Less is better: it takes a maximum.
    Lower,
}

/// A metric name that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown metric `{name}`{}", hint(.nearest.as_deref()))]
pub struct UnknownMetric {
    /// What was asked for.
    pub name: String,
    /// The known name that is closest, when one is close.
    pub nearest: Option<String>,
}

fn hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(near) => format!(", did you mean `{near}`?"),
        None => {
            let names: Vec<_> = Metric::ALL.iter().map(|m| m.name()).collect();
            format!(", expected one of {}", names.join(", "))
        }
    }
}

impl Metric {
    /// Every metric, in the order of the report.
    pub const ALL: [Self; 14] = [
        Self::AucRoc,
        Self::AveragePrecision,
        Self::F1Score,
        Self::Precision,
        Self::Recall,
        Self::Accuracy,
        Self::BalancedAccuracy,
        Self::Specificity,
        Self::Mcc,
        Self::LogLoss,
        Self::Brier,
        Self::Ece,
        Self::Ks,
        Self::Gini,
    ];

    /// The name in gates files and reports.
    pub const fn name(self) -> &'static str {
        self.names()[0]
    }

    /// The name, then what MLflow, scikit-learn and common usage call the same number.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::AucRoc => &["auc_roc", "roc_auc", "roc_auc_score", "auc"],
            Self::AveragePrecision => &[
                "average_precision",
                "auc_pr",
                "pr_auc",
                "precision_recall_auc",
                "average_precision_score",
            ],
            Self::F1Score => &["f1_score", "f1"],
            Self::Precision => &["precision", "precision_score"],
            Self::Recall => &[
                "recall",
                "recall_score",
                "sensitivity",
                "tpr",
                "true_positive_rate",
            ],
            Self::Accuracy => &["accuracy", "accuracy_score"],
            Self::BalancedAccuracy => &["balanced_accuracy", "balanced_accuracy_score"],
            Self::Specificity => &["specificity", "tnr", "true_negative_rate"],
            Self::Mcc => &["mcc", "matthews_corrcoef", "matthews_correlation"],
            Self::LogLoss => &["log_loss", "logloss", "cross_entropy"],
            Self::Brier => &["brier", "brier_score", "brier_score_loss"],
            Self::Ece => &["ece", "expected_calibration_error"],
            Self::Ks => &["ks", "ks_statistic", "kolmogorov_smirnov"],
            Self::Gini => &["gini", "gini_coefficient"],
        }
    }

    /// Which way is better.
    pub const fn direction(self) -> Direction {
        match self {
            Self::LogLoss | Self::Brier | Self::Ece => Direction::Lower,
            _ => Direction::Higher,
        }
    }

    /// How much better `challenger` is than `champion`: positive is better, whatever the metric.
    ///
    /// ```
    /// use evaluate::metrics::Metric;
    /// assert_eq!(Metric::Accuracy.improvement(0.75, 0.5), 0.25);
    /// assert_eq!(Metric::Brier.improvement(0.25, 0.5), 0.25);
    /// ```
    pub fn improvement(self, challenger: f64, champion: f64) -> f64 {
        match self.direction() {
            Direction::Higher => challenger - champion,
            Direction::Lower => champion - challenger,
        }
    }

    /// What it can be: a bound outside would pass or fail any model.
    pub const fn range(self) -> (f64, f64) {
        match self {
            Self::Mcc | Self::Gini => (-1.0, 1.0),
            Self::LogLoss => (0.0, f64::INFINITY),
            _ => (0.0, 1.0),
        }
    }

    /// Whether it reads the decision at the threshold and not the score itself.
    pub const fn at_threshold(self) -> bool {
        matches!(
            self,
            Self::F1Score
                | Self::Precision
                | Self::Recall
                | Self::Accuracy
                | Self::BalancedAccuracy
                | Self::Specificity
                | Self::Mcc
        )
    }

    /// Whether it reads the score as a probability.
    pub const fn of_probability(self) -> bool {
        matches!(self, Self::LogLoss | Self::Brier | Self::Ece)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    /// Reads a name or an alias; case and `-` against `_` do not matter.
    fn from_str(name: &str) -> Result<Self, UnknownMetric> {
        let plain = name.to_ascii_lowercase().replace('-', "_");
        if let Some(metric) = Self::ALL
            .into_iter()
            .find(|m| m.names().contains(&plain.as_str()))
        {
            return Ok(metric);
        }
        let known = Self::ALL.iter().flat_map(|m| m.names().iter().copied());
        Err(UnknownMetric {
            name: name.to_owned(),
            nearest: step_contract::nearest(&plain, known).map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_and_belongs_to_one_metric() {
        for metric in Metric::ALL {
            for name in metric.names() {
                assert_eq!(name.parse(), Ok(metric));
            }
        }
    }

    #[test]
    fn a_typo_gets_the_nearest_name() {
        let error = "auc_rco".parse::<Metric>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown metric `auc_rco`, did you mean `auc_roc`?"
        );
        let error = "qqqqqqqqqqqqqqqqqq".parse::<Metric>().unwrap_err();
        assert!(
            error
                .to_string()
                .contains("expected one of auc_roc, average_precision")
        );
    }
}
