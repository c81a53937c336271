//! The value of a condition, column by column.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::parse::{Compare, Compute, Function, Node};
use super::vector::Vector;

/// Gives the values of a column.
type Columns<'a, 'f> = &'f dyn Fn(&str) -> Result<Vector<'a>, String>;

/// The answers of a whole condition.
pub(super) fn condition(
    node: &Node,
    rows: usize,
    columns: Columns<'_, '_>,
) -> Result<Vec<Option<bool>>, String> {
    eval(node, rows, columns)?.answers()
}

pub(super) fn eval<'a>(node: &Node, rows: usize, columns: Columns<'a, '_>) -> Result<Vector<'a>, String> {
    let of = |node: &Node| eval(node, rows, columns);
    Ok(match node {
        Node::Column(name) => columns(name)?,
        Node::Null => Vector::Null(rows),
        Node::Bool(value) => Vector::Bool(vec![Some(*value); rows]),
        Node::Whole(value) => Vector::Whole(vec![Some(*value); rows]),
        Node::Number(value) => Vector::Written(*value, rows),
        Node::Text(text) => Vector::Literal(text.clone(), rows),
        Node::Not(inner) => Vector::Bool(map(of(inner)?.answers()?, |answer| !answer)),
        Node::Minus(inner) => match of(inner)? {
            Vector::Whole(values) => Vector::Whole(map(values, |value| -value)),
            Vector::Decimal(values, scale) => Vector::Decimal(map(values, |value| -value), scale),
            Vector::Written(value, rows) => Vector::Written(-value, rows),
            Vector::Short(values, precision) => Vector::Short(map(values, |value| -value), precision),
            other => Vector::Number(map(other.numbers()?, |value| -value)),
        },
        Node::And(a, b) => Vector::Bool(logic(of(a)?, of(b)?, false)?),
        Node::Or(a, b) => Vector::Bool(logic(of(a)?, of(b)?, true)?),
        Node::Compare(how, a, b) => Vector::Bool(compare(*how, of(a)?, of(b)?)?),
        Node::Compute(how, a, b) => compute(*how, of(a)?, of(b)?)?,
        Node::IsNull(inner) => Vector::Bool(nulls(&of(inner)?).into_iter().map(Some).collect()),
        Node::In(inner, list) => {
            let mut found = vec![Some(false); rows];
            for item in list {
                let same = compare(Compare::Equal, of(inner)?, of(item)?)?;
                found = logic(Vector::Bool(found), Vector::Bool(same), true)?;
            }
            Vector::Bool(found)
        }
        Node::Matches(inner, pattern) => {
            Vector::Bool(map(of(inner)?.texts()?, |text| pattern.0.is_match(&text)))
        }
        Node::Call(function, list) => {
            let mut values = list.iter().map(of).collect::<Result<Vec<_>, _>>()?;
            match function {
                Function::Least => fold(values, |a, b| pick(a, b, Ordering::Less))?,
                Function::Greatest => fold(values, |a, b| pick(a, b, Ordering::Greater))?,
                Function::Coalesce => fold(values, coalesce)?,
                one => call(*one, values.swap_remove(0))?,
            }
        }
    })
}

fn map<T, U>(values: Vec<Option<T>>, make: impl Fn(T) -> U) -> Vec<Option<U>> {
    values.into_iter().map(|value| value.map(&make)).collect()
}

fn both<A, B, C>(a: Vec<Option<A>>, b: Vec<Option<B>>, make: impl Fn(A, B) -> Option<C>) -> Vec<Option<C>> {
    a.into_iter().zip(b).map(|(a, b)| make(a?, b?)).collect()
}

/// `or` when `decides` is true, else `and`: one such answer decides, whatever the other is; else a null leaves it open.
fn logic(a: Vector<'_>, b: Vector<'_>, decides: bool) -> Result<Vec<Option<bool>>, String> {
    let join = |(a, b)| match (a, b) {
        (Some(answer), _) | (_, Some(answer)) if answer == decides => Some(decides),
        (None, Some(answer)) | (Some(answer), None) if answer == decides => Some(decides),
        (Some(_), Some(_)) => Some(!decides),
        _ => None,
    };
    Ok(a.answers()?.into_iter().zip(b.answers()?).map(join).collect())
}

fn nulls(values: &Vector<'_>) -> Vec<bool> {
    fn of<T>(values: &[Option<T>]) -> Vec<bool> {
        values.iter().map(Option::is_none).collect()
    }
    match values {
        Vector::Null(rows) => vec![true; *rows],
        Vector::Literal(_, rows) | Vector::Written(_, rows) => vec![false; *rows],
        Vector::Bool(values) => of(values),
        Vector::Whole(values) | Vector::Time(values) | Vector::Decimal(values, _) => of(values),
        Vector::Number(values) | Vector::Short(values, _) => of(values),
        Vector::Text(values) => of(values),
    }
}

pub(super) fn compare(how: Compare, a: Vector<'_>, b: Vector<'_>) -> Result<Vec<Option<bool>>, String> {
    let answer = |order: Option<Ordering>| {
        Some(match how {
            Compare::Equal => order == Some(Ordering::Equal),
            Compare::Unequal => order != Some(Ordering::Equal),
            Compare::Less => order == Some(Ordering::Less),
            Compare::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Compare::More => order == Some(Ordering::Greater),
            Compare::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        })
    };
    let words = (a.word(), b.word());
    Ok(match a.level(b) {
        (Vector::Null(rows), _) | (_, Vector::Null(rows)) => vec![None; rows],
        (a @ Vector::Time(_), b) | (a, b @ Vector::Time(_)) => {
            both(a.times()?, b.times()?, |a, b| answer(Some(a.cmp(&b))))
        }
        (Vector::Whole(a), Vector::Whole(b)) | (Vector::Decimal(a, _), Vector::Decimal(b, _)) => {
            both(a, b, |a, b| answer(Some(a.cmp(&b))))
        }
        // A whole number beyond 2^53 is not rounded to the other's precision first.
        (Vector::Whole(a), Vector::Number(b)) => both(a, b, |a, b| answer(against(a, b))),
        (Vector::Number(a), Vector::Whole(b)) => {
            both(a, b, |a, b| answer(against(b, a).map(Ordering::reverse)))
        }
        (Vector::Number(a), Vector::Number(b)) => both(a, b, |a, b| answer(a.partial_cmp(&b))),
        (Vector::Bool(a), Vector::Bool(b)) => both(a, b, |a, b| answer(Some(a.cmp(&b)))),
        (a @ (Vector::Text(_) | Vector::Literal(..)), b @ (Vector::Text(_) | Vector::Literal(..))) => {
            both(a.texts()?, b.texts()?, |a, b| answer(Some(a.cmp(&b))))
        }
        _ => return Err(format!("{} cannot be compared with {}", words.0, words.1)),
    })
}

/// A whole number against a floating one, exactly.
fn against(whole: i128, number: f64) -> Option<Ordering> {
    /// Beyond it every double is whole, and below it a double converts without loss.
    const WIDE: f64 = 1.0e38;
    if number.is_nan() {
        return None;
    }
    if number >= WIDE {
        return Some(Ordering::Less);
    }
    if number <= -WIDE {
        return Some(Ordering::Greater);
    }
    let floor = number.floor();
    Some(whole.cmp(&(floor as i128)).then(if number > floor {
        Ordering::Less
    } else {
        Ordering::Equal
    }))
}

fn compute<'a>(how: Compute, a: Vector<'a>, b: Vector<'a>) -> Result<Vector<'a>, String> {
    let (a, b) = a.joined(b);
    Ok(match (how, a, b) {
        (Compute::Subtract, a @ Vector::Time(_), b) | (Compute::Subtract, a, b @ Vector::Time(_)) => {
            Vector::Number(both(a.times()?, b.times()?, |a, b| Some((a - b) as f64 / 1e9)))
        }
        (how, Vector::Whole(a), Vector::Whole(b)) if how != Compute::Divide => whole(how, a, b)?,
        (how, Vector::Decimal(a, scale), Vector::Decimal(b, _)) if how != Compute::Divide => {
            decimals(how, a, b, scale)?
        }
        (how, a, b) => floating(how, a, b)?,
    })
}

fn floating<'a>(how: Compute, a: Vector<'a>, b: Vector<'a>) -> Result<Vector<'a>, String> {
    Ok(Vector::Number(both(a.numbers()?, b.numbers()?, |a, b| {
        Some(match how {
            Compute::Add => a + b,
            Compute::Subtract => a - b,
            Compute::Multiply => a * b,
            Compute::Divide => a / b,
            Compute::Rest => a % b,
        })
    })))
}

/// Exact, of decimals of one scale; as floating numbers where one outgrows 128 bits.
fn decimals<'a>(
    how: Compute,
    a: Vec<Option<i128>>,
    b: Vec<Option<i128>>,
    scale: u32,
) -> Result<Vector<'a>, String> {
    let places = if how == Compute::Multiply {
        2 * scale
    } else {
        scale
    };
    match whole(how, a.clone(), b.clone()) {
        Ok(Vector::Whole(values)) => Ok(Vector::Decimal(values, places)),
        _ => floating(how, Vector::Decimal(a, scale), Vector::Decimal(b, scale)),
    }
}

/// There is no rest of a division by zero, which is a null; a number that does not fit stops everything.
fn whole<'a>(how: Compute, a: Vec<Option<i128>>, b: Vec<Option<i128>>) -> Result<Vector<'a>, String> {
    let mut values = Vec::with_capacity(a.len());
    for pair in a.into_iter().zip(b) {
        let (Some(a), Some(b)) = pair else {
            values.push(None);
            continue;
        };
        let value = match how {
            Compute::Add => a.checked_add(b),
            Compute::Subtract => a.checked_sub(b),
            Compute::Multiply => a.checked_mul(b),
            Compute::Divide | Compute::Rest if b == 0 => {
                values.push(None);
                continue;
            }
            Compute::Divide | Compute::Rest => a.checked_rem(b),
        };
        values.push(Some(value.ok_or_else(|| {
            format!("{a} and {b} make a number of more than 128 bits")
        })?));
    }
    Ok(Vector::Whole(values))
}

fn fold<'a>(
    values: Vec<Vector<'a>>,
    join: impl Fn(Vector<'a>, Vector<'a>) -> Result<Vector<'a>, String>,
) -> Result<Vector<'a>, String> {
    let mut values = values.into_iter();
    let first = values.next().ok_or("a function without values")?;
    values.try_fold(first, join)
}

/// The less or the greater of two; a null is left aside, as in PostgreSQL and DuckDB.
fn pick<'a>(a: Vector<'a>, b: Vector<'a>, which: Ordering) -> Result<Vector<'a>, String> {
    let how = if which == Ordering::Less {
        Compare::AtMost
    } else {
        Compare::AtLeast
    };
    let first = compare(how, a.clone(), b.clone())?;
    let (no_a, no_b) = (nulls(&a), nulls(&b));
    let first = first
        .into_iter()
        .zip(no_a.into_iter().zip(no_b))
        .map(|(first, (no_a, no_b))| first.unwrap_or(!no_a && no_b))
        .collect::<Vec<_>>();
    choose(&first, a, b)
}

fn coalesce<'a>(a: Vector<'a>, b: Vector<'a>) -> Result<Vector<'a>, String> {
    let first: Vec<bool> = nulls(&a).into_iter().map(|null| !null).collect();
    choose(&first, a, b)
}

/// Row by row the value of the first or of the second.
fn choose<'a>(first: &[bool], a: Vector<'a>, b: Vector<'a>) -> Result<Vector<'a>, String> {
    fn each<T>(first: &[bool], a: Vec<T>, b: Vec<T>) -> Vec<T> {
        first
            .iter()
            .zip(a.into_iter().zip(b))
            .map(|(first, (a, b))| if *first { a } else { b })
            .collect()
    }
    let words = (a.word(), b.word());
    Ok(match a.joined(b) {
        (Vector::Null(_), other) | (other, Vector::Null(_)) => other,
        (a @ Vector::Time(_), b) | (a, b @ Vector::Time(_)) => {
            Vector::Time(each(first, a.times()?, b.times()?))
        }
        (Vector::Whole(a), Vector::Whole(b)) => Vector::Whole(each(first, a, b)),
        (Vector::Decimal(a, scale), Vector::Decimal(b, _)) => Vector::Decimal(each(first, a, b), scale),
        (Vector::Bool(a), Vector::Bool(b)) => Vector::Bool(each(first, a, b)),
        (a @ (Vector::Whole(_) | Vector::Number(_)), b @ (Vector::Whole(_) | Vector::Number(_))) => {
            Vector::Number(each(first, a.numbers()?, b.numbers()?))
        }
        (a @ (Vector::Text(_) | Vector::Literal(..)), b @ (Vector::Text(_) | Vector::Literal(..))) => {
            Vector::Text(each(first, a.texts()?, b.texts()?))
        }
        _ => return Err(format!("{} and {} are of different kinds", words.0, words.1)),
    })
}

fn call(function: Function, value: Vector<'_>) -> Result<Vector<'_>, String> {
    Ok(match function {
        Function::Abs => match value {
            Vector::Whole(values) => Vector::Whole(map(values, i128::abs)),
            Vector::Decimal(values, scale) => Vector::Decimal(map(values, i128::abs), scale),
            Vector::Short(values, precision) => Vector::Short(map(values, f64::abs), precision),
            other => Vector::Number(map(other.numbers()?, f64::abs)),
        },
        // Halves away from zero, as SQL rounds.
        Function::Round => Vector::Number(map(value.numbers()?, f64::round)),
        Function::Length => Vector::Whole(map(value.texts()?, |text| text.chars().count() as i128)),
        Function::Lower => Vector::Text(map(value.texts()?, |text| Cow::Owned(text.to_lowercase()))),
        Function::Upper => Vector::Text(map(value.texts()?, |text| Cow::Owned(text.to_uppercase()))),
        part => Vector::Whole(value.times()?.into_iter().map(|at| part_of(part, at?)).collect()),
    })
}

/// A part of a point in time, in UTC; none of a year that has more than four digits.
fn part_of(part: Function, nanos: i128) -> Option<i128> {
    let at = jiff::Timestamp::from_nanosecond(nanos)
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC);
    Some(match part {
        Function::Year => i128::from(at.year()),
        Function::Month => i128::from(at.month()),
        Function::Day => i128::from(at.day()),
        Function::Hour => i128::from(at.hour()),
        _ => i128::from(at.weekday().to_monday_one_offset()),
    })
}
