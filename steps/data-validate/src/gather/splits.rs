//! Between the parts that a model is trained and judged on: who is in both, what is new, how the labels are mixed.

use super::examples::{self, Example};
use super::measure::{KeyMeasured, KeyWanted};
use super::objects::OpenedTable;
use super::relations::{Tables, comparable, position};
use super::scan::Pass;
use super::wanted::overlap_key;
use super::{OverlapEvidence, examples::find};
use crate::config::{ColumnsOf, SplitRules};
use crate::error::ScanError;
use crate::plan::Plan;

/// What two parts have to do with each other.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitEvidence {
    /// Rows of `test` that are in `train` by `key`.
    pub overlap: Result<OverlapEvidence, String>,
    /// The same by every column that both have, where it is asked for.
    pub same_rows: Option<Result<OverlapEvidence, String>>,
    /// The same by `group`.
    pub group: Option<Result<OverlapEvidence, String>>,
    /// By column, the rows of `test` whose value `train` has not.
    pub new: Vec<(String, Result<OverlapEvidence, String>)>,
    /// The label whose share differs most.
    pub label: Option<Result<LabelEvidence, String>>,
}

impl SplitEvidence {
    /// Of tables of which no two rows were compared.
    pub(super) fn not_compared(split: &SplitRules) -> Self {
        fn none<T>() -> Result<T, String> {
            Err("the rows of profiles are not compared with each other".to_owned())
        }
        Self {
            overlap: none(),
            same_rows: split.max_same_rows_fraction.map(|_| none()),
            group: (!split.group.is_empty()).then(none),
            new: split
                .new_categories
                .iter()
                .map(|column| (column.clone(), none()))
                .collect(),
            label: split.label.as_ref().map(|_| none()),
        }
    }
}

/// The label whose share differs most between two parts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabelEvidence {
    /// The label.
    pub value: String,
    /// Its rows in `train` and in `test`.
    pub rows: (u64, u64),
    /// All rows with a label in `train` and in `test`.
    pub of: (u64, u64),
}

/// The keys that a split compares by, besides the main one.
pub(super) fn more_keys(plan: &Plan, opened: &[OpenedTable], split: &SplitRules) -> Vec<KeyWanted> {
    let whole = split
        .max_same_rows_fraction
        .map(|_| whole_rows(plan, opened, split));
    let group = Some(&split.group)
        .filter(|group| !group.is_empty())
        .map(|group| key(group));
    let single = split.label.iter().chain(&split.new_categories);
    let single = single.map(|column| key(std::slice::from_ref(column)));
    whole.into_iter().chain(group).chain(single).collect()
}

fn key(columns: &[String]) -> KeyWanted {
    KeyWanted {
        columns: columns.to_vec(),
        with_nulls: false,
    }
}

fn whole_rows(plan: &Plan, opened: &[OpenedTable], split: &SplitRules) -> KeyWanted {
    let without_key = SplitRules {
        key: Vec::new(),
        ..split.clone()
    };
    overlap_key(plan, opened, &without_key)
}

/// What became of each split.
pub(super) fn evidence<'a>(
    tables: Tables<'_>,
    pass_of: impl Fn(usize) -> Pass<'a>,
) -> Result<Vec<SplitEvidence>, ScanError> {
    let each = tables.plan.splits.iter().map(|split| {
        let pair = Pair::of(tables, split);
        let pass = pass_of(pair.test);
        let overlap = pair.overlap(&overlap_key(tables.plan, tables.opened, split), true, pass)?;
        let whole = whole_rows(tables.plan, tables.opened, split);
        let same_rows = split
            .max_same_rows_fraction
            .map(|_| pair.overlap(&whole, true, pass))
            .transpose()?;
        let group = (!split.group.is_empty())
            .then(|| pair.overlap(&key(&split.group), true, pass))
            .transpose()?;
        let new = split
            .new_categories
            .iter()
            .map(|column| {
                Ok((
                    column.clone(),
                    pair.overlap(&key(std::slice::from_ref(column)), false, pass)?,
                ))
            })
            .collect::<Result<_, ScanError>>()?;
        let label = split
            .label
            .as_ref()
            .map(|label| pair.label(label, &pass_of))
            .transpose()?;
        Ok(SplitEvidence {
            overlap,
            same_rows,
            group,
            new,
            label,
        })
    });
    each.collect()
}

/// Two tables.
struct Pair<'t> {
    tables: Tables<'t>,
    train: usize,
    test: usize,
}

impl<'t> Pair<'t> {
    fn of(tables: Tables<'t>, split: &SplitRules) -> Self {
        Self {
            tables,
            train: position(tables.plan, &split.train),
            test: position(tables.plan, &split.test),
        }
    }

    /// The keys of both; or why they cannot be compared.
    fn keys(&self, key: &KeyWanted) -> Result<(&'t KeyMeasured, &'t KeyMeasured), String> {
        let Tables {
            plan,
            opened,
            wanted,
            measured,
            ..
        } = self.tables;
        let side = |table: usize| ColumnsOf {
            table: plan.tables[table].name.clone(),
            columns: key.columns.clone(),
        };
        comparable(
            (&side(self.train), &opened[self.train]),
            (&side(self.test), &opened[self.test]),
        )?;
        let keys_of = |table: usize| {
            let place = wanted[table].keys.iter().position(|wanted| wanted == key)?;
            measured[table].keys.get(place)
        };
        let name = |table: usize| &plan.tables[table].name;
        let (Some(mine), Some(theirs)) = (keys_of(self.train), keys_of(self.test)) else {
            return Err(format!(
                "`{}` and `{}` share no column to compare rows by",
                name(self.train),
                name(self.test)
            ));
        };
        match mine.without.as_ref().or(theirs.without.as_ref()) {
            Some(column) => Err(format!("the column `{column}` does not decode")),
            None => Ok((mine, theirs)),
        }
    }

    /// The rows of `test` whose key is (`present`) or is not in `train`.
    fn overlap(
        &self,
        key: &KeyWanted,
        present: bool,
        pass: Pass<'_>,
    ) -> Result<Result<OverlapEvidence, String>, ScanError> {
        let (mine, theirs) = match self.keys(key) {
            Ok(both) => both,
            Err(why) => return Ok(Err(why)),
        };
        let shared = theirs
            .keys
            .against(&mine.keys, present, self.tables.extent.samples)?;
        let examples = find(&self.tables.opened[self.test], &key.columns, &shared.top, pass)?;
        Ok(Ok(OverlapEvidence {
            columns: key.columns.clone(),
            rows: theirs.looked_at,
            with_null: (mine.with_null, theirs.with_null),
            shared,
            examples,
        }))
    }

    fn label<'a>(
        &self,
        label: &str,
        pass_of: impl Fn(usize) -> Pass<'a>,
    ) -> Result<Result<LabelEvidence, String>, ScanError> {
        let columns = vec![label.to_owned()];
        let (mine, theirs) = match self.keys(&key(&columns)) {
            Ok(both) => both,
            Err(why) => return Ok(Err(why)),
        };
        let Some((found, before, now)) = mine.keys.shift(&theirs.keys)? else {
            return Ok(Err(format!("`{label}` has no value in one of the two")));
        };
        // The value itself is looked up where it occurs.
        let place = if before > 0 { self.train } else { self.test };
        let top = [(found, before.max(now))];
        let shown: Vec<Example> = examples::find(&self.tables.opened[place], &columns, &top, pass_of(place))?;
        Ok(Ok(LabelEvidence {
            value: shown
                .into_iter()
                .next()
                .map(|example| example.value)
                .unwrap_or_default(),
            rows: (before, now),
            of: (mine.looked_at, theirs.looked_at),
        }))
    }
}
