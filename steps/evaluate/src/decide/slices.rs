//! Every slice: no metric may be significantly worse than the champion's, no floor may be missed.

use std::collections::BTreeMap;

use drift_stats::multiple::{benjamini_hochberg, holm};
use step_report::{Bound, Check, Severity};

use super::champion::describe;
use super::estimate::{Known, Models, Wanted, estimate};
use super::figures::{p_value, show};
use super::{Size, slice_metrics, thresholds};
use crate::config::{ChampionGate, Correction, Gates};
use crate::evidence::Evidence;
use crate::metrics::{Metric, Scored};

/// What is known of one slice.
#[derive(Debug)]
pub struct SliceLine {
    /// `carrier=UA`.
    pub name: String,
    /// The column.
    pub column: String,
    /// How many rows.
    pub size: Size,
    /// What is missing for a judgement.
    pub lack: Option<String>,
    /// Whether there are rows enough, whatever their classes.
    pub large: bool,
    /// The metrics that are held on slices, and the AUC.
    pub known: BTreeMap<Metric, Known>,
    /// Whether there was a champion to compare with.
    pub paired: bool,
}

/// Measures every slice.
pub(super) fn measure(
    gates: &Gates,
    evidence: &Evidence,
    models: &Models<'_>,
    wanted: &Wanted<'_>,
) -> Vec<SliceLine> {
    let metrics = slice_metrics(gates);
    let mut lines = Vec::new();
    for groups in &evidence.rows.slices {
        let mut rows: Vec<Vec<usize>> = vec![Vec::new(); groups.names.len()];
        for (row, group) in groups.of_row.iter().enumerate() {
            rows[*group as usize].push(row);
        }
        for (name, rows) in groups.names.iter().zip(&rows) {
            let labels: Vec<bool> = rows.iter().map(|row| evidence.rows.labels[*row]).collect();
            let size = Size::of(&labels);
            let lack = size.lacks(gates.slices.min_rows, gates.slices.min_per_class);
            let scores =
                |model: &Scored<'_>| -> Vec<f64> { rows.iter().map(|row| model.scores()[*row]).collect() };
            let ours = scores(&models.challenger);
            let theirs = models.champion.as_ref().map(scores);
            let subset = Models {
                challenger: Scored::new(&labels, &ours, gates.threshold, gates.bins),
                champion: theirs
                    .as_ref()
                    .map(|theirs| Scored::new(&labels, theirs, gates.threshold, gates.bins)),
            };
            // A slice that is too small is not judged: its table line needs the AUC only.
            let large = size.rows >= gates.slices.min_rows;
            let asked: &[Metric] = if large { &metrics } else { &[Metric::AucRoc] };
            lines.push(SliceLine {
                name: format!("{}={name}", groups.column),
                column: groups.column.clone(),
                size,
                lack,
                large,
                known: estimate(&subset, asked, wanted),
                paired: models.champion.is_some(),
            });
        }
    }
    lines
}

/// Holds every slice.
pub(super) fn hold(gates: &Gates, lines: &[SliceLine]) -> Vec<Check> {
    let mut checks = Vec::new();
    for gate in gates.champion.iter().filter(|gate| gate.on_slices) {
        checks.extend(not_worse(gates, gate, lines));
    }
    for gate in gates.thresholds.iter().filter(|gate| gate.on.slices) {
        for line in lines {
            let check = Check::new(
                format!("{}:{}", thresholds::id(gate), line.name),
                "slice_threshold",
            )
            .slice(&*line.name);
            let value = line.known.get(&gate.metric).map(|known| &known.challenger);
            let undefined = value.is_some_and(Result::is_err);
            checks.push(match &line.lack {
                Some(lack) if !(line.large && undefined) => {
                    small(check.metric(gate.metric.name()).n(line.size.rows), line, lack)
                }
                _ => thresholds::hold(check, gate, value, (line.size, None), gates.confidence),
            });
        }
    }
    checks
}

/// A slice with too few rows warns: it says nothing against the model, and nothing for it.
fn small(check: Check, line: &SliceLine, lack: &str) -> Check {
    check
        .severity(Severity::Warn)
        .not_observed("too few rows")
        .insufficient(format!("slice {} is too small to judge: {lack}", line.name))
}

/// One metric on all slices, with the p-values corrected for how many there are.
fn not_worse(gates: &Gates, gate: &ChampionGate, lines: &[SliceLine]) -> Vec<Check> {
    let paired: Vec<&SliceLine> = lines.iter().filter(|line| line.paired).collect();
    let tested: Vec<(&str, f64)> = paired
        .iter()
        .filter(|line| line.lack.is_none())
        .filter_map(|line| {
            Some((
                line.name.as_str(),
                line.known.get(&gate.metric)?.improvement.as_ref()?.p_worse(),
            ))
        })
        .collect();
    let place: BTreeMap<&str, usize> = tested
        .iter()
        .enumerate()
        .map(|(at, (name, _))| (*name, at))
        .collect();
    let p_values: Vec<f64> = tested.iter().map(|(_, p)| *p).collect();
    let adjusted = match gates.slices.correction {
        Correction::Holm => holm(&p_values),
        Correction::BenjaminiHochberg => benjamini_hochberg(&p_values),
    };
    let adjusted = adjusted.unwrap_or_else(|_| p_values.clone());
    let family = format!("{} over {} slices", gates.slices.correction.name(), tested.len());
    // A gate that only warns of all rows does not reject for some of them.
    let severity = match gate.severity {
        Severity::Warn => Severity::Warn,
        _ => gates.slices.severity,
    };
    paired
        .iter()
        .map(|line| {
            let check = Check::new(
                format!("champion:{}:{}", gate.metric, line.name),
                "champion_slice",
            )
            .metric(gate.metric.name())
            .slice(&*line.name)
            .severity(severity)
            .bound(Bound::text(format!(
                "not significantly worse (alpha {}, {family})",
                gates.slices.alpha
            )))
            .n(line.size.rows);
            let known = line.known.get(&gate.metric);
            let compared = known.and_then(|known| known.improvement.as_ref());
            if let Some(lack) = &line.lack
                && !(line.large && known.is_some_and(Known::undefined))
            {
                return small(check, line, lack);
            }
            match (place.get(line.name.as_str()).copied(), compared) {
                (Some(at), Some(improvement)) => {
                    let check = describe(check, improvement, gates.confidence)
                        .test(format!("{}, one-sided: worse", improvement.test), tested[at].1)
                        .p_adjusted(adjusted[at])
                        .detail("correction", family.clone());
                    judge(
                        check,
                        gates.slices.alpha,
                        (improvement.valued.value, adjusted[at]),
                        line,
                    )
                }
                _ => {
                    let why = known.map_or_else(String::new, why_not);
                    let rows = super::count(line.size.rows, "row", "rows");
                    check.not_observed(why.clone()).judge(
                        false,
                        format!("slice {} cannot be compared on its {rows}: {why}", line.name),
                    )
                }
            }
        })
        .collect()
}

fn why_not(known: &Known) -> String {
    match (&known.challenger, &known.champion) {
        (Err(error), _) => error.to_string(),
        (_, Some(Err(error))) => format!("of the champion, {error}"),
        _ => {
            "the metric has no value on too many resamples, or one row of a class is all there is".to_owned()
        }
    }
}

fn judge(check: Check, alpha: f64, (delta, adjusted): (f64, f64), line: &SliceLine) -> Check {
    let worse = delta < 0.0 && adjusted <= alpha;
    let rows = super::count(line.size.rows, "row", "rows");
    let why = if worse {
        format!(
            "slice {} is significantly worse than the champion: improvement {}, adjusted {} (on {rows})",
            line.name,
            show(delta),
            p_value(adjusted)
        )
    } else {
        format!(
            "slice {} is not significantly worse: improvement {}, adjusted {} (on {rows})",
            line.name,
            show(delta),
            p_value(adjusted)
        )
    };
    check.judge(!worse, why)
}
