//! A checkpoint: the actions of all commits before it as rows of Parquet. Each becomes the line that a commit would have.

use arrow::json::LineDelimitedWriter;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::TableError;
use crate::guard::guard;

/// The columns that decide what a table is. The statistics of files, which are most of a checkpoint, are not among them.
/// What was removed is not either: what is still there was added after, and a batch does not know the ones before it.
const COLUMNS: [&str; 9] = [
    "add.path",
    "add.size",
    "add.partitionValues",
    "add.deletionVector",
    "metaData.schemaString",
    "metaData.partitionColumns",
    "metaData.configuration",
    "protocol.minReaderVersion",
    "protocol.readerFeatures",
];

/// Hands the actions on as lines of JSON, a batch at a time.
pub(super) fn lines(
    file: &str,
    bytes: Bytes,
    mut take: impl FnMut(&[u8]) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let corrupt = |error: &dyn std::fmt::Display| {
        TableError::corrupt(file, "", format!("no checkpoint of a Delta log: {error}"))
    };
    let mut batches = guard(file, "", || {
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| corrupt(&error))?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), COLUMNS);
        let reader = builder.with_projection(mask).with_batch_size(8192).build();
        reader.map_err(|error| corrupt(&error))
    })?;
    while let Some(batch) = guard(file, "", || {
        batches.next().transpose().map_err(|error| corrupt(&error))
    })? {
        take(&written(&batch).map_err(|error| corrupt(&error))?)?;
    }
    Ok(())
}

fn written(batch: &RecordBatch) -> Result<Vec<u8>, arrow::error::ArrowError> {
    let mut lines = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut lines);
    writer.write(batch)?;
    writer.finish()?;
    Ok(lines)
}
