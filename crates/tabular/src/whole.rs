//! Whole columns in memory, for tables that are known to be small: predictions, records of a load test.

use std::collections::BTreeMap;

use crate::schema::nearest;
use crate::{Format, Input, Kind, ReadOptions, Source, TableError};

/// Columns of a table, each whole.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    file: String,
    rows: usize,
    columns: BTreeMap<String, Whole>,
}

/// One whole column.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Whole {
    /// Booleans, whole and floating numbers, decimals. Booleans are 0 and 1.
    Numbers(Vec<Option<f64>>),
    /// Text, and every kind without a form of its own, made readable.
    Texts(Vec<Option<String>>),
    /// Timestamps and dates, in nanoseconds since 1970-01-01.
    Timestamps(Vec<Option<i64>>),
}

impl Columns {
    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The names of the columns, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// A column as it is.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn get(&self, name: &str) -> Result<&Whole, TableError> {
        self.columns.get(name).ok_or_else(|| TableError::NoColumn {
            file: self.file.clone(),
            column: name.to_owned(),
            nearest: nearest(name, self.names()).map(str::to_owned),
            known: self.names().map(str::to_owned).collect(),
        })
    }

    /// A column of numbers.
    ///
    /// # Errors
    /// When there is none of this name, or it holds something else.
    pub fn numbers(&self, name: &str) -> Result<&[Option<f64>], TableError> {
        match self.get(name)? {
            Whole::Numbers(values) => Ok(values),
            other => Err(self.unexpected(name, "numbers", other)),
        }
    }

    /// A column of text. Numbers are not text here: see [`Columns::get`].
    ///
    /// # Errors
    /// When there is none of this name, or it holds something else.
    pub fn texts(&self, name: &str) -> Result<&[Option<String>], TableError> {
        match self.get(name)? {
            Whole::Texts(values) => Ok(values),
            other => Err(self.unexpected(name, "text", other)),
        }
    }

    /// A column of points in time, in nanoseconds since 1970-01-01.
    ///
    /// # Errors
    /// When there is none of this name, or it holds something else.
    pub fn timestamps(&self, name: &str) -> Result<&[Option<i64>], TableError> {
        match self.get(name)? {
            Whole::Timestamps(values) => Ok(values),
            other => Err(self.unexpected(name, "timestamps", other)),
        }
    }

    fn unexpected(&self, name: &str, wanted: &str, got: &Whole) -> TableError {
        let got = match got {
            Whole::Numbers(_) => "numbers",
            Whole::Texts(_) => "text",
            Whole::Timestamps(_) => "timestamps",
        };
        TableError::Column {
            file: self.file.clone(),
            column: name.to_owned(),
            what: format!("holds {got}, expected {wanted}"),
        }
    }
}

/// Reads whole columns of one file (all columns when `names` is `None`).
///
/// ```
/// use tabular::{Format, Input, read_columns};
/// let input = Input::from_bytes("p.csv", "id,score\na,0.25\nb,\n");
/// let table = read_columns(&input, Format::from_name("p.csv")?, Some(&["id", "score"]))?;
/// assert_eq!(table.numbers("score")?, [Some(0.25), None]);
/// assert_eq!(table.texts("id")?, [Some("a".to_owned()), Some("b".to_owned())]);
/// # Ok::<(), tabular::TableError>(())
/// ```
///
/// # Errors
/// When the file is not sound or a column is not in it.
pub fn read_columns(input: &Input, format: Format, names: Option<&[&str]>) -> Result<Columns, TableError> {
    let source = Source::open(input.clone(), format)?;
    let options = names.map_or_else(ReadOptions::default, |names| {
        ReadOptions::columns(names.iter().copied())
    });
    let mut table = source.scan(&options)?;
    let mut columns: BTreeMap<String, Whole> = table
        .schema()
        .map(|field| {
            let empty = match field.kind {
                Kind::Bool | Kind::Int | Kind::Float | Kind::Decimal => Whole::Numbers(Vec::new()),
                Kind::Date | Kind::Timestamp => Whole::Timestamps(Vec::new()),
                Kind::Text | Kind::Bytes | Kind::Other => Whole::Texts(Vec::new()),
            };
            (field.name.clone(), empty)
        })
        .collect();
    let mut rows = 0;
    while let Some(batch) = table.next_batch()? {
        rows += batch.rows();
        for column in batch.columns() {
            match columns.get_mut(&column.field().name) {
                Some(Whole::Numbers(values)) => values.extend(column.numbers()),
                Some(Whole::Timestamps(values)) => values.extend(column.timestamps()),
                Some(Whole::Texts(values)) => {
                    values.extend(column.texts().map(|text| text.map(std::borrow::Cow::into_owned)));
                }
                None => {}
            }
        }
    }
    Ok(Columns {
        file: input.name.clone(),
        rows,
        columns,
    })
}
