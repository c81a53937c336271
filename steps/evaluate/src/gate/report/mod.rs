//! What a reader gets of the gates. It assembles; it decides nothing.

mod charts;
mod tables;

use step_report::Report;

use super::cli::GateArgs;
use super::gather::Gathered;
use crate::config::{Correction, FirstModel, Gates};
use crate::decide::Decision;

/// The report of a decision.
pub(super) fn write(
    mut report: Report,
    args: &GateArgs,
    gates: &Gates,
    gathered: &Gathered,
    decision: Decision<'_>,
) -> Report {
    report = report.verdict(decision.verdict.word(), decision.reason.clone());
    report.inputs.clone_from(&gathered.inputs);
    report.bindings.clone_from(&gathered.bindings);
    if let Some(model) = &args.model {
        report = report.with_binding("model.name", model);
    }
    report.notes.clone_from(&gathered.notes);
    report = parameters(report, args, gates);
    if let Some(table) = tables::metrics(&decision, gates) {
        report = report.with_section(table);
    }
    let evidence = &gathered.evidence;
    if let Some(models) = &decision.models {
        report = report.with_section(tables::confusion(models));
        if let Some(table) = tables::slices(&decision) {
            report = report.with_section(table);
        }
        for table in tables::fairness(gates, evidence, models) {
            report = report.with_section(table);
        }
        for chart in charts::curves(models) {
            report = report.with_section(chart);
        }
        if let Some(chart) = charts::calibration(models) {
            report = report.with_section(chart);
        }
        report = report.with_section(charts::scores(models));
    }
    for check in decision.checks {
        report = report.with_check(check);
    }
    report
}

fn parameters(report: Report, args: &GateArgs, gates: &Gates) -> Report {
    let first_model = gates.first_model.map_or("not said", |policy| match policy {
        FirstModel::PassThresholds => "pass_thresholds",
        FirstModel::Refuse => "refuse",
    });
    let correction = match gates.slices.correction {
        Correction::Holm => "holm",
        Correction::BenjaminiHochberg => "bh",
    };
    report
        .with_parameter("threshold", gates.threshold)
        .with_parameter("confidence", gates.confidence)
        .with_parameter("min_rows", gates.min_rows)
        .with_parameter("min_per_class", gates.min_per_class)
        .with_parameter("bootstrap.replicates", gates.bootstrap.replicates)
        .with_parameter("bootstrap.seed", gates.bootstrap.seed)
        .with_parameter("slices.alpha", gates.slices.alpha)
        .with_parameter("slices.correction", correction)
        .with_parameter("champion.first_model", first_model)
        .with_parameter("label_column", args.label_column.clone())
}
