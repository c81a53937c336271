//! The tables.

use std::collections::HashMap;

use step_report::{Cell, Format, Outcome, Section, Table};

use crate::config::{Gap, Gates};
use crate::decide::{Decision, Models, Valued, confusion as counts, group_rates};
use crate::evidence::Evidence;
use crate::metrics::{Metric, MetricError};

fn value(valued: Option<&Result<Valued, MetricError>>) -> [Cell; 2] {
    match valued {
        None => [Cell::empty(), Cell::empty()],
        Some(Err(_)) => ["undefined".into(), Cell::empty()],
        Some(Ok(valued)) => [valued.value.into(), ends(valued.interval)],
    }
}

fn ends(interval: Option<(f64, f64)>) -> Cell {
    interval
        .map(|(low, high)| format!("{} to {}", Format::Auto.show(low), Format::Auto.show(high)))
        .into()
}

/// Every metric of both models on all rows, with the improvement.
pub(super) fn metrics(decision: &Decision<'_>, gates: &Gates) -> Option<Section> {
    if decision.known.is_empty() {
        return None;
    }
    let paired = decision.known.values().any(|known| known.champion.is_some());
    let level = Format::Percent.show(gates.confidence);
    let mut heads = vec![
        "Metric".to_owned(),
        "Challenger".to_owned(),
        format!("{level} interval"),
    ];
    if paired {
        heads.extend(["Champion", "interval", "Improvement", "interval", "p", "Test"].map(str::to_owned));
    }
    let mut table = Table::new("Metrics on all rows", heads);
    for metric in Metric::ALL {
        let Some(known) = decision.known.get(&metric) else {
            continue;
        };
        let mut row = vec![Cell::text(metric.name())];
        row.extend(value(Some(&known.challenger)));
        if paired {
            row.extend(value(known.champion.as_ref()));
            match &known.improvement {
                None => row.extend([Cell::empty(), Cell::empty(), Cell::empty(), Cell::empty()]),
                Some(improvement) => row.extend([
                    improvement.valued.value.into(),
                    ends(improvement.valued.interval),
                    Cell::p_value(improvement.p[1]),
                    improvement.test.into(),
                ]),
            }
        }
        table.push(row);
    }
    let note = "Positive improvement is better for every metric; for log_loss, brier and ece it is champion less \
                challenger. Intervals: DeLong for auc_roc and gini, Wilson for precision, recall, specificity and \
                accuracy, the bootstrap stratified by class for the rest; beyond 30,000 rows the delta method, and \
                average_precision, ece and ks without an interval unless a gate names them. p is two-sided.";
    Some(table.note(note).into())
}

/// The counts at the threshold.
pub(super) fn confusion(models: &Models<'_>) -> Section {
    let threshold = Format::Auto.show(models.challenger.threshold());
    let mut table = Table::new(
        format!("Decisions at a score of {threshold} and above"),
        [
            "Model",
            "True positives",
            "False positives",
            "True negatives",
            "False negatives",
        ],
    );
    for (name, model) in [
        ("challenger", Some(&models.challenger)),
        ("champion", models.champion.as_ref()),
    ] {
        let Some(model) = model else { continue };
        let counts = counts(model);
        let cell = |count: f64| Cell::number(count, Format::Count);
        table.push([
            name.into(),
            cell(counts.tp),
            cell(counts.fp),
            cell(counts.tn),
            cell(counts.fn_),
        ]);
    }
    table.into()
}

/// The AUC on every slice, with what the check of the slice says.
pub(super) fn slices(decision: &Decision<'_>) -> Option<Section> {
    if decision.slices.is_empty() {
        return None;
    }
    let paired = decision.slices.iter().any(|line| line.paired);
    let mut heads = vec!["Slice", "Rows", "Positive", "auc_roc", "interval"];
    if paired {
        heads.extend(["Champion", "Improvement", "interval", "Adjusted p"]);
    }
    heads.push("Checks");
    let mut table = Table::new("Slices", heads);
    let (adjusted, worst) = (adjusted(decision), worst(decision));
    for line in &decision.slices {
        let known = line.known.get(&Metric::AucRoc);
        let share = line.size.positives as f64 / line.size.rows.max(1) as f64;
        let mut row = vec![
            Cell::text(&*line.name),
            line.size.rows.into(),
            Cell::percent(share),
        ];
        row.extend(value(known.map(|known| &known.challenger)));
        if paired {
            let [champion, _] = value(known.and_then(|known| known.champion.as_ref()));
            let improvement = known.and_then(|known| known.improvement.as_ref());
            row.push(champion);
            row.push(improvement.map(|improvement| improvement.valued.value).into());
            row.push(ends(
                improvement.and_then(|improvement| improvement.valued.interval),
            ));
            row.push(
                adjusted
                    .get(line.name.as_str())
                    .map_or_else(Cell::empty, |p| Cell::p_value(*p)),
            );
        }
        row.push(worst.get(line.name.as_str()).copied().into());
        table.push(row);
    }
    Some(table.into())
}

/// The adjusted p of the AUC on each slice.
fn adjusted<'d>(decision: &'d Decision<'_>) -> HashMap<&'d str, f64> {
    let tested = decision.checks.iter().filter(|check| {
        check.kind == "champion_slice" && check.target.metric.as_deref() == Some(Metric::AucRoc.name())
    });
    tested
        .filter_map(|check| Some((check.target.slice.as_deref()?, check.p_adjusted?)))
        .collect()
}

/// The gravest outcome of the checks on each slice.
fn worst<'d>(decision: &'d Decision<'_>) -> HashMap<&'d str, Outcome> {
    let rank = |outcome: Outcome| Outcome::BY_GRAVITY.iter().position(|other| *other == outcome);
    let mut worst: HashMap<&str, Outcome> = HashMap::new();
    for check in decision
        .checks
        .iter()
        .filter(|check| check.kind != "fairness_group")
    {
        let Some(slice) = check.target.slice.as_deref() else {
            continue;
        };
        let here = worst.entry(slice).or_insert(check.outcome);
        if rank(check.outcome) < rank(*here) {
            *here = check.outcome;
        }
    }
    worst
}

/// The rates of every group of a sensitive column.
pub(super) fn fairness(gates: &Gates, evidence: &Evidence, models: &Models<'_>) -> Vec<Section> {
    let needed = gates.fairness.as_ref().map_or(1, |fairness| fairness.min_rows);
    evidence
        .rows
        .sensitive
        .iter()
        .map(|groups| {
            let mut table = Table::new(
                format!("Groups of {}", groups.column),
                [
                    "Group",
                    "Rows",
                    "Predicted positive",
                    "Positives found",
                    "of",
                    "Negatives alarmed on",
                    "of",
                ],
            );
            let rates = [Gap::DemographicParity, Gap::Tpr, Gap::Fpr]
                .map(|gap| group_rates(&models.challenger, groups, gap));
            for (at, name) in groups.names.iter().enumerate() {
                let rate = |gap: usize| rates[gap][at].rate().map_or_else(Cell::empty, Cell::percent);
                table.push([
                    Cell::text(name.as_str()),
                    rates[0][at].among.into(),
                    rate(0),
                    rate(1),
                    rates[1][at].among.into(),
                    rate(2),
                    rates[2][at].among.into(),
                ]);
            }
            table
                .note(format!(
                    "A rate that rests on fewer than {needed} rows is shown and not judged."
                ))
                .into()
        })
        .collect()
}
