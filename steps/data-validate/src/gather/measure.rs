//! What one pass over the rows of a table measures.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tabular::profile::Moments;
use tabular::{Batch, ColumnProfile, KeySet, row_keys};

use super::column::ColumnMeasured;
use super::conditions::{ConditionMeasured, ConditionWanted};
use super::frozen::{Counts, Frozen};
use super::keys::Keys;
use super::quantile::{Bracket, FirstPass};
use super::rows::{Choice, Cut, Left};
use super::sequence::{Direction, Sequence};
use super::together::Together;
use super::values::{Spot, Test, ValueRule};
use crate::config::Scalar;

/// What shall be measured of a table.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// By column.
    pub columns: BTreeMap<String, ColumnWanted>,
    /// Keys of rows.
    pub keys: Vec<KeyWanted>,
    /// Rows that refer to nothing.
    pub orphans: Vec<OrphanWanted>,
    /// Conditions over the columns of a row.
    pub conditions: Vec<ConditionWanted>,
    /// Pairs of columns whose correlation is judged.
    pub pairs: Vec<[String; 2]>,
    /// Columns that rows are told apart, found or ordered by: a cell of them that cannot be read is a row that no such
    /// check sees. They are among `columns`.
    pub compared: BTreeSet<String>,
}

/// What shall be measured of a column.
#[derive(Debug, Clone, Default)]
pub struct ColumnWanted {
    /// Value by value; the rules of the column, to compile the tests for the kind that a file has.
    pub tests: Vec<ValueRule>,
    /// The rules of the column.
    pub rules: Option<Arc<crate::config::ColumnRules>>,
    /// Quantiles.
    pub quantiles: bool,
    /// Skewness, kurtosis.
    pub shape: bool,
    /// Values that are counted one by one.
    pub named: Vec<Scalar>,
    /// Orders that the rows must come in.
    pub directions: Vec<Direction>,
    /// Bins that the rows are counted on; or why there are none.
    pub frozen: Vec<Result<Arc<Frozen>, String>>,
    /// Brackets of a second pass.
    pub brackets: Vec<Bracket>,
    /// The whole profile.
    pub profile: bool,
}

/// A key of rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyWanted {
    /// Its columns.
    pub columns: Vec<String>,
    /// Whether a null is a value like others; if not, rows with one are left out and counted.
    pub with_nulls: bool,
}

impl KeyWanted {
    /// Whole rows: files may have the columns in another order.
    #[must_use]
    pub fn of_rows(mut columns: Vec<String>) -> Self {
        columns.sort_unstable();
        Self {
            columns,
            with_nulls: true,
        }
    }
}

/// Rows whose key is not among others.
#[derive(Debug, Clone)]
pub struct OrphanWanted {
    /// The number of the relationship.
    pub relation: usize,
    /// The referring columns.
    pub columns: Vec<String>,
    /// The keys referred to; all referring keys are kept when these are too many for memory.
    pub parents: Option<Arc<KeySet>>,
}

/// What was measured of a table, or of a part of it.
#[derive(Debug, Default)]
pub struct Measured {
    /// Rows, inside of the window.
    pub rows: u64,
    /// Rows by the number of their object.
    pub rows_by_object: BTreeMap<usize, u64>,
    /// Rows that are not looked at.
    pub left: Left,
    /// By column.
    pub columns: BTreeMap<String, ColumnMeasured>,
    /// In the order of [`Wanted::keys`].
    pub keys: Vec<KeyMeasured>,
    /// In the order of [`Wanted::orphans`].
    pub orphans: Vec<KeyMeasured>,
    /// In the order of [`Wanted::conditions`].
    pub conditions: Vec<ConditionMeasured>,
    /// In the order of [`Wanted::pairs`].
    pub pairs: Vec<Together>,
    /// Columns that do not decode, with the reason.
    pub broken: BTreeMap<String, String>,
}

/// Keys that were collected.
#[derive(Debug, Default)]
pub struct KeyMeasured {
    /// The keys.
    pub keys: Keys,
    /// Rows that were looked at, without those left out.
    pub looked_at: u64,
    /// Rows left out for a null in the key.
    pub with_null: u64,
    /// A column of the key that was not there or did not decode, in some part.
    pub without: Option<String>,
}

/// The rules of a column made ready for its kind; or why they cannot be asked of it.
type Tests = Vec<(ValueRule, Result<Test, String>)>;

/// Measures the batches of one object.
pub struct Meter<'a> {
    wanted: &'a Wanted,
    object: usize,
    tests: BTreeMap<&'a str, Tests>,
    /// Of the values that are counted one by one.
    named: BTreeMap<&'a str, Vec<Result<Test, String>>>,
    /// What has been measured so far.
    pub measured: Measured,
}

impl<'a> Meter<'a> {
    /// A meter for an object with these columns.
    #[must_use]
    pub fn new<'f>(
        wanted: &'a Wanted,
        object: usize,
        fields: impl Iterator<Item = &'f tabular::Field>,
    ) -> Self {
        let (mut tests, mut named) = (BTreeMap::new(), BTreeMap::new());
        let mut measured = Measured::default();
        let fields: Vec<tabular::Field> = fields.cloned().collect();
        for field in &fields {
            let Some((name, column)) = wanted.columns.get_key_value(&field.name) else {
                continue;
            };
            let compiled = column
                .tests
                .iter()
                .filter_map(|rule| Some((*rule, Test::compile(*rule, column.rules.as_deref()?, field))))
                .collect();
            tests.insert(name.as_str(), compiled);
            let counted: Vec<_> = column.named.iter().map(|value| Test::one(value, field)).collect();
            let new = ColumnMeasured {
                sequences: column
                    .directions
                    .iter()
                    .map(|direction| Sequence::new(*direction))
                    .collect(),
                moments: if column.shape {
                    Moments::with_shape()
                } else {
                    Moments::default()
                },
                named: counted
                    .iter()
                    .map(|test| test.as_ref().map(|_| 0).map_err(Clone::clone))
                    .collect(),
                frozen: column
                    .frozen
                    .iter()
                    .map(|frozen| Ok(Counts::new(frozen.as_deref().map_err(Clone::clone)?)))
                    .collect(),
                quantiles: column.quantiles.then(FirstPass::default),
                brackets: column.brackets.clone(),
                profile: column.profile.then(|| ColumnProfile::new(field)),
                ..ColumnMeasured::default()
            };
            named.insert(name.as_str(), counted);
            measured.columns.insert(name.clone(), new);
        }
        measured.conditions = wanted
            .conditions
            .iter()
            .map(|condition| ConditionMeasured {
                fault: condition.fits(&fields).err(),
                ..ConditionMeasured::default()
            })
            .collect();
        measured.pairs.resize_with(wanted.pairs.len(), Together::default);
        measured.keys.resize_with(wanted.keys.len(), KeyMeasured::default);
        measured
            .orphans
            .resize_with(wanted.orphans.len(), KeyMeasured::default);
        Self {
            wanted,
            object,
            tests,
            named,
            measured,
        }
    }

    /// Takes in a batch.
    ///
    /// # Errors
    /// When keys cannot be put to disk.
    pub fn see(&mut self, batch: &Batch) -> io::Result<()> {
        let rows = batch.rows() as u64;
        self.measured.rows += rows;
        *self.measured.rows_by_object.entry(self.object).or_insert(0) += rows;
        for column in batch.columns() {
            let name = column.field().name.as_str();
            let (Some(into), Some(tests)) = (self.measured.columns.get_mut(name), self.tests.get(name))
            else {
                continue;
            };
            let spot = |row| Spot {
                object: self.object,
                place: batch.place(row),
            };
            into.see(column, tests, spot);
            into.sequences
                .iter_mut()
                .for_each(|sequence| sequence.see(column, spot));
            into.bin(
                column,
                self.wanted
                    .columns
                    .get(name)
                    .map_or(&[], |wanted| wanted.frozen.as_slice()),
            );
            into.count(column, self.named.get(name).map_or(&[], Vec::as_slice));
            into.malformed(batch, name, self.object);
        }
        for (wanted, into) in self.wanted.conditions.iter().zip(&mut self.measured.conditions) {
            let object = self.object;
            into.see(wanted, batch, |row| Spot {
                object,
                place: batch.place(row),
            });
        }
        for (columns, into) in self.wanted.pairs.iter().zip(&mut self.measured.pairs) {
            into.see(batch, columns);
        }
        for (wanted, into) in self.wanted.keys.iter().zip(&mut self.measured.keys) {
            into.collect(batch, &wanted.columns, wanted.with_nulls, None)?;
        }
        for (wanted, into) in self.wanted.orphans.iter().zip(&mut self.measured.orphans) {
            into.collect(batch, &wanted.columns, false, wanted.parents.as_deref())?;
        }
        Ok(())
    }
}

impl Meter<'_> {
    /// Takes in what was cut away. Rows without a time, or without an answer to the filter, are in the data all the same:
    /// they count as nulls of the column that chooses, and its cells that could not be read are told.
    pub fn leave(&mut self, batch: &Batch, cut: &Cut, rows: Choice<'_>) {
        self.measured.left.absorb(cut.left);
        // What is only not drawn, or set aside by the suite's own words, is a part of the table and of the object.
        self.measured.rows += cut.left.unsampled;
        *self.measured.rows_by_object.entry(self.object).or_insert(0) += cut.left.unsampled + cut.left.aside;
        if let Some(window) = rows.window.filter(|_| cut.left.undated > 0)
            && let Some(into) = self.measured.columns.get_mut(&window.column)
        {
            into.rows += cut.left.undated;
            into.nulls += cut.left.undated;
            into.malformed(batch, &window.column, self.object);
        }
        if let (Some(filter), Some(unread)) = (rows.filter, &cut.unread) {
            for column in filter.columns() {
                if let Some(into) = self.measured.columns.get_mut(column) {
                    into.malformed(unread, column, self.object);
                }
            }
        }
    }
}

impl Meter<'_> {
    /// Keys of each multiset that are held before they go to disk.
    pub fn spill_at(&mut self, keys: usize) {
        let all = self.measured.keys.iter_mut().chain(&mut self.measured.orphans);
        all.for_each(|keep| keep.keys.spill_at(keys));
    }
}

impl Measured {
    /// Takes in the row groups that were not read, of the objects from this number on.
    pub(super) fn leave_unread(&mut self, left: impl Iterator<Item = Left>, first: usize) {
        for (object, left) in (first..).zip(left) {
            *self.rows_by_object.entry(object).or_insert(0) += left.aside;
            self.left.absorb(left);
        }
    }
}

impl KeyMeasured {
    fn collect(
        &mut self,
        batch: &Batch,
        names: &[String],
        with_nulls: bool,
        known: Option<&KeySet>,
    ) -> io::Result<()> {
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            match batch.columns().iter().find(|column| column.field().name == *name) {
                Some(column) => columns.push(column),
                None => {
                    self.without = Some(name.clone());
                    return Ok(());
                }
            }
        }
        let keys = row_keys(&columns);
        let rows = keys.hashes.iter().zip(&keys.nulls);
        let left_out = if with_nulls {
            0
        } else {
            keys.nulls.iter().filter(|nulls| **nulls > 0).count() as u64
        };
        self.with_null += left_out;
        self.looked_at += keys.hashes.len() as u64 - left_out;
        let whole = rows
            .filter(|(_, nulls)| with_nulls || **nulls == 0)
            .map(|(key, _)| *key);
        match known {
            Some(known) => self.keys.extend(whole.filter(|key| !known.contains(key))),
            None => self.keys.extend(whole),
        }
    }

    fn absorb(&mut self, other: Self) -> io::Result<()> {
        self.looked_at += other.looked_at;
        self.with_null += other.with_null;
        self.without = self.without.take().or(other.without);
        self.keys.absorb(other.keys)
    }
}

/// Takes in what stands at the same place of the next part; parts may be without.
pub(super) fn absorb_each<T: Default>(mine: &mut Vec<T>, theirs: Vec<T>, absorb: impl Fn(&mut T, T)) {
    mine.resize_with(theirs.len().max(mine.len()), T::default);
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        absorb(mine, theirs);
    }
}

impl Measured {
    /// Takes in the next part of the same table.
    ///
    /// # Errors
    /// When keys cannot be put to disk.
    pub fn absorb(&mut self, other: Self) -> io::Result<()> {
        self.rows += other.rows;
        self.left.absorb(other.left);
        for (object, rows) in other.rows_by_object {
            *self.rows_by_object.entry(object).or_insert(0) += rows;
        }
        for (name, column) in other.columns {
            self.columns.entry(name).or_default().absorb(column);
        }
        for (mine, theirs) in [(&mut self.keys, other.keys), (&mut self.orphans, other.orphans)] {
            mine.resize_with(theirs.len().max(mine.len()), KeyMeasured::default);
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                mine.absorb(theirs)?;
            }
        }
        absorb_each(&mut self.conditions, other.conditions, ConditionMeasured::absorb);
        absorb_each(&mut self.pairs, other.pairs, Together::absorb);
        for (column, why) in other.broken {
            self.broken.entry(column).or_insert(why);
        }
        Ok(())
    }
}
