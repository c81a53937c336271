//! What is known before a row is read: columns, their types, and of Parquet files how many rows there are, how many of them
//! are null in a column, and its smallest and largest value.

use std::collections::BTreeMap;

use tabular::ColumnBounds;

use super::column::ColumnMeasured;
use super::objects::OpenedTable;
use super::values::{Test, ValueRule};
use super::{Evidence, TableEvidence};
use crate::config::ColumnRules;
use crate::plan::Plan;

/// The footers and headers of all tables as evidence. Rows are counted where every footer tells them and nothing cuts the
/// table.
#[must_use]
pub fn evidence(plan: &Plan, opened: &[OpenedTable], has_window: bool) -> Footers {
    let mut known_rows = Vec::with_capacity(opened.len());
    let tables = plan.tables.iter().zip(opened).map(|(plan, table)| {
        let mut by_object = BTreeMap::new();
        let is_filtered = plan.rules.as_ref().is_some_and(|rules| rules.filter.is_some());
        let mut known = !(is_filtered || has_window && plan.is_split);
        for (index, object) in table.objects.iter().enumerate() {
            let groups = object.source.row_groups();
            // Text files have no footer, and name no groups.
            let rows: Option<u64> = groups.iter().map(|group| group.rows).sum();
            let rows = rows.filter(|_| !groups.is_empty());
            known = known && rows.is_some();
            by_object.insert(index, rows.unwrap_or(0));
        }
        known_rows.push(known);
        TableEvidence {
            name: plan.name.clone(),
            rows: by_object.values().sum(),
            passed_over: table.passed_over.clone(),
            version: table.version.as_ref().map(super::TableVersion::of),
            by_dates: table.by_dates.clone(),
            fields: super::fields::of_table(table),
            objects: super::objects(table, &by_object),
            ..TableEvidence::default()
        }
    });
    let mut evidence = Evidence {
        tables: tables.collect(),
        ..Evidence::default()
    };
    let mut bad = Vec::new();
    for (index, (plan, opened)) in plan.tables.iter().zip(opened).enumerate() {
        let rules = plan.rules.as_ref().filter(|_| known_rows[index]);
        let mut found = Vec::new();
        for (name, rules) in rules.iter().flat_map(|rules| &rules.columns) {
            let bounds: Vec<Option<ColumnBounds>> = opened
                .objects
                .iter()
                .map(|object| object.source.bounds(name))
                .collect();
            if let Some(nulls) = nulls(&bounds) {
                let column = ColumnMeasured {
                    rows: evidence.tables[index].rows,
                    nulls,
                    ..ColumnMeasured::default()
                };
                evidence.tables[index].columns.insert(name.clone(), column);
            }
            found.extend(
                ValueRule::of(rules)
                    .into_iter()
                    .filter_map(|rule| outlier(name, rule, rules, opened, &bounds)),
            );
        }
        bad.push(found);
    }
    Footers {
        evidence,
        known_rows,
        bad,
    }
}

/// The nulls of a column, when the footer of every file tells them of every row group.
fn nulls(bounds: &[Option<ColumnBounds>]) -> Option<u64> {
    bounds
        .iter()
        .map(|bounds| bounds.as_ref()?.nulls.iter().copied().sum::<Option<u64>>())
        .sum()
}

/// A value in a footer that misses a rule: the smallest or the largest of a row group, which is a value of a row.
fn outlier(
    name: &str,
    rule: ValueRule,
    rules: &ColumnRules,
    opened: &OpenedTable,
    bounds: &[Option<ColumnBounds>],
) -> Option<Outlier> {
    for (object, bounds) in opened.objects.iter().zip(bounds) {
        let Some(bounds) = bounds else { continue };
        let test = Test::compile(rule, rules, bounds.min.field()).ok()?;
        let mut first: Option<(usize, String)> = None;
        for (column, exact) in [
            (
                &bounds.min,
                bounds.exact.iter().map(|exact| exact.0).collect::<Vec<_>>(),
            ),
            (&bounds.max, bounds.exact.iter().map(|exact| exact.1).collect()),
        ] {
            test.run(column, |group| {
                if exact[group] && first.as_ref().is_none_or(|(before, _)| group < *before) {
                    first = Some((group, column.display(group).unwrap_or_default()));
                }
            });
        }
        if let Some((group, value)) = first {
            return Some(Outlier {
                column: name.to_owned(),
                rule,
                value: Some(value),
                object: object.uri.clone(),
                group,
            });
        }
    }
    None
}

impl Footers {
    /// Takes the values out.
    pub fn hide_values(&mut self) {
        self.bad.iter_mut().flatten().for_each(|bad| bad.value = None);
    }
}

/// A value in a footer that misses a rule.
#[derive(Debug)]
pub struct Outlier {
    /// The column.
    pub column: String,
    /// The rule.
    pub rule: ValueRule,
    /// The value, where it may be shown.
    pub value: Option<String>,
    /// The file.
    pub object: String,
    /// The row group.
    pub group: usize,
}

/// What the footers tell.
#[derive(Debug)]
pub struct Footers {
    /// Tables without anything that takes reading them.
    pub evidence: Evidence,
    /// By table, whether its rows are known.
    pub known_rows: Vec<bool>,
    /// By table, values that miss a rule.
    pub bad: Vec<Vec<Outlier>>,
}
