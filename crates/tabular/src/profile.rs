//! The mergeable profile of a column: what one pass over any part of a table tells, such that the profiles of two
//! parts merge into the profile of both.

pub mod distinct;
pub mod exact;
pub mod moments;
pub mod quantiles;
pub mod top;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use distinct::Distinct;
pub use exact::{ExactSum, Pairs};
pub use moments::Moments;
pub use quantiles::Quantiles;
pub use top::Top;

use crate::{Column, Field, KeyMap, Kind, Values};

/// The schema that a profile names itself by.
pub const COLUMN_PROFILE_SCHEMA: &str = "mlops-steps/column-profile/v1";

/// What is known of one column after one pass.
///
/// Counts, smallest and largest values are exact; mean and variance are as exact as floating point allows; distinct
/// values, quantiles and the most frequent values are exact while few, and say when they no longer are.
///
/// ```
/// use tabular::{ColumnProfile, Format, Input, ReadOptions, Table};
/// let input = Input::from_bytes("d.csv", "delay\n1\n2\n\n9\n");
/// let mut table = Table::open(input, Format::from_name("d.csv")?, ReadOptions::default())?;
/// let batch = table.next_batch()?.ok_or("no rows")?;
/// let mut profile = ColumnProfile::new(batch.column("delay")?.field());
/// profile.update(batch.column("delay")?);
/// assert_eq!((profile.rows, profile.nulls), (4, 1));
/// assert_eq!(profile.numbers.as_ref().and_then(|numbers| numbers.moments.mean()), Some(4.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnProfile {
    /// `mlops-steps/column-profile/v1`.
    pub schema: String,
    /// The column.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// What the file calls the type.
    pub type_name: String,
    /// Rows, with and without a value.
    pub rows: u64,
    /// Rows without a value.
    pub nulls: u64,
    /// Values that are not a number (NaN), which are no nulls.
    pub nan: u64,
    /// Values that are plus or minus infinity.
    pub infinite: u64,
    /// Moments and quantiles of the finite numbers; absent for kinds that are no numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// The first and last point in time; absent for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// The lengths of texts in characters; absent for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lengths: Option<Moments>,
    /// How many different values there are.
    pub distinct: Distinct,
    /// The most frequent values; absent for floating numbers and bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<Top>,
}

/// What is known of finite numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Numbers {
    /// Count, mean, variance, smallest and largest.
    pub moments: Moments,
    /// Values that are zero.
    pub zeros: u64,
    /// Quantiles.
    pub quantiles: Quantiles,
}

/// What is known of points in time, in nanoseconds since 1970-01-01.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// The first, if there is any.
    pub min: Option<i64>,
    /// The last, if there is any.
    pub max: Option<i64>,
}

impl ColumnProfile {
    /// The profile of no rows.
    #[must_use]
    pub fn new(field: &Field) -> Self {
        let kind = field.kind;
        let counted = matches!(kind, Kind::Bool | Kind::Int | Kind::Text | Kind::Date);
        Self {
            schema: COLUMN_PROFILE_SCHEMA.to_owned(),
            name: field.name.clone(),
            kind,
            type_name: field.type_name.clone(),
            rows: 0,
            nulls: 0,
            nan: 0,
            infinite: 0,
            numbers: (kind.is_number() || kind == Kind::Bool).then(Numbers::default),
            times: matches!(kind, Kind::Date | Kind::Timestamp).then(Times::default),
            lengths: (kind == Kind::Text).then(Moments::default),
            distinct: Distinct::default(),
            top: counted.then(Top::default),
        }
    }

    /// Rows with a value.
    #[must_use]
    pub fn values(&self) -> u64 {
        self.rows - self.nulls
    }

    /// The share of rows without a value; `None` without rows.
    #[must_use]
    pub fn null_rate(&self) -> Option<f64> {
        (self.rows > 0).then(|| self.nulls as f64 / self.rows as f64)
    }

    /// Takes in the rows of a column of the same kind.
    pub fn update(&mut self, column: &Column) {
        self.rows += column.len() as u64;
        self.nulls += column.null_count() as u64;
        match column.values() {
            Values::Int(values) => self.whole(column, |row| values[row] as f64),
            Values::Unsigned(values) => self.whole(column, |row| values[row] as f64),
            Values::Bool(values) => self.whole(column, |row| f64::from(u8::from(values.get(row)))),
            Values::Float(values) | Values::Decimal(values) => self.floats(column, values),
            Values::Date(_) | Values::Timestamp(_) => self.points(column),
            Values::Text(values) => self.texts(column, |row| values.get(row)),
            Values::Dictionary(dictionary) => {
                let mut counts = vec![0_u64; dictionary.size()];
                let keys = dictionary.keys();
                for run in column.validity().runs() {
                    for key in &keys[run] {
                        if let Some(count) = usize::try_from(*key).ok().and_then(|key| counts.get_mut(key)) {
                            *count += 1;
                        }
                    }
                }
                for (key, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                    self.text(dictionary.value(key), count);
                }
            }
            Values::Bytes(_) | Values::Other => self.hash_all(column),
        }
    }

    fn hash_all(&mut self, column: &Column) {
        let keys = crate::row_keys(&[column]);
        for run in column.validity().runs() {
            for hash in &keys.hashes[run] {
                self.distinct.insert(*hash);
            }
        }
    }

    fn whole(&mut self, column: &Column, value: impl Fn(usize) -> f64) {
        self.count_distinct_rows(column);
        let Some(numbers) = self.numbers.as_mut() else {
            return;
        };
        let mut finite = Vec::with_capacity(column.len());
        for run in column.validity().runs() {
            finite.extend(run.map(&value));
        }
        numbers.add(&finite);
    }

    /// Distinct and most frequent values of a column without a dictionary: counted within the batch first, so that
    /// a value is made readable once a batch and not once a row.
    fn count_distinct_rows(&mut self, column: &Column) {
        let keys = crate::row_keys(&[column]);
        let mut counts: KeyMap<(usize, u64)> = KeyMap::default();
        for run in column.validity().runs() {
            for row in run {
                counts.entry(keys.hashes[row]).or_insert((row, 0)).1 += 1;
            }
        }
        // In the order of the rows: what is cut when there are too many must not hang on a random hash.
        let mut counts: Vec<(u128, (usize, u64))> = counts.into_iter().collect();
        counts.sort_unstable_by_key(|(_, (row, _))| *row);
        for (key, (row, count)) in counts {
            self.distinct.insert(key);
            if let Some(top) = self.top.as_mut() {
                top.add(&column.display(row).unwrap_or_default(), count);
            }
        }
    }

    fn floats(&mut self, column: &Column, values: &[f64]) {
        self.hash_all(column);
        let Some(numbers) = self.numbers.as_mut() else {
            return;
        };
        let mut finite = Vec::with_capacity(values.len());
        for run in column.validity().runs() {
            for value in &values[run] {
                if value.is_finite() {
                    finite.push(*value);
                } else if value.is_nan() {
                    self.nan += 1;
                } else {
                    self.infinite += 1;
                }
            }
        }
        numbers.add(&finite);
    }

    fn points(&mut self, column: &Column) {
        self.count_distinct_rows(column);
        let times = self.times.get_or_insert_with(Times::default);
        for at in column.timestamps().flatten() {
            times.min = Some(times.min.map_or(at, |min| min.min(at)));
            times.max = Some(times.max.map_or(at, |max| max.max(at)));
        }
    }

    fn texts<'a>(&mut self, column: &Column, value: impl Fn(usize) -> &'a str) {
        for run in column.validity().runs() {
            for row in run {
                self.text(value(row), 1);
            }
        }
    }

    /// A text that stands in `count` rows.
    fn text(&mut self, value: &str, count: u64) {
        self.distinct.insert(crate::keys::text(value));
        if let Some(top) = self.top.as_mut() {
            top.add(&crate::shortened(value), count);
        }
        if let Some(lengths) = self.lengths.as_mut() {
            lengths.add_times(value.chars().count() as f64, count);
        }
    }

    /// The profile of the rows of both. The two are of columns of one name; when their kinds differ, what is known
    /// of numbers, times and lengths is kept only where both know it.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        fn both<T>(mine: Option<T>, theirs: Option<&T>, merge: impl Fn(T, &T) -> T) -> Option<T> {
            mine.zip(theirs).map(|(mine, theirs)| merge(mine, theirs))
        }
        if self.kind != other.kind {
            self.kind = if self.kind.is_number() && other.kind.is_number() {
                Kind::Float
            } else {
                Kind::Other
            };
        }
        if self.type_name != other.type_name {
            let both = [&self.type_name, &other.type_name];
            let names: BTreeSet<&str> = both.iter().flat_map(|names| names.split(" | ")).collect();
            self.type_name = names.into_iter().collect::<Vec<_>>().join(" | ");
        }
        self.rows += other.rows;
        self.nulls += other.nulls;
        self.nan += other.nan;
        self.infinite += other.infinite;
        self.numbers = both(self.numbers, other.numbers.as_ref(), Numbers::merge);
        self.times = both(self.times, other.times.as_ref(), |mine, theirs| Times {
            min: mine.min.into_iter().chain(theirs.min).min(),
            max: mine.max.into_iter().chain(theirs.max).max(),
        });
        self.lengths = both(self.lengths, other.lengths.as_ref(), |mut mine, theirs| {
            mine.absorb(theirs);
            mine
        });
        self.distinct = self.distinct.merge(&other.distinct);
        self.top = both(self.top, other.top.as_ref(), Top::merge);
        self
    }
}

impl Numbers {
    /// Takes in finite numbers.
    pub fn add(&mut self, finite: &[f64]) {
        self.moments.add(finite);
        self.zeros += finite.iter().filter(|value| **value == 0.0).count() as u64;
        for value in finite {
            self.quantiles.add(*value);
        }
    }

    fn merge(mut self, other: &Self) -> Self {
        self.moments.absorb(&other.moments);
        Self {
            moments: self.moments,
            zeros: self.zeros + other.zeros,
            quantiles: self.quantiles.merge(&other.quantiles),
        }
    }
}
