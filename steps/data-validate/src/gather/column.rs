//! What one pass measures of one column.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tabular::profile::Moments;
use tabular::{Batch, Column, ColumnProfile, Values};

use super::frozen::{Counts, Frozen};
use super::quantile::{Bracket, FirstPass};
use super::sequence::Sequence;
use super::values::{Spot, Test, ValueRule, Violations};

/// What was measured of a column.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ColumnMeasured {
    /// Rows of the files that have the column. Of the column that a window is over, also the rows without a time: no
    /// window holds them, and yet a null is a null.
    pub rows: u64,
    /// Rows without a value.
    pub nulls: u64,
    /// Cells that are not of the column's kind.
    pub malformed: Violations,
    /// Values that are NaN.
    pub nan: u64,
    /// Values that are infinite.
    pub infinite: u64,
    /// Of finite numbers.
    pub moments: Moments,
    /// In the order of [`super::measure::ColumnWanted::directions`].
    pub sequences: Vec<Sequence>,
    /// How often each of [`ColumnWanted::named`] occurs; or why it cannot be asked.
    pub named: Vec<Result<u64, String>>,
    /// In the order of [`ColumnWanted::frozen`]; or why they cannot be counted on.
    pub frozen: Vec<Result<Counts, String>>,
    /// The first and last point in time, nanoseconds since 1970-01-01 (of any year, hence wide).
    #[serde(with = "pair")]
    pub times: Option<(i128, i128)>,
    /// Bad values by rule; or why the rule cannot be asked.
    pub tests: BTreeMap<ValueRule, Result<Violations, String>>,
    /// First pass of quantiles.
    pub quantiles: Option<FirstPass>,
    /// Second pass of quantiles.
    #[serde(skip)]
    pub brackets: Vec<Bracket>,
    /// The whole profile; in a file it stands beside.
    #[serde(skip)]
    pub profile: Option<ColumnProfile>,
}

impl ColumnMeasured {
    /// Cells that could not be read stand as nulls in the column, and are none.
    pub(super) fn malformed(&mut self, batch: &Batch, name: &str, object: usize) {
        for cell in batch.malformed().iter().filter(|cell| cell.column == name) {
            let place = cell.place;
            self.malformed.add(cell.text.clone(), Spot { object, place });
            self.nulls -= 1;
        }
    }

    /// All bad values that it keeps.
    pub(super) fn violations_mut(&mut self) -> impl Iterator<Item = &mut Violations> {
        let sequences = self.sequences.iter_mut().map(|sequence| &mut sequence.bad);
        let tests = self.tests.values_mut().flatten();
        std::iter::once(&mut self.malformed).chain(sequences).chain(tests)
    }

    /// Counts on frozen bins.
    pub(super) fn bin(&mut self, column: &Column, frozen: &[Result<Arc<Frozen>, String>]) {
        for (frozen, into) in frozen.iter().zip(&mut self.frozen) {
            if let (Ok(frozen), Ok(counts)) = (frozen, &mut *into)
                && let Err(why) = counts.see(frozen, column)
            {
                *into = Err(why);
            }
        }
    }

    /// Counts the values that are counted one by one.
    pub(super) fn count(&mut self, column: &Column, named: &[Result<Test, String>]) {
        let values = (column.len() - column.null_count()) as u64;
        for (test, count) in named.iter().zip(&mut self.named) {
            if let (Ok(test), Ok(count)) = (test, count) {
                let mut others = 0;
                test.run(column, |_| others += 1);
                *count += values - others;
            }
        }
    }

    pub(super) fn see(
        &mut self,
        column: &Column,
        tests: &[(ValueRule, Result<Test, String>)],
        spot: impl Fn(usize) -> Spot,
    ) {
        self.rows += column.len() as u64;
        self.nulls += column.null_count() as u64;
        let values = (column.len() - column.null_count()) as u64;
        for (rule, test) in tests {
            match test {
                Ok(test) => {
                    let into = self
                        .tests
                        .entry(*rule)
                        .or_insert_with(|| Ok(Violations::default()));
                    if let Ok(into) = into {
                        into.tested += values;
                        test.run(column, |row| {
                            into.add(column.display(row).unwrap_or_default(), spot(row));
                        });
                    }
                }
                Err(why) => {
                    self.tests.insert(*rule, Err(why.clone()));
                }
            }
        }
        self.numbers(column);
        self.times = joined(self.times, ends(column));
        if let Some(profile) = &mut self.profile {
            profile.update(column);
        }
    }

    fn numbers(&mut self, column: &Column) {
        let mut finite = Vec::new();
        let validity = column.validity();
        match column.values() {
            Values::Int(values) => {
                validity
                    .runs()
                    .for_each(|run| finite.extend(values[run].iter().map(|value| *value as f64)));
            }
            Values::Unsigned(values) => {
                validity
                    .runs()
                    .for_each(|run| finite.extend(values[run].iter().map(|value| *value as f64)));
            }
            Values::Bool(_) => finite.extend(column.numbers().flatten()),
            Values::Float(values) | Values::Decimal(values) => {
                for value in validity.runs().flat_map(|run| &values[run]) {
                    if value.is_finite() {
                        finite.push(*value);
                    } else if value.is_nan() {
                        self.nan += 1;
                    } else {
                        self.infinite += 1;
                    }
                }
            }
            _ => return,
        }
        self.moments.add(&finite);
        if let Some(quantiles) = &mut self.quantiles {
            quantiles.add(&finite);
        }
        for bracket in &mut self.brackets {
            bracket.add(&finite);
        }
    }

    pub(super) fn absorb(&mut self, other: Self) {
        self.rows += other.rows;
        self.nulls += other.nulls;
        self.malformed.absorb(other.malformed);
        self.nan += other.nan;
        self.infinite += other.infinite;
        self.moments.absorb(&other.moments);
        self.times = joined(self.times, other.times);
        if self.sequences.is_empty() {
            self.sequences = other.sequences;
        } else {
            let next = self.sequences.iter_mut().zip(other.sequences);
            next.for_each(|(mine, theirs)| mine.absorb(theirs));
        }
        if self.frozen.is_empty() {
            self.frozen = other.frozen;
        } else {
            for (mine, theirs) in self.frozen.iter_mut().zip(other.frozen) {
                match (&mut *mine, theirs) {
                    (Ok(mine), Ok(theirs)) => mine.absorb(&theirs),
                    (Ok(_), Err(why)) => *mine = Err(why),
                    (Err(_), _) => {}
                }
            }
        }
        if self.named.is_empty() {
            self.named = other.named;
        } else {
            for (mine, theirs) in self.named.iter_mut().zip(other.named) {
                match (&mut *mine, theirs) {
                    (Ok(mine), Ok(theirs)) => *mine += theirs,
                    (Ok(_), Err(why)) => *mine = Err(why),
                    (Err(_), _) => {}
                }
            }
        }
        for (rule, theirs) in other.tests {
            match (self.tests.get_mut(&rule), theirs) {
                (Some(Ok(mine)), Ok(theirs)) => mine.absorb(theirs),
                (Some(Err(_)), Ok(_)) => {}
                (_, theirs) => {
                    self.tests.insert(rule, theirs);
                }
            }
        }
        match (&mut self.quantiles, other.quantiles) {
            (Some(mine), Some(theirs)) => mine.absorb(theirs),
            (mine, theirs) => *mine = mine.take().or(theirs),
        }
        if self.brackets.is_empty() {
            self.brackets = other.brackets;
        } else {
            self.brackets
                .iter_mut()
                .zip(other.brackets)
                .for_each(|(mine, theirs)| mine.absorb(theirs));
        }
        self.profile = match (self.profile.take(), other.profile) {
            (Some(mine), Some(theirs)) => Some(mine.merge(&theirs)),
            (mine, theirs) => mine.or(theirs),
        };
    }
}

/// The first and last point in time of a batch.
fn ends(column: &Column) -> Option<(i128, i128)> {
    let (ticks, each) = ticks(column)?;
    let nanos = |ticks: i64| i128::from(ticks) * each;
    let runs = || column.validity().runs().flat_map(|run| &ticks[run]).copied();
    Some((nanos(runs().min()?), nanos(runs().max()?)))
}

/// The points in time of a column, and how many nanoseconds since 1970-01-01 each unit of them is.
pub(super) fn ticks(column: &Column) -> Option<(&[i64], i128)> {
    match column.values() {
        Values::Timestamp(times) => Some((times.ticks, i128::from(1_000_000_000 / times.per_second))),
        Values::Date(days) => Some((days, 86_400_000_000_000)),
        _ => None,
    }
}

fn joined(mine: Option<(i128, i128)>, theirs: Option<(i128, i128)>) -> Option<(i128, i128)> {
    match (mine, theirs) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        (mine, theirs) => mine.or(theirs),
    }
}

/// Two points in time in a file.
mod pair {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct At(#[serde(with = "crate::gather::wide")] i128);

    pub(super) fn serialize<S: Serializer>(times: &Option<(i128, i128)>, to: S) -> Result<S::Ok, S::Error> {
        times.map(|(first, last)| (At(first), At(last))).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<(i128, i128)>, D::Error> {
        let times = Option::<(At, At)>::deserialize(from)?;
        Ok(times.map(|(first, last)| (first.0, last.0)))
    }
}
