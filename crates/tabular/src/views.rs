//! What a column's values look like from outside: plain slices beside a validity mask.

use std::ops::Range;

use arrow::array::{Array, BinaryArray, BooleanArray, Int32Array, StringArray};
use arrow::buffer::NullBuffer;

/// The values of a column. Where [`Validity`] says null, the value in a slice means nothing.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Values<'a> {
    /// Booleans.
    Bool(BoolView<'a>),
    /// Whole numbers.
    Int(&'a [i64]),
    /// Whole numbers of a 64-bit unsigned column.
    Unsigned(&'a [u64]),
    /// Floating point numbers; NaN is a value here, not a null.
    Float(&'a [f64]),
    /// Decimals, as the nearest floating point number.
    Decimal(&'a [f64]),
    /// Text, one string a row.
    Text(TextView<'a>),
    /// Text, one key a row into distinct strings.
    Dictionary(Dictionary<'a>),
    /// Bytes.
    Bytes(BytesView<'a>),
    /// Days since 1970-01-01.
    Date(&'a [i64]),
    /// Points in time.
    Timestamp(TimeView<'a>),
    /// Of a kind that has no typed view: use [`crate::Column::display`].
    Other,
}

/// Which rows hold a value.
#[derive(Debug, Clone, Copy)]
pub struct Validity<'a> {
    pub(crate) nulls: Option<&'a NullBuffer>,
    pub(crate) len: usize,
}

impl<'a> Validity<'a> {
    /// Rows without a value.
    #[must_use]
    pub fn null_count(&self) -> usize {
        self.nulls.map_or(0, NullBuffer::null_count)
    }

    /// Whether the row holds a value.
    #[must_use]
    pub fn is_valid(&self, row: usize) -> bool {
        self.nulls.is_none_or(|nulls| nulls.is_valid(row))
    }

    /// The stretches of rows that hold values, in order: kernels run over whole slices without a test a row.
    pub fn runs(&self) -> impl Iterator<Item = Range<usize>> + use<'a> {
        let whole = match self.nulls {
            Some(nulls) if nulls.null_count() > 0 => None,
            _ => Some(0..self.len),
        };
        let nulls = if whole.is_some() { None } else { self.nulls };
        whole.filter(|range| !range.is_empty()).into_iter().chain(
            nulls
                .into_iter()
                .flat_map(|nulls| nulls.valid_slices().map(|(start, end)| start..end)),
        )
    }
}

/// Booleans, bit by bit.
#[derive(Debug, Clone, Copy)]
pub struct BoolView<'a>(pub(crate) &'a BooleanArray);

impl BoolView<'_> {
    /// The value of a row; meaningless where the row is null.
    #[must_use]
    pub fn get(&self, row: usize) -> bool {
        self.0.value(row)
    }
}

/// Text.
#[derive(Debug, Clone, Copy)]
pub struct TextView<'a>(pub(crate) &'a StringArray);

impl<'a> TextView<'a> {
    /// The value of a row; meaningless where the row is null.
    #[must_use]
    pub fn get(&self, row: usize) -> &'a str {
        self.0.value(row)
    }
}

/// Bytes.
#[derive(Debug, Clone, Copy)]
pub struct BytesView<'a>(pub(crate) &'a BinaryArray);

impl<'a> BytesView<'a> {
    /// The value of a row; meaningless where the row is null.
    #[must_use]
    pub fn get(&self, row: usize) -> &'a [u8] {
        self.0.value(row)
    }
}

/// Text as distinct values and a key a row: a check runs once a distinct value.
#[derive(Debug, Clone, Copy)]
pub struct Dictionary<'a> {
    pub(crate) keys: &'a Int32Array,
    pub(crate) values: &'a StringArray,
}

impl<'a> Dictionary<'a> {
    /// The key of each row; meaningless where the row is null.
    #[must_use]
    pub fn keys(&self) -> &'a [i32] {
        self.keys.values()
    }

    /// How many distinct values there are; some may be used by no row.
    #[must_use]
    pub fn size(&self) -> usize {
        self.values.len()
    }

    /// The value of a key.
    #[must_use]
    pub fn value(&self, key: usize) -> &'a str {
        self.values.value(key)
    }

    /// The value of a row; meaningless where the row is null.
    #[must_use]
    pub fn get(&self, row: usize) -> &'a str {
        let key = usize::try_from(self.keys.value(row)).unwrap_or(usize::MAX);
        if key < self.values.len() {
            self.values.value(key)
        } else {
            ""
        }
    }
}

/// Points in time: ticks since 1970-01-01, in UTC when there is a zone, else on the clock of nobody knows where.
#[derive(Debug, Clone, Copy)]
pub struct TimeView<'a> {
    /// Ticks since the epoch.
    pub ticks: &'a [i64],
    /// Ticks in a second: 1, 1,000, 1,000,000 or 1,000,000,000.
    pub per_second: i64,
    /// The zone that the file names, `UTC` or `America/New_York`.
    pub zone: Option<&'a str>,
}

impl TimeView<'_> {
    /// Nanoseconds since the epoch; held at the ends of the range (years 1677 and 2262).
    #[must_use]
    pub fn nanos(&self, row: usize) -> i64 {
        self.ticks[row].saturating_mul(1_000_000_000 / self.per_second)
    }
}
