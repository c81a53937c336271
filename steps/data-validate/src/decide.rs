//! The decision: rules and evidence in, checks and a verdict out. No clock, no reads.

mod conditions;
mod distribution;
mod keys;
mod numbers;
mod occurrence;
mod order;
mod overlap;
mod pairs;
mod presence;
mod profiled;
pub(crate) mod relationships;
mod rows;
mod sampled;
pub(crate) mod say;
mod splits;
mod spread;
mod types;
pub(crate) mod values;

use step_report::{Check, Outcome, Sample, Severity};

use crate::config::ColumnRules;
use crate::gather::examples::Example;
use crate::gather::footers::Footers;
use crate::gather::values::Spot;
use crate::gather::{Evidence, TableEvidence};
use crate::plan::Plan;

/// What was decided.
#[derive(Debug)]
pub struct Decision {
    /// PASS, WARN or FAIL.
    pub verdict: &'static str,
    /// The sentence that goes with it.
    pub reason: String,
    /// Every check.
    pub checks: Vec<Check>,
}

/// Judges every rule.
#[must_use]
pub fn decide(plan: &Plan, evidence: &Evidence) -> Decision {
    let mut checks = Vec::new();
    for (table, found) in plan.tables.iter().zip(&evidence.tables) {
        presence::readable(found, &mut checks);
        presence::names(found, &mut checks);
        presence::window(table.rules.as_ref(), found, &mut checks);
        presence::filter(found, &mut checks);
        types::compared(table.rules.as_ref(), found, &mut checks);
        rows::judge(table, found, &mut checks);
        rows::against(table, found, &evidence.tables, &mut checks);
        if let Some(rules) = &table.rules {
            presence::schema(rules, found, &mut checks);
            keys::judge(rules, found, &mut checks);
            for (name, rules) in &rules.columns {
                column(name, rules, found, evidence.now, &mut checks);
            }
            conditions::judge(rules, found, &mut checks);
            pairs::judge(rules, found, &mut checks);
        }
    }
    for (relation, found) in plan.relations.iter().zip(&evidence.relations) {
        let objects = evidence
            .tables
            .iter()
            .find(|table| table.name == relation.from.table);
        relationships::judge(relation, found, objects, &mut checks);
    }
    for (split, found) in plan.splits.iter().zip(&evidence.splits) {
        overlap::judge(split, &found.overlap, evidence, &mut checks);
        splits::judge(split, found, evidence, &mut checks);
        order::judge(split, plan, evidence, &mut checks);
    }
    sampled::temper(evidence, &mut checks);
    profiled::temper(evidence, &mut checks);
    for (field, why) in &plan.left_out {
        checks.push(Check::new(format!("environment:{field}"), "environment").skipped(why.clone()));
    }
    conclude(checks)
}

fn column(name: &str, rules: &ColumnRules, table: &TableEvidence, now: i128, checks: &mut Vec<Check>) {
    header(name, rules, table, checks);
    if table.field(name).is_some() {
        numbers::nulls(name, rules, table, checks);
        values::judge(name, rules, table, checks);
        values::order(name, rules, table, checks);
        occurrence::judge(name, rules, table, now, checks);
        keys::column(name, rules, table, checks);
        distribution::judge(name, rules, table, checks);
        numbers::judge(name, rules, table, checks);
    }
}

/// What the footers decide: nothing, or a no.
#[must_use]
pub fn by_footers(plan: &Plan, footers: &Footers) -> Option<Decision> {
    let mut checks = Vec::new();
    let tables = plan.tables.iter().zip(&footers.evidence.tables);
    for (index, (table, found)) in tables.enumerate() {
        if footers.known_rows[index] {
            rows::judge(table, found, &mut checks);
        }
        if let Some(rules) = &table.rules {
            presence::schema(rules, found, &mut checks);
            for (name, rules) in &rules.columns {
                header(name, rules, found, &mut checks);
                let read = ColumnRules {
                    nan_rate: None,
                    inf_rate: None,
                    ..rules.clone()
                };
                if found.columns.contains_key(name) {
                    numbers::nulls(name, &read, found, &mut checks);
                }
                let bad = footers.bad[index].iter().filter(|bad| bad.column == *name);
                checks.extend(bad.filter_map(|bad| values::in_a_footer(name, rules, found, bad)));
            }
        }
    }
    if !checks.iter().any(is_no) {
        return None;
    }
    let why = "the footers have decided, so no row was read; rules about values that they do not decide were not asked (--fail-fast)";
    checks.push(Check::new("footers", "footers").skipped(why));
    Some(conclude(checks))
}

/// Whether a column is there, of the type that it must be.
fn header(name: &str, rules: &ColumnRules, table: &TableEvidence, checks: &mut Vec<Check>) {
    match table.field(name) {
        None if rules.required => {
            let why = table.missing(name);
            checks.push(
                on_column("column", name, table)
                    .not_observed("no such column")
                    .judge(false, why),
            );
        }
        None => {
            let why = format!(
                "{}; it is not required, so its rules were not asked",
                table.missing(name)
            );
            checks.push(on_column("column", name, table).skipped(why));
        }
        Some(field) => {
            presence::column(rules, field, table, checks);
            types::judge(name, rules, field, table, checks);
        }
    }
}

/// Whether a check says no. Too little evidence is no pass: it counts as a miss.
fn is_no(check: &Check) -> bool {
    match check.outcome {
        Outcome::Fail | Outcome::Error => true,
        Outcome::Insufficient => check.severity == Severity::Error,
        _ => false,
    }
}

/// Whether a check only warns.
fn warns(check: &Check) -> bool {
    check.outcome == Outcome::Warn || check.outcome == Outcome::Insufficient && !is_no(check)
}

fn conclude(checks: Vec<Check>) -> Decision {
    let count = |which: fn(&Check) -> bool| checks.iter().filter(|check| which(check)).count();
    let (failed, warned) = (count(is_no), count(warns));
    let judged = checks.len() - count(|check| check.outcome == Outcome::Skipped);
    let first = |which: fn(&Check) -> bool| {
        checks
            .iter()
            .find(|check| which(check))
            .map(|check| check.why.clone())
            .unwrap_or_default()
    };
    let more = |count: usize| {
        if count > 1 {
            format!(" (and {} more)", count - 1)
        } else {
            String::new()
        }
    };
    let (verdict, reason) = if failed > 0 {
        let what = first(is_no);
        (
            "FAIL",
            format!("{failed} of {judged} checks failed: {what}{}", more(failed)),
        )
    } else if warned > 0 {
        (
            "WARN",
            format!(
                "{judged} checks, none failed, {warned} warned: {}{}",
                first(warns),
                more(warned)
            ),
        )
    } else {
        ("PASS", format!("all {judged} checks passed"))
    };
    Decision {
        verdict,
        reason,
        checks,
    }
}

/// The columns that a condition and its filter speak of.
fn expression_columns(rule: &crate::config::ExpressionRule) -> Vec<String> {
    let texts = std::iter::once(&rule.expression).chain(&rule.filter);
    let read = texts.filter_map(|text| crate::expression::Expression::read(text).ok());
    read.flat_map(|part| part.columns().into_iter().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// What a check on a column of a table is called.
pub(crate) fn id(kind: &str, table: &str, column: &str) -> String {
    format!("{kind}:{table}.{column}")
}

/// A check on a column of a table.
fn on_column(kind: &str, column: &str, table: &TableEvidence) -> Check {
    Check::new(id(kind, &table.name, column), kind)
        .table(&table.name)
        .column(column)
}

/// A check on a table.
fn on_table(kind: &str, table: &TableEvidence) -> Check {
    Check::new(format!("{kind}:{}", table.name), kind).table(&table.name)
}

/// An example of a value, with where it is first.
fn sample(value: &str, count: u64, spot: Option<Spot>, table: Option<&TableEvidence>) -> Sample {
    let sample = Sample::new(value).count(count);
    let Some(spot) = spot else { return sample };
    let sample = sample.row(spot.place.row);
    let sample = match spot.place.line {
        Some(line) => sample.detail(format!("line {line}")),
        None => sample,
    };
    match table.and_then(|table| table.objects.get(spot.object)) {
        Some(object) => sample.object(&object.uri),
        None => sample,
    }
}

fn samples<'a>(
    examples: &'a [Example],
    table: Option<&'a TableEvidence>,
) -> impl Iterator<Item = Sample> + 'a {
    examples
        .iter()
        .map(move |example| sample(&example.value, example.rows, example.spot, table))
}

/// `` (for example `D942DN`, `N1`)``, or nothing.
fn such_as<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let shown: Vec<String> = values.take(3).map(|value| format!("`{value}`")).collect();
    if shown.is_empty() {
        String::new()
    } else {
        format!(" (for example {})", shown.join(", "))
    }
}

/// The detail of a check on several columns together that names them.
pub(crate) const COLUMNS: &str = "columns";

/// The severity of a rule that has none of its own.
const MUST: Severity = Severity::Error;
