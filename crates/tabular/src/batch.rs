//! Some rows of a table, column by column.

use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::compute::filter;

use serde::{Deserialize, Serialize};

use crate::rows::Verbatim;
use crate::schema::nearest;
use crate::{Column, Kind, TableError};

/// Some rows of a table.
#[derive(Debug, Clone)]
pub struct Batch {
    pub(crate) file: Arc<str>,
    pub(crate) rows: usize,
    pub(crate) columns: Vec<Column>,
    pub(crate) first_row: u64,
    /// For text files the line of each row, since a quoted field may hold line breaks.
    pub(crate) lines: Option<Vec<u64>>,
    /// The number of each row, when the batch is no longer a stretch of the file.
    pub(crate) numbers: Option<Vec<u64>>,
    pub(crate) malformed: Vec<Malformed>,
    /// The rows as they stand in the file, when that was asked for.
    pub(crate) verbatim: Option<Verbatim>,
}

/// A cell that is not of its column's kind. It stands as a null in the column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The column.
    pub column: String,
    /// Where.
    pub place: Place,
    /// What stands there, cut when it is long.
    pub text: String,
    /// The kind that was expected.
    pub expected: Kind,
}

/// Where a row is in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Counted from 0.
    pub row: u64,
    /// For text files, counted from 1.
    pub line: Option<u64>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}"),
            None => write!(f, "row {}", self.row),
        }
    }
}

impl Batch {
    /// The file that it is of.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns that were asked for, in the order of the file.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this name.
    ///
    /// # Errors
    /// When there is none, with the most similar name.
    pub fn column(&self, name: &str) -> Result<&Column, TableError> {
        self.columns
            .iter()
            .find(|column| column.field.name == name)
            .ok_or_else(|| {
                let known = || self.columns.iter().map(|column| column.field.name.as_str());
                TableError::NoColumn {
                    file: self.file.to_string(),
                    column: name.to_owned(),
                    nearest: nearest(name, known()).map(str::to_owned),
                    known: known().map(str::to_owned).collect(),
                }
            })
    }

    /// Where a row of this batch is in the file.
    #[must_use]
    pub fn place(&self, row: usize) -> Place {
        Place {
            row: match &self.numbers {
                Some(numbers) => numbers.get(row).copied().unwrap_or(self.first_row),
                None => self.first_row + row as u64,
            },
            line: self.lines.as_ref().and_then(|lines| lines.get(row).copied()),
        }
    }

    /// Cells that are not of their column's kind; always empty unless [`crate::ReadOptions::lenient`] is set.
    #[must_use]
    pub fn malformed(&self) -> &[Malformed] {
        &self.malformed
    }

    /// The rows where the mask is true; each keeps its place in the file.
    ///
    /// # Errors
    /// When the mask is not as long as the batch.
    pub fn filter(&self, mask: &[bool]) -> Result<Self, TableError> {
        let bad = |what: String| TableError::corrupt(&self.file, "", what);
        if mask.len() != self.rows {
            return Err(bad(format!(
                "a mask of {} rows over a batch of {}",
                mask.len(),
                self.rows
            )));
        }
        let keep = BooleanArray::from(mask.to_vec());
        let columns = self
            .columns
            .iter()
            .map(|column| {
                Ok(Column {
                    field: Arc::clone(&column.field),
                    data: column.data.each(|array| filter(array, &keep))?,
                })
            })
            .collect::<Result<_, arrow::error::ArrowError>>()
            .map_err(|error| bad(error.to_string()))?;
        let lines = self.lines.as_ref().map(|lines| {
            lines
                .iter()
                .zip(mask)
                .filter_map(|(line, keep)| keep.then_some(*line))
                .collect::<Vec<_>>()
        });
        let kept = (0..mask.len()).filter(|row| mask[*row]);
        let numbers: Vec<u64> = kept.map(|row| self.place(row).row).collect();
        let malformed = self
            .malformed
            .iter()
            .filter(|cell| numbers.binary_search(&cell.place.row).is_ok());
        Ok(Self {
            file: Arc::clone(&self.file),
            rows: keep.true_count(),
            columns,
            first_row: self.first_row,
            lines,
            malformed: malformed.cloned().collect(),
            numbers: Some(numbers),
            verbatim: match &self.verbatim {
                None => None,
                Some(rows) => Some(rows.filter(&keep).map_err(|error| bad(error.to_string()))?),
            },
        })
    }
}
