//! Tables of rows: bytes read once, digested, and parsed from those very bytes.

use std::collections::BTreeMap;

use artifact_store::{Location, Store};
use bytes::Bytes;
use kserve_api::Column as Feature;
use provenance::{DataObject, digest_bytes};
use step_runtime::StepError;
use tabular::{Column, Field, Format, Input, Kind, ReadOptions, Source, Values, find_field};

/// One file with its bytes in memory.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    /// Where it came from; `rows` is filled in when it is parsed.
    pub object: DataObject,
    bytes: Bytes,
}

/// The columns that are wanted, by what they are wanted as.
#[derive(Debug, Clone, Default)]
pub(super) struct Want {
    /// As text: ids, labels, groups.
    pub texts: Vec<String>,
    /// As numbers: scores.
    pub numbers: Vec<String>,
    /// As they are: features.
    pub features: Vec<String>,
}

/// Whole columns of one or more files with the same columns.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// For messages.
    pub name: String,
    /// How many rows.
    pub rows: usize,
    /// The files.
    pub objects: Vec<DataObject>,
    texts: BTreeMap<String, Vec<Option<String>>>,
    numbers: BTreeMap<String, Vec<Option<f64>>>,
    features: BTreeMap<String, Feature>,
}

/// Reads everything that a location stands for: a file, a directory, a prefix, a glob.
pub(super) async fn fetch(store: &Store, location: &str) -> Result<Vec<Blob>, StepError> {
    let at: Location = location
        .parse()
        .map_err(|error| StepError::usage(format!("{error}")))?;
    let mut blobs = Vec::new();
    for meta in store.list_data(&at).await? {
        let bytes = store.read(&meta.location).await?;
        blobs.push(Blob {
            object: DataObject {
                uri: meta.location.to_string(),
                size: bytes.len() as u64,
                etag: meta.etag,
                version_id: meta.version_id,
                rows: 0,
                digest: digest_bytes(&bytes),
            },
            bytes,
        });
    }
    Ok(blobs)
}

/// The columns of the first file: what can be asked for.
pub(super) fn fields(blobs: &[Blob]) -> Result<Vec<Field>, StepError> {
    let Some(blob) = blobs.first() else {
        return Ok(Vec::new());
    };
    Ok(open(blob)?.fields().cloned().collect())
}

fn open(blob: &Blob) -> Result<Source, StepError> {
    let format = Format::from_name(&blob.object.uri).map_err(|error| table(&error))?;
    Source::open(Input::from_bytes(&*blob.object.uri, blob.bytes.clone()), format)
        .map_err(|error| table(&error))
}

/// Whether there is a column of that name.
pub(super) fn has(fields: &[Field], name: &str) -> bool {
    find_field(fields, name).is_some()
}

/// Parses the wanted columns of all files. Blocking.
pub(super) fn parse(name: &str, mut blobs: Vec<Blob>, want: &Want) -> Result<Frame, StepError> {
    let mut frame = Frame {
        name: name.to_owned(),
        ..Frame::default()
    };
    let columns: Vec<&String> = want
        .texts
        .iter()
        .chain(&want.numbers)
        .chain(&want.features)
        .collect();
    for blob in &mut blobs {
        let before = frame.rows;
        let mut scan = open(blob)?
            .scan(&ReadOptions::columns(columns.iter().copied()))
            .map_err(|error| table(&error))?;
        while let Some(batch) = scan.next_batch().map_err(|error| table(&error))? {
            if let Some(bad) = batch.malformed().first() {
                return Err(StepError::usage(format!(
                    "{}: {}: column `{}` holds `{}`, expected {}",
                    blob.object.uri,
                    bad.place,
                    bad.column,
                    bad.text,
                    bad.expected.as_str()
                )));
            }
            for column in &want.texts {
                let values = batch.column(column).map_err(|error| table(&error))?;
                let texts = values.texts().map(|text| text.map(std::borrow::Cow::into_owned));
                frame.texts.entry(column.clone()).or_default().extend(texts);
            }
            for column in &want.numbers {
                let values = batch.column(column).map_err(|error| table(&error))?;
                if !(values.kind().is_number() || values.kind() == Kind::Bool) {
                    return Err(StepError::usage(format!(
                        "{}: column `{column}` holds {}, a number is needed",
                        blob.object.uri,
                        values.kind().as_str()
                    )));
                }
                frame
                    .numbers
                    .entry(column.clone())
                    .or_default()
                    .extend(values.numbers());
            }
            for column in &want.features {
                let values = batch.column(column).map_err(|error| table(&error))?;
                feature(&mut frame.features, column, values, &blob.object.uri)?;
            }
            frame.rows += batch.rows();
        }
        blob.object.rows = (frame.rows - before) as u64;
    }
    frame.objects = blobs.into_iter().map(|blob| blob.object).collect();
    Ok(frame)
}

fn feature(
    features: &mut BTreeMap<String, Feature>,
    name: &str,
    column: &Column,
    file: &str,
) -> Result<(), StepError> {
    let valid = column.validity();
    let read = match column.values() {
        Values::Bool(view) => Feature::Bool(
            (0..column.len())
                .map(|row| valid.is_valid(row).then(|| view.get(row)))
                .collect(),
        ),
        Values::Int(values) => Feature::Int(
            values
                .iter()
                .enumerate()
                .map(|(row, value)| valid.is_valid(row).then_some(*value))
                .collect(),
        ),
        Values::Float(_) | Values::Decimal(_) | Values::Unsigned(_) => {
            Feature::Float(column.numbers().collect())
        }
        Values::Text(_) | Values::Dictionary(_) => Feature::Text(
            column
                .texts()
                .map(|text| text.map(std::borrow::Cow::into_owned))
                .collect(),
        ),
        _ => {
            return Err(StepError::usage(format!(
                "{file}: column `{name}` is {}, which no model server takes: leave it out of --feature-columns",
                column.kind().as_str()
            )));
        }
    };
    match (features.get_mut(name), read) {
        (None, read) => drop(features.insert(name.to_owned(), read)),
        (Some(Feature::Bool(all)), Feature::Bool(more)) => all.extend(more),
        (Some(Feature::Int(all)), Feature::Int(more)) => all.extend(more),
        (Some(Feature::Float(all)), Feature::Float(more)) => all.extend(more),
        (Some(Feature::Text(all)), Feature::Text(more)) => all.extend(more),
        (Some(_), _) => {
            return Err(StepError::usage(format!(
                "{file}: column `{name}` is of another type than in the files before"
            )));
        }
    }
    Ok(())
}

impl Frame {
    /// A column that was wanted as text; all null when the files have no rows.
    pub(super) fn texts(&self, name: &str) -> &[Option<String>] {
        self.texts.get(name).map_or(&[], Vec::as_slice)
    }

    /// A column that was wanted as numbers.
    pub(super) fn numbers(&self, name: &str) -> &[Option<f64>] {
        self.numbers.get(name).map_or(&[], Vec::as_slice)
    }

    /// A feature.
    pub(super) fn feature(&self, name: &str) -> Option<&Feature> {
        self.features.get(name)
    }

    /// The digest of all files together, as a split of a dataset has it.
    pub(super) fn digest(&self) -> Option<provenance::Digest> {
        match self.objects.as_slice() {
            [only] => Some(only.digest),
            objects => provenance::Split::new("", objects.to_vec())
                .ok()
                .map(|split| split.digest),
        }
    }
}

/// A table that cannot be read is an input error: the bytes are here already.
pub(super) fn table(error: &tabular::TableError) -> StepError {
    StepError::caused(step_contract::Exit::Usage, error)
}
