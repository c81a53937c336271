//! Conditions over the columns of a row, asked of every row.

use serde::{Deserialize, Serialize};
use tabular::{Batch, Field};

use super::values::{Spot, Violations};
use crate::config::ExpressionRule;
use crate::expression::Expression;

/// A condition that is asked.
#[derive(Debug, Clone)]
pub struct ConditionWanted {
    expression: Expression,
    filter: Option<Expression>,
}

impl ConditionWanted {
    /// Makes a rule ready.
    ///
    /// # Errors
    /// It cannot be read; the suite was checked for that.
    pub fn of(rule: &ExpressionRule) -> Result<Self, String> {
        Ok(Self {
            expression: Expression::read(&rule.expression)?,
            filter: rule.filter.as_deref().map(Expression::read).transpose()?,
        })
    }

    /// What it says of each row of a batch.
    ///
    /// # Errors
    /// See [`Expression::ask`].
    pub fn answers(&self, batch: &Batch) -> Result<Vec<Answer>, String> {
        let answers = self
            .expression
            .ask(batch)?
            .into_iter()
            .map(|answer| match answer {
                None => Answer::Unknown,
                Some(true) => Answer::Holds,
                Some(false) => Answer::Misses,
            });
        let Some(filter) = &self.filter else {
            return Ok(answers.collect());
        };
        let for_it = filter.ask(batch)?.into_iter().map(|answer| answer == Some(true));
        let answers = answers.zip(for_it);
        Ok(answers
            .map(|(answer, for_it)| if for_it { answer } else { Answer::Aside })
            .collect())
    }

    fn parts(&self) -> impl Iterator<Item = &Expression> {
        std::iter::once(&self.expression).chain(&self.filter)
    }

    /// The columns that it needs.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.parts().flat_map(Expression::columns)
    }

    /// Whether it can be asked of a file with these columns.
    ///
    /// # Errors
    /// A sentence.
    pub fn fits(&self, fields: &[Field]) -> Result<(), String> {
        self.parts().try_for_each(|part| part.fits(fields))
    }
}

/// What a condition says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is not for the row.
    Aside,
    /// It is unknown, for a null.
    Unknown,
    /// It holds.
    Holds,
    /// It does not.
    Misses,
}

/// What a condition found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ConditionMeasured {
    /// Rows that it is not for.
    pub aside: u64,
    /// Rows for which it is unknown, for a null.
    pub unknown: u64,
    /// Rows that do not meet it; `tested` are those with an answer.
    pub rows: Violations,
    /// Why it cannot be asked.
    pub fault: Option<String>,
}

impl ConditionMeasured {
    /// Takes in the rows of a batch.
    pub fn see(&mut self, wanted: &ConditionWanted, batch: &Batch, spot: impl Fn(usize) -> Spot) {
        if self.fault.is_some() {
            return;
        }
        if let Err(why) = self.ask(wanted, batch, spot) {
            self.fault = Some(why);
        }
    }

    fn ask(
        &mut self,
        wanted: &ConditionWanted,
        batch: &Batch,
        spot: impl Fn(usize) -> Spot,
    ) -> Result<(), String> {
        let answers = wanted.answers(batch)?;
        let names: Vec<&str> = wanted.expression.columns().into_iter().collect();
        for (row, answer) in answers.into_iter().enumerate() {
            match answer {
                Answer::Aside => self.aside += 1,
                Answer::Unknown => self.unknown += 1,
                Answer::Holds => self.rows.tested += 1,
                Answer::Misses => {
                    self.rows.tested += 1;
                    self.rows.add(shown(batch, &names, row), spot(row));
                }
            }
        }
        Ok(())
    }

    /// Takes in the next part.
    pub fn absorb(&mut self, other: Self) {
        self.aside += other.aside;
        self.unknown += other.unknown;
        self.rows.absorb(other.rows);
        self.fault = self.fault.take().or(other.fault);
    }
}

/// `dep_time = 517, arr_time = 830`.
fn shown(batch: &Batch, names: &[&str], row: usize) -> String {
    let value = |name: &&str| {
        let value = batch.column(name).ok().and_then(|column| column.display(row));
        format!("{name} = {}", value.as_deref().unwrap_or("null"))
    };
    names.iter().map(value).collect::<Vec<_>>().join(", ")
}
