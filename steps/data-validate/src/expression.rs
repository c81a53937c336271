//! Conditions over the columns of one row, in the words of SQL: `dep_time <= arr_time or cancelled`.
//!
//! Operators, from the loosest: `or`, `and`, `not`, comparisons (`=` or `==`, `!=` or `<>`, `<`, `<=`, `>`, `>=`, `is [not]
//! null`, `[not] in (…)`, `[not] between … and …`, `[not] like '…'`, `[not] matches '…'`), `+ -`, `* / %`, a sign.
//! Functions: `abs`, `round`, `least`, `greatest`, `coalesce`, `length`, `lower`, `upper`, `year`, `month`, `day`, `hour`,
//! `weekday` (Monday is 1). Texts stand in single quotes, a column whose name is no word in double quotes.
//!
//! Logic has three values, as in SQL: what is compared with a null is unknown, and a row whose condition is unknown is not
//! judged but counted. `/` divides as floating numbers do, without a rest thrown away; NaN is equal to nothing and is
//! neither larger nor smaller than anything. Decimals are exact, but where they are divided or stand beside floating numbers;
//! a number that is written beside a column of decimals or of 32 bits is as the column holds it. The difference of two
//! points in time is a number of seconds. A text beside a date or a point in time is read as one.

mod eval;
mod lex;
mod parse;
mod prune;
mod vector;

pub(crate) use vector::decimal;

use std::collections::BTreeSet;

use tabular::{Batch, Field};

use parse::Node;

/// A column as a condition names it: in double quotes, unless its name is a plain word that means nothing else.
///
/// ```
/// use data_validate::expression::column;
/// assert_eq!((column("dep_time"), column("is"), column("a b")), ("dep_time".into(), "\"is\"".into(), "\"a b\"".into()));
/// ```
#[must_use]
pub fn column(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .chars()
            .all(|next| next.is_ascii_alphanumeric() || matches!(next, '_' | '.'))
        && !parse::RESERVED.contains(&lower.as_str())
        && !matches!(lower.as_str(), "null" | "true" | "false");
    if plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A condition, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    root: Node,
}

impl Expression {
    /// Reads a condition.
    ///
    /// ```
    /// use data_validate::expression::Expression;
    /// let rule = Expression::read("dep_time <= arr_time or \"is late\"")?;
    /// assert_eq!(rule.columns().into_iter().collect::<Vec<_>>(), ["arr_time", "dep_time", "is late"]);
    /// let error = Expression::read("dep_time <=").unwrap_err();
    /// assert_eq!(error, "at its end, a value is expected (`dep_time <=`)");
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// A sentence that says where, what was found and what is expected.
    pub fn read(text: &str) -> Result<Self, String> {
        let root = parse::condition(text)?;
        Ok(Self {
            text: text.to_owned(),
            root,
        })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The columns that it speaks of.
    #[must_use]
    pub fn columns(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.root.each(&mut |node| {
            if let Node::Column(name) = node {
                names.insert(name.as_str());
            }
        });
        names
    }

    /// Whether it can be asked of a file with these columns.
    ///
    /// # Errors
    /// A sentence: a column that is not there (with the nearest name), or values that cannot be compared so.
    pub fn fits(&self, fields: &[Field]) -> Result<(), String> {
        let known = |name: &str| fields.iter().find(|field| field.name == name);
        for name in self.columns() {
            if known(name).is_none() {
                let hint = step_contract::did_you_mean(name, fields.iter().map(|field| field.name.as_str()));
                return Err(format!("no column `{name}`{hint}"));
            }
        }
        let none = |name: &str| {
            let field = known(name).ok_or_else(|| format!("no column `{name}`"))?;
            vector::Vector::none(field)
        };
        eval::condition(&self.root, 0, &none).map(|_| ())
    }

    /// For each part of a table, whether a row of it may meet the condition, by the smallest and largest value of its columns
    /// (one a part; null when it is not known). What cannot be told may.
    pub fn possible<'a>(
        &self,
        parts: usize,
        ends: &dyn Fn(&str) -> Option<(&'a tabular::Column, &'a tabular::Column)>,
    ) -> Vec<bool> {
        prune::possible(&self.root, parts, ends)
    }

    /// The answer for every row of a batch; `None` where it is unknown.
    ///
    /// # Errors
    /// As [`Expression::fits`], and for whole numbers that grow beyond 128 bits.
    pub fn ask(&self, batch: &Batch) -> Result<Vec<Option<bool>>, String> {
        let column = |name: &str| {
            let column = batch
                .column(name)
                .map_err(|_| format!("the column `{name}` does not decode"))?;
            vector::Vector::of(column)
        };
        eval::condition(&self.root, batch.rows(), &column)
    }
}
