//! Columns that are not in a file but in its path: one value for all of its rows.

use std::sync::Arc;

use arrow::array::{Array as _, Int32Array, UInt32Array};
use arrow::compute::take;
use arrow::error::ArrowError;

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
        let mut one = builder.finish(&field);
        // Of a text a batch then holds the one value, and a key to it for each row.
        if let Data::Text(text) = &one.data
            && text.null_count() == 0
        {
            one.data = Data::Dictionary(Int32Array::from(vec![0]), text.clone());
        }
        Some(Self { field, one })
    }

    /// The column of a batch of so many rows.
    pub(crate) fn column(&self, rows: usize) -> Result<Column, ArrowError> {
        let first = UInt32Array::from(vec![0; rows]);
        Ok(Column {
            field: Arc::clone(&self.field),
            data: self.one.data.each(|array| take(array, &first, None))?,
        })
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
