//! The rules of one column.

use step_report::Format;
use tabular::{ColumnProfile, Kind};

use super::margins;
use super::numbers;
use super::suite::{Lines, between, map, share};
use super::values::{self, Known};
use crate::decide::say;
use crate::import::value::Value;

/// How the bound of a rate came about.
const WILSON: &str = "upper end of the 99.9 % Wilson interval for half as many rows";

/// What the profile of a column lets one ask of the next table.
pub(super) fn lines(column: &ColumnProfile) -> Lines {
    let mut lines = Lines::default();
    if column.values() == 0 {
        all_null(column, &mut lines);
    } else {
        kind(column, &mut lines);
        nulls(column, &mut lines);
        let known = Known::of(column);
        match column.kind {
            Kind::Int | Kind::Float | Kind::Decimal => numbers::lines(column, &known, &mut lines),
            Kind::Bool => values::of_bools(column, &known, &mut lines),
            Kind::Text => values::of_texts(column, &known, &mut lines),
            Kind::Date | Kind::Timestamp => times(column, &mut lines),
            _ => {}
        }
        values::unique(column, &mut lines);
    }
    if lines.asks_nothing() {
        lines.ask("required", Value::Bool(true), "It is there.");
    }
    lines
}

fn all_null(column: &ColumnProfile, lines: &mut Lines) {
    let rows = say::counted(column.rows, "row");
    lines.say(format!("All {rows} are null, which says nothing of values."));
    let least = Value::figure(margins::share(column.rows, column.rows).0);
    let still = map([("min", Some(least))]);
    lines.suggest("null_rate", still, "if it should stay so.");
    lines.suggest("not_empty", Value::Bool(true), "if values are expected.");
}

fn kind(column: &ColumnProfile, lines: &mut Lines) {
    let name = &column.type_name;
    let ask = |lines: &mut Lines, word: &str, why: String| lines.ask("type", Value::from(word), why);
    match column.kind {
        Kind::Float => ask(
            lines,
            "number",
            format!(
                "Stored as {name}; `number`, for a file whose values are all whole may hold them as int."
            ),
        ),
        Kind::Other => lines.say(format!("Stored as {name}, which no type is asked of.")),
        known => ask(lines, known.as_str(), format!("Stored as {name}.")),
    }
}

fn nulls(column: &ColumnProfile, lines: &mut Lines) {
    let ColumnProfile { rows, nulls, .. } = *column;
    let most = margins::most(nulls, rows);
    let of = say::counted(rows, "row");
    if nulls == 0 && margins::is_never(rows) {
        lines.ask("not_null", Value::Bool(true), format!("None of {of} was null."));
        return;
    }
    let why = match nulls {
        0 => format!("None of {of} was null, and so few do not show that none is: {WILSON}."),
        some => format!("{}: {WILSON}.", part(some, rows, "row", "null")),
    };
    if most < 1.0 {
        lines.ask("null_rate", between(None, Some(most)), why);
    } else {
        lines.say(format!(
            "{}; no bound below 1 can be had.",
            part(nulls, rows, "row", "null")
        ));
    }
    if nulls == 0 {
        lines.suggest(
            "not_null",
            Value::Bool(true),
            "in place of `null_rate`, if none may be null.",
        );
    }
}

/// NaN and infinity, of floating numbers.
pub(super) fn finite(column: &ColumnProfile, lines: &mut Lines) {
    let values = column.values();
    let of = say::counted(values, "value");
    if column.nan + column.infinite == 0 {
        let why = format!("None of {of} was NaN or infinite.");
        match margins::mostly(0, values) {
            Some(mostly) if mostly < 1.0 => lines.ask("finite", map([("mostly", share(mostly))]), why),
            Some(_) => lines.ask("finite", Value::Bool(true), why),
            None => lines.suggest("finite", Value::Bool(true), why),
        }
        return;
    }
    for (key, what, count) in [
        ("nan_rate", "NaN", column.nan),
        ("inf_rate", "infinite", column.infinite),
    ] {
        let never = count == 0 && margins::is_never(values);
        let most = if never { 0.0 } else { margins::most(count, values) };
        let seen = part(count, values, "value", what);
        if most < 1.0 {
            let why = if never {
                format!("{seen}.")
            } else {
                format!("{seen}: {WILSON}.")
            };
            lines.ask(key, between(None, Some(most)), why);
        } else {
            lines.say(format!("{seen}; no bound below 1 can be had."));
        }
    }
}

/// `26 of 1,785 rows (1.46%) were null`.
fn part(count: u64, of: u64, thing: &str, what: &str) -> String {
    let verb = if count == 1 { "was" } else { "were" };
    format!(
        "{} of {} ({}) {verb} {what}",
        say::count(count),
        say::counted(of, thing),
        Format::Percent.show(count as f64 / of.max(1) as f64)
    )
}

/// What a point in time may be depends on when it is asked: nothing of it is asked unread.
fn times(column: &ColumnProfile, lines: &mut Lines) {
    let Some((first, last)) = column.times.and_then(|times| times.min.zip(times.max)) else {
        return;
    };
    let at = |nanos: i64| {
        let at = jiff::Timestamp::from_nanosecond(i128::from(nanos)).map(|at| at.to_string());
        at.unwrap_or_else(|_| "beyond the year 9999".to_owned())
    };
    lines.say(format!("From {} to {}.", at(first), at(last)));
    let from: String = at(first).chars().take(10).collect();
    lines.suggest(
        "range",
        map([("min", Some(Value::from(from.as_str())))]),
        "if nothing older may come.",
    );
    lines.suggest(
        "freshness",
        map([("max_age", Some(Value::from("36h")))]),
        "a profile does not say how old the last may be; 36h is a guess for data of each day.",
    );
}
