//! The four counts of a decision, and the metrics that need no more.

use super::{Metric, MetricError};

/// Counts of a binary decision against the truth.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Confusion {
    /// Positive and predicted positive.
    pub tp: f64,
    /// Negative and predicted positive.
    pub fp: f64,
    /// Negative and predicted negative.
    pub tn: f64,
    /// Positive and predicted negative.
    pub fn_: f64,
}

impl Confusion {
    /// Rows that are positive.
    pub fn positives(self) -> f64 {
        self.tp + self.fn_
    }

    /// Rows that are negative.
    pub fn negatives(self) -> f64 {
        self.tn + self.fp
    }

    /// Rows that are predicted positive.
    pub fn selected(self) -> f64 {
        self.tp + self.fp
    }

    /// All rows.
    pub fn rows(self) -> f64 {
        self.positives() + self.negatives()
    }

    /// Successes and trials, for the metrics that are a plain proportion of rows.
    pub fn proportion(self, metric: Metric) -> Option<(f64, f64)> {
        match metric {
            Metric::Precision => Some((self.tp, self.selected())),
            Metric::Recall => Some((self.tp, self.positives())),
            Metric::Specificity => Some((self.tn, self.negatives())),
            Metric::Accuracy => Some((self.tp + self.tn, self.rows())),
            _ => None,
        }
    }

    /// A metric of the decision at the threshold.
    ///
    /// ```
    /// use evaluate::metrics::{Confusion, Metric};
    /// let counts = Confusion { tp: 6.0, fp: 2.0, tn: 8.0, fn_: 4.0 };
    /// assert_eq!(counts.metric(Metric::Precision), Ok(0.75));
    /// assert_eq!(counts.metric(Metric::Recall), Ok(0.6));
    /// assert_eq!(counts.metric(Metric::BalancedAccuracy), Ok(0.7));
    /// ```
    pub fn metric(self, metric: Metric) -> Result<f64, MetricError> {
        let ratio = |part: f64, whole: f64, empty: &'static str| {
            if whole > 0.0 {
                Ok(part / whole)
            } else {
                Err(MetricError::EmptyDenominator { metric, empty })
            }
        };
        match metric {
            Metric::Precision => ratio(self.tp, self.selected(), "no row is predicted positive"),
            Metric::Recall => ratio(self.tp, self.positives(), "no row is positive"),
            Metric::Specificity => ratio(self.tn, self.negatives(), "no row is negative"),
            Metric::Accuracy => ratio(self.tp + self.tn, self.rows(), "there are no rows"),
            Metric::BalancedAccuracy => {
                self.both_classes(metric)?;
                Ok((self.tp / self.positives() + self.tn / self.negatives()) / 2.0)
            }
            Metric::Mcc => {
                self.both_classes(metric)?;
                Ok(self.mcc())
            }
            _ => {
                let whole = 2.0 * self.tp + self.fp + self.fn_;
                ratio(
                    2.0 * self.tp,
                    whole,
                    "no row is positive and none is predicted positive",
                )
            }
        }
    }

    /// Chicco & Jurman (2020), doi:10.1186/s12864-019-6413-7: a constant prediction has MCC 0.
    fn mcc(self) -> f64 {
        let rejected = self.tn + self.fn_;
        if self.selected() == 0.0 || rejected == 0.0 {
            return 0.0;
        }
        let covariance = self.tp * self.tn - self.fp * self.fn_;
        // Two roots and not one of the product: four large counts overflow the exact integers.
        covariance / ((self.selected() * rejected).sqrt() * (self.positives() * self.negatives()).sqrt())
    }

    fn both_classes(self, metric: Metric) -> Result<(), MetricError> {
        match (self.positives() > 0.0, self.negatives() > 0.0) {
            (true, true) => Ok(()),
            (positives, _) => Err(MetricError::SingleClass {
                metric,
                only: u8::from(positives),
            }),
        }
    }
}
