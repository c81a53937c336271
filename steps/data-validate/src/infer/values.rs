//! Values by themselves: sets, shares, lengths, keys.

use tabular::{ColumnProfile, Kind};

use super::margins;
use super::suite::{Lines, map, share};
use crate::decide::say;
use crate::import::value::Value;

/// Up to so many characters a profile holds a text whole.
const WHOLE: f64 = 200.0;

/// What a profile knows of single values.
pub(super) enum Known<'a> {
    /// Each of them, the most frequent first.
    All(Vec<(&'a str, u64)>),
    /// Not each.
    Some,
    /// The profile holds none, though it counts them.
    Withheld,
}

impl<'a> Known<'a> {
    pub(super) fn of(column: &'a ColumnProfile) -> Self {
        let counted = matches!(column.kind, Kind::Bool | Kind::Int | Kind::Text | Kind::Date);
        let Some(top) = &column.top else {
            return if counted { Self::Withheld } else { Self::Some };
        };
        let whole = column
            .lengths
            .as_ref()
            .is_none_or(|lengths| lengths.max.is_none_or(|most| most <= WHOLE));
        let all = top.most(usize::MAX);
        let every = column.distinct.is_exact() && all.len() as u64 == column.distinct.count();
        if top.error() == 0 && whole && every {
            Self::All(all)
        } else {
            Self::Some
        }
    }
}

fn is_constant(column: &ColumnProfile) -> bool {
    column.distinct.is_exact() && column.distinct.count() == 1
}

/// Whether there are as many different values as values, as far as they were counted.
pub(super) fn are_all_different(column: &ColumnProfile) -> bool {
    let (values, count) = (column.values() as f64, column.distinct.count() as f64);
    let error = margins::ERRORS * column.distinct.standard_error();
    column.values() >= margins::KEYS && count >= values * (1.0 - error)
}

/// A value as the suite writes it.
fn literal(column: &ColumnProfile, value: &str) -> Value {
    match column.kind {
        Kind::Int => value.parse().map_or_else(|_| Value::from(value), Value::Whole),
        Kind::Bool => Value::Bool(value == "true"),
        _ => Value::from(value),
    }
}

fn list(column: &ColumnProfile, all: &[(&str, u64)]) -> Value {
    Value::List(all.iter().map(|(value, _)| literal(column, value)).collect())
}

/// One value in every row: whether that is a rule, a person knows.
fn constant(column: &ColumnProfile, known: &Known<'_>, lines: &mut Lines) {
    let why = format!(
        "All {} are the same, of which a model learns nothing",
        say::counted(column.values(), "value")
    );
    match known {
        Known::All(all) => lines.suggest(
            "in_set",
            list(column, all),
            format!("{why}; if they should stay so."),
        ),
        _ => lines.say(format!("{why}.")),
    }
}

/// The values themselves, where they are few and more are not to be expected; whether it was asked.
pub(super) fn set(column: &ColumnProfile, known: &Known<'_>, most: u64, lines: &mut Lines) -> bool {
    let values = column.values();
    let distinct = column.distinct.count();
    if !column.distinct.is_exact() || distinct > most {
        return false;
    }
    let all = match known {
        Known::All(all) => all,
        Known::Some => return false,
        Known::Withheld => {
            lines.say(format!(
                "No `in_set`: the profile withholds the {distinct} values (--no-samples, --redact-samples)."
            ));
            return false;
        }
    };
    let once = all.iter().filter(|(_, count)| *count == 1).count() as u64;
    let least = all.last().map_or(0, |(_, count)| *count);
    if once as f64 > margins::UNSEEN * values as f64 {
        if column.kind == Kind::Text && distinct < values {
            let why = format!("{distinct} values, {once} of them once: more are to be expected.");
            lines.suggest("in_set", list(column, all), why);
        }
        return false;
    }
    let closed = least >= margins::OFTEN;
    let mostly = if closed && margins::is_never(values) {
        Some(1.0)
    } else {
        // Good and Turing: values that were not seen are as frequent as those seen once.
        margins::nearly(once, values).filter(|_| column.kind == Kind::Text)
    };
    let Some(mostly) = mostly else { return false };
    let why = match (closed, mostly < 1.0) {
        (true, false) => format!("{distinct} values, each at least {least} times."),
        (true, true) => format!("{distinct} values; so few rows do not show that there are no others."),
        (false, _) => {
            let rarest = say::counted(least, "time");
            format!("{distinct} values, the rarest {rarest}: others may be rarer.")
        }
    };
    let listed = list(column, all);
    let value = match share(mostly) {
        None => listed,
        some => map([("values", Some(listed)), ("mostly", some)]),
    };
    lines.ask("in_set", value, why);
    let mode = all.first().map_or(0, |(_, count)| *count);
    if column.kind == Kind::Text && values - mode >= margins::FEW {
        let why = format!(
            "{} are not the most frequent one.",
            say::counted(values - mode, "value")
        );
        lines.ask("not_constant", Value::Bool(true), why);
    }
    true
}

/// How many are true.
pub(super) fn of_bools(column: &ColumnProfile, known: &Known<'_>, lines: &mut Lines) {
    if is_constant(column) {
        constant(column, known, lines);
        return;
    }
    // The mean of true and false is the share of true, which is no value that is withheld.
    let moments = column.numbers.as_ref().map(|numbers| &numbers.moments);
    let Some(mean) = moments.and_then(|moments| moments.mean()) else {
        return;
    };
    let values = column.values();
    let yes = (mean * values as f64).round() as u64;
    let (min, max) = margins::share(yes.min(values), values);
    let bounds = super::suite::between(
        Some(min).filter(|min| *min > 0.0),
        Some(max).filter(|max| *max < 1.0),
    );
    if bounds == Value::Map(Vec::new()) {
        return;
    }
    lines.ask(
        "value_shares",
        map([("true", Some(bounds))]),
        format!(
            "{} of {} are true; wider by chance and a small effect.",
            say::count(yes),
            say::counted(values, "value")
        ),
    );
}

pub(super) fn of_texts(column: &ColumnProfile, known: &Known<'_>, lines: &mut Lines) {
    if is_constant(column) {
        constant(column, known, lines);
        return;
    }
    if !set(column, known, margins::SET, lines) {
        length(column, lines);
    }
}

/// Lengths: wider by their own distance at both ends, and texts that are never empty stay so.
fn length(column: &ColumnProfile, lines: &mut Lines) {
    let lengths = column.lengths.as_ref();
    let ends = lengths.and_then(|lengths| lengths.min.zip(lengths.max));
    let Some((min, max)) = ends.map(|(min, max)| (min as u64, max as u64)) else {
        return;
    };
    let values = column.values();
    let pad = max - min;
    let least = min.saturating_sub(pad).max(min.min(1));
    let rule = |mostly: Option<f64>| {
        map([
            ("min", Some(Value::from(least))),
            ("max", Some(Value::from(max.saturating_add(pad)))),
            ("mostly", mostly.and_then(share)),
        ])
    };
    let why = match pad {
        0 => format!("All are {} long.", say::counted(max, "character")),
        _ => format!(
            "From {} to {}; wider by their distance.",
            say::count(min),
            say::counted(max, "character")
        ),
    };
    match margins::mostly(0, values) {
        Some(mostly) => lines.ask("length", rule(Some(mostly)), why),
        None => lines.suggest("length", rule(None), why),
    }
}

/// Keys, as far as a count can say that they are.
pub(super) fn unique(column: &ColumnProfile, lines: &mut Lines) {
    if matches!(column.kind, Kind::Float | Kind::Bool | Kind::Other) || !are_all_different(column) {
        return;
    }
    let (values, distinct) = (column.values(), column.distinct.count());
    let exact = column.distinct.is_exact();
    if exact && distinct < values {
        return;
    }
    let key = matches!(column.kind, Kind::Text | Kind::Int | Kind::Bytes);
    let all = say::counted(values, "value");
    if exact && key && column.nulls == 0 && margins::is_never(column.rows) {
        lines.ask("unique", Value::Bool(true), format!("All {all} differ."));
    } else if exact {
        lines.suggest(
            "unique",
            Value::Bool(true),
            format!("all {all} differ; if it is a key."),
        );
    } else {
        let why = format!(
            "about {} of {all} differ, counted within {:.1} %; if it is a key.",
            say::count(distinct),
            100.0 * margins::ERRORS * column.distinct.standard_error()
        );
        lines.suggest("unique", Value::Bool(true), why);
    }
}
