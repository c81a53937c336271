//! One column of one batch.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray,
    UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::views::{BoolView, BytesView};
use crate::{Dictionary, Field, Kind, TextView, TimeView, Validity, Values};

/// The values of one column in one batch.
#[derive(Debug, Clone)]
pub struct Column {
    pub(crate) field: Arc<Field>,
    pub(crate) data: Data,
}

/// The few shapes that every file type is brought to.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    Bool(BooleanArray),
    Int(Int64Array),
    Unsigned(UInt64Array),
    Float(Float64Array),
    /// Floats for arithmetic beside the exact array, which decides equality.
    Decimal(Float64Array, ArrayRef),
    Text(StringArray),
    Dictionary(Int32Array, StringArray),
    Bytes(BinaryArray),
    Date(Int64Array),
    Timestamp {
        ticks: Int64Array,
        per_second: i64,
        zone: Option<Arc<str>>,
    },
    Other(ArrayRef),
}

impl Data {
    /// What a kernel of Arrow that keeps types, such as `filter` or `take`, makes of it.
    pub(crate) fn each(
        &self,
        run: impl Fn(&dyn Array) -> Result<ArrayRef, ArrowError>,
    ) -> Result<Self, ArrowError> {
        let ints = |array: &Int64Array| run(array).map(|array| array.as_primitive().clone());
        let floats = |array: &Float64Array| run(array).map(|array| array.as_primitive().clone());
        Ok(match self {
            Self::Bool(array) => Self::Bool(run(array)?.as_boolean().clone()),
            Self::Int(array) => Self::Int(ints(array)?),
            Self::Unsigned(array) => Self::Unsigned(run(array)?.as_primitive().clone()),
            Self::Float(array) => Self::Float(floats(array)?),
            Self::Decimal(array, exact) => Self::Decimal(floats(array)?, run(exact)?),
            Self::Text(array) => Self::Text(run(array)?.as_string().clone()),
            Self::Dictionary(keys, values) => {
                Self::Dictionary(run(keys)?.as_primitive().clone(), values.clone())
            }
            Self::Bytes(array) => Self::Bytes(run(array)?.as_binary().clone()),
            Self::Date(array) => Self::Date(ints(array)?),
            Self::Timestamp {
                ticks,
                per_second,
                zone,
            } => Self::Timestamp {
                ticks: ints(ticks)?,
                per_second: *per_second,
                zone: zone.clone(),
            },
            Self::Other(array) => Self::Other(run(array)?),
        })
    }

    pub(crate) fn array(&self) -> &dyn Array {
        match self {
            Self::Bool(array) => array,
            Self::Int(array) | Self::Date(array) | Self::Timestamp { ticks: array, .. } => array,
            Self::Unsigned(array) => array,
            Self::Float(array) | Self::Decimal(array, _) => array,
            Self::Text(array) => array,
            Self::Dictionary(keys, _) => keys,
            Self::Bytes(array) => array,
            Self::Other(array) => array,
        }
    }
}

impl Column {
    /// Its name, kind and type.
    #[must_use]
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// What its values are.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.field.kind
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.array().len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Which rows hold a value.
    #[must_use]
    pub fn validity(&self) -> Validity<'_> {
        let array = self.data.array();
        // A column of Arrow's null type has no mask, yet no values either; convert.rs gives it one.
        Validity {
            nulls: array.nulls(),
            len: array.len(),
        }
    }

    /// Rows without a value.
    #[must_use]
    pub fn null_count(&self) -> usize {
        self.data.array().nulls().map_or(0, NullBuffer::null_count)
    }

    /// The values, for kernels.
    #[must_use]
    pub fn values(&self) -> Values<'_> {
        match &self.data {
            Data::Bool(array) => Values::Bool(BoolView(array)),
            Data::Int(array) => Values::Int(array.values()),
            Data::Unsigned(array) => Values::Unsigned(array.values()),
            Data::Float(array) => Values::Float(array.values()),
            Data::Decimal(array, _) => Values::Decimal(array.values()),
            Data::Text(array) => Values::Text(TextView(array)),
            Data::Dictionary(keys, values) => Values::Dictionary(Dictionary { keys, values }),
            Data::Bytes(array) => Values::Bytes(BytesView(array)),
            Data::Date(array) => Values::Date(array.values()),
            Data::Timestamp {
                ticks,
                per_second,
                zone,
            } => Values::Timestamp(TimeView {
                ticks: ticks.values(),
                per_second: *per_second,
                zone: zone.as_deref(),
            }),
            Data::Other(_) => Values::Other,
        }
    }

    /// The number of a row; booleans are 0 and 1. `None` for a null, and for kinds that are not numbers.
    #[must_use]
    pub fn number(&self, row: usize) -> Option<f64> {
        if !self.validity().is_valid(row) {
            return None;
        }
        match &self.data {
            Data::Bool(array) => Some(f64::from(u8::from(array.value(row)))),
            Data::Int(array) => Some(array.value(row) as f64),
            Data::Unsigned(array) => Some(array.value(row) as f64),
            Data::Float(array) | Data::Decimal(array, _) => Some(array.value(row)),
            _ => None,
        }
    }

    /// The exact values of decimals, `None` for nulls: whole numbers, and how many of their digits stand behind the point.
    /// `None` for other kinds, and for decimals of more than 38 digits.
    #[must_use]
    pub fn decimals(&self) -> Option<(Vec<Option<i128>>, u32)> {
        let Data::Decimal(_, exact) = &self.data else {
            return None;
        };
        let (DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale)) =
            exact.data_type()
        else {
            return None;
        };
        let wide = cast(exact, &DataType::Decimal128(38, *scale)).ok()?;
        let values = wide.as_primitive::<Decimal128Type>().iter().collect();
        Some((values, u32::try_from(*scale).ok()?))
    }

    /// All numbers, `None` for nulls (see [`Column::number`]).
    pub fn numbers(&self) -> impl Iterator<Item = Option<f64>> + '_ {
        (0..self.len()).map(|row| self.number(row))
    }

    /// The text of a row as it stands in the file, any kind made readable; `None` for a null.
    #[must_use]
    pub fn text(&self, row: usize) -> Option<Cow<'_, str>> {
        if !self.validity().is_valid(row) {
            return None;
        }
        match self.values() {
            Values::Text(view) => Some(Cow::Borrowed(view.get(row))),
            Values::Dictionary(view) => Some(Cow::Borrowed(view.get(row))),
            _ => self.readable(row).map(Cow::Owned),
        }
    }

    /// All values as text, `None` for nulls.
    pub fn texts(&self) -> impl Iterator<Item = Option<Cow<'_, str>>> + '_ {
        (0..self.len()).map(|row| self.text(row))
    }

    /// Nanoseconds since 1970-01-01 of a timestamp or date; `None` for a null, and for other kinds.
    #[must_use]
    pub fn timestamp(&self, row: usize) -> Option<i64> {
        if !self.validity().is_valid(row) {
            return None;
        }
        match self.values() {
            Values::Timestamp(times) => Some(times.nanos(row)),
            Values::Date(days) => Some(days[row].saturating_mul(86_400_000_000_000)),
            _ => None,
        }
    }

    /// All points in time in nanoseconds since 1970-01-01 (see [`Column::timestamp`]).
    pub fn timestamps(&self) -> impl Iterator<Item = Option<i64>> + '_ {
        (0..self.len()).map(|row| self.timestamp(row))
    }

    /// A value made readable, for messages and samples, a long one cut (see [`crate::shortened`]); `None` for a null.
    #[must_use]
    pub fn display(&self, row: usize) -> Option<String> {
        self.readable(row).map(|whole| match crate::shortened(&whole) {
            Cow::Owned(short) => short,
            Cow::Borrowed(_) => whole,
        })
    }

    /// A value made readable, whole.
    pub(crate) fn readable(&self, row: usize) -> Option<String> {
        if !self.validity().is_valid(row) {
            return None;
        }
        Some(match &self.data {
            Data::Bool(array) => array.value(row).to_string(),
            Data::Int(array) => array.value(row).to_string(),
            Data::Unsigned(array) => array.value(row).to_string(),
            Data::Float(array) => array.value(row).to_string(),
            Data::Text(array) => array.value(row).to_owned(),
            Data::Dictionary(keys, values) => Dictionary { keys, values }.get(row).to_owned(),
            Data::Bytes(array) => array
                .value(row)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            Data::Date(days) => crate::cells::time::date_text(days.value(row)),
            Data::Timestamp {
                ticks,
                per_second,
                zone,
            } => crate::cells::time::timestamp_text(ticks.value(row), *per_second, zone.is_some()),
            Data::Decimal(_, exact) | Data::Other(exact) => formatted(exact.as_ref(), row),
        })
    }
}

fn formatted(array: &dyn Array, row: usize) -> String {
    ArrayFormatter::try_new(array, &FormatOptions::default())
        .map(|formatter| formatter.value(row).try_to_string().unwrap_or_default())
        .unwrap_or_default()
}
