//! Between tables: keys that refer to nothing, rows that are in two.

use std::sync::Arc;

use tabular::{KeySet, Kind};

use super::keys::Keys;
use super::measure::{KeyWanted, Measured, Wanted};
use super::objects::OpenedTable;
use super::scan::{Pass, measure};
use super::{Extent, RelationEvidence, examples};
use crate::config::ColumnsOf;
use crate::error::ScanError;
use crate::plan::Plan;

/// The keys that a relationship refers to.
#[derive(Debug, Clone)]
pub(super) struct Parent {
    pub(super) keys: Arc<Keys>,
    pub(super) distinct: u64,
    /// For probing while the referring table streams; none when there are too many.
    pub(super) set: Option<Arc<KeySet>>,
}

/// By relationship; or why it cannot be looked at.
pub(super) type Parents = Vec<Result<Parent, String>>;

pub(super) fn position(plan: &Plan, name: &str) -> usize {
    plan.tables
        .iter()
        .position(|table| table.name == name)
        .unwrap_or(0)
}

/// Reads the keys that relationships refer to, each set of columns once. Never of a sample: what refers to a key that was
/// not drawn would be an orphan.
pub(super) fn parents<'a>(
    plan: &Plan,
    opened: &[OpenedTable],
    pass_of: impl Fn(usize) -> Pass<'a>,
) -> Result<Parents, ScanError> {
    let mut read: Vec<(&ColumnsOf, Result<Parent, String>)> = Vec::new();
    let mut parents = Vec::with_capacity(plan.relations.len());
    for relation in &plan.relations {
        let (child, parent) = (
            position(plan, &relation.from.table),
            position(plan, &relation.to.table),
        );
        if let Err(why) = comparable((&relation.from, &opened[child]), (&relation.to, &opened[parent])) {
            parents.push(Err(why));
            continue;
        }
        if let Some((_, known)) = read.iter().find(|(columns, _)| **columns == relation.to) {
            parents.push(known.clone());
            continue;
        }
        let key = KeyWanted {
            columns: relation.to.columns.clone(),
            with_nulls: false,
        };
        let wanted = Wanted {
            keys: vec![key],
            ..Wanted::default()
        };
        let pass = pass_of(parent).unsampled();
        let mut measured = measure(&opened[parent], &wanted, pass)?;
        let found = match measured.keys.pop() {
            Some(found) if found.without.is_none() => {
                let set = found.keys.to_set(pass.memory.referred())?.map(Arc::new);
                let distinct = match &set {
                    Some(set) => set.len() as u64,
                    None => found.keys.spectrum()?.distinct,
                };
                Ok(Parent {
                    keys: Arc::new(found.keys),
                    distinct,
                    set,
                })
            }
            _ => Err(format!("the columns of {} do not decode", relation.to)),
        };
        read.push((&relation.to, found.clone()));
        parents.push(found);
    }
    Ok(parents)
}

/// Whether values of the columns can be equal at all.
pub(super) fn comparable(
    from: (&ColumnsOf, &OpenedTable),
    to: (&ColumnsOf, &OpenedTable),
) -> Result<(), String> {
    // A part of the tables may have no file of the one: there is nothing in it to compare.
    let has_files = |(_, table): &(&ColumnsOf, &OpenedTable)| !table.objects.is_empty();
    for (side, table) in [from, to].into_iter().filter(has_files) {
        for name in &side.columns {
            let columns = table.columns();
            if !columns.contains(name) {
                let hint = step_contract::did_you_mean(name, columns.iter().map(String::as_str));
                return Err(format!("`{}` has no column `{name}`{hint}", side.table));
            }
            if table.fields(name).count() < table.objects.len() {
                return Err(format!(
                    "the column `{name}` of `{}` is missing in a file",
                    side.table
                ));
            }
        }
    }
    for (mine, theirs) in from.0.columns.iter().zip(&to.0.columns) {
        let (a, b) = (from.1.family(mine)?, to.1.family(theirs)?);
        if let (Some(a), Some(b)) = (a, b)
            && a != b
        {
            let kind = |side: &OpenedTable, name| {
                side.fields(name)
                    .next()
                    .map_or(Kind::Other, |(_, field)| field.kind)
            };
            return Err(format!(
                "{}.{mine} is {} and {}.{theirs} is {}: no value of one equals a value of the other",
                from.0.table,
                kind(from.1, mine),
                to.0.table,
                kind(to.1, theirs)
            ));
        }
    }
    Ok(())
}

/// What has been read of all tables.
#[derive(Clone, Copy)]
pub(super) struct Tables<'t> {
    pub(super) plan: &'t Plan,
    pub(super) opened: &'t [OpenedTable],
    pub(super) wanted: &'t [Wanted],
    pub(super) measured: &'t [Measured],
    pub(super) extent: Extent,
}

/// What became of each relationship.
pub(super) fn evidence<'a>(
    tables: Tables<'_>,
    parents: &Parents,
    pass_of: impl Fn(usize) -> Pass<'a>,
) -> Result<Vec<Result<RelationEvidence, String>>, ScanError> {
    let Tables {
        plan,
        opened,
        wanted,
        measured,
        extent,
    } = tables;
    let mut all = Vec::with_capacity(plan.relations.len());
    for (index, relation) in plan.relations.iter().enumerate() {
        let parent = match &parents[index] {
            Ok(parent) => parent,
            Err(why) => {
                all.push(Err(why.clone()));
                continue;
            }
        };
        let child = position(plan, &relation.from.table);
        let place = wanted[child]
            .orphans
            .iter()
            .position(|orphans| orphans.relation == index);
        let Some(seen) = place.and_then(|place| measured[child].orphans.get(place)) else {
            all.push(Err(format!("{} was not read", relation.from)));
            continue;
        };
        if let Some(column) = &seen.without {
            all.push(Err(format!(
                "the column `{column}` of `{}` does not decode",
                relation.from.table
            )));
            continue;
        }
        let orphans = if parent.set.is_some() {
            seen.keys.all(extent.samples)?
        } else {
            seen.keys.against(&parent.keys, false, extent.samples)?
        };
        let examples = examples::find(
            &opened[child],
            &relation.from.columns,
            &orphans.top,
            pass_of(child),
        )?;
        all.push(Ok(RelationEvidence {
            referring: seen.looked_at,
            with_null: seen.with_null,
            parents: parent.distinct,
            orphans,
            examples,
            keys_are_least: false,
        }));
    }
    Ok(all)
}
