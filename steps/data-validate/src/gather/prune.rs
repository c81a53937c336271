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
    let outside = choice.window.and_then(|window| outside(source, window));
    let never = choice
        .filter
        .and_then(|filter| never(source, filter, groups.len()));
    let says = |answers: &Option<Vec<bool>>, group: usize| answers.as_ref().is_some_and(|out| out[group]);
    let one = |(group, found): (usize, &RowGroup)| {
        let rows = found.rows?;
        if says(&outside, group) {
            return Some(Left {
                outside: rows,
                ..Left::default()
            });
        }
        says(&never, group).then(|| Left {
            aside: rows,
            ..Left::default()
        })
    };
    groups.iter().enumerate().map(one).collect()
}

/// Groups that lie outside of the window, and hold no row without a time.
fn outside(source: &Source, window: &Window) -> Option<Vec<bool>> {
    let bounds = source.bounds(&window.column)?;
    let (from, to) = (window.from.as_nanosecond(), window.to.as_nanosecond());
    let is_outside = |(group, nulls): (usize, &Option<u64>)| {
        let ends = instant(&bounds.min, group).zip(instant(&bounds.max, group));
        ends.is_some_and(|(first, last)| last < from || to <= first) && *nulls == Some(0)
    };
    Some(bounds.nulls.iter().enumerate().map(is_outside).collect())
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
