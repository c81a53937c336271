//! One pass over the rows of a table, in parallel over its files and row groups. The parts are put together in their
//! order, so that the result does not depend on which thread was faster.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use tabular::{Batch, ReadOptions, TableError};

use super::conditions::ConditionWanted;
use super::measure::{Measured, Meter, Wanted};
use super::memory::Memory;
use super::objects::OpenedTable;
use super::prune::Plan;
use super::rows::Choice;
use crate::error::ScanError;

/// What a pass is told from outside.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// Which rows are looked at.
    pub rows: Choice<'a>,
    /// Threads.
    pub threads: usize,
    /// What may be held.
    pub memory: Memory,
    /// Asked between batches.
    pub cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl Pass<'_> {
    /// The same, of all rows that would be drawn from.
    pub(super) fn unsampled(mut self) -> Self {
        self.rows.sample = None;
        self
    }
}

/// A part of a table that is read at once.
#[derive(Debug, Clone)]
struct Unit {
    object: usize,
    groups: Range<usize>,
    /// The rows of them that are to be read; all when `None`.
    rows: Option<Vec<Range<u64>>>,
}

impl Unit {
    /// One row group, whole.
    fn new(object: usize, group: usize) -> Self {
        Self {
            object,
            groups: group..group + 1,
            rows: None,
        }
    }
}

/// Measures a table.
pub fn measure(table: &OpenedTable, wanted: &Wanted, pass: Pass<'_>) -> Result<Measured, ScanError> {
    let plans: Vec<Plan> = table
        .objects
        .iter()
        .map(|object| Plan::of(&object.source, pass.rows))
        .collect();
    let units = units(table, &plans);
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut whole = Measured::default();
    std::thread::scope(|scope| {
        let (send, receive) = mpsc::channel();
        for _ in 0..pass.threads.clamp(1, units.len().max(1)) {
            let (send, next, stop, units) = (send.clone(), &next, &stop, &units);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(unit) = units.get(index) else { return };
                    if send
                        .send((index, measure_unit(table, unit, wanted, pass)))
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut waiting = BTreeMap::new();
        let mut due = 0;
        let mut result = Ok(());
        for (index, part) in receive {
            waiting.insert(index, part);
            while let Some(part) = waiting.remove(&due) {
                due += 1;
                if result.is_ok() {
                    result = part.and_then(|part| Ok(whole.absorb(part)?));
                    if result.is_err() {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            }
        }
        // A part that was given up leaves a gap before the one that failed later.
        for part in waiting.into_values() {
            result = result.and(part.map(|_| ()));
        }
        result
    })?;
    whole.leave_unread(plans.iter().map(|plan| plan.left), table.first);
    Ok(whole)
}

/// Row groups are put together until a unit is worth a thread's while; those that need not be read are in none.
fn units(table: &OpenedTable, plans: &[Plan]) -> Vec<Unit> {
    const ROWS: u64 = 1 << 18;
    let mut units = Vec::new();
    for (object, plan) in plans.iter().enumerate() {
        let mut open: Option<(Unit, u64)> = None;
        for (group, rows) in plan.groups.iter().enumerate() {
            let Some(rows) = rows else {
                units.push(Unit::new(object, group));
                continue;
            };
            if rows.is_empty() {
                units.extend(open.take().map(|(unit, _)| unit));
                continue;
            }
            let (mut unit, known) = open.take().unwrap_or_else(|| (Unit::new(object, group), 0));
            unit.groups.end = group + 1;
            let known = known + rows.iter().map(|run| run.end - run.start).sum::<u64>();
            unit.rows.get_or_insert_default().extend(rows.iter().cloned());
            if known >= ROWS {
                units.push(unit);
            } else {
                open = Some((unit, known));
            }
        }
        units.extend(open.map(|(unit, _)| unit));
        if plan.groups.is_empty() {
            units.push(Unit::new(object, 0));
        }
    }
    if units.is_empty() && !table.objects.is_empty() {
        // Nothing of it is looked at: its columns are measured all the same, of no rows.
        let mut nothing = Unit::new(0, 0);
        nothing.groups.end = 0;
        units.push(nothing);
    }
    units
}

/// The columns of an object that are needed.
fn needed(table: &OpenedTable, object: usize, wanted: &Wanted, without: &BTreeSet<String>) -> Vec<String> {
    let keys = wanted.keys.iter().flat_map(|key| &key.columns);
    let orphans = wanted.orphans.iter().flat_map(|orphans| &orphans.columns);
    let conditions = wanted.conditions.iter().flat_map(ConditionWanted::columns);
    let named = wanted
        .columns
        .keys()
        .chain(keys)
        .chain(orphans)
        .chain(wanted.pairs.iter().flatten());
    let all: BTreeSet<&str> = named.map(String::as_str).chain(conditions).collect();
    let fields = table.objects[object].source.fields();
    fields
        .map(|field| field.name.clone())
        .filter(|name| all.contains(name.as_str()) && !without.contains(name))
        .collect()
}

fn measure_unit(
    table: &OpenedTable,
    unit: &Unit,
    wanted: &Wanted,
    pass: Pass<'_>,
) -> Result<Measured, ScanError> {
    let first = measure_columns(table, unit, wanted, pass, &BTreeSet::new());
    let Err(ScanError::Table(error)) = first else {
        return first;
    };
    if matches!(error, TableError::Io { .. }) {
        return Err(error.into());
    }
    // One bad column never stops the others: find those that do not decode alone, and measure without them.
    let mut broken = BTreeMap::new();
    for column in needed(table, unit.object, wanted, &BTreeSet::new()) {
        match read_alone(table, unit, &column, pass) {
            Ok(()) => {}
            Err(ScanError::Table(alone)) if !matches!(alone, TableError::Io { .. }) => {
                broken.insert(column, alone.to_string());
            }
            Err(other) => return Err(other),
        }
    }
    let fields = table.objects[unit.object].source.fields().len();
    let without: BTreeSet<String> = broken.keys().cloned().collect();
    let chooses = pass.rows.columns().any(|column| without.contains(column));
    if broken.is_empty() || chooses || (fields > 1 && without.len() == fields) {
        return Err(error.into());
    }
    let mut measured = measure_columns(table, unit, wanted, pass, &without)?;
    measured.broken = broken;
    Ok(measured)
}

fn read_alone(table: &OpenedTable, unit: &Unit, column: &str, pass: Pass<'_>) -> Result<(), ScanError> {
    let options = ReadOptions {
        columns: Some(vec![column.to_owned()]),
        row_groups: Some(unit.groups.clone()),
        rows: unit.rows.clone(),
        lenient: true,
        ..ReadOptions::default()
    };
    let mut batches = table.objects[unit.object].source.scan(&options)?;
    while batches.next_batch()?.is_some() {
        if (pass.cancelled)() {
            return Err(ScanError::Cancelled);
        }
    }
    Ok(())
}

fn measure_columns(
    table: &OpenedTable,
    unit: &Unit,
    wanted: &Wanted,
    pass: Pass<'_>,
    without: &BTreeSet<String>,
) -> Result<Measured, ScanError> {
    let source = &table.objects[unit.object].source;
    let mut columns = needed(table, unit.object, wanted, without);
    for column in pass.rows.columns() {
        if !columns.iter().any(|known| known == column) {
            columns.push(column.to_owned());
        }
    }
    let fields = source.fields().filter(|field| columns.contains(&field.name));
    let multisets = wanted.keys.len() + wanted.orphans.len();
    let number = table.first + unit.object;
    let mut meter = Meter::new(wanted, number, fields);
    meter.spill_at(pass.memory.keys(pass.threads, multisets));
    let options = ReadOptions {
        columns: Some(columns.clone()),
        batch_rows: pass.memory.batch_rows(pass.threads, columns.len()),
        row_groups: Some(unit.groups.clone()),
        rows: unit.rows.clone(),
        lenient: true,
        ..ReadOptions::default()
    };
    // An object without a row is listed with its none.
    meter.measured.rows_by_object.insert(number, 0);
    let mut batches = source.scan(&options)?;
    while let Some(batch) = batches.next_batch()? {
        if (pass.cancelled)() {
            return Err(ScanError::Cancelled);
        }
        if pass.rows.is_all() {
            meter.see(&batch)?;
        } else {
            let cut = pass.rows.cut(&batch, unit.object)?;
            meter.leave(&batch, &cut, pass.rows);
            if cut.chosen.rows() > 0 {
                meter.see(&cut.chosen)?;
            }
        }
    }
    Ok(meter.measured)
}

/// Calls back with the rows of an object that are looked at, until told to stop.
pub fn visit(
    table: &OpenedTable,
    object: usize,
    columns: &[String],
    pass: Pass<'_>,
    mut see: impl FnMut(&Batch) -> bool,
) -> Result<(), ScanError> {
    let mut wanted = columns.to_vec();
    wanted.extend(pass.rows.columns().map(str::to_owned));
    let options = ReadOptions {
        batch_rows: pass.memory.batch_rows(1, wanted.len()),
        columns: Some(wanted),
        lenient: true,
        ..ReadOptions::default()
    };
    let mut batches = table.objects[object].source.scan(&options)?;
    while let Some(batch) = batches.next_batch()? {
        if (pass.cancelled)() {
            return Err(ScanError::Cancelled);
        }
        let goes_on = if pass.rows.is_all() {
            see(&batch)
        } else {
            see(&pass.rows.cut(&batch, object)?.chosen)
        };
        if !goes_on {
            break;
        }
    }
    Ok(())
}
