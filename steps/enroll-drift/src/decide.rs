//! The verdict: pure, from the configuration, the baseline and what the window holds.
//!
//! Size and significance decide together. An index of 0.1 on 200 rows is noise, and on a million rows the
//! smallest shift has a p-value of zero: so a column counts when its index reaches a threshold *and* its
//! p-value stays below alpha after Benjamini and Hochberg's correction over the columns that may decide.

use std::collections::BTreeMap;

use drift_stats::{StatError, multiple};

use crate::baseline::{Baseline, ColumnBaseline, Counts};
use crate::compare::{Drift, compare};
use crate::config::{DriftConfig, Level, Quality};
use crate::count::Seen;

/// The word of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// No column has moved so far that it counts.
    Ok,
    /// A column has reached the alert.
    Alert,
    /// A column has reached the retraining.
    Retrain,
    /// Too few rows to tell.
    Insufficient,
    /// The window is not the data that the baseline was made of.
    DataQuality,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Ok,
        Self::Alert,
        Self::Retrain,
        Self::Insufficient,
        Self::DataQuality,
    ];

    /// The word on standard output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alert => "ALERT",
            Self::Retrain => "RETRAIN",
            Self::Insufficient => "INSUFFICIENT",
            Self::DataQuality => "DATA_QUALITY",
        }
    }
}

/// What the window holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Window {
    /// Rows inside.
    pub rows: u64,
    /// Each watched column of the baseline.
    pub columns: BTreeMap<String, Found>,
}

/// What became of a watched column in the window.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// It was counted.
    Counted {
        /// The counts.
        seen: Seen,
        /// What the files call its type.
        type_name: String,
        /// Values that could not be read as the baseline's type, with the first one.
        unreadable: Option<(u64, String)>,
    },
    /// It is of a type that the baseline's bins do not take.
    OtherType {
        /// What the files call its type.
        type_name: String,
        /// The file.
        file: String,
    },
    /// It is in none of the files, or missing from this one.
    Missing {
        /// The file.
        file: String,
        /// The most similar name in the file.
        nearest: Option<String>,
    },
}

/// How one column was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The most that it may do.
    pub level: Level,
    /// What was found.
    pub finding: Finding,
}

/// What was found of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// It was compared.
    Compared {
        /// The figures.
        drift: Box<Drift>,
        /// The p-value of the index after correction.
        p_adjusted: f64,
        /// What it asks for, its level respected.
        asks: Verdict,
        /// Whether it reaches the alert in size and yet may be chance.
        chance: bool,
        /// Whether its type has another name than in the baseline.
        renamed_type: Option<(String, String)>,
        /// Values that could not be read, with the first one.
        unreadable: Option<(u64, String)>,
    },
    /// The window cannot be compared with the baseline here.
    Broken(String),
    /// The baseline has nothing to compare with.
    NoBaseline(String),
}

/// The decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The word.
    pub verdict: Verdict,
    /// The sentence.
    pub reason: String,
    /// The features, the furthest moved first, broken ones before them.
    pub columns: Vec<Column>,
    /// The prediction, when it is watched.
    pub prediction: Option<Column>,
    /// Why the window is too small, when it is.
    pub too_few: Option<String>,
}

/// Judges the window.
///
/// # Errors
/// When a statistic is not defined on what was counted: a fault of ours, for emptiness is judged before.
pub fn decide(config: &DriftConfig, baseline: &Baseline, window: &Window) -> Result<Decision, StatError> {
    let too_few = too_few(config, baseline, window);
    let mut columns = Vec::new();
    for (name, found) in &window.columns {
        if let Some(column) = baseline.columns.get(name) {
            let finding = judge(config, column, found, baseline.method.floor)?;
            columns.push(Column {
                name: name.clone(),
                level: config.level(name),
                finding,
            });
        }
    }
    let prediction_name = config.prediction_column.as_deref();
    let (prediction, mut columns): (Vec<Column>, Vec<Column>) = columns
        .into_iter()
        .partition(|column| Some(column.name.as_str()) == prediction_name);
    let mut prediction = prediction.into_iter().next();

    correct(&mut columns)?;
    for column in &mut columns {
        column.settle(config);
    }
    if let Some(prediction) = &mut prediction {
        prediction.settle_prediction(config);
    }
    columns.sort_by(|a, b| b.rank().total_cmp(&a.rank()).then_with(|| a.name.cmp(&b.name)));
    let (verdict, reason) = verdict(config, window, &columns, prediction.as_ref(), too_few.as_deref());
    Ok(Decision {
        verdict,
        reason,
        columns,
        prediction,
        too_few,
    })
}

fn too_few(config: &DriftConfig, baseline: &Baseline, window: &Window) -> Option<String> {
    let least = config.min_rows;
    if window.rows == 0 {
        return Some("the window holds no row: no data is no evidence of anything".to_owned());
    }
    if window.rows < least {
        return Some(format!(
            "the window holds {} rows, min_rows is {least}",
            window.rows
        ));
    }
    if baseline.rows < least {
        return Some(format!(
            "the baseline holds {} rows, min_rows is {least}",
            baseline.rows
        ));
    }
    None
}

fn judge(
    config: &DriftConfig,
    baseline: &ColumnBaseline,
    found: &Found,
    floor: f64,
) -> Result<Finding, StatError> {
    let (seen, type_name, unreadable) = match found {
        Found::Counted {
            seen,
            type_name,
            unreadable,
        } => (seen, type_name, unreadable),
        Found::OtherType { type_name, file } => {
            let was = &baseline.profile.type_name;
            return Ok(Finding::Broken(format!(
                "is {type_name} in {file}, {was} in the baseline"
            )));
        }
        Found::Missing { file, nearest } => {
            let hint = nearest
                .as_ref()
                .map(|name| format!("; {name} is there"))
                .unwrap_or_default();
            return Ok(Finding::Broken(format!("is missing from {file}{hint}")));
        }
    };
    let (values, odd) = (seen.counts.values(), seen.counts.odd);
    if seen.counts.rows() == 0 {
        return Ok(Finding::NoBaseline("the window holds no row".to_owned()));
    }
    if values == 0 && baseline.counts.values() > 0 {
        return Ok(Finding::Broken(match (odd, unreadable) {
            (0, _) => format!("is null in all {} rows of the window", seen.counts.rows()),
            (_, Some((_, sample))) => {
                format!(
                    "holds no readable value: '{sample}' is no {}",
                    baseline.profile.kind
                )
            }
            _ => format!(
                "holds nothing but nulls, NaN and infinities in {} rows",
                seen.counts.rows()
            ),
        }));
    }
    if let Some(why) = storm(config.quality, &baseline.counts, &seen.counts) {
        return Ok(Finding::Broken(why));
    }
    let was = &baseline.profile.type_name;
    Ok(Finding::Compared {
        drift: Box::new(compare(baseline, seen, floor)?),
        p_adjusted: 1.0,
        asks: Verdict::Ok,
        chance: false,
        renamed_type: (was != type_name).then(|| (was.clone(), type_name.clone())),
        unreadable: unreadable.clone(),
    })
}

/// Rows that have lost their values, or whose values are no numbers any more: a feed that breaks, not a world that changes.
fn storm(quality: Quality, before: &Counts, now: &Counts) -> Option<String> {
    let share = |part: u64, counts: &Counts| part as f64 / counts.rows().max(1) as f64;
    let parts = [
        (
            "null",
            share(before.nulls, before),
            share(now.nulls, now),
            quality.max_null_increase,
        ),
        (
            "no number",
            share(before.odd, before),
            share(now.odd, now),
            quality.max_odd_increase,
        ),
    ];
    let percent = |share: f64| step_report::Format::Percent.show(share);
    let found = parts.iter().find(|(_, before, now, most)| now - before > *most);
    found.map(|(what, before, now, most)| {
        format!(
            "is {what} in {} of rows, {} before; {} more are allowed",
            percent(*now),
            percent(*before),
            percent(*most)
        )
    })
}

/// Benjamini and Hochberg over the columns that may decide. A column that is only reported is no chance of a false alarm,
/// so it costs the others nothing and keeps its p-value.
fn correct(columns: &mut [Column]) -> Result<(), StatError> {
    let mut open: Vec<(&mut f64, f64)> = Vec::with_capacity(columns.len());
    for column in columns {
        let may_decide = column.may_decide();
        if let Finding::Compared {
            drift, p_adjusted, ..
        } = &mut column.finding
        {
            *p_adjusted = drift.psi_p;
            if may_decide {
                open.push((p_adjusted, drift.psi_p));
            }
        }
    }
    let adjusted = multiple::benjamini_hochberg(&open.iter().map(|(_, p)| *p).collect::<Vec<_>>())?;
    for ((slot, _), p) in open.iter_mut().zip(adjusted) {
        **slot = p;
    }
    Ok(())
}

impl Column {
    /// The index, when there is one.
    #[must_use]
    pub fn psi(&self) -> Option<f64> {
        match &self.finding {
            Finding::Compared { drift, .. } => Some(drift.psi),
            _ => None,
        }
    }

    /// Whether it can ask for anything at all.
    #[must_use]
    pub fn may_decide(&self) -> bool {
        self.level > Level::Report
    }

    /// What it asks for.
    #[must_use]
    pub fn asks(&self) -> Verdict {
        match &self.finding {
            Finding::Compared { asks, .. } => *asks,
            Finding::Broken(_) if self.may_decide() => Verdict::DataQuality,
            _ => Verdict::Ok,
        }
    }

    fn settle(&mut self, config: &DriftConfig) {
        let level = self.level;
        if let Finding::Compared {
            drift,
            p_adjusted,
            asks,
            chance,
            ..
        } = &mut self.finding
        {
            let significant = *p_adjusted <= config.alpha;
            *chance = drift.psi >= config.thresholds.psi_alert && !significant;
            *asks = match (significant, level) {
                (true, Level::Retrain) if drift.psi >= config.thresholds.psi_retrain => Verdict::Retrain,
                (true, Level::Retrain | Level::Alert) if drift.psi >= config.thresholds.psi_alert => {
                    Verdict::Alert
                }
                _ => Verdict::Ok,
            };
        }
    }

    /// A prediction alerts at most: what it says is that the model answers differently, not why.
    fn settle_prediction(&mut self, config: &DriftConfig) {
        let level = self.level;
        if let Finding::Compared {
            drift,
            p_adjusted,
            asks,
            chance,
            ..
        } = &mut self.finding
        {
            // The test of numbers is blind to answers that are missing; the cells are not. Two tests, after Bonferroni.
            let p = (2.0 * drift.test.p().unwrap_or(1.0).min(drift.psi_p)).min(1.0);
            *p_adjusted = p;
            let significant = p < config.thresholds.prediction_drift_p_value;
            let large = drift.js >= config.thresholds.prediction_js_distance;
            *chance = large && !significant;
            *asks = if large && significant && level > Level::Report {
                Verdict::Alert
            } else {
                Verdict::Ok
            };
        }
    }

    fn rank(&self) -> f64 {
        match &self.finding {
            Finding::Broken(_) => f64::INFINITY,
            Finding::Compared { drift, .. } => drift.psi,
            Finding::NoBaseline(_) => -1.0,
        }
    }
}

fn verdict(
    config: &DriftConfig,
    window: &Window,
    columns: &[Column],
    prediction: Option<&Column>,
    too_few: Option<&str>,
) -> (Verdict, String) {
    let all = || columns.iter().chain(prediction);
    let broken: Vec<(&Column, &str)> = all()
        .filter(|column| column.asks() == Verdict::DataQuality)
        .filter_map(|column| match &column.finding {
            Finding::Broken(why) => Some((column, why.as_str())),
            _ => None,
        })
        .collect();
    // A column that is gone or of another type is a fault at any number of rows; that all of three rows are
    // null is none.
    let lost = |column: &&(&Column, &str)| {
        !matches!(
            window.columns.get(&column.0.name),
            Some(Found::Counted { .. }) | None
        )
    };
    let faults: Vec<_> = if too_few.is_some() {
        broken.iter().filter(lost).collect()
    } else {
        broken.iter().collect()
    };
    if let Some((first, why)) = faults.first() {
        let more = others(
            faults.len() - 1,
            "column cannot be compared",
            "columns cannot be compared",
        );
        return (Verdict::DataQuality, format!("{} {why}{more}", first.name));
    }
    if let Some(least) = config
        .quality
        .min_window_rows
        .filter(|least| window.rows < *least)
    {
        let why = format!(
            "the window holds {} rows, quality.min_window_rows is {least}: a part of the feed is missing",
            window.rows
        );
        return (Verdict::DataQuality, why);
    }
    if let Some(why) = too_few {
        return (Verdict::Insufficient, why.to_owned());
    }
    let compared = columns.iter().filter(|column| column.psi().is_some()).count();
    if compared == 0 && prediction.is_none_or(|prediction| prediction.psi().is_none()) {
        return (
            Verdict::Insufficient,
            "no column of the baseline can be compared".to_owned(),
        );
    }
    let worst = all().map(Column::asks).max().unwrap_or(Verdict::Ok);
    let Some(first) = all().find(|column| column.asks() == worst && worst > Verdict::Ok) else {
        return (Verdict::Ok, calm(config, columns, compared));
    };
    let Finding::Compared {
        drift, p_adjusted, ..
    } = &first.finding
    else {
        return (worst, String::new());
    };
    let Thresholds { name, at } = threshold(config, worst);
    let count = all().filter(|column| column.asks() >= Verdict::Alert).count();
    let show = |value: f64| step_report::Format::Auto.show(value);
    let reason = format!(
        "{} has PSI {} (>= {name} {}, p {}){}; {}",
        first.name,
        show(drift.psi),
        show(at),
        step_report::Format::PValue.show(*p_adjusted),
        others(count - 1, "column has drifted", "columns have drifted"),
        drift.story(),
    );
    (worst, reason)
}

struct Thresholds {
    name: &'static str,
    at: f64,
}

fn threshold(config: &DriftConfig, verdict: Verdict) -> Thresholds {
    match verdict {
        Verdict::Retrain => Thresholds {
            name: "psi_retrain",
            at: config.thresholds.psi_retrain,
        },
        _ => Thresholds {
            name: "psi_alert",
            at: config.thresholds.psi_alert,
        },
    }
}

fn others(count: usize, one: &str, many: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!(", 1 more {one}"),
        _ => format!(", {count} more {many}"),
    }
}

/// Why all is well: the column that came closest.
fn calm(config: &DriftConfig, columns: &[Column], compared: usize) -> String {
    let show = |value: f64| step_report::Format::Auto.show(value);
    let closest = columns.iter().find(|column| column.psi().is_some());
    let alert = show(config.thresholds.psi_alert);
    match closest {
        Some(column) if column.psi().is_some_and(|psi| psi >= config.thresholds.psi_alert) => format!(
            "none of {compared} columns drifts in size and significance; {} has PSI {} and decides nothing",
            column.name,
            show(column.psi().unwrap_or_default())
        ),
        Some(column) => format!(
            "the largest PSI of {compared} columns is {} ({}), below psi_alert {alert}",
            show(column.psi().unwrap_or_default()),
            column.name
        ),
        None => "the prediction has not drifted".to_owned(),
    }
}
