//! Row groups that need not be read: their footers say that no row of them is looked at.

use std::collections::BTreeMap;

use tabular::{Column, ColumnBounds, Source, Values};

use super::rows::{Choice, Left};
use crate::expression::Expression;
use crate::window::Window;

/// For each row group of a file: `None` when it is to be read, else the rows of it that are left out, and why.
pub(super) fn left_out(source: &Source, choice: Choice<'_>) -> Vec<Option<Left>> {
    let groups = source.row_groups();
    let mut left = vec![None; groups.len()];
    if let Some(window) = choice.window {
        mark(
            &mut left,
            &outside(source, window, groups.len()),
            |rows| Left {
                outside: rows,
                ..Left::default()
            },
            source,
        );
    }
    if let Some(filter) = choice.filter {
        mark(
            &mut left,
            &never(source, filter, groups.len()),
            |rows| Left {
                aside: rows,
                ..Left::default()
            },
            source,
        );
    }
    left
}

fn mark(left: &mut [Option<Left>], out: &[bool], why: impl Fn(u64) -> Left, source: &Source) {
    let groups = source.row_groups();
    for ((left, out), group) in left.iter_mut().zip(out).zip(&groups) {
        if let (None, true, Some(rows)) = (&left, *out, group.rows) {
            *left = Some(why(rows));
        }
    }
}

/// Groups that lie outside of the window, and hold no row without a time.
fn outside(source: &Source, window: &Window, groups: usize) -> Vec<bool> {
    let Some(bounds) = source.bounds(&window.column) else {
        return vec![false; groups];
    };
    let (from, to) = (window.from.as_nanosecond(), window.to.as_nanosecond());
    (0..groups)
        .map(|group| {
            let ends = instant(&bounds.min, group).zip(instant(&bounds.max, group));
            ends.is_some_and(|(first, last)| last < from || to <= first) && bounds.nulls[group] == Some(0)
        })
        .collect()
}

/// Nanoseconds since 1970-01-01, without the limits of 64 bits.
fn instant(times: &Column, row: usize) -> Option<i128> {
    if !times.validity().is_valid(row) {
        return None;
    }
    match times.values() {
        Values::Timestamp(times) => {
            Some(i128::from(times.ticks[row]) * i128::from(1_000_000_000 / times.per_second))
        }
        Values::Date(days) => Some(i128::from(days[row]) * 86_400_000_000_000),
        _ => None,
    }
}

/// Groups of which no row can meet the filter, nor leave it unknown for a null.
fn never(source: &Source, filter: &Expression, groups: usize) -> Vec<bool> {
    let mut known: BTreeMap<&str, ColumnBounds> = BTreeMap::new();
    for name in filter.columns() {
        match source.bounds(name) {
            Some(bounds) => known.insert(name, bounds),
            None => return vec![false; groups],
        };
    }
    let possible = filter.possible(groups, &|name| {
        let bounds = known.get(name)?;
        Some((&bounds.min, &bounds.max))
    });
    let has_no_null = |group: usize| known.values().all(|bounds| bounds.nulls[group] == Some(0));
    let groups = possible.into_iter().enumerate();
    groups
        .map(|(group, possible)| !possible && has_no_null(group))
        .collect()
}
