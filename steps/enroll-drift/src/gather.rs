//! Reads: which files there are, and batches of their rows.

use std::io;
use std::sync::Arc;

use artifact_store::{Location, ObjectMeta, Store, StoreError};
use bytes::Bytes;
use provenance::{DataObject, Split, digest_reader};
use step_contract::{Exit, InArtifact};
use step_runtime::{Context, StepError, chain};
use tabular::{Batch, Format, Input, Kind, ReadOptions, Source, TableError};
use tokio_util::sync::CancellationToken;

use crate::window::TimeWindow;

/// One file of data, pinned to a version, its header read.
#[derive(Debug, Clone)]
pub struct DataFile {
    /// What it is; `rows` is zero until it has been counted.
    pub object: DataObject,
    /// The table.
    pub source: Source,
}

/// The text of a small file.
pub(crate) async fn text(store: &Store, at: &InArtifact) -> Result<String, StepError> {
    let bytes = bytes(store, at).await?;
    String::from_utf8(bytes.to_vec()).map_err(|_| StepError::usage(format!("{at}: is not UTF-8 text")))
}

/// The bytes of a small file.
pub(crate) async fn bytes(store: &Store, at: &InArtifact) -> Result<Bytes, StepError> {
    Ok(store.read(&location(at.as_str())?).await?)
}

/// A location as a user wrote it.
pub(crate) fn location(text: &str) -> Result<Location, StepError> {
    text.parse()
        .map_err(|error: artifact_store::LocationError| StepError::usage(error.to_string()))
}

/// Every table below these locations, opened and digested. `kinds` fixes what columns of text formats hold.
pub(crate) async fn open_all(
    cx: &Context,
    data: &[String],
    kinds: &[(String, Kind)],
) -> Result<Vec<DataFile>, StepError> {
    let mut files: Vec<DataFile> = Vec::new();
    for text in data {
        let asked = location(text)?;
        let mut found = cx.store.list_data(&asked).await?;
        if found.len() > 1 {
            // A prefix holds other things too; a single file must be a table.
            found.retain(|meta| Format::is_table_name(meta.file_name()));
        }
        if found.is_empty() {
            return Err(StepError::usage(format!(
                "{text}: no table is below it (.parquet, .csv, .jsonl, .arrow)"
            )));
        }
        for meta in found {
            let uri = meta.location.to_string();
            if files.iter().any(|file| file.object.uri == uri) {
                return Err(StepError::usage(format!(
                    "{uri} is named twice by --data: its rows would count double"
                )));
            }
            files.push(open(cx, &meta, kinds).await?);
        }
    }
    Ok(files)
}

/// The objects of a validated split, refused when their bytes have changed.
pub(crate) async fn open_split(cx: &Context, split: &Split) -> Result<Vec<DataFile>, StepError> {
    let mut files = Vec::new();
    for object in &split.objects {
        let recorded = ObjectMeta::recorded(object).map_err(|error| StepError::usage(error.to_string()))?;
        let file = open(cx, &recorded, &[]).await?;
        if file.object.digest != object.digest {
            return Err(StepError::usage(format!(
                "{} has changed since it was validated: it is {}, the dataset says {}",
                object.uri, file.object.digest, object.digest
            )));
        }
        files.push(file);
    }
    Ok(files)
}

async fn open(cx: &Context, found: &ObjectMeta, kinds: &[(String, Kind)]) -> Result<DataFile, StepError> {
    let uri = found.location.to_string();
    let mut format = Format::from_name(found.file_name()).map_err(table_error)?;
    match &mut format {
        Format::Csv(options) => options.kinds = kinds.to_vec(),
        Format::JsonLines(options) => options.kinds = kinds.to_vec(),
        _ => {}
    }
    let opened = cx.store.open_found(found).await?;
    blocking(move || {
        let meta = opened.meta().clone();
        let (digest, size) = digest_reader(opened.reader()).map_err(|error| io_error(&uri, &error))?;
        let reader = Arc::new(opened);
        let source = Source::open(Input::new(uri, reader), format).map_err(table_error)?;
        let constants = meta.reference.iter().flat_map(|reference| reference.constants());
        let source = source.with_constants(constants).map_err(table_error)?;
        let object = DataObject {
            size,
            ..meta.record(0, digest)
        };
        Ok(DataFile { object, source })
    })
    .await
}

/// Runs what blocks on a thread for that.
pub(crate) async fn blocking<T, F>(work: F) -> Result<T, StepError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StepError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await?
}

/// What one pass over a file found beside its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    /// In the file.
    pub(crate) read: u64,
    /// Inside the window.
    pub(crate) inside: u64,
    /// Without a time, so in no window.
    pub(crate) timeless: u64,
}

/// One pass over some columns of a file; rows outside of the window are left out. Blocking.
pub(crate) fn scan(
    file: &DataFile,
    columns: &[String],
    window: Option<&TimeWindow>,
    cancel: &CancellationToken,
    mut visit: impl FnMut(&Batch),
) -> Result<Rows, StepError> {
    let mut names = columns.to_vec();
    names.extend(
        window
            .iter()
            .map(|window| window.column.clone())
            .filter(|name| !columns.contains(name)),
    );
    let options = ReadOptions {
        columns: Some(names),
        lenient: true,
        ..ReadOptions::default()
    };
    let mut table = file.source.scan(&options).map_err(table_error)?;
    let mut rows = Rows::default();
    while let Some(batch) = table.next_batch().map_err(table_error)? {
        if cancel.is_cancelled() {
            return Err(StepError::terminated());
        }
        rows.read += batch.rows() as u64;
        let Some(window) = window else {
            rows.inside += batch.rows() as u64;
            visit(&batch);
            continue;
        };
        let times: Vec<Option<i64>> = batch
            .column(&window.column)
            .map_err(table_error)?
            .timestamps()
            .collect();
        rows.timeless += times.iter().filter(|time| time.is_none()).count() as u64;
        let mask: Vec<bool> = times
            .iter()
            .map(|time| time.is_some_and(|time| window.holds(time)))
            .collect();
        let inside = mask.iter().filter(|inside| **inside).count();
        if inside > 0 {
            rows.inside += inside as u64;
            visit(&batch.filter(&mask).map_err(table_error)?);
        }
    }
    Ok(rows)
}

/// A table's fault is the caller's, but for a store that could not be reached.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(crate) fn table_error(error: TableError) -> StepError {
    if let TableError::Io { file, source } = &error {
        return io_error(file, source);
    }
    StepError::caused(Exit::Usage, &error)
}

fn io_error(name: &str, error: &io::Error) -> StepError {
    match StoreError::from_io(error) {
        Some(store) => StepError::from(store.clone()),
        None => StepError::usage(format!("{name}: cannot read: {}", chain(error))),
    }
}
