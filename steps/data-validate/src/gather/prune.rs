//! Row groups that need not be read: their footers say that no row of them is looked at.

use std::collections::BTreeMap;

use tabular::{Column, ColumnBounds, RowGroup, Source};

use super::column::ticks;
use super::rows::{Choice, Left};
use crate::expression::Expression;
use crate::window::Window;

/// For each row group of a file: `None` when it is to be read, else the rows of it that are left out, and why.
pub(super) fn left_out(source: &Source, choice: Choice<'_>) -> Vec<Option<Left>> {
    let groups = source.row_groups();
    let lies = match choice.window {
        Some(window) => lies(source, window, groups.len()),
        None => vec![Some(true); groups.len()],
    };
    let never = choice
        .filter
        .and_then(|filter| never(source, filter, groups.len()));
    let one = |(group, found): (usize, &RowGroup)| {
        let rows = found.rows?;
        let is_never = never.as_ref().is_some_and(|never| never[group]);
        // That the filter sets all rows aside says nothing of those outside of the window, or without a time.
        let (outside, aside) = match (lies[group]?, is_never) {
            (false, _) => (rows, 0),
            (true, true) => (0, rows),
            (true, false) => return None,
        };
        Some(Left {
            outside,
            aside,
            ..Left::default()
        })
    };
    groups.iter().enumerate().map(one).collect()
}

/// Of each group, whether all its rows lie inside of the window, or none; `None` when some may, or may have no time.
fn lies(source: &Source, window: &Window, groups: usize) -> Vec<Option<bool>> {
    let Some(bounds) = source.bounds(&window.column) else {
        return vec![None; groups];
    };
    let (from, to) = (window.from.as_nanosecond(), window.to.as_nanosecond());
    let lies = |(group, nulls): (usize, &Option<u64>)| {
        let (first, last) = instant(&bounds.min, group)
            .zip(instant(&bounds.max, group))
            .filter(|_| *nulls == Some(0))?;
        let (none, all) = (last < from || to <= first, from <= first && last < to);
        (none || all).then_some(all)
    };
    bounds.nulls.iter().enumerate().map(lies).collect()
}

/// Nanoseconds since 1970-01-01, without the limits of 64 bits.
fn instant(times: &Column, row: usize) -> Option<i128> {
    let (ticks, each) = ticks(times).filter(|_| times.validity().is_valid(row))?;
    Some(i128::from(ticks[row]) * each)
}

/// Groups of which no row can meet the filter, nor leave it unknown for a null.
fn never(source: &Source, filter: &Expression, groups: usize) -> Option<Vec<bool>> {
    let bounds = filter
        .columns()
        .into_iter()
        .map(|name| Some((name, source.bounds(name)?)));
    let known: BTreeMap<&str, ColumnBounds> = bounds.collect::<Option<_>>()?;
    let possible = filter.possible(groups, &|name| {
        let bounds = known.get(name)?;
        Some((&bounds.min, &bounds.max))
    });
    let has_no_null = |group: usize| known.values().all(|bounds| bounds.nulls[group] == Some(0));
    let groups = possible.into_iter().enumerate();
    Some(
        groups
            .map(|(group, possible)| !possible && has_no_null(group))
            .collect(),
    )
}
