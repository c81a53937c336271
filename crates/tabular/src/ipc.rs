//! Arrow IPC: the file form, also known as Feather version 2, and the stream form.

use std::io::{BufReader, Seek as _};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};

use crate::input::{Cursor, Unread};
use crate::source::Batches;
use crate::{Batch, Field, Input, TableError, convert};

const MAGIC: &[u8] = b"ARROW1";

type Stream = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

pub(crate) fn open(input: &Input) -> Result<Vec<Field>, TableError> {
    let (schema, _) = stream(input, None)?;
    Ok(schema
        .fields()
        .iter()
        .map(|field| convert::field_of(field.name(), field.data_type(), field.is_nullable()))
        .collect())
}

fn stream(input: &Input, picked: Option<Vec<usize>>) -> Result<(SchemaRef, Stream), TableError> {
    let head = input
        .reader
        .read_at(0, MAGIC.len())
        .map_err(|error| TableError::io(&input.name, error))?;
    let cursor = BufReader::new(Cursor::new(Arc::clone(&input.reader), 0));
    if head.as_ref() == MAGIC {
        let len = input.reader.len();
        let tail = input
            .reader
            .read_at(len.saturating_sub(MAGIC.len() as u64), MAGIC.len())
            .map_err(|error| TableError::io(&input.name, error))?;
        if tail.as_ref() != MAGIC {
            let what = format!(
                "the Arrow file is truncated: it does not end with ARROW1 after {len} bytes; copy it again"
            );
            return Err(TableError::corrupt(&input.name, "", what));
        }
        let mut cursor = cursor;
        cursor
            .rewind()
            .map_err(|error| TableError::io(&input.name, error))?;
        let reader = FileReader::try_new(cursor, picked).map_err(|error| explain(input, error))?;
        return Ok((reader.schema(), Box::new(reader)));
    }
    let reader = StreamReader::try_new(cursor, picked).map_err(|error| explain(input, error))?;
    Ok((reader.schema(), Box::new(reader)))
}

fn explain(input: &Input, error: ArrowError) -> TableError {
    match unread(&input.name, error) {
        Ok(unread) => unread,
        Err(error) => TableError::corrupt(&input.name, "", format!("not a sound Arrow IPC file ({error})")),
    }
}

/// An outage is no fault of the file.
fn unread(file: &str, error: ArrowError) -> Result<TableError, ArrowError> {
    match error {
        ArrowError::IoError(_, source) if Unread::is(&source) => Ok(TableError::io(file, source)),
        other => Err(other),
    }
}

/// Streams the batches that the file itself has.
pub(crate) struct Reader {
    input: Input,
    fields: Vec<Arc<Field>>,
    file: Arc<str>,
    inner: Stream,
    next_row: u64,
    batches: usize,
}

impl Reader {
    pub(crate) fn new(input: &Input, fields: &[Arc<Field>], picked: &[usize]) -> Result<Self, TableError> {
        let (_, inner) = stream(input, Some(picked.to_vec()))?;
        let file = input.name.as_str().into();
        Ok(Self {
            input: input.clone(),
            fields: fields.to_vec(),
            file,
            inner,
            next_row: 0,
            batches: 0,
        })
    }
}

impl Batches for Reader {
    fn next(&mut self) -> Result<Option<Batch>, TableError> {
        let Some(batch) = self.inner.next() else {
            return Ok(None);
        };
        let batch = batch.map_err(|error| {
            let corrupt = |error: ArrowError| {
                let at = format!("batch {}", self.batches);
                TableError::corrupt(&self.input.name, at, error.to_string())
            };
            unread(&self.input.name, error).unwrap_or_else(corrupt)
        })?;
        let columns = self
            .fields
            .iter()
            .zip(batch.columns())
            .map(|(field, array)| {
                convert::column(field, array).map_err(|what| TableError::Column {
                    file: self.input.name.clone(),
                    column: field.name.clone(),
                    what,
                })
            })
            .collect::<Result<_, _>>()?;
        let first_row = self.next_row;
        self.next_row += batch.num_rows() as u64;
        self.batches += 1;
        let rows = batch.num_rows();
        Ok(Some(Batch {
            file: Arc::clone(&self.file),
            rows,
            columns,
            first_row,
            lines: None,
            numbers: None,
            malformed: Vec::new(),
        }))
    }
}
