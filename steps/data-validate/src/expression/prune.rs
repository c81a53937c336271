//! Whether a condition can hold at all, of parts of a table of which only the smallest and largest values are known.

use tabular::Column;

use super::eval;
use super::parse::{Compare, Node};
use super::vector::Vector;

/// The smallest and the largest value of a column, one a part.
pub(super) type Ends<'a, 'f> = &'f dyn Fn(&str) -> Option<(&'a Column, &'a Column)>;

/// For each part, whether a row of it may meet the condition. What is not understood may.
pub(super) fn possible(node: &Node, parts: usize, ends: Ends<'_, '_>) -> Vec<bool> {
    let of = |node: &Node| possible(node, parts, ends);
    let join = |a: &Node, b: &Node, join: fn(bool, bool) -> bool| {
        let both = of(a).into_iter().zip(of(b));
        both.map(|(a, b)| join(a, b)).collect()
    };
    match node {
        Node::And(a, b) => join(a, b, |a, b| a && b),
        Node::Or(a, b) => join(a, b, |a, b| a || b),
        Node::Compare(how, a, b) => match (&**a, &**b) {
            (Node::Column(name), value) => compared(*how, name, value, parts, ends),
            (value, Node::Column(name)) => compared(turned(*how), name, value, parts, ends),
            _ => vec![true; parts],
        },
        Node::In(column, values) => match &**column {
            Node::Column(name) => values
                .iter()
                .map(|value| compared(Compare::Equal, name, value, parts, ends))
                .reduce(|a, b| a.into_iter().zip(b).map(|(a, b)| a || b).collect())
                .unwrap_or_else(|| vec![true; parts]),
            _ => vec![true; parts],
        },
        _ => vec![true; parts],
    }
}

fn compared(how: Compare, name: &str, value: &Node, parts: usize, ends: Ends<'_, '_>) -> Vec<bool> {
    let all = || vec![true; parts];
    let Some((low, high)) = ends(name).filter(|_| is_constant(value)) else {
        return all();
    };
    // An end that is not known answers neither yes nor no.
    let may = |end: &Column, how: Compare| -> Option<Vec<bool>> {
        let none = |_: &str| Err(String::new());
        let value = eval::eval(value, parts, &none).ok()?;
        let answers = eval::compare(how, Vector::of(end).ok()?, value).ok()?;
        Some(answers.into_iter().map(|answer| answer != Some(false)).collect())
    };
    match how {
        Compare::Less | Compare::AtMost => may(low, how).unwrap_or_else(all),
        Compare::More | Compare::AtLeast => may(high, how).unwrap_or_else(all),
        Compare::Equal => match (may(low, Compare::AtMost), may(high, Compare::AtLeast)) {
            (Some(low), Some(high)) => low.into_iter().zip(high).map(|(low, high)| low && high).collect(),
            _ => all(),
        },
        Compare::Unequal => all(),
    }
}

fn is_constant(node: &Node) -> bool {
    match node {
        Node::Bool(_) | Node::Whole(_) | Node::Number(_) | Node::Text(_) => true,
        Node::Minus(inner) => is_constant(inner),
        _ => false,
    }
}

fn turned(how: Compare) -> Compare {
    match how {
        Compare::Less => Compare::More,
        Compare::AtMost => Compare::AtLeast,
        Compare::More => Compare::Less,
        Compare::AtLeast => Compare::AtMost,
        same => same,
    }
}
