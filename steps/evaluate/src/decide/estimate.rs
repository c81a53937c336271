//! Values, improvements and how sure they are, for any subset of the rows.

use std::collections::BTreeMap;

use drift_stats::{Confidence, Proportion};

use crate::comparison::bootstrap::{self, Plan, Replicates};
use crate::comparison::closed;
use crate::comparison::delong::{Estimate, Placements};
use crate::comparison::interval::percentile;
use crate::comparison::mcnemar::Discordant;
use crate::comparison::unvaried::Unvaried;
use crate::metrics::{Metric, MetricError, Ones, Scored};

/// Champion and challenger on the same rows.
#[derive(Debug)]
pub struct Models<'a> {
    /// The model on trial.
    pub challenger: Scored<'a>,
    /// The model to beat.
    pub champion: Option<Scored<'a>>,
}

/// How sure one wants to be.
pub struct Wanted<'a> {
    /// Level of the intervals.
    pub level: f64,
    /// How the bootstrap draws.
    pub plan: Plan,
    /// Metrics that a gate names: they get an interval whatever it costs.
    pub gated: &'a [Metric],
    /// Asked between replicates.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// A value with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Valued {
    /// The value.
    pub value: f64,
    /// Its interval; none when it cannot be had.
    pub interval: Option<(f64, f64)>,
    /// How the interval was made.
    pub method: String,
}

/// The improvement over the champion: positive is better.
#[derive(Debug, Clone)]
pub struct Improvement {
    /// The value with its interval.
    pub valued: Valued,
    /// The standard error.
    pub se: f64,
    /// The name of the test.
    pub test: &'static str,
    /// Evidence that it is below 0, two-sided, and above 0.
    pub p: [f64; 3],
    /// Rows that exactly one model gets right, for accuracy.
    pub discordant: Option<Discordant>,
    source: Source,
}

/// What the evidence for a difference is read off.
#[derive(Debug, Clone)]
enum Source {
    Normal(Estimate),
    Replicates(Vec<f64>, Estimate),
    Unvaried(Unvaried),
}

impl Source {
    fn p_below(&self, null: f64) -> f64 {
        match self {
            Self::Normal(estimate) => estimate.p_below(null),
            Self::Replicates(values, estimate) => {
                share(values, |value| value >= null).unwrap_or_else(|floor| floor.min(estimate.p_below(null)))
            }
            Self::Unvaried(rows) => rows.p_below(null),
        }
    }

    fn p_above(&self, null: f64) -> f64 {
        match self {
            Self::Normal(estimate) => estimate.p_above(null),
            Self::Replicates(values, estimate) => {
                share(values, |value| value <= null).unwrap_or_else(|floor| floor.min(estimate.p_above(null)))
            }
            Self::Unvaried(rows) => rows.p_above(null),
        }
    }

    /// Evidence that the difference is below 0, two-sided, and above 0.
    fn p(&self) -> [f64; 3] {
        let (below, above) = (self.p_below(0.0), self.p_above(0.0));
        [below, (2.0 * below.min(above)).min(1.0), above]
    }
}

/// What is known of one metric.
#[derive(Debug, Clone)]
pub struct Known {
    /// Of the challenger.
    pub challenger: Result<Valued, MetricError>,
    /// Of the champion, when there is one.
    pub champion: Option<Result<Valued, MetricError>>,
    /// Of the two, when both have a value.
    pub improvement: Option<Improvement>,
}

impl Known {
    /// Whether a model has no value here.
    pub fn undefined(&self) -> bool {
        self.challenger.is_err() || matches!(self.champion, Some(Err(_)))
    }
}

impl Improvement {
    /// Evidence that the challenger is worse.
    pub fn p_worse(&self) -> f64 {
        self.p[0]
    }

    /// Evidence that it is better.
    pub fn p_better(&self) -> f64 {
        self.p[2]
    }

    /// Evidence that it is not worse by `margin` or more.
    pub fn p_above(&self, null: f64) -> f64 {
        self.source.p_above(null)
    }
}

/// `(1 + k) / (1 + B)` of the replicates (Davison & Hinkley 1997, section 4.2). When none is there the number of
/// replicates is all that it tells: the error is that floor, beyond which the normal tail speaks, for a test that
/// cannot go below `1 / (1 + B)` would reject nothing among more slices than `alpha * (1 + B)`.
fn share(values: &[f64], of: impl Fn(f64) -> bool) -> Result<f64, f64> {
    let k = values.iter().filter(|value| of(**value)).count();
    let share = (1 + k) as f64 / (1 + values.len()) as f64;
    if k == 0 { Err(share) } else { Ok(share) }
}

/// An interval of less than this is a point.
const POINT: f64 = 1e-12;

fn is_point((low, high): (f64, f64)) -> bool {
    high - low <= POINT
}

/// Up to so many rows every interval is resampled; beyond, what has a closed form takes that, and what has none is
/// resampled only when a gate asks for it.
const RESAMPLED_ROWS: usize = 30_000;

fn closed_form(metric: Metric) -> bool {
    metric.at_threshold() || matches!(metric, Metric::LogLoss | Metric::Brier)
}

/// Everything about these metrics on these rows.
pub(super) fn estimate(
    models: &Models<'_>,
    metrics: &[Metric],
    wanted: &Wanted<'_>,
) -> BTreeMap<Metric, Known> {
    let both: Vec<&Scored<'_>> = std::iter::once(&models.challenger)
        .chain(&models.champion)
        .collect();
    let small = models.challenger.len() <= RESAMPLED_ROWS;
    let drawn: Vec<Metric> = metrics
        .iter()
        .copied()
        .filter(|metric| !ranked(*metric) && (both.len() == 2 || !proportion(*metric)))
        .filter(|metric| small || (!closed_form(*metric) && wanted.gated.contains(metric)))
        .filter(|metric| both.iter().all(|model| model.metric(*metric).is_ok()))
        .collect();
    let replicates = if drawn.is_empty() {
        Vec::new()
    } else {
        bootstrap::replicates(&both, &drawn, wanted.plan, wanted.stop)
    };
    let placements: Vec<Option<Placements>> = if metrics.iter().any(|metric| ranked(*metric)) {
        both.iter().map(|model| Placements::of(model)).collect()
    } else {
        both.iter().map(|_| None).collect()
    };
    let known = |metric: Metric| {
        let drawn = drawn
            .iter()
            .position(|other| *other == metric)
            .map(|at| &replicates[at]);
        let look = Look {
            both: &both,
            metric,
            placements: &placements,
            drawn,
            wanted,
        };
        let challenger = look.value(0);
        let champion = (both.len() == 2).then(|| look.value(1));
        let improvement = match (&challenger, &champion) {
            (Ok(a), Some(Ok(b))) => look.improvement(a.value, b.value),
            _ => None,
        };
        (
            metric,
            Known {
                challenger,
                champion,
                improvement,
            },
        )
    };
    metrics.iter().map(|metric| known(*metric)).collect()
}

fn ranked(metric: Metric) -> bool {
    matches!(metric, Metric::AucRoc | Metric::Gini)
}

fn proportion(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::Precision | Metric::Recall | Metric::Specificity | Metric::Accuracy
    )
}

struct Look<'a, 'b> {
    both: &'a [&'a Scored<'b>],
    metric: Metric,
    placements: &'a [Option<Placements>],
    drawn: Option<&'a Replicates>,
    wanted: &'a Wanted<'a>,
}

impl Look<'_, '_> {
    /// Gini is twice the AUC less one: so are its interval and its standard error.
    fn stretch(&self) -> f64 {
        if self.metric == Metric::Gini { 2.0 } else { 1.0 }
    }

    fn value(&self, model: usize) -> Result<Valued, MetricError> {
        let value = self.both[model].metric(self.metric)?;
        let (interval, method) = if ranked(self.metric) {
            (
                self.placements[model]
                    .as_ref()
                    .map(|place| self.auc_interval(place)),
                "DeLong".to_owned(),
            )
        } else if let Some((part, whole)) = self.both[model].confusion(&Ones).proportion(self.metric) {
            (wilson(part, whole, self.wanted.level), "Wilson".to_owned())
        } else if self.drawn.is_none() {
            let closed = closed::estimate(self.both[model], self.metric);
            (
                closed.map(|estimate| estimate.interval(self.wanted.level)),
                "delta method".to_owned(),
            )
        } else {
            let values = self.drawn.filter(|drawn| !drawn.too_often_undefined());
            let interval = values.and_then(|drawn| {
                let of = |values: &[f64]| values[0];
                let one = [self.both[model]];
                bootstrap::interval(&one, self.metric, &drawn.values[model], self.plan(), &of)
            });
            let name = self.bootstrap(interval.map(|(_, method)| method));
            (interval.map(|(ends, _)| ends), name)
        };
        Ok(self.widened(model, value, (interval, method)))
    }

    /// The value with an interval that is no point: rows that all say the same are still so many and no more.
    fn widened(&self, model: usize, value: f64, (interval, method): (Option<(f64, f64)>, String)) -> Valued {
        let Some(ends) = interval.filter(|ends| is_point(*ends)) else {
            return Valued {
                value,
                interval,
                method,
            };
        };
        let rows = Unvaried::new(self.metric, value, self.both[model].labels());
        let (low, high) = self.metric.range();
        let reach = rows.reach(self.wanted.level);
        Valued {
            value,
            interval: Some(((ends.0 - reach).max(low), (ends.1 + reach).min(high))),
            method: unvaried(rows),
        }
    }

    fn auc_interval(&self, place: &Placements) -> (f64, f64) {
        let (low, high) = place.estimate().interval(self.wanted.level);
        let to = |end: f64| {
            let end = end.clamp(0.0, 1.0);
            if self.metric == Metric::Gini {
                2.0 * end - 1.0
            } else {
                end
            }
        };
        (to(low), to(high))
    }

    fn plan(&self) -> (Plan, f64) {
        (self.wanted.plan, self.wanted.level)
    }

    /// What the interval is called that came by this method.
    fn bootstrap(&self, method: Option<bootstrap::Method>) -> String {
        use bootstrap::Method::{Bca, Percentile};
        let kind = match (method.unwrap_or(Percentile), self.wanted.plan.method) {
            (Bca, _) => "BCa",
            (Percentile, Percentile) => "percentile",
            (Percentile, Bca) => "percentile (BCa is undefined here)",
        };
        format!("bootstrap {kind}, {} replicates", self.wanted.plan.replicates)
    }

    fn discordant(&self) -> Option<Discordant> {
        (self.metric == Metric::Accuracy).then(|| {
            let says = |model: usize| move |row: usize| self.both[model].predicts(row);
            Discordant::count(self.both[0].labels(), says(0), says(1))
        })
    }

    /// The improvement without resampling.
    fn closed(&self) -> Option<Improvement> {
        let [ours, theirs, ..] = self.both else {
            return None;
        };
        let delta = closed::improvement(ours, theirs, self.metric)?;
        let interval = Some(delta.interval(self.wanted.level));
        Some(self.tested(
            ("delta method", "delta method, paired".to_owned()),
            delta,
            interval,
            Source::Normal(delta),
        ))
    }

    /// The improvement with its test. Scores that differ, and not once to any effect, are so many rows and no more;
    /// a model against itself differs on no row whatever.
    fn tested(
        &self,
        (test, method): (&'static str, String),
        delta: Estimate,
        interval: Option<(f64, f64)>,
        source: Source,
    ) -> Improvement {
        let mut valued = Valued {
            value: delta.value,
            interval,
            method,
        };
        let (mut test, mut source) = (test, source);
        let itself = || {
            self.both
                .windows(2)
                .all(|pair| pair[0].scores() == pair[1].scores())
        };
        if interval.is_some_and(is_point) && !itself() {
            let rows = Unvaried::new(self.metric, delta.value, self.both[0].labels());
            let (low, high) = self.metric.range();
            let (reach, most) = (rows.reach(self.wanted.level), high - low);
            valued.interval = Some(((delta.value - reach).max(-most), (delta.value + reach).min(most)));
            valued.method = unvaried(rows);
            (test, source) = ("no row varies", Source::Unvaried(rows));
        }
        let discordant = self.discordant();
        let (test, p) = match discordant {
            Some(counts) => (
                counts.test(),
                [counts.p_worse(), counts.p_two_sided(), counts.p_better()],
            ),
            None => (test, source.p()),
        };
        Improvement {
            valued,
            se: delta.se,
            test,
            p,
            discordant,
            source,
        }
    }

    fn improvement(&self, challenger: f64, champion: f64) -> Option<Improvement> {
        if let [Some(ours), Some(theirs), ..] = self.placements
            && ranked(self.metric)
        {
            let auc = ours.minus(theirs);
            let delta = Estimate {
                value: auc.value * self.stretch(),
                se: auc.se * self.stretch(),
            };
            let interval = Some(delta.interval(self.wanted.level));
            let named = ("DeLong", "DeLong, paired".to_owned());
            return Some(self.tested(named, delta, interval, Source::Normal(delta)));
        }
        let Some(drawn) = self.drawn else {
            return self.closed();
        };
        if drawn.too_often_undefined() {
            return None;
        }
        let deltas = drawn.improvements(self.metric);
        let of = |values: &[f64]| self.metric.improvement(values[0], values[1]);
        let interval = bootstrap::interval(self.both, self.metric, &deltas, self.plan(), &of);
        let name = self.bootstrap(interval.map(|(_, method)| method));
        let interval = interval
            .map(|(ends, _)| ends)
            .or_else(|| percentile(&deltas, self.wanted.level));
        let delta = Estimate {
            value: self.metric.improvement(challenger, champion),
            se: spread(&deltas),
        };
        let method = format!("{name}, paired");
        let source = Source::Replicates(deltas, delta);
        Some(self.tested(("paired bootstrap", method), delta, interval, source))
    }
}

fn wilson(part: f64, whole: f64, level: f64) -> Option<(f64, f64)> {
    let share = Proportion::new(part as u64, whole as u64).ok()?;
    let interval = share.wilson(Confidence::new(level).ok()?).ok()?;
    Some((interval.lower, interval.upper))
}

fn unvaried(rows: Unvaried) -> String {
    format!(
        "no row varies: Clopper-Pearson on {}",
        super::count(rows.rows(), "row", "rows")
    )
}

fn spread(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (n - 1.0)).sqrt()
}
