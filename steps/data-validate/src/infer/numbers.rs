//! Numbers: finite, between, with a mean and a spread.

use step_report::Format;
use tabular::profile::quantiles::weighted_quantile;
use tabular::{ColumnProfile, Kind};

use super::margins;
use super::suite::{Lines, between, map, share};
use super::values::{self, Known};
use crate::decide::say;
use crate::import::value::Value;

/// Whole numbers up to this are held exactly by a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The finite numbers of a column.
struct Seen<'a> {
    column: &'a ColumnProfile,
    count: u64,
    min: f64,
    max: f64,
    /// The values that the sketch holds, and how many each stands for.
    held: Vec<(f64, u64)>,
    rank_error: f64,
}

impl<'a> Seen<'a> {
    fn of(column: &'a ColumnProfile) -> Option<Self> {
        let numbers = column.numbers.as_ref()?;
        let moments = &numbers.moments;
        Some(Self {
            column,
            count: moments.count,
            min: moments.min?,
            max: moments.max?,
            held: numbers.quantiles.weighted(),
            rank_error: numbers.quantiles.rank_error(),
        })
    }

    fn quantile(&self, p: f64) -> Option<f64> {
        weighted_quantile(&self.held, p).filter(|value| value.is_finite())
    }

    fn inner(&self) -> f64 {
        let (low, high) = margins::INNER;
        let distance = self.quantile(low).zip(self.quantile(high));
        distance.map_or(0.0, |(low, high)| high - low)
    }

    /// Whether an end lies further out than the middle is wide: of such a tail the next table shows more.
    fn has_long_tail(&self) -> bool {
        let (low, high) = margins::INNER;
        let beyond = |end: f64, p: f64| self.quantile(p).is_none_or(|at| (end - at).abs() > self.inner());
        beyond(self.min, low) || beyond(self.max, high)
    }
}

pub(super) fn lines(column: &ColumnProfile, known: &Known<'_>, lines: &mut Lines) {
    if column.kind == Kind::Float {
        super::column::finite(column, lines);
    }
    let Some(seen) = Seen::of(column) else {
        lines.say("No value is finite, which says nothing of numbers.");
        return;
    };
    if seen.min == seen.max {
        let all = format!("Every number is {}", Format::Auto.show(seen.min));
        let only = Value::figure(seen.min);
        lines.suggest(
            "range",
            map([("min", Some(only.clone())), ("max", Some(only))]),
            format!("{all}, of which a model learns nothing; if it should stay so."),
        );
        return;
    }
    let keys = column.kind == Kind::Int && values::are_all_different(column);
    if column.kind == Kind::Int && !keys && values::set(column, known, margins::SET_OF_WHOLE, lines) {
        figures(&seen, lines);
        return;
    }
    range(&seen, keys, lines);
    if keys {
        lines.say("As good as all values differ, as keys do: nothing is asked of their mean and spread.");
    } else {
        figures(&seen, lines);
    }
}

/// Where each value lies; of a column with NaN or infinity, where the smallest and the largest finite one does.
fn range(seen: &Seen<'_>, keys: bool, lines: &mut Lines) {
    let pad = seen.inner() * margins::PADDING;
    let (low, high) = limits(seen, pad);
    let all = format!(
        "From {} to {}; wider by {}, the distance from the 0.001 to the 0.999 quantile",
        Format::Auto.show(seen.min),
        Format::Auto.show(seen.max),
        Format::Auto.show(pad)
    );
    let long = seen.has_long_tail();
    if seen.count < seen.column.values() {
        let sure = !long && margins::mostly(0, seen.count) == Some(1.0);
        for (key, bounds) in [
            ("min", low.map(|low| between(Some(low), None))),
            ("max", high.map(|high| between(None, Some(high)))),
        ] {
            let why = format!("Of the finite numbers. {all}.");
            match bounds {
                Some(bounds) if sure => lines.ask(key, bounds, why),
                Some(bounds) => lines.suggest(key, bounds, why),
                None => {}
            }
        }
        return;
    }
    let mostly = match margins::mostly(0, seen.count) {
        Some(_) if long => margins::nearly(0, seen.count),
        other => other,
    };
    let why = match mostly {
        Some(mostly) if mostly < 1.0 && long => format!("{all}. The tail is long: a few may lie beyond."),
        Some(mostly) if mostly < 1.0 => format!("{all}. Of so few values the next may show more."),
        _ => format!("{all}."),
    };
    let ends = |mostly: Option<f64>| {
        map([
            ("min", low.map(Value::figure)),
            ("max", high.map(Value::figure)),
            ("mostly", mostly.and_then(share)),
        ])
    };
    match mostly {
        _ if low.is_none() && high.is_none() => {}
        Some(_) if keys => lines.suggest("range", ends(None), format!("{all}; keys may run on.")),
        Some(mostly) => lines.ask("range", ends(Some(mostly)), why),
        None => lines.suggest("range", ends(None), format!("{all}; from so few values.")),
    }
    if seen.min >= 0.0 && low.is_some_and(|low| low < 0.0) {
        lines.suggest(
            "range",
            between(Some(0.0), high),
            "in place of the one above: none of the values is below 0.",
        );
    }
}

/// The ends, never inside of what was seen; an end that a double cannot hold is left out.
fn limits(seen: &Seen<'_>, pad: f64) -> (Option<f64>, Option<f64>) {
    let (low, high) = margins::outward(seen.min - pad, seen.max + pad);
    // A profile holds a whole number as a double, which may be off by one step.
    let large = |end: f64| seen.column.kind == Kind::Int && end.abs() >= EXACT;
    let whole = |end: f64, to: fn(f64) -> f64| {
        if seen.column.kind == Kind::Int {
            to(end)
        } else {
            end
        }
    };
    let low = whole(low, f64::floor).min(if large(seen.min) {
        seen.min.next_down()
    } else {
        seen.min
    });
    let high = whole(high, f64::ceil).max(if large(seen.max) {
        seen.max.next_up()
    } else {
        seen.max
    });
    (
        Some(low).filter(|low| low.is_finite()),
        Some(high).filter(|high| high.is_finite()),
    )
}

/// The mean, the spread, the quantiles.
fn figures(seen: &Seen<'_>, lines: &mut Lines) {
    if seen.count < margins::FEW {
        lines.say(format!(
            "{} say nothing of a mean.",
            say::counted(seen.count, "number")
        ));
        return;
    }
    let moments = seen.column.numbers.as_ref().map(|numbers| &numbers.moments);
    let of = moments.and_then(|moments| moments.mean().zip(moments.std(1)));
    if let Some((mean, std)) = of.filter(|(_, std)| *std > 0.0)
        && let Some(margin) = margins::of_mean(std, seen.count)
    {
        let (low, high) = margins::outward(mean - margin, mean + margin);
        let why = format!(
            "{} with a standard deviation of {}",
            Format::Auto.show(mean),
            Format::Auto.show(std)
        );
        let bounds = between(Some(low), Some(high));
        let finite = low.is_finite() && high.is_finite();
        if finite && !seen.has_long_tail() {
            lines.ask(
                "mean",
                bounds,
                format!("{why}; wider by chance and a fifth of it."),
            );
        } else if finite {
            lines.suggest(
                "mean",
                bounds,
                format!("{why}; a few values of the long tail can move it."),
            );
        }
    }
    let quartiles = seen.quantile(0.25).zip(seen.quantile(0.75));
    if let Some((lower, upper)) = quartiles.filter(|(lower, upper)| upper > lower) {
        let (least, _) = margins::outward(margins::least_std(lower, upper), f64::MAX.min(upper - lower));
        let why = format!(
            "The middle half lies between {} and {}, which takes a standard deviation of so much.",
            Format::Auto.show(lower),
            Format::Auto.show(upper)
        );
        if least > 0.0 && least.is_finite() {
            lines.ask("std", between(Some(least), None), why);
        }
    }
    quantiles(seen, lines);
}

fn quantiles(seen: &Seen<'_>, lines: &mut Lines) {
    let rule = |p: f64| {
        let (low, high) = margins::of_rank(p, seen.count, seen.rank_error)?;
        // The ends of what was seen bound nothing: the next table may have others.
        let (lower, upper) = margins::outward(seen.quantile(low)?, seen.quantile(high)?);
        let min = Some(lower).filter(|_| low > 0.0);
        let max = Some(upper).filter(|_| high < 1.0);
        (min.is_some() || max.is_some()).then(|| {
            map([
                ("p", Some(Value::figure(p))),
                ("min", min.map(Value::figure)),
                ("max", max.map(Value::figure)),
            ])
        })
    };
    let rules: Vec<Value> = [0.05, 0.5, 0.95].into_iter().filter_map(rule).collect();
    if !rules.is_empty() {
        lines.suggest(
            "quantiles",
            Value::List(rules),
            "the values a twentieth of the rows, and chance, to either side. It takes a second pass.",
        );
    }
}
