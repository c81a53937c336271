//! Columns that are not in a file but in its path: one value for all of its rows.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int32Array, StringArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::Int64Type;

use crate::cells::CellKind;
use crate::cells::build::Builder;
use crate::cells::guess::{Guess, parse_int};
use crate::column::Data;
use crate::{Column, Field, Kind};

/// A column with one value for all rows.
#[derive(Debug, Clone)]
pub(crate) struct Constant {
    pub(crate) field: Arc<Field>,
    /// A column of one row.
    one: Column,
}

impl Constant {
    /// A value, read as a kind; `None` when it is none of that kind.
    pub(crate) fn new(name: &str, value: Option<&str>, kind: Kind) -> Option<Self> {
        let guessed = value.map_or(CellKind::Text, |value| {
            let mut guess = Guess::new();
            guess.see(value);
            guess.kind()
        });
        let kind = CellKind::fixed(kind, guessed);
        let mut builder = Builder::new(kind);
        match value {
            None => builder.push_null(),
            Some(value) if builder.push(value) => {}
            Some(_) => return None,
        }
        let field = Arc::new(kind.field(name));
        let one = builder.finish(&field);
        Some(Self { field, one })
    }

    /// The column of a batch of so many rows.
    pub(crate) fn column(&self, rows: usize) -> Column {
        let again = |array: &dyn Array| take(array, &UInt32Array::from(vec![0_u32; rows]), None).ok();
        let whole = |array: &dyn Array| again(array).map(|array| array.as_primitive::<Int64Type>().clone());
        let data = match &self.one.data {
            // One text, and a key to it for each row.
            Data::Text(text) if text.null_count() == 0 => {
                let keys = Int32Array::from(vec![0; rows]);
                Some(Data::Dictionary(
                    keys,
                    StringArray::from_iter_values([text.value(0)]),
                ))
            }
            Data::Text(text) => again(text).map(|array| Data::Text(array.as_string::<i32>().clone())),
            Data::Bool(one) => again(one).map(|array| Data::Bool(array.as_boolean().clone())),
            Data::Float(one) => again(one).map(|array| Data::Float(array.as_primitive().clone())),
            Data::Int(one) => whole(one).map(Data::Int),
            Data::Date(one) => whole(one).map(Data::Date),
            Data::Timestamp {
                ticks,
                per_second,
                zone,
            } => whole(ticks).map(|ticks| Data::Timestamp {
                ticks,
                per_second: *per_second,
                zone: zone.clone(),
            }),
            other => Some(other.clone()),
        };
        Column {
            field: Arc::clone(&self.field),
            data: data.unwrap_or_else(|| self.one.data.clone()),
        }
    }
}

/// The kind that all of some texts are of: whole numbers (also with zeros in front, as in `month=01`), or what a CSV column
/// of them would be.
///
/// ```
/// use tabular::{Kind, kind_of_texts};
/// assert_eq!(kind_of_texts(["01", "12"]), Kind::Int);
/// assert_eq!(kind_of_texts(["2013-01-31"]), Kind::Date);
/// assert_eq!(kind_of_texts(["7", "x"]), Kind::Text);
/// ```
#[must_use]
pub fn kind_of_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Kind {
    let texts: Vec<&str> = texts.into_iter().collect();
    if !texts.is_empty() && texts.iter().all(|text| parse_int(text).is_some()) {
        return Kind::Int;
    }
    let mut guess = Guess::new();
    texts.into_iter().for_each(|text| guess.see(text));
    guess.kind().kind()
}
