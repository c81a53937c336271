//! All figures of a column that both profiles have.

use drift_stats::special;
use step_report::{Cell, Format};
use tabular::profile::{Moments, Numbers};
use tabular::{ColumnProfile, Kind};

use super::figure::{Figure, p_of, rate, signed};
use super::{spread, values};

/// Fewer values say nothing of a mean.
const FEW: u64 = 30;
/// Standard errors of a count of different values that are taken for its error.
const ERRORS: f64 = 3.0;
/// Quantiles that are shown.
const SHOWN: [(f64, &str); 3] = [(0.05, "quantile 0.05"), (0.5, "median"), (0.95, "quantile 0.95")];

pub(super) fn figures(old: &ColumnProfile, new: &ColumnProfile) -> Vec<Figure> {
    let mut figures = Vec::new();
    figures.extend(rate("nulls", (old.nulls, old.rows), (new.nulls, new.rows)));
    if old.kind == Kind::Float || new.kind == Kind::Float {
        figures.extend(rate("NaN", (old.nan, old.values()), (new.nan, new.values())));
        figures.extend(rate(
            "infinite",
            (old.infinite, old.values()),
            (new.infinite, new.values()),
        ));
    }
    if let (Some(a), Some(b)) = (&old.numbers, &new.numbers)
        && !(old.kind == Kind::Bool && new.kind == Kind::Bool)
    {
        numbers(a, b, &mut figures);
    }
    if let (Some(a), Some(b)) = (&old.lengths, &new.lengths) {
        figures.extend(mean("mean length", a, b));
        ends(("shortest", "longest"), a, b, &mut figures);
    }
    figures.extend(distinct(old, new));
    figures.extend(values::spread(old, new));
    times(old, new, &mut figures);
    figures
}

fn numbers(old: &Numbers, new: &Numbers, figures: &mut Vec<Figure>) {
    let (a, b) = (&old.moments, &new.moments);
    figures.extend(rate("zeros", (old.zeros, a.count), (new.zeros, b.count)));
    figures.extend(mean("mean", a, b));
    if let (Some(was), Some(is)) = (a.std(1), b.std(1)) {
        figures.push(Figure::new("std", was, is).said(times_as(was, is)));
    }
    ends(("min", "max"), a, b, figures);
    if let Some(sketches) = spread::Sketches::of(&old.quantiles, &new.quantiles) {
        figures.extend(sketches.spread());
        figures.extend(
            SHOWN
                .into_iter()
                .filter_map(|(p, what)| sketches.quantile(p, what)),
        );
    }
}

/// Welch's test in the limit (Biometrika 34, 1947); the size is the distance of two normal curves that lie d standard
/// deviations apart, 2 Φ(d / 2) - 1.
fn mean(what: &'static str, old: &Moments, new: &Moments) -> Option<Figure> {
    let (was, is) = old.mean().zip(new.mean())?;
    let figure = Figure::new(what, was, is);
    let Some((a, b)) = old.std(1).zip(new.std(1)) else {
        return Some(figure);
    };
    let difference = is - was;
    let error = (a * a / old.count as f64 + b * b / new.count as f64).sqrt();
    let pooled = ((a * a + b * b) / 2.0).sqrt();
    let (p, size, apart) = if pooled > 0.0 {
        let apart = difference / pooled;
        let size = 2.0 * special::normal_cdf(apart.abs() / 2.0) - 1.0;
        (p_of(difference / error), size, Some(apart))
    } else {
        let differs = f64::from(u8::from(difference != 0.0));
        (1.0 - differs, differs, None)
    };
    let said = match apart {
        Some(apart) => format!("{}, {} standard deviations", signed(difference), signed(apart)),
        None => signed(difference),
    };
    let enough = old.count >= FEW && new.count >= FEW;
    Some(figure.sized(size).said(said).tested(enough.then_some(p)))
}

fn ends(names: (&'static str, &'static str), old: &Moments, new: &Moments, figures: &mut Vec<Figure>) {
    for (what, was, is) in [(names.0, old.min, new.min), (names.1, old.max, new.max)] {
        if let (Some(was), Some(is)) = (was, is) {
            let said = if was == is {
                String::new()
            } else {
                signed(is - was)
            };
            figures.push(Figure::new(what, was, is).said(said));
        }
    }
}

/// Different values: how many there are grows with the rows, which no test on a profile takes off.
fn distinct(old: &ColumnProfile, new: &ColumnProfile) -> Option<Figure> {
    let (was, is) = (old.distinct.count(), new.distinct.count());
    let figure = Figure::new("different values", was, is);
    if was == 0 || is == 0 {
        return (was != is).then_some(figure);
    }
    let error = ERRORS * old.distinct.standard_error().hypot(new.distinct.standard_error());
    let ratio = is as f64 / was as f64;
    let said = if error > 0.0 {
        format!(
            "{}; counted within {}",
            times_as(was as f64, is as f64),
            Format::Percent.show(error)
        )
    } else {
        times_as(was as f64, is as f64)
    };
    let said = if was == is { String::new() } else { said };
    Some(
        figure
            .said(said)
            .within_sketch(was != is && ratio.ln().abs() <= error),
    )
}

fn times(old: &ColumnProfile, new: &ColumnProfile, figures: &mut Vec<Figure>) {
    let (Some(a), Some(b)) = (old.times, new.times) else {
        return;
    };
    let cell = |nanos: i64| match jiff::Timestamp::from_nanosecond(i128::from(nanos)) {
        Ok(at) => Cell::text(at.to_string()),
        Err(_) => Cell::text("beyond the year 9999"),
    };
    for (what, was, is) in [("first", a.min, b.min), ("last", a.max, b.max)] {
        if let (Some(was), Some(is)) = (was, is) {
            figures.push(Figure::new(what, cell(was), cell(is)));
        }
    }
}

/// `× 1.2`.
fn times_as(was: f64, is: f64) -> String {
    if was == is || was == 0.0 {
        String::new()
    } else {
        format!("× {}", Format::Auto.show(is / was))
    }
}
