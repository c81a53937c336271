//! Rows written as they were read: Parquet and Arrow with the types of the file, text as the text that it was.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, UInt64Array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::csv::{Layout, Written};
use crate::{Batch, Source, TableError};

/// Rows as they stand in a file.
#[derive(Debug, Clone)]
pub(crate) enum Verbatim {
    Arrow(RecordBatch),
    /// One a row, without its line break (a quoted field may hold some).
    Lines(Vec<Box<[u8]>>),
}

impl Verbatim {
    pub(crate) fn filter(&self, keep: &BooleanArray) -> Result<Self, ArrowError> {
        Ok(match self {
            Self::Arrow(batch) => Self::Arrow(filter_record_batch(batch, keep)?),
            Self::Lines(lines) => {
                let kept = lines.iter().zip(keep.values().iter()).filter(|(_, keep)| *keep);
                Self::Lines(kept.map(|(line, _)| line.clone()).collect())
            }
        })
    }
}

/// How the rows of a file are written.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Arrow(SchemaRef),
    Delimited(Layout),
    JsonLines,
}

/// What is written beside each row: where it was, and why it is here.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// The number of each row in its file, counted from 0.
    pub rows: Vec<u64>,
    /// A text for each row.
    pub reasons: Vec<String>,
}

/// A file in memory that rows are written to, in the form of the file that they come from: Parquet (compressed) for Parquet
/// and Arrow files, delimited text and JSON lines for theirs, uncompressed.
///
/// ```
/// use tabular::{Format, Input, ReadOptions, Rows, Source};
/// let text = "id,name\n1,\"a,b\"\n2,NA\n3,\"NA\"\n";
/// let source = Source::open(Input::from_bytes("t.csv", text), Format::from_name("t.csv")?)?;
/// let mut table = source.scan(&ReadOptions { verbatim: true, ..ReadOptions::columns(["id"]) })?;
/// let batch = table.next_batch()?.ok_or("no rows")?;
/// let mut rows = Rows::like(&source, false)?;
/// rows.write(&batch.filter(&[true, false, true])?, None)?;
/// assert_eq!(rows.finish()?, b"id,name\n1,\"a,b\"\n3,\"NA\"\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Rows {
    file: String,
    rows: u64,
    form: Form,
}

enum Form {
    Parquet(Box<ArrowWriter<Vec<u8>>>),
    Delimited(Written),
    JsonLines(Vec<u8>),
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows")
            .field("file", &self.file)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl Rows {
    /// The names of the columns that [`Marks`] become.
    pub const MARKS: [&str; 2] = ["_row", "_reasons"];

    /// An empty file for rows of `source`, with two columns more when they are to be marked.
    ///
    /// # Errors
    /// When the rows cannot be marked ([`Source::can_be_marked`]), or the file has types that Parquet cannot hold.
    pub fn like(source: &Source, marked: bool) -> Result<Self, TableError> {
        let file = source.name().to_owned();
        if marked {
            source.can_be_marked()?;
        }
        let form = match source.shape()? {
            Shape::Arrow(schema) => {
                let schema = if marked { with_marks(&schema) } else { schema };
                let level = ZstdLevel::default();
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(level))
                    .build();
                let writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))
                    .map_err(|error| unwritable(&file, &error))?;
                Form::Parquet(Box::new(writer))
            }
            Shape::Delimited(layout) => {
                let more: &[&str] = if marked { &Self::MARKS } else { &[] };
                Form::Delimited(Written::like(&layout, more))
            }
            Shape::JsonLines => Form::JsonLines(Vec::new()),
        };
        Ok(Self { file, rows: 0, form })
    }

    /// What the name of such a file ends with.
    #[must_use]
    pub fn ending(&self) -> &'static str {
        match &self.form {
            Form::Parquet(_) => "parquet",
            Form::Delimited(text) if text.is_of_tabs() => "tsv",
            Form::Delimited(_) => "csv",
            Form::JsonLines(_) => "jsonl",
        }
    }

    /// Rows written so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// About how many bytes the file has so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.form {
            Form::Parquet(writer) => writer.bytes_written() + writer.in_progress_size(),
            Form::Delimited(text) => text.len(),
            Form::JsonLines(text) => text.len(),
        }
    }

    /// Writes all rows of a batch, which must have been read with [`crate::ReadOptions::verbatim`]; with their marks, when
    /// the file was made for them.
    ///
    /// # Errors
    /// When the batch was read otherwise, or values cannot be written.
    pub fn write(&mut self, batch: &Batch, marks: Option<&Marks>) -> Result<(), TableError> {
        let bad = |what: &str| TableError::corrupt(&self.file, "", what.to_owned());
        if marks.is_some_and(|marks| marks.rows.len() != batch.rows || marks.reasons.len() != batch.rows) {
            return Err(bad("a mark is needed for every row"));
        }
        let mark = |row: usize| marks.map(|marks| (marks.rows[row], marks.reasons[row].as_str()));
        match (&mut self.form, &batch.verbatim) {
            (Form::Parquet(writer), Some(Verbatim::Arrow(rows))) => {
                let written = match marks {
                    Some(marks) => marked(rows, marks).map_err(Into::into),
                    None => Ok(rows.clone()),
                };
                written
                    .and_then(|rows| writer.write(&rows))
                    .map_err(|error| unwritable(&self.file, &error))?;
            }
            (Form::Delimited(text), Some(Verbatim::Lines(lines))) => {
                for (row, line) in lines.iter().enumerate() {
                    match mark(row) {
                        None => text.line(line, &[]),
                        Some((number, reason)) => text.line(line, &[number.to_string().as_str(), reason]),
                    }
                }
            }
            (Form::JsonLines(text), Some(Verbatim::Lines(lines))) => {
                for (row, line) in lines.iter().enumerate() {
                    match mark(row) {
                        None => text.extend_from_slice(line),
                        Some((number, reason)) => object(line, number, reason, text),
                    }
                    text.push(b'\n');
                }
            }
            _ => return Err(bad("the rows were not read to be written again")),
        }
        self.rows += batch.rows as u64;
        Ok(())
    }

    /// The whole file.
    ///
    /// # Errors
    /// When the last rows cannot be written.
    pub fn finish(self) -> Result<Vec<u8>, TableError> {
        match self.form {
            Form::Parquet(writer) => writer
                .into_inner()
                .map_err(|error| unwritable(&self.file, &error)),
            Form::Delimited(text) => Ok(text.finish()),
            Form::JsonLines(text) => Ok(text),
        }
    }
}

fn unwritable(file: &str, error: &parquet::errors::ParquetError) -> TableError {
    TableError::corrupt(
        file,
        "",
        format!("rows of it cannot be written as Parquet ({error})"),
    )
}

fn with_marks(schema: &Schema) -> SchemaRef {
    let marks = [
        ArrowField::new(Rows::MARKS[0], DataType::UInt64, false),
        ArrowField::new(Rows::MARKS[1], DataType::Utf8, false),
    ];
    let fields = schema.fields().iter().cloned().chain(marks.map(Arc::new));
    Arc::new(Schema::new_with_metadata(
        fields.collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
}

fn marked(rows: &RecordBatch, marks: &Marks) -> Result<RecordBatch, ArrowError> {
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(UInt64Array::from(marks.rows.clone())) as ArrayRef);
    columns.push(Arc::new(StringArray::from_iter_values(&marks.reasons)));
    RecordBatch::try_new(with_marks(&rows.schema()), columns)
}

/// An object with two members before its own.
fn object(line: &[u8], number: u64, reason: &str, text: &mut Vec<u8>) {
    let reason = serde_json::Value::from(reason);
    text.extend_from_slice(
        format!(
            "{{\"{}\":{number},\"{}\":{reason}",
            Rows::MARKS[0],
            Rows::MARKS[1]
        )
        .as_bytes(),
    );
    let members = line.strip_prefix(b"{").unwrap_or(line).trim_ascii_start();
    if !members.starts_with(b"}") {
        text.push(b',');
    }
    text.extend_from_slice(members);
}
