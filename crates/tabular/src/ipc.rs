//! Arrow IPC: the file form, also known as Feather version 2, and the stream form.

use std::io::{BufReader, Seek as _};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use arrow::ipc::root_as_footer;
use bytes::Bytes;

use crate::input::{Cursor, Unread};
use crate::nested::{self, Leaf};
use crate::rows::Verbatim;
use crate::source::Batches;
use crate::{Batch, Field, Input, TableError};

const MAGIC: &[u8] = b"ARROW1";

type Stream = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// The types of the file.
pub(crate) fn schema(input: &Input) -> Result<SchemaRef, TableError> {
    Ok(stream(input, None)?.0)
}

pub(crate) fn open(input: &Input) -> Result<(Vec<Field>, Layout), TableError> {
    let (schema, _) = stream(input, None)?;
    let (fields, leaves) = nested::leaves(&schema).into_iter().unzip();
    Ok((
        fields,
        Layout {
            leaves: Arc::new(leaves),
        },
    ))
}

/// Where each column is.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    leaves: Arc<Vec<Leaf>>,
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
        file_is_sound(input, len)?;
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

/// Arrow makes room for a batch of whatever length the footer says before it looks whether so much is there (the stream
/// form it reads in steps): a single bit can ask for all memory of the machine. A footer that is none is left for Arrow
/// to explain.
fn file_is_sound(input: &Input, len: u64) -> Result<(), TableError> {
    let tail = exactly(input, len.saturating_sub(10), 4)?;
    let footer_len = u64::from(word(&tail));
    let start = len.checked_sub(footer_len + 10).ok_or_else(|| outside(input))?;
    let footer = exactly(input, start, footer_len)?;
    let Ok(footer) = root_as_footer(&footer) else {
        return Ok(());
    };
    let batches = footer.recordBatches().into_iter().flatten();
    for block in batches.chain(footer.dictionaries().into_iter().flatten()) {
        let parts = [
            block.offset(),
            i64::from(block.metaDataLength()),
            block.bodyLength(),
        ];
        end_of(parts)
            .filter(|end| *end <= len)
            .ok_or_else(|| outside(input))?;
    }
    Ok(())
}

fn end_of(parts: [i64; 3]) -> Option<u64> {
    parts
        .into_iter()
        .try_fold(0_u64, |end, part| end.checked_add(u64::try_from(part).ok()?))
}

/// So many bytes, or an error: a read beyond the end gives fewer.
fn exactly(input: &Input, at: u64, len: u64) -> Result<Bytes, TableError> {
    let wanted = usize::try_from(len).map_err(|_| outside(input))?;
    let bytes = input
        .reader
        .read_at(at, wanted)
        .map_err(|error| TableError::io(&input.name, error))?;
    if bytes.len() < wanted {
        return Err(outside(input));
    }
    Ok(bytes)
}

fn word(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |first| u32::from_le_bytes(*first))
}

fn outside(input: &Input) -> TableError {
    let what = format!(
        "not a sound Arrow IPC file: a part of it ends beyond its {} bytes; copy it again",
        input.reader.len()
    );
    TableError::corrupt(&input.name, "", what)
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
    /// Where each column is, and the roots that are read.
    leaves: Vec<Leaf>,
    roots: Vec<usize>,
    verbatim: bool,
}

impl Reader {
    pub(crate) fn new(
        input: &Input,
        fields: &[Arc<Field>],
        layout: &Layout,
        picked: &[usize],
        verbatim: bool,
    ) -> Result<Self, TableError> {
        let whole: Vec<usize> = (0..layout.leaves.len()).collect();
        let roots = nested::roots(&layout.leaves, if verbatim { &whole } else { picked });
        let (_, inner) = stream(input, Some(roots.clone()))?;
        let file = input.name.as_str().into();
        Ok(Self {
            input: input.clone(),
            fields: fields.to_vec(),
            file,
            inner,
            next_row: 0,
            batches: 0,
            leaves: picked.iter().map(|index| layout.leaves[*index].clone()).collect(),
            roots,
            verbatim,
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
        let picked = self.fields.iter().zip(&self.leaves);
        let columns = nested::columns(&self.file, &batch, &self.roots, picked)?;
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
            verbatim: self.verbatim.then_some(Verbatim::Arrow(batch)),
        }))
    }
}
