//! The report of a check: one check a column, the largest first, and what a reader wants to see beside them.

mod sections;

pub(crate) use sections::renamed;

use serde_json::{Value, json};
use step_report::{Bound, Check, Note, Outcome, Report};

use crate::act::{Deeds, Ended};
use crate::baseline::Baseline;
use crate::compare::{Drift, Test};
use crate::config::{DriftConfig, Level};
use crate::decide::{Column, Decision, Finding, Verdict, Window};
use crate::event::Event;

/// What a report is made of.
#[derive(Debug)]
pub(crate) struct Story<'a> {
    pub(crate) config: &'a DriftConfig,
    pub(crate) baseline: &'a Baseline,
    pub(crate) window: &'a Window,
    pub(crate) decision: &'a Decision,
    pub(crate) event: Option<&'a Event>,
    pub(crate) deeds: &'a Deeds,
    pub(crate) remarks: Vec<Note>,
}

/// Fills in checks, sections and notes.
pub(crate) fn write(mut report: Report, story: &Story<'_>) -> Report {
    let Story { config, decision, .. } = story;
    report.reason.clone_from(&decision.reason);
    report = report.with_check(rows(story));
    for column in decision.columns.iter().chain(&decision.prediction) {
        let prediction = decision.prediction.as_ref() == Some(column);
        report = report.with_check(check(config, column, prediction, decision.too_few.as_deref()));
        if let Some(check) = unreadable(column) {
            report = report.with_check(check);
        }
    }
    if decision.prediction.is_none() {
        report = report.with_check(no_prediction(config));
    }
    report = sections::add(report, story);
    for note in &story.remarks {
        report = report.with_note(note.clone());
    }
    for deed in &story.deeds.deeds {
        if let Ended::Failed(why) = &deed.ended {
            report = report.with_note(Note::error(format!("{} to {}: {why}", deed.what, deed.to)));
        }
    }
    report
}

/// Nothing is left out silently: that the model's answers are not watched is said.
fn no_prediction(config: &DriftConfig) -> Check {
    let check = Check::new("prediction", "prediction");
    match &config.prediction_column {
        None => check
            .skipped("drift_config.prediction_column names no column: the model's answers are not watched"),
        Some(name) => check.column(name).insufficient(format!(
            "the baseline holds no {name}: enroll with data that has the model's answers to watch them"
        )),
    }
}

fn rows(story: &Story<'_>) -> Check {
    let (window, least) = (story.window.rows, story.config.min_rows);
    let check = Check::new("rows:window", "rows")
        .table("window")
        .observed(window)
        .bound(Bound::at_least(least as f64));
    let count = |rows: u64| step_report::Format::Count.show(rows as f64);
    match &story.decision.too_few {
        None => check.pass(format!(
            "{} rows in the window, {} in the baseline, at least {} needed",
            count(window),
            count(story.baseline.rows),
            count(least)
        )),
        Some(why) => check.insufficient(why.clone()),
    }
}

fn check(config: &DriftConfig, column: &Column, prediction: bool, too_few: Option<&str>) -> Check {
    let kind = if prediction { "prediction" } else { "psi" };
    let name = &column.name;
    let check = Check::new(format!("{kind}:{name}"), kind)
        .column(name)
        .metric("psi");
    let (drift, p_adjusted, asks, chance, renamed) = match &column.finding {
        Finding::Broken(why) => {
            let check = check.not_observed("it cannot be compared");
            let why = format!("{name} {why}");
            return if column.may_decide() {
                check.fail(why)
            } else {
                check.warn(why)
            };
        }
        Finding::NoBaseline(why) => {
            return check
                .not_observed(why.clone())
                .insufficient(format!("{name}: {why}"));
        }
        Finding::Compared {
            drift,
            p_adjusted,
            asks,
            chance,
            renamed_type,
            ..
        } => (drift, *p_adjusted, *asks, *chance, renamed_type),
    };
    let show = |value: f64| step_report::Format::Auto.show(value);
    let Bounds { alert, retrain } = Bounds::of(config, column, prediction);
    let mut check = details(check, drift)
        .observed(drift.psi)
        .bound(Bound::less_than(alert))
        .n(drift.rows.1)
        .p_adjusted(p_adjusted)
        .detail("level", json!(column.level));
    check = if prediction {
        check
            .test(drift.test.name(), drift.test.p().unwrap_or(1.0))
            .detail(
                "correction",
                "bonferroni: this test, and chi-squared over the bins",
            )
    } else {
        let correction = if column.may_decide() {
            "benjamini-hochberg"
        } else {
            "none: it decides nothing"
        };
        check
            .test("chi2_pooled", drift.psi_p)
            .detail("correction", correction)
    };
    if let Some((was, is)) = renamed {
        check = check.detail("type", format!("{was} in the baseline, {is} in the window"));
    }
    let story = drift.story();
    let p = step_report::Format::PValue.show(p_adjusted);
    if let Some(why) = too_few {
        return check.insufficient(format!("PSI {} decides nothing: {why}", show(drift.psi)));
    }
    match asks {
        Verdict::Retrain => check.fail(format!(
            "PSI {} >= {} (retrain), p {p}; {story}",
            show(drift.psi),
            show(retrain)
        )),
        Verdict::Alert => check.warn(format!(
            "PSI {} >= {} (alert), p {p}; {story}",
            show(drift.psi),
            show(alert)
        )),
        _ if chance => check.insufficient(format!(
            "PSI {} >= {}, but p {p} is no evidence: {} is to be expected without drift on so few rows",
            show(drift.psi),
            show(alert),
            show(drift.noise)
        )),
        _ if drift.psi >= alert => {
            let why = format!(
                "PSI {} >= {}, p {p}; the configuration only reports it; {story}",
                show(drift.psi),
                show(alert)
            );
            check.outcome(Outcome::Skipped, why)
        }
        _ => check.pass(format!("PSI {} < {}", show(drift.psi), show(alert))),
    }
}

struct Bounds {
    alert: f64,
    retrain: f64,
}

impl Bounds {
    fn of(config: &DriftConfig, column: &Column, prediction: bool) -> Self {
        let retrain = if prediction || column.level < Level::Retrain {
            f64::INFINITY
        } else {
            config.thresholds.psi_retrain
        };
        Self {
            alert: config.thresholds.psi_alert,
            retrain,
        }
    }
}

/// The measures beside the index, for those who know them from elsewhere.
fn details(check: Check, drift: &Drift) -> Check {
    let check = check
        .detail("js_distance_bits", drift.js)
        .detail("l_infinity", drift.l_infinity)
        .detail("psi_without_drift", drift.noise)
        .detail(
            "null_rate",
            json!({"baseline": drift.null_rate.0, "window": drift.null_rate.1}),
        );
    let check = match &drift.test {
        Test::Ks { statistic, p } => check.detail("ks", json!({"statistic": statistic, "p": p})),
        Test::Chi2 { v, p } => check.detail("chi2", json!({"cramers_v": v, "p": p})),
        Test::None => check,
    };
    let check = match drift.moved {
        Some((distance, Some(sds))) => check.detail(
            "wasserstein",
            json!({"distance": distance, "in_baseline_sds": sds}),
        ),
        Some((distance, None)) => check.detail("wasserstein", json!({"distance": distance})),
        None => check,
    };
    let cells: Vec<Value> = drift
        .cells
        .iter()
        .map(
            |cell| json!({"bin": cell.label, "baseline": cell.before, "window": cell.now, "adds": cell.adds}),
        )
        .collect();
    check.detail("bins", cells)
}

fn unreadable(column: &Column) -> Option<Check> {
    let Finding::Compared {
        unreadable: Some((rows, sample)),
        ..
    } = &column.finding
    else {
        return None;
    };
    let check = Check::new(format!("unreadable:{}", column.name), "unreadable").column(&column.name);
    Some(check.observed(*rows).bound(Bound::equals(0.0)).sample(step_report::Sample::new(sample)).warn(format!(
        "{rows} values of {} cannot be read as the baseline's type, such as '{sample}'; they are counted as no number",
        column.name
    )))
}
