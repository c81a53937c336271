//! Typed columns built cell by cell.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanBuilder, Float64Builder, Int64Array, Int64Builder, StringArray, StringBuilder,
};

use super::CellKind;
use super::guess::{parse_bool, parse_float, parse_int};
use super::time::{parse_date, parse_timestamp};
use crate::column::Data;
use crate::{Column, Field};

/// Takes the cells of one column.
pub(crate) struct Builder {
    pub(crate) kind: CellKind,
    values: Typed,
}

enum Typed {
    Bool(BooleanBuilder),
    Whole(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
}

impl Builder {
    pub(crate) fn new(kind: CellKind) -> Self {
        let values = match kind {
            CellKind::Bool => Typed::Bool(BooleanBuilder::new()),
            CellKind::Int | CellKind::Date | CellKind::Timestamp { .. } => Typed::Whole(Int64Builder::new()),
            CellKind::Float => Typed::Float(Float64Builder::new()),
            CellKind::Text | CellKind::Json => Typed::Text(StringBuilder::new()),
        };
        Self { kind, values }
    }

    pub(crate) fn push_null(&mut self) {
        match &mut self.values {
            Typed::Bool(builder) => builder.append_null(),
            Typed::Whole(builder) => builder.append_null(),
            Typed::Float(builder) => builder.append_null(),
            Typed::Text(builder) => builder.append_null(),
        }
    }

    /// Adds a cell of text. A cell that is not of the column's kind is added as a null and answered with `false`.
    pub(crate) fn push(&mut self, cell: &str) -> bool {
        match &mut self.values {
            Typed::Bool(builder) => {
                let value = parse_bool(cell);
                builder.append_option(value);
                value.is_some()
            }
            Typed::Float(builder) => {
                let value = parse_float(cell);
                builder.append_option(value);
                value.is_some()
            }
            Typed::Text(builder) => {
                builder.append_value(cell);
                true
            }
            Typed::Whole(builder) => {
                let value = match self.kind {
                    CellKind::Date => parse_date(cell),
                    // A date alone is its midnight, as in a column that the caller says to be of timestamps.
                    CellKind::Timestamp { zoned } => parse_timestamp(cell)
                        .or_else(|| parse_date(cell).map(|days| (days.saturating_mul(86_400_000_000), false)))
                        .and_then(|(micros, has_zone)| (has_zone == zoned).then_some(micros)),
                    _ => parse_int(cell),
                };
                builder.append_option(value);
                value.is_some()
            }
        }
    }

    /// Adds a value of a JSON object; as [`Builder::push`].
    pub(crate) fn push_json(&mut self, value: &serde_json::Value) -> bool {
        use serde_json::Value;
        match (&mut self.values, value) {
            (_, Value::Null) => {
                self.push_null();
                return true;
            }
            (Typed::Bool(builder), Value::Bool(value)) => builder.append_value(*value),
            (Typed::Float(builder), Value::Number(number)) => builder.append_option(number.as_f64()),
            (Typed::Whole(builder), Value::Number(number))
                if self.kind == CellKind::Int && number.is_i64() =>
            {
                builder.append_option(number.as_i64());
            }
            (Typed::Text(builder), Value::String(text)) if self.kind == CellKind::Text => {
                builder.append_value(text);
            }
            (Typed::Text(builder), other) => builder.append_value(other.to_string()),
            (Typed::Whole(_), Value::String(text)) if self.kind != CellKind::Int => return self.push(text),
            _ => {
                self.push_null();
                return false;
            }
        }
        true
    }

    pub(crate) fn finish(mut self, field: &Arc<Field>) -> Column {
        let data = match &mut self.values {
            Typed::Bool(builder) => Data::Bool(builder.finish()),
            Typed::Float(builder) => Data::Float(builder.finish()),
            Typed::Text(builder) => text(builder.finish()),
            Typed::Whole(builder) => whole(self.kind, builder.finish()),
        };
        Column {
            field: Arc::clone(field),
            data,
        }
    }
}

fn whole(kind: CellKind, values: Int64Array) -> Data {
    match kind {
        CellKind::Date => Data::Date(values),
        CellKind::Timestamp { zoned } => Data::Timestamp {
            ticks: values,
            per_second: 1_000_000,
            zone: zoned.then(|| Arc::from("UTC")),
        },
        _ => Data::Int(values),
    }
}

/// Text columns of few distinct values are worth a dictionary also when they come from text.
fn text(values: StringArray) -> Data {
    use arrow::datatypes::{DataType, Int32Type};
    const SAMPLE: usize = 512;
    let rows = values.len();
    if rows >= 4 * SAMPLE {
        let distinct: std::collections::HashSet<Option<&str>> = values.iter().take(SAMPLE).collect();
        let wanted = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let array: ArrayRef = Arc::new(values.clone());
        if distinct.len() < SAMPLE / 4
            && let Ok(encoded) = arrow::compute::cast(&array, &wanted)
            && let Some(typed) = encoded
                .as_any()
                .downcast_ref::<arrow::array::DictionaryArray<Int32Type>>()
            && let Some(strings) = typed.values().as_any().downcast_ref::<StringArray>()
        {
            return Data::Dictionary(typed.keys().clone(), strings.clone());
        }
    }
    Data::Text(values)
}
