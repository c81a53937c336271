//! From the plan to what one pass over a table shall measure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::column::ColumnMeasured;
use super::conditions::ConditionWanted;
use super::frozen::{Reference, References};
use super::measure::{ColumnWanted, KeyWanted, Measured, OrphanWanted, Wanted};
use super::objects::OpenedTable;
use super::quantile::{Bracket, WIDEN};
use super::relations::Parents;
use super::rows::Choice;
use super::scan::{Pass, measure};
use super::splits;
use super::values::ValueRule;
use super::{Extent, Quantile};
use crate::config::ColumnRules;
use crate::error::ScanError;
use crate::plan::{Plan, TablePlan};

/// What was read before the tables themselves.
pub(super) struct Ahead {
    /// The keys that relationships refer to.
    pub(super) parents: Parents,
    /// What distributions are held against.
    pub(super) references: References,
}

impl Ahead {
    /// What the columns of a table are held against, by column and number of the rule.
    pub(super) fn references_of(
        &self,
        table: usize,
    ) -> impl Iterator<Item = (&String, usize, &Result<Arc<Reference>, String>)> {
        let of_it = self.references.iter().filter(move |((of, _, _), _)| *of == table);
        of_it.map(|((_, column, number), found)| (column, *number, found))
    }
}

/// What the checks on this table need.
pub(super) fn of_table(
    plan: &Plan,
    index: usize,
    opened: &[OpenedTable],
    extent: Extent,
    ahead: &Ahead,
    rows: Choice<'_>,
) -> Wanted {
    let (table, columns) = (&plan.tables[index], opened[index].columns());
    let has = |names: &[String]| names.iter().all(|name| columns.contains(name));
    let mut wanted = Wanted::default();
    let mut keys = if extent.overlaps {
        judged_keys(table, &columns)
    } else {
        asked_keys(table, &columns)
    };
    if extent.profile {
        for name in &columns {
            wanted.columns.insert(
                name.clone(),
                ColumnWanted {
                    profile: true,
                    ..ColumnWanted::default()
                },
            );
        }
    }
    if let Some(rules) = &table.rules {
        for (name, rules) in rules.columns.iter().filter(|(name, _)| columns.contains(name)) {
            let column = wanted.columns.entry(name.clone()).or_default();
            column.tests = ValueRule::of(rules);
            column.rules = Some(Arc::new(rules.clone()));
            column.quantiles = rules.median.is_some() || !rules.quantiles.is_empty();
            column.shape = rules.skewness.is_some() || rules.kurtosis.is_some();
            column.named = rules.named();
            column.directions = rules.directions().map(|(_, direction, _)| direction).collect();
            column.frozen = (0..rules.distribution.len())
                .filter_map(|number| ahead.references.get(&(index, name.clone(), number)))
                .map(|found| {
                    found
                        .as_ref()
                        .map(|found| Arc::clone(&found.frozen))
                        .map_err(Clone::clone)
                })
                .collect();
        }
        wanted.conditions = rules
            .expressions
            .iter()
            .filter_map(|rule| ConditionWanted::of(rule).ok())
            .collect();
        wanted.pairs = rules
            .correlations
            .iter()
            .map(|rule| rule.columns.clone())
            .collect();
    }
    for split in plan
        .splits
        .iter()
        .filter(|split| split.train == table.name || split.test == table.name)
    {
        if extent.overlaps {
            let key = overlap_key(plan, opened, split);
            let more = splits::more_keys(plan, opened, split);
            let all = std::iter::once(key).chain(more);
            keys.extend(all.filter(|key| has(&key.columns) && !key.columns.is_empty()));
        }
        if let Some(time) = split.time_column.as_ref().filter(|time| columns.contains(time)) {
            wanted.compared.insert(time.clone());
        }
    }
    wanted.compared.extend(rows.columns().map(str::to_owned));
    wanted.keys = keys.into_iter().collect();
    for (relation, rule) in plan.relations.iter().enumerate() {
        for side in [&rule.from, &rule.to]
            .into_iter()
            .filter(|side| side.table == table.name)
        {
            wanted
                .compared
                .extend(side.columns.iter().filter(|name| columns.contains(name)).cloned());
        }
        if rule.from.table == table.name
            && let Some(Ok(parent)) = ahead.parents.get(relation)
        {
            wanted.orphans.push(OrphanWanted {
                relation,
                columns: rule.from.columns.clone(),
                parents: parent.set.clone(),
            });
        }
    }
    let keys = wanted.keys.iter().flat_map(|key| &key.columns);
    wanted
        .compared
        .extend(keys.filter(|name| columns.contains(name)).cloned());
    for name in &wanted.compared {
        wanted.columns.entry(name.clone()).or_default();
    }
    wanted
}

/// The keys that the rules of the table itself judge, and its columns have.
pub(super) fn judged_keys(table: &TablePlan, columns: &[String]) -> BTreeSet<KeyWanted> {
    let mut keys = asked_keys(table, columns);
    keys.retain(|key| key.columns.iter().all(|name| columns.contains(name)));
    keys
}

/// The keys that the rules of the table itself ask for. A part of a table keeps also those of columns that it lacks: what is
/// missing in one file is missing in the table.
fn asked_keys(table: &TablePlan, columns: &[String]) -> BTreeSet<KeyWanted> {
    let mut keys = BTreeSet::new();
    let Some(rules) = &table.rules else { return keys };
    let single = rules.columns.iter().filter(|(_, rules)| rules.counts_values());
    let single = single.map(|(name, _)| vec![name.clone()]);
    for key in single.chain(rules.unique.iter().map(|key| key.columns.clone())) {
        keys.insert(KeyWanted {
            columns: key,
            with_nulls: false,
        });
    }
    if rules.duplicate_rows.is_some() {
        keys.insert(KeyWanted::of_rows(columns.to_vec()));
    }
    keys
}

/// The key that two splits are compared by: the one of the suite, or all columns that both have.
pub(super) fn overlap_key(
    plan: &Plan,
    opened: &[OpenedTable],
    split: &crate::config::SplitRules,
) -> KeyWanted {
    if !split.key.is_empty() {
        return KeyWanted {
            columns: split.key.clone(),
            with_nulls: false,
        };
    }
    let columns_of = |name: &str| {
        let index = plan.tables.iter().position(|table| table.name == name);
        index.map(|index| opened[index].columns()).unwrap_or_default()
    };
    let test = columns_of(&split.test);
    let both = columns_of(&split.train)
        .into_iter()
        .filter(|name| test.contains(name));
    KeyWanted::of_rows(both.collect())
}

/// Which quantiles a column's rules ask for.
fn shares(rules: &ColumnRules) -> Vec<f64> {
    let median = rules.median.as_ref().map(|_| 0.5);
    median
        .into_iter()
        .chain(rules.quantiles.iter().map(|rule| rule.p))
        .collect()
}

/// A second pass for quantiles that the first could only bracket.
pub(super) fn second_pass(
    table: &OpenedTable,
    plan: &TablePlan,
    seen: &mut Measured,
    pass: Pass<'_>,
) -> Result<(), ScanError> {
    let Some(rules) = &plan.rules else { return Ok(()) };
    // Outside of what the sketch leaves possible, the whole is counted.
    for widen in [WIDEN, f64::INFINITY] {
        let mut wanted = Wanted::default();
        for (name, rules) in &rules.columns {
            let Some(column) = seen.columns.get(name) else {
                continue;
            };
            let Some(first) = &column.quantiles else { continue };
            let done = |p: f64| {
                column
                    .brackets
                    .iter()
                    .any(|bracket| bracket.p == p && bracket.quantile().is_some())
            };
            let brackets: Vec<Bracket> = shares(rules)
                .into_iter()
                .filter(|p| !done(*p))
                .filter_map(|p| first.bracket(p, widen))
                .collect();
            if !brackets.is_empty() {
                wanted.columns.insert(
                    name.clone(),
                    ColumnWanted {
                        brackets,
                        ..ColumnWanted::default()
                    },
                );
            }
        }
        if wanted.columns.is_empty() {
            break;
        }
        for (name, again) in measure(table, &wanted, pass)?.columns {
            if let Some(column) = seen.columns.get_mut(&name) {
                column.brackets.extend(again.brackets);
            }
        }
    }
    Ok(())
}

/// The quantiles that the rules ask for.
pub(super) fn quantiles(
    plan: &TablePlan,
    columns: &BTreeMap<String, ColumnMeasured>,
) -> BTreeMap<String, Vec<Quantile>> {
    let mut found = BTreeMap::new();
    for (name, rules) in plan.rules.iter().flat_map(|rules| &rules.columns) {
        let Some(column) = columns.get(name) else { continue };
        let second = |p: f64| {
            let brackets = column.brackets.iter().filter(|bracket| bracket.p == p);
            brackets.filter_map(Bracket::quantile).next()
        };
        let ends = column.moments.min.zip(column.moments.max);
        let found_at = |p: f64| {
            let first = column.quantiles.as_ref();
            let exact = match (ends, p) {
                (Some((min, _)), 0.0) => Some(min),
                (Some((_, max)), 1.0) => Some(max),
                _ => first
                    .and_then(|first| first.exact(p))
                    .unwrap_or_else(|| second(p)),
            };
            // Without a second pass there is the sketch of the first.
            let estimate = first
                .filter(|_| exact.is_none())
                .and_then(|first| first.estimate(p, ends?));
            Quantile {
                p,
                value: exact.or(estimate.map(|(value, _)| value)),
                within: estimate.map(|(_, within)| within),
            }
        };
        let values: Vec<Quantile> = shares(rules).into_iter().map(found_at).collect();
        if !values.is_empty() {
            found.insert(name.clone(), values);
        }
    }
    found
}
