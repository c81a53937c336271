//! Parquet: the footer first, then only the columns, row groups and rows that are asked for.

mod pages;

use std::io;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Schema};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    RowSelection,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};

use self::pages::Numbers;
use crate::guard::guard;
use crate::input::Cursor;
use crate::nested::{self, Leaf};
use crate::rows::Verbatim;
use crate::source::Batches;
use crate::{Batch, ColumnBounds, Field, Input, Kind, RangeRead, ReadOptions, RowGroup, TableError, convert};

/// The footer, parsed once and shared by all scans.
#[derive(Debug, Clone)]
pub(crate) struct Footer {
    /// With text as dictionaries where that is how the file holds it.
    metadata: ArrowReaderMetadata,
    /// With the types of the file.
    plain: ArrowReaderMetadata,
    /// Where each column is.
    leaves: Arc<Vec<Leaf>>,
}

impl Footer {
    /// The statistics of a column; `None` when it is within a struct, or the footer's cannot be read.
    pub(crate) fn bounds(&self, index: usize, field: &Arc<Field>) -> Option<ColumnBounds> {
        let known = self.statistics(index)?;
        let groups = || self.plain.metadata().row_groups();
        let column = |array: ArrayRef| convert::column(field, &array).ok();
        // Only texts and bytes are shortened.
        let whole = matches!(
            field.kind,
            Kind::Int | Kind::Float | Kind::Bool | Kind::Date | Kind::Timestamp
        );
        let min_exact = known.row_group_is_min_value_exact(groups()).ok()?;
        let max_exact = known.row_group_is_max_value_exact(groups()).ok()?;
        let exact = min_exact.iter().zip(max_exact.iter());
        let exact = exact
            .map(|(min, max)| (whole || min == Some(true), whole || max == Some(true)))
            .collect();
        Some(ColumnBounds {
            min: column(known.row_group_mins(groups()).ok()?)?,
            max: column(known.row_group_maxes(groups()).ok()?)?,
            exact,
            nulls: known.row_group_null_counts(groups()).ok()?.iter().collect(),
        })
    }

    pub(crate) fn plain(&self) -> &ArrowReaderMetadata {
        &self.plain
    }

    pub(crate) fn row_groups(&self) -> Vec<RowGroup> {
        self.metadata
            .metadata()
            .row_groups()
            .iter()
            .map(|group| RowGroup {
                rows: u64::try_from(group.num_rows()).ok(),
                bytes: u64::try_from(group.compressed_size()).unwrap_or(0),
            })
            .collect()
    }
}

/// Ranges as Parquet wants them.
#[derive(Clone)]
struct Chunks(Arc<dyn RangeRead>);

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Chunks {
    type T = Cursor;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Cursor> {
        Ok(Cursor::small(Arc::clone(&self.0), start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        // Before a buffer is made for it: a corrupt length may be anything.
        if start
            .checked_add(length as u64)
            .is_none_or(|end| end > self.0.len())
        {
            return Err(ParquetError::EOF(format!(
                "bytes {start}+{length} are past the end of the file at {}",
                self.0.len()
            )));
        }
        let bytes = self.0.read_at(start, length)?;
        if bytes.len() != length {
            return Err(ParquetError::EOF(format!(
                "got {} of {length} bytes at {start}",
                bytes.len()
            )));
        }
        Ok(bytes)
    }
}

pub(crate) fn open(input: &Input) -> Result<(Vec<Field>, Footer), TableError> {
    check_magic(input)?;
    let chunks = Chunks(Arc::clone(&input.reader));
    let failed = |error: ParquetError| explain(input, "footer", error);
    let metadata = ArrowReaderMetadata::load(&chunks, ArrowReaderOptions::new()).map_err(failed)?;
    check_footer(input, metadata.metadata())?;
    let plain = metadata;
    // From the types of the file: how this crate decodes text is no property of it.
    let (fields, leaves) = nested::leaves(plain.schema()).into_iter().unzip();
    let metadata = with_dictionaries(&plain).unwrap_or_else(|| plain.clone());
    let footer = Footer {
        metadata,
        plain,
        leaves: Arc::new(leaves),
    };
    Ok((fields, footer))
}

/// Tells apart what users do: a file cut off while it was copied, and another format under this name.
fn check_magic(input: &Input) -> Result<(), TableError> {
    let len = input.reader.len();
    let read = |at, count| {
        input
            .reader
            .read_at(at, count)
            .map_err(|error| TableError::io(&input.name, error))
    };
    let head = read(0, 4)?;
    if head.as_ref() != b"PAR1" {
        let what = if head.as_ref() == b"PARE" {
            "an encrypted Parquet file; decrypt it first"
        } else {
            "not a Parquet file (it does not begin with PAR1)"
        };
        return Err(TableError::corrupt(&input.name, "", what));
    }
    if len < 12 || read(len - 4, 4)?.as_ref() != b"PAR1" {
        let what = format!(
            "the Parquet file is truncated: it does not end with its footer (PAR1) after {len} bytes; copy it again"
        );
        return Err(TableError::corrupt(&input.name, "", what));
    }
    Ok(())
}

/// Sizes in a corrupt footer may be anything; decoders allocate by them.
fn check_footer(input: &Input, metadata: &ParquetMetaData) -> Result<(), TableError> {
    let bad = |at: String, what: String| Err(TableError::corrupt(&input.name, at, what));
    let len = input.reader.len();
    let mut total: i64 = 0;
    for (index, group) in metadata.row_groups().iter().enumerate() {
        let rows = group.num_rows();
        total = total.saturating_add(rows);
        if rows < 0 {
            return bad(
                format!("row group {index}"),
                format!("the footer says {rows} rows"),
            );
        }
        for chunk in group.columns() {
            let at = || format!("row group {index}, column {}", chunk.column_path().string());
            let start = chunk
                .dictionary_page_offset()
                .unwrap_or_else(|| chunk.data_page_offset());
            let end = start.checked_add(chunk.compressed_size());
            if start < 0
                || chunk.compressed_size() < 0
                || chunk.data_page_offset() < 0
                || end
                    .and_then(|end| u64::try_from(end).ok())
                    .is_none_or(|end| end > len)
            {
                let what = format!(
                    "the footer places {} bytes at {start}, past the file's {len}: the file is truncated or corrupt",
                    chunk.compressed_size()
                );
                return bad(at(), what);
            }
            if chunk.num_values() < 0
                || (chunk.column_descr().max_rep_level() == 0 && chunk.num_values() != rows)
            {
                return bad(
                    at(),
                    format!("the footer says {} values for {rows} rows", chunk.num_values()),
                );
            }
        }
    }
    if total != metadata.file_metadata().num_rows() {
        let what = format!(
            "{} rows in all, but {total} in its row groups",
            metadata.file_metadata().num_rows()
        );
        return bad("footer".to_owned(), what);
    }
    Ok(())
}

/// Asks for text columns as dictionaries where the file stores them so: a check then runs once a distinct value.
/// A column of mostly distinct values would only pay for building them.
fn with_dictionaries(metadata: &ArrowReaderMetadata) -> Option<ArrowReaderMetadata> {
    const BYTES_A_VALUE: i64 = 4;
    let parquet = metadata.metadata();
    let descriptor = metadata.parquet_schema();
    let mut changed = false;
    let fields: Vec<_> = metadata
        .schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(root, field)| {
            let text = matches!(
                field.data_type(),
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
            );
            let leaf =
                (0..descriptor.num_columns()).find(|leaf| descriptor.get_column_root_idx(*leaf) == root);
            let encoded = |leaf: usize| {
                parquet.row_groups().iter().all(|group| {
                    let chunk = group.column(leaf);
                    chunk.dictionary_page_offset().is_some()
                        && chunk.uncompressed_size() <= chunk.num_values().saturating_mul(BYTES_A_VALUE)
                })
            };
            if text && parquet.num_row_groups() > 0 && leaf.is_some_and(encoded) {
                changed = true;
                let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                Arc::new(field.as_ref().clone().with_data_type(kind))
            } else {
                Arc::clone(field)
            }
        })
        .collect();
    if !changed {
        return None;
    }
    let schema = Arc::new(Schema::new_with_metadata(
        fields,
        metadata.schema().metadata().clone(),
    ));
    ArrowReaderMetadata::try_new(Arc::clone(parquet), ArrowReaderOptions::new().with_schema(schema)).ok()
}

/// Which rows are read, and how many at once.
#[derive(Debug, Clone)]
struct Extent {
    batch_rows: usize,
    groups: Range<usize>,
    /// Only these rows of the groups, counted from the first of them; all when `None`.
    rows: Option<Vec<Range<usize>>>,
}

/// Streams batches of some columns of some row groups.
pub(crate) struct Reader {
    input: Input,
    footer: Footer,
    fields: Vec<Arc<Field>>,
    picked: Vec<usize>,
    extent: Extent,
    /// The roots that are read.
    roots: Vec<usize>,
    file: Arc<str>,
    inner: ParquetRecordBatchReader,
    numbers: Numbers,
    verbatim: bool,
}

impl Reader {
    pub(crate) fn new(
        input: &Input,
        footer: &Footer,
        fields: &[Arc<Field>],
        picked: &[usize],
        options: &ReadOptions,
    ) -> Result<Self, TableError> {
        let verbatim = options.verbatim;
        let all = footer.row_groups();
        let groups = options.row_groups.clone().unwrap_or(0..usize::MAX);
        let groups = groups.start.min(all.len())..groups.end.min(all.len());
        let metadata = if verbatim { &footer.plain } else { &footer.metadata };
        let whole: Vec<usize> = (0..footer.leaves.len()).collect();
        let read = if verbatim { whole.as_slice() } else { picked };
        let count = |groups: &[RowGroup]| groups.iter().filter_map(|group| group.rows).sum::<u64>();
        let first = count(&all[..groups.start]);
        let inside = first..first + count(&all[groups.clone()]);
        let runs = options.rows.as_ref().map(|rows| within(rows, &inside));
        let runs = runs.filter(|runs| !matches!(runs.as_slice(), [all] if *all == inside));
        let from_first = |run: &Range<u64>| -> Option<Range<usize>> {
            let at = |row: u64| usize::try_from(row - first).ok();
            Some(at(run.start)?..at(run.end)?)
        };
        let extent = Extent {
            batch_rows: options.batch_rows,
            groups,
            rows: runs
                .as_ref()
                .and_then(|runs| runs.iter().map(from_first).collect()),
        };
        let inner = reader(input, metadata, &footer.leaves, read, &extent)?;
        let roots = nested::roots(&footer.leaves, read);
        Ok(Self {
            input: input.clone(),
            footer: footer.clone(),
            fields: fields.to_vec(),
            picked: picked.to_vec(),
            extent,
            roots,
            file: input.name.as_str().into(),
            inner,
            numbers: Numbers::new(runs.unwrap_or_else(|| vec![inside])),
            verbatim,
        })
    }

    /// Finds which column of which row group does not decode, for the decoder does not say. The bytes are read
    /// again, once, on the way to a failure.
    fn blame(&self, error: &str) -> TableError {
        let all = self.footer.row_groups();
        let size = |group: &RowGroup| group.rows.and_then(|rows| usize::try_from(rows).ok());
        let mut first = 0;
        for group in self.extent.groups.clone() {
            let next = first + size(&all[group]).unwrap_or(0);
            let rows = self.extent.rows.as_ref().map(|runs| {
                let inside = within(runs, &(first..next)).into_iter();
                inside.map(|run| run.start - first..run.end - first).collect()
            });
            first = next;
            let one = Extent {
                batch_rows: 8192,
                groups: group..group + 1,
                rows,
            };
            for (field, root) in self.fields.iter().zip(&self.picked) {
                let drained = guard(&self.file, "", || {
                    let footer = &self.footer;
                    let batches = reader(&self.input, &footer.metadata, &footer.leaves, &[*root], &one)?;
                    for batch in batches {
                        batch.map_err(|error| TableError::corrupt(&self.file, "", error.to_string()))?;
                    }
                    Ok(())
                });
                match drained {
                    Ok(()) => {}
                    Err(io @ TableError::Io { .. }) => return io,
                    Err(_) => {
                        let at = format!("row group {group}, column {}", field.name);
                        return TableError::corrupt(
                            &self.file,
                            at,
                            format!("the data are corrupt ({error})"),
                        );
                    }
                }
            }
        }
        TableError::corrupt(&self.file, "", format!("the data are corrupt ({error})"))
    }
}

/// The parts of some stretches that lie in another.
fn within<T: Ord + Copy>(runs: &[Range<T>], whole: &Range<T>) -> Vec<Range<T>> {
    let cut = |run: &Range<T>| run.start.max(whole.start)..run.end.min(whole.end);
    runs.iter().map(cut).filter(|run| run.start < run.end).collect()
}

fn reader(
    input: &Input,
    metadata: &ArrowReaderMetadata,
    leaves: &[Leaf],
    picked: &[usize],
    extent: &Extent,
) -> Result<ParquetRecordBatchReader, TableError> {
    let descriptor = metadata.parquet_schema();
    let mask = ProjectionMask::leaves(
        descriptor,
        picked.iter().flat_map(|index| leaves[*index].stored.clone()),
    );
    let ranges: Vec<(u64, u64)> = metadata.metadata().row_groups()[extent.groups.clone()]
        .iter()
        .flat_map(|group| group.columns().iter().enumerate())
        .filter(|(leaf, _)| mask.leaf_included(*leaf))
        .map(|(_, chunk)| chunk.byte_range())
        .collect();
    input.reader.will_read(&ranges);
    let chunks = Chunks(Arc::clone(&input.reader));
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata.clone())
        .with_batch_size(extent.batch_rows)
        .with_row_groups(extent.groups.clone().collect())
        .with_projection(mask);
    if let Some(runs) = &extent.rows {
        let groups = &metadata.metadata().row_groups()[extent.groups.clone()];
        let rows = groups
            .iter()
            .map(|group| usize::try_from(group.num_rows()).unwrap_or(0))
            .sum();
        builder =
            builder.with_row_selection(RowSelection::from_consecutive_ranges(runs.iter().cloned(), rows));
    }
    builder.build().map_err(|error| explain(input, "", error))
}

impl Batches for Reader {
    fn next(&mut self) -> Result<Option<Batch>, TableError> {
        let next = guard(&self.file, "", || {
            self.inner
                .next()
                .transpose()
                .map_err(|error| TableError::corrupt(&self.file, "", error.to_string()))
        });
        let batch = match next {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(None),
            Err(TableError::Corrupt { what, .. }) => return Err(self.blame(&what)),
            Err(other) => return Err(other),
        };
        let leaves = self.picked.iter().map(|index| &self.footer.leaves[*index]);
        let picked = self.fields.iter().zip(leaves);
        let columns = nested::columns(&self.file, &batch, &self.roots, picked)?;
        let (first_row, numbers) = self.numbers.next(batch.num_rows());
        Ok(Some(Batch {
            file: Arc::clone(&self.file),
            rows: batch.num_rows(),
            columns,
            first_row,
            lines: None,
            numbers,
            malformed: Vec::new(),
            verbatim: self.verbatim.then_some(Verbatim::Arrow(batch)),
        }))
    }
}

fn explain(input: &Input, at: &str, error: ParquetError) -> TableError {
    match error {
        ParquetError::External(source) if source.is::<io::Error>() => match source.downcast::<io::Error>() {
            Ok(source) => TableError::io(&input.name, *source),
            Err(other) => TableError::corrupt(&input.name, at, other.to_string()),
        },
        other => TableError::corrupt(&input.name, at, format!("the Parquet file is corrupt ({other})")),
    }
}
