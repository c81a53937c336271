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
        // Some writers put NaN there, of which nothing follows.
        let is_nan = |part: usize| end.number(part).is_some_and(f64::is_nan);
        let answers = answers.into_iter().enumerate();
        Some(
            answers
                .map(|(part, answer)| answer != Some(false) || is_nan(part))
                .collect(),
        )
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

#[cfg(test)]
mod tests {
    use tabular::{Format, Input, ReadOptions, Table};

    use crate::expression::Expression;

    /// Which of the parts may hold a row, by the ends of `x` in each.
    fn possible(condition: &str, ends: &str) -> Vec<bool> {
        let input = Input::from_bytes("ends.csv", format!("min,max\n{ends}"));
        let format = Format::from_name("ends.csv").unwrap();
        let mut table = Table::open(input, format, ReadOptions::default()).unwrap();
        let batch = table.next_batch().unwrap().unwrap();
        let (min, max) = (batch.column("min").unwrap(), batch.column("max").unwrap());
        let ends = |name: &str| (name == "x").then_some((min, max));
        Expression::read(condition).unwrap().possible(batch.rows(), &ends)
    }

    #[test]
    fn a_part_is_left_out_only_when_no_value_between_its_ends_can_do() {
        let ends = "1,3\n4,9\n10,10\n";
        for (condition, expected) in [
            ("x < 4", [true, false, false]),
            ("x <= 4", [true, true, false]),
            ("4 > x", [true, false, false]),
            ("x > 9", [false, false, true]),
            ("x >= 9", [false, true, true]),
            ("x = 3.5", [false, false, false]),
            ("x = 7", [false, true, false]),
            ("x <> 10", [true, true, true]),
            ("x in (2, 10)", [true, false, true]),
            ("x between 5 and 6", [false, true, false]),
            ("x > -1 and x < 0", [false, false, false]),
            ("x > 9 or x = 2", [true, false, true]),
            ("not (x > 9)", [true, true, true]),
            ("x > 9 and y = 1", [false, false, true]),
            ("y = 1 or x > 9", [true, true, true]),
            ("abs(x) > 9", [true, true, true]),
            ("x > y", [true, true, true]),
        ] {
            assert_eq!(possible(condition, ends), expected, "{condition}");
        }
    }

    #[test]
    fn ends_that_are_not_known_leave_nothing_out() {
        assert_eq!(possible("x > 5", "NaN,NaN\n1.5,2.5\n,\n"), [true, false, true]);
        assert_eq!(possible("x = 5", "NaN,7\n"), [true]);
        // A text beside numbers: the condition cannot be asked, and says so when it is.
        assert_eq!(possible("x > 'a'", "1,2\n"), [true]);
    }
}
