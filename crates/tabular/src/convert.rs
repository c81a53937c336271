//! From the many array types of Arrow to the few shapes of a [`Column`].

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, DictionaryArray, Float64Array, Int64Array,
    StringArray, UInt64Array, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, TimeUnit};

use crate::column::Data;
use crate::{Column, Field, Kind};

/// The field of a column of this Arrow type.
pub(crate) fn field_of(name: &str, data_type: &DataType, nullable: bool) -> Field {
    Field {
        name: name.to_owned(),
        kind: kind_of(data_type),
        nullable,
        type_name: type_name(data_type),
    }
}

fn kind_of(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Boolean => Kind::Bool,
        kind if kind.is_integer() => Kind::Int,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Float,
        kind if kind.is_decimal() => Kind::Decimal,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            Kind::Bytes
        }
        DataType::Date32 | DataType::Date64 => Kind::Date,
        DataType::Timestamp(..) => Kind::Timestamp,
        DataType::Dictionary(_, value) => kind_of(value),
        DataType::RunEndEncoded(_, value) => kind_of(value.data_type()),
        _ => Kind::Other,
    }
}

/// The names that pyarrow prints, which the writers of suites know.
fn type_name(data_type: &DataType) -> String {
    let unit = |unit: &TimeUnit| match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    };
    match data_type {
        DataType::Boolean => "bool".to_owned(),
        DataType::Float16 => "float16".to_owned(),
        DataType::Float32 => "float32".to_owned(),
        DataType::Float64 => "float64".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".to_owned(),
        DataType::Timestamp(u, None) => format!("timestamp[{}]", unit(u)),
        DataType::Timestamp(u, Some(zone)) => format!("timestamp[{}, {zone}]", unit(u)),
        DataType::Dictionary(_, value) => format!("dictionary<{}>", type_name(value)),
        DataType::RunEndEncoded(_, value) => type_name(value.data_type()),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => format!("decimal({p}, {s})"),
        other => other.to_string().to_lowercase(),
    }
}

/// Brings an array to the shape of its kind. The error is a sentence without file and column.
pub(crate) fn column(field: &Arc<Field>, array: &ArrayRef) -> Result<Column, String> {
    Ok(Column {
        field: Arc::clone(field),
        data: data(array)?,
    })
}

fn data(array: &ArrayRef) -> Result<Data, String> {
    Ok(match array.data_type() {
        DataType::Boolean => Data::Bool(array.as_boolean().clone()),
        DataType::UInt64 => Data::Unsigned(down::<UInt64Array>(array)?),
        kind if kind.is_integer() => Data::Int(down::<Int64Array>(&to(array, &DataType::Int64)?)?),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Data::Float(floats(array)?),
        kind if kind.is_decimal() => Data::Decimal(floats(array)?, Arc::clone(array)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            Data::Text(down::<StringArray>(&to(array, &DataType::Utf8)?)?)
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            Data::Bytes(down::<BinaryArray>(&to(array, &DataType::Binary)?)?)
        }
        DataType::Date32 | DataType::Date64 => {
            let days = to(&to(array, &DataType::Date32)?, &DataType::Int32)?;
            Data::Date(down::<Int64Array>(&to(&days, &DataType::Int64)?)?)
        }
        DataType::Timestamp(unit, zone) => Data::Timestamp {
            ticks: down::<Int64Array>(&to(array, &DataType::Int64)?)?,
            per_second: match unit {
                TimeUnit::Second => 1,
                TimeUnit::Millisecond => 1_000,
                TimeUnit::Microsecond => 1_000_000,
                TimeUnit::Nanosecond => 1_000_000_000,
            },
            zone: zone.clone(),
        },
        DataType::Dictionary(_, value) if kind_of(value) == Kind::Text => dictionary(array)?,
        DataType::Dictionary(_, value) => data(&to(array, value)?)?,
        DataType::RunEndEncoded(_, value) => data(&to(array, value.data_type())?)?,
        // Arrow's null array has no mask; booleans that are all null have one.
        DataType::Null => Data::Bool(down::<BooleanArray>(&new_null_array(
            &DataType::Boolean,
            array.len(),
        ))?),
        _ => Data::Other(Arc::clone(array)),
    })
}

fn dictionary(array: &ArrayRef) -> Result<Data, String> {
    let wanted = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let array = to(array, &wanted)?;
    let typed = down::<DictionaryArray<Int32Type>>(&array)?;
    let values = down::<StringArray>(typed.values())?;
    // A key that points at a null value is a null that the key mask does not show: spell it out instead.
    if values.null_count() > 0 {
        return Ok(Data::Text(down::<StringArray>(&to(&array, &DataType::Utf8)?)?));
    }
    Ok(Data::Dictionary(typed.keys().clone(), values))
}

fn floats(array: &ArrayRef) -> Result<Float64Array, String> {
    down::<Float64Array>(&to(array, &DataType::Float64)?)
}

/// A cast that must lose nothing: a value that does not fit would become a null, which is a lie.
fn to(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, String> {
    if array.data_type() == wanted {
        return Ok(Arc::clone(array));
    }
    let result = cast(array, wanted).map_err(|error| error.to_string())?;
    if result.logical_null_count() != array.logical_null_count() {
        return Err(format!(
            "some values of {} do not fit {}",
            type_name(array.data_type()),
            type_name(wanted)
        ));
    }
    Ok(result)
}

fn down<T: Array + Clone + 'static>(array: &ArrayRef) -> Result<T, String> {
    array
        .as_any()
        .downcast_ref::<T>()
        .cloned()
        .ok_or_else(|| format!("unexpected array of {}", type_name(array.data_type())))
}
