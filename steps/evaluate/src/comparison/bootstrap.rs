//! Paired bootstrap of any metric, stratified by class.
//!
//! Efron & Tibshirani (1993). A replicate draws rows with replacement within each class, so that
//! both models see the same rows and no replicate loses a class. Rows are drawn as counts over
//! scores that are sorted once: a replicate is one pass, and no replicate sorts.

use rayon::prelude::*;

use super::{SplitMix64, interval};
use crate::metrics::{Counts, Metric, MetricError, Scored};

/// How to resample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How many replicates.
    pub replicates: usize,
    /// What they are seeded with.
    pub seed: u64,
    /// How the interval is read off.
    pub method: Method,
}

/// How an interval is read off the replicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Percentiles.
    Percentile,
    /// Bias-corrected and accelerated, with a jackknife over blocks of rows.
    Bca,
}

/// The replicates of one metric for each model.
#[derive(Debug, Clone, Default)]
pub struct Replicates {
    /// One list a model, one entry a replicate in which every model had a value.
    pub values: Vec<Vec<f64>>,
    /// Replicates in which some model had none.
    pub undefined: usize,
}

/// Blocks of the jackknife: as many as rows up to here, for the acceleration needs no more.
const JACKKNIFE_BLOCKS: usize = 200;

/// Draws the replicates of every metric for every model (all on the same labels).
///
/// `stop` is asked before each replicate; when it says so, what is missing is left out.
pub fn replicates(
    models: &[&Scored<'_>],
    metrics: &[Metric],
    plan: Plan,
    stop: &(dyn Fn() -> bool + Sync),
) -> Vec<Replicates> {
    let Some(first) = models.first() else {
        return vec![Replicates::default(); metrics.len()];
    };
    let rows_of = |class: bool| -> Vec<u32> {
        (0u32..)
            .zip(first.labels())
            .filter(|(_, l)| **l == class)
            .map(|(row, _)| row)
            .collect()
    };
    let classes = [rows_of(true), rows_of(false)];
    let drawn: Vec<Vec<Vec<Result<f64, MetricError>>>> = (0..plan.replicates as u64)
        .into_par_iter()
        .filter(|_| !stop())
        .map(|replicate| {
            let counts = draw(&classes, first.len(), plan.seed, replicate);
            models
                .iter()
                .map(|model| model.many(metrics, &Counts(&counts)))
                .collect()
        })
        .collect();
    (0..metrics.len())
        .map(|metric| gather(&drawn, metric, models.len()))
        .collect()
}

/// The values of one metric, of the replicates in which every model had one.
fn gather(drawn: &[Vec<Vec<Result<f64, MetricError>>>], metric: usize, models: usize) -> Replicates {
    let mut out = Replicates {
        values: vec![Vec::new(); models],
        undefined: 0,
    };
    for replicate in drawn {
        let values: Result<Vec<f64>, _> = replicate.iter().map(|model| model[metric].clone()).collect();
        match values {
            Ok(values) => out
                .values
                .iter_mut()
                .zip(values)
                .for_each(|(list, value)| list.push(value)),
            Err(_) => out.undefined += 1,
        }
    }
    out
}

fn draw(classes: &[Vec<u32>; 2], rows: usize, seed: u64, replicate: u64) -> Vec<u32> {
    let mut counts = vec![0; rows];
    let mut random = SplitMix64::of_replicate(seed, replicate);
    for class in classes {
        let size = class.len() as u32;
        for _ in 0..size {
            counts[class[random.below(size) as usize] as usize] += 1;
        }
    }
    counts
}

impl Replicates {
    /// The improvement of the first model over the second, replicate by replicate.
    pub fn improvements(&self, metric: Metric) -> Vec<f64> {
        match self.values.as_slice() {
            [challenger, champion, ..] => challenger
                .iter()
                .zip(champion)
                .map(|(a, b)| metric.improvement(*a, *b))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether so many replicates had no value that an interval would speak of the others only.
    pub fn too_often_undefined(&self) -> bool {
        let all = self.undefined + self.values.first().map_or(0, Vec::len);
        self.undefined * 100 > all
    }
}

/// The interval of a statistic of the models, and by which method: BCa has none where the replicates lie all to one side of the
/// value, and the percentiles stand in. `of` reads the statistic from one value a model.
pub fn interval(
    models: &[&Scored<'_>],
    metric: Metric,
    replicates: &[f64],
    (plan, level): (Plan, f64),
    of: &(dyn Fn(&[f64]) -> f64 + Sync),
) -> Option<((f64, f64), Method)> {
    let percentile = || Some((interval::percentile(replicates, level)?, Method::Percentile));
    if plan.method == Method::Percentile {
        return percentile();
    }
    let whole: Vec<f64> = models
        .iter()
        .map(|m| m.metric(metric))
        .collect::<Result<_, _>>()
        .ok()?;
    let left_out = jackknife(models, metric, of);
    match interval::bca(replicates, of(&whole), &left_out, level) {
        Some(ends) => Some((ends, Method::Bca)),
        None => percentile(),
    }
}

/// The statistic with each block of rows left out; blocks stride over the rows.
pub fn jackknife(models: &[&Scored<'_>], metric: Metric, of: &(dyn Fn(&[f64]) -> f64 + Sync)) -> Vec<f64> {
    let rows = models.first().map_or(0, |m| m.len());
    let blocks = rows.min(JACKKNIFE_BLOCKS);
    (0..blocks)
        .into_par_iter()
        .filter_map(|block| {
            let mut counts = vec![1; rows];
            counts
                .iter_mut()
                .skip(block)
                .step_by(blocks)
                .for_each(|count| *count = 0);
            let values: Result<Vec<f64>, _> = models
                .iter()
                .map(|m| m.weighted(metric, &Counts(&counts)))
                .collect();
            values.ok().map(|values| of(&values))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan {
        replicates: 200,
        seed: 7,
        method: Method::Percentile,
    };

    #[test]
    fn a_draw_keeps_the_size_of_each_class() {
        let classes = [vec![0, 2, 5], vec![1, 3, 4, 6]];
        for replicate in 0..50 {
            let counts = draw(&classes, 7, 1, replicate);
            assert_eq!(counts[0] + counts[2] + counts[5], 3);
            assert_eq!(counts.iter().sum::<u32>(), 7);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_replicates_on_any_number_of_threads() {
        let labels: Vec<bool> = (0..60).map(|i| i % 3 == 0).collect();
        let scores: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 60) / 60.0).collect();
        let rows = Scored::new(&labels, &scores, 0.5, 10);
        let run = |threads| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap()
                .install(|| replicates(&[&rows, &rows], &[Metric::F1Score], PLAN, &|| false))
        };
        let (one, four) = (run(1), run(4));
        assert_eq!(one[0].values, four[0].values);
        assert_eq!(one[0].improvements(Metric::F1Score), vec![0.0; 200]);
    }
}
