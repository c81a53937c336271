//! Rows that a model has scored, prepared once so that a metric is one pass.

use std::cell::OnceCell;

use super::{Confusion, Metric, MetricError, Sum, probability, ranking};

/// How often each row counts: once, or as often as a bootstrap drew it.
pub trait Weight {
    /// Whether sums have to keep their last digits. A resample has its own noise, and comes by the thousand.
    const EXACT: bool;

    /// The weight of the row.
    fn of(&self, row: usize) -> f64;
}

/// Every row once.
#[derive(Debug, Clone, Copy)]
pub struct Ones;

impl Weight for Ones {
    const EXACT: bool = true;

    fn of(&self, _row: usize) -> f64 {
        1.0
    }
}

/// Each row as often as it says.
#[derive(Debug, Clone, Copy)]
pub struct Counts<'a>(pub &'a [u32]);

impl Weight for Counts<'_> {
    const EXACT: bool = false;

    fn of(&self, row: usize) -> f64 {
        f64::from(self.0[row])
    }
}

/// Labels and finite scores of the same rows, with the order of the scores.
#[derive(Debug, Clone)]
pub struct Scored<'a> {
    labels: &'a [bool],
    scores: &'a [f64],
    threshold: f64,
    bins: usize,
    /// Rows by falling score.
    order: Vec<u32>,
    /// Where each run of equal scores ends in `order`.
    ends: Vec<u32>,
    /// What each row costs, and the bin that it falls in: a bootstrap asks for them thousands of times.
    log_loss: Vec<f64>,
    squared: Vec<f64>,
    bin: Vec<u16>,
    /// The labels in the order of the scores.
    ranked_labels: Vec<bool>,
    outside: usize,
}

impl<'a> Scored<'a> {
    /// Sorts the rows. Scores are finite and there are as many as labels: the caller has refused
    /// anything else by name.
    pub fn new(labels: &'a [bool], scores: &'a [f64], threshold: f64, bins: usize) -> Self {
        debug_assert_eq!(labels.len(), scores.len());
        let mut order: Vec<u32> = (0..).take(scores.len()).collect();
        order.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b)));
        let mut ends = Vec::new();
        for at in 0..order.len() {
            let here = scores[order[at] as usize];
            // `==` and not total_cmp: -0.0 and 0.0 are one score.
            let last = order
                .get(at + 1)
                .is_none_or(|&next| scores[next as usize] != here);
            if last {
                ends.push(at as u32 + 1);
            }
        }
        let ranked_labels = order.iter().map(|row| labels[*row as usize]).collect();
        let outside = scores.iter().filter(|s| !(0.0..=1.0).contains(*s)).count();
        let each =
            |loss: fn(bool, f64) -> f64| labels.iter().zip(scores).map(|(l, s)| loss(*l, *s)).collect();
        Self {
            labels,
            scores,
            threshold,
            bins,
            order,
            ends,
            log_loss: each(probability::log_loss),
            squared: each(probability::squared_error),
            bin: scores
                .iter()
                .map(|score| probability::bin_of(*score, bins))
                .collect(),
            ranked_labels,
            outside,
        }
    }

    /// The labels.
    pub fn labels(&self) -> &'a [bool] {
        self.labels
    }

    /// The scores.
    pub fn scores(&self) -> &'a [f64] {
        self.scores
    }

    /// The score from which on a row is predicted positive.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// How many equal-width bins the calibration error uses.
    pub fn bins(&self) -> usize {
        self.bins
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Whether the model calls this row positive: score at or above the threshold.
    pub fn predicts(&self, row: usize) -> bool {
        self.scores[row] >= self.threshold
    }

    /// Runs of equal scores from the highest to the lowest, as rows.
    pub(crate) fn ties(&self) -> impl Iterator<Item = &[u32]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let run = &self.order[start as usize..end as usize];
            start = end;
            run
        })
    }

    /// The confusion counts at the threshold.
    pub fn confusion<W: Weight>(&self, weight: &W) -> Confusion {
        let mut cells = [0.0; 4];
        for row in 0..self.len() {
            cells[usize::from(self.labels[row]) * 2 + usize::from(self.predicts(row))] += weight.of(row);
        }
        let [tn, fp, fn_, tp] = cells;
        Confusion { tp, fp, tn, fn_ }
    }

    /// One metric on all rows, each once.
    ///
    /// ```
    /// use evaluate::metrics::{Metric, Scored};
    /// let labels = [false, false, true, true];
    /// let scores = [0.1, 0.4, 0.35, 0.8];
    /// let rows = Scored::new(&labels, &scores, 0.5, 10);
    /// assert_eq!(rows.metric(Metric::AucRoc), Ok(0.75));
    /// assert_eq!(rows.metric(Metric::Precision), Ok(1.0));
    /// ```
    pub fn metric(&self, metric: Metric) -> Result<f64, MetricError> {
        self.weighted(metric, &Ones)
    }

    /// One metric on weighted rows.
    pub fn weighted<W: Weight>(&self, metric: Metric, weight: &W) -> Result<f64, MetricError> {
        Pass::new(self, weight).metric(metric)
    }

    /// Several metrics on weighted rows, with what they share counted once.
    pub fn many<W: Weight>(&self, metrics: &[Metric], weight: &W) -> Vec<Result<f64, MetricError>> {
        let pass = Pass::new(self, weight);
        metrics.iter().map(|metric| pass.metric(*metric)).collect()
    }

    /// Positives and negatives of each run of equal scores, from the highest score down. A score that no drawn
    /// row has does not occur.
    pub(super) fn runs<W: Weight>(&self, weight: &W) -> Vec<(f64, f64)> {
        let mut runs = Vec::with_capacity(self.ends.len());
        let mut start = 0;
        for &end in &self.ends {
            // Sums by class without a branch: labels are as good as random to the processor.
            let mut sums = [0.0; 2];
            for at in start..end as usize {
                sums[usize::from(self.ranked_labels[at])] += weight.of(self.order[at] as usize);
            }
            start = end as usize;
            if sums[0] + sums[1] > 0.0 {
                runs.push((sums[1], sums[0]));
            }
        }
        runs
    }

    /// What each row costs, for the metrics that are a mean of costs; `None` when a score is no probability.
    pub fn losses(&self, metric: Metric) -> Option<&[f64]> {
        match metric {
            Metric::LogLoss if self.outside == 0 => Some(&self.log_loss),
            Metric::Brier if self.outside == 0 => Some(&self.squared),
            _ => None,
        }
    }

    pub(super) fn bin(&self, row: usize) -> usize {
        usize::from(self.bin[row])
    }
}

/// Several metrics of the same rows under the same weights.
struct Pass<'s, 'a, W> {
    rows: &'s Scored<'a>,
    weight: &'s W,
    confusion: OnceCell<Confusion>,
    runs: OnceCell<Vec<(f64, f64)>>,
}

impl<'s, 'a, W: Weight> Pass<'s, 'a, W> {
    fn new(rows: &'s Scored<'a>, weight: &'s W) -> Self {
        Self {
            rows,
            weight,
            confusion: OnceCell::new(),
            runs: OnceCell::new(),
        }
    }

    fn metric(&self, metric: Metric) -> Result<f64, MetricError> {
        let rows = self.rows;
        if rows.is_empty() {
            return Err(MetricError::Empty { metric });
        }
        if metric.of_probability() && rows.outside > 0 {
            return Err(MetricError::NotProbability {
                metric,
                count: rows.outside,
            });
        }
        let runs = || self.runs.get_or_init(|| rows.runs(self.weight));
        match metric {
            Metric::AucRoc => ranking::auc(runs(), metric),
            Metric::Gini => ranking::auc(runs(), metric).map(|auc| 2.0 * auc - 1.0),
            Metric::AveragePrecision => ranking::average_precision(runs(), metric),
            Metric::Ks => ranking::ks(runs(), metric),
            Metric::LogLoss => Ok(mean(&rows.log_loss, self.weight)),
            Metric::Brier => Ok(mean(&rows.squared, self.weight)),
            Metric::Ece => Ok(probability::ece(rows, self.weight)),
            _ => self
                .confusion
                .get_or_init(|| rows.confusion(self.weight))
                .metric(metric),
        }
    }
}

fn mean<W: Weight>(losses: &[f64], weight: &W) -> f64 {
    if W::EXACT {
        let total: Sum = losses
            .iter()
            .enumerate()
            .map(|(row, loss)| weight.of(row) * loss)
            .collect();
        return total.value() / losses.len() as f64;
    }
    let (mut total, mut rows) = (0.0, 0.0);
    for (row, loss) in losses.iter().enumerate() {
        let times = weight.of(row);
        total += times * loss;
        rows += times;
    }
    total / rows
}
