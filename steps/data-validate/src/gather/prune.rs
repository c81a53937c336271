//! Rows that need not be read: the footer of their file, or its page index, says that none of them is looked at.

use std::ops::Range;

use tabular::{Column, ColumnBounds, Source, Stretches};

use super::column::ticks;
use super::rows::{Choice, Left};
use crate::expression::Expression;
use crate::window::Window;

/// What is to be read of a file.
#[derive(Debug)]
pub(super) struct Plan {
    /// For each row group, the rows of it that are to be read; `None` when its number of rows is not known before.
    pub(super) groups: Vec<Option<Vec<Range<u64>>>>,
    /// The rows that are not, and why.
    pub(super) left: Left,
}

impl Plan {
    /// What is to be read of a file: no row group, and no page, of which no row can be chosen.
    pub(super) fn of(source: &Source, choice: Choice<'_>) -> Self {
        let columns: Vec<&str> = choice.columns().collect();
        let Some(groups) = source.by_row_group(&columns) else {
            return Self {
                groups: vec![None; source.row_groups().len()],
                left: Left::default(),
            };
        };
        let left = left_out(&groups, choice);
        let is_cut = !columns.is_empty() && left.iter().any(Option::is_none);
        match is_cut.then(|| source.by_page(&columns)).flatten() {
            Some(pages) => Self::new(&pages, left_out(&pages, choice)),
            None => Self::new(&groups, left),
        }
    }

    fn new(stretches: &Stretches, left: Vec<Option<Left>>) -> Self {
        let mut groups: Vec<Vec<Range<u64>>> = Vec::new();
        let mut all_left = Left::default();
        for ((rows, group), left) in stretches.rows.iter().zip(&stretches.groups).zip(left) {
            groups.resize(group + 1, Vec::new());
            let kept = &mut groups[*group];
            match (left, kept.last_mut()) {
                (Some(left), _) => all_left.absorb(left),
                (None, Some(last)) if last.end == rows.start => last.end = rows.end,
                (None, _) => kept.push(rows.clone()),
            }
        }
        Self {
            groups: groups.into_iter().map(Some).collect(),
            left: all_left,
        }
    }
}

/// For each stretch: `None` when it is to be read, else the rows of it that are left out, and why.
fn left_out(stretches: &Stretches, choice: Choice<'_>) -> Vec<Option<Left>> {
    let parts = stretches.rows.len();
    let lies = match choice.window {
        Some(window) => lies(stretches, window),
        None => vec![Some(true); parts],
    };
    let never = choice.filter.and_then(|filter| never(stretches, filter));
    let one = |part: usize| {
        let rows = stretches.rows[part].end - stretches.rows[part].start;
        let is_never = never.as_ref().is_some_and(|never| never[part]);
        // That the filter sets all rows aside says nothing of those outside of the window, or without a time.
        let (outside, aside) = match (lies[part]?, is_never) {
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
    (0..parts).map(one).collect()
}

/// Of each stretch, whether all its rows lie inside of the window, or none; `None` when some may, or may have no time.
fn lies(stretches: &Stretches, window: &Window) -> Vec<Option<bool>> {
    let Some(bounds) = stretches.bounds.get(&window.column) else {
        return vec![None; stretches.rows.len()];
    };
    let (from, to) = (window.from.as_nanosecond(), window.to.as_nanosecond());
    let lies = |(part, nulls): (usize, &Option<u64>)| {
        let (first, last) = instant(&bounds.min, part)
            .zip(instant(&bounds.max, part))
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

/// Stretches of which no row can meet the filter, nor leave it unknown for a null.
fn never(stretches: &Stretches, filter: &Expression) -> Option<Vec<bool>> {
    let bounds = filter
        .columns()
        .into_iter()
        .map(|name| stretches.bounds.get(name));
    let known: Vec<&ColumnBounds> = bounds.collect::<Option<_>>()?;
    let possible = filter.possible(stretches.rows.len(), &|name| {
        let bounds = stretches.bounds.get(name)?;
        Some((&bounds.min, &bounds.max))
    });
    let has_no_null = |part: usize| known.iter().all(|bounds| bounds.nulls[part] == Some(0));
    let parts = possible.into_iter().enumerate();
    Some(
        parts
            .map(|(part, possible)| !possible && has_no_null(part))
            .collect(),
    )
}
