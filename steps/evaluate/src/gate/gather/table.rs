//! Tables of rows: bytes read once, digested, and parsed from those very bytes.

use std::collections::BTreeMap;
use std::ops::Range;

use artifact_store::Location;
use bytes::Bytes;
use kserve_api::Column as Feature;
use provenance::{DataObject, digest_bytes};
use step_runtime::{Context, StepError};
use tabular::{
    Batch, Column, Field, Format, Input, Kind, ReadOptions, Source, Values, find_field, kind_of_texts,
};

use super::columns::Words;
use crate::decide::count;
use crate::evidence::{Ids, Scores};

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
    /// What identifies a row; without it rows are known by their number.
    pub id: Option<String>,
    /// Words that come again and again: labels, groups.
    pub words: Vec<String>,
    /// The score.
    pub score: Option<String>,
    /// As they are: features.
    pub features: Vec<String>,
    /// The window that the rows are cut to.
    pub cut: Option<Cut>,
}

/// The window of the validated dataset: rows outside of it were not validated, so they are not judged on.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    /// The time column.
    pub column: String,
    /// The instants inside, in nanoseconds since 1970-01-01.
    pub inside: Range<i128>,
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
    /// What identifies each row.
    pub ids: Ids,
    /// The ids of the rows that the window left out.
    pub outside: Ids,
    /// How many rows it left out.
    pub left_out: usize,
    /// The score of each row, when it was wanted.
    pub scores: Scores,
    words: BTreeMap<String, Words>,
    features: BTreeMap<String, Feature>,
    /// Rows without an id, and the first of them.
    nameless: Option<(u64, usize)>,
}

/// Reads everything that a location stands for: a file, a directory, a prefix, a glob.
pub(super) async fn fetch(cx: &Context, location: &str) -> Result<Vec<Blob>, StepError> {
    let at: Location = location
        .parse()
        .map_err(|error| StepError::usage(format!("{error}")))?;
    let mut blobs = Vec::new();
    for meta in cx.store.list_data(&at).await? {
        let bytes = cx.store.read_found(&meta).await?;
        let digested = bytes.clone();
        let digest = cx.apart(move || digest_bytes(&digested)).await?;
        blobs.push(Blob {
            object: DataObject {
                size: bytes.len() as u64,
                ..meta.record(0, digest)
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
    let input = Input::from_bytes(blob.object.name(), blob.bytes.clone());
    let format = Format::of(&input).map_err(|error| table(&error))?;
    let parts = blob
        .object
        .reference
        .iter()
        .flat_map(|reference| &reference.partition);
    let constants =
        parts.map(|(column, value)| (column.as_str(), value.as_deref(), kind_of_texts(value.as_deref())));
    let source = Source::open(input, format).map_err(|error| table(&error))?;
    source.with_constants(constants).map_err(|error| table(&error))
}

/// Whether there is a column of that name.
pub(super) fn has(fields: &[Field], name: &str) -> bool {
    find_field(fields, name).is_some()
}

/// Parses the wanted columns of all files, letting go of the bytes of each. Blocking.
pub(super) fn parse(name: &str, blobs: Vec<Blob>, want: &Want) -> Result<Frame, StepError> {
    let mut frame = Frame {
        name: name.to_owned(),
        ..Frame::default()
    };
    let cut = want.cut.as_ref().map(|cut| &cut.column);
    let columns: Vec<&String> = want
        .id
        .iter()
        .chain(&want.words)
        .chain(&want.score)
        .chain(&want.features)
        .chain(cut)
        .collect();
    for blob in blobs {
        let before = frame.rows;
        let file = &blob.object.uri;
        let source = open(&blob)?;
        if let Some(cut) = &want.cut {
            can_be_cut(&source, file, &cut.column)?;
        }
        let mut scan = source
            .scan(&ReadOptions::columns(columns.iter().copied()))
            .map_err(|error| table(&error))?;
        while let Some(batch) = scan.next_batch().map_err(|error| table(&error))? {
            if let Some(bad) = batch.malformed().first() {
                return Err(StepError::usage(format!(
                    "{file}: {}: column `{}` holds `{}`, expected {}",
                    bad.place,
                    bad.column,
                    bad.text,
                    bad.expected.as_str()
                )));
            }
            match &want.cut {
                Some(cut) => {
                    let inside = frame.cut(&batch, cut, want.id.as_ref())?;
                    frame.read(&inside, want, file)?;
                }
                None => frame.read(&batch, want, file)?,
            }
        }
        frame.objects.push(DataObject {
            rows: (frame.rows - before) as u64,
            ..blob.object
        });
    }
    frame.named(want)?;
    Ok(frame)
}

fn can_be_cut(source: &Source, file: &str, column: &str) -> Result<(), StepError> {
    let found = source.fields().find(|field| field.name == column);
    if found.is_some_and(|field| matches!(field.kind, Kind::Timestamp | Kind::Date)) {
        return Ok(());
    }
    let what = found.map_or("not there".to_owned(), |field| field.type_name.clone());
    Err(StepError::usage(format!(
        "{file}: the window of the dataset is over column `{column}`, a timestamp or a date, and here it is {what}: \
         judge on a split that the window has cut"
    )))
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
    /// The rows of a batch that the window holds; of the others only the ids are kept.
    fn cut(&mut self, batch: &Batch, cut: &Cut, id: Option<&String>) -> Result<Batch, StepError> {
        let times = batch.column(&cut.column).map_err(|error| table(&error))?;
        let mask: Vec<bool> = times
            .timestamps()
            .map(|at| at.is_some_and(|at| cut.inside.contains(&i128::from(at))))
            .collect();
        if let Some(id) = id {
            let ids = batch.column(id).map_err(|error| table(&error))?;
            let outside = ids.texts().zip(&mask).filter(|(_, inside)| !**inside);
            outside
                .filter_map(|(id, _)| id)
                .for_each(|id| self.outside.push(&id));
        }
        self.left_out += mask.iter().filter(|inside| !**inside).count();
        batch.filter(&mask).map_err(|error| table(&error))
    }

    /// Takes over the wanted columns of a batch.
    fn read(&mut self, batch: &Batch, want: &Want, file: &str) -> Result<(), StepError> {
        let column = |name: &String| batch.column(name).map_err(|error| table(&error));
        if let Some(id) = &want.id {
            for (row, id) in column(id)?.texts().enumerate() {
                if id.is_none() {
                    let (so_far, first) = self.nameless.unwrap_or((0, self.rows + row));
                    self.nameless = Some((so_far + 1, first));
                }
                self.ids.push(&id.unwrap_or_default());
            }
        }
        for name in &want.words {
            let words = self.words.entry(name.clone()).or_default();
            column(name)?.texts().for_each(|word| words.push(word.as_deref()));
        }
        if let Some(name) = &want.score {
            let values = column(name)?;
            if !(values.kind().is_number() || values.kind() == Kind::Bool) {
                return Err(StepError::usage(format!(
                    "{file}: column `{name}` holds {}, a number is needed",
                    values.kind().as_str()
                )));
            }
            values.numbers().for_each(|score| self.scores.push(score));
        }
        for name in &want.features {
            feature(&mut self.features, name, column(name)?, file)?;
        }
        self.rows += batch.rows();
        Ok(())
    }

    /// Every row has an id, if only its number.
    fn named(&mut self, want: &Want) -> Result<(), StepError> {
        match (&want.id, self.nameless) {
            (Some(column), Some((rows, first))) => Err(StepError::usage(format!(
                "{}: {} of column `{column}` {} null (the first is row {first}): every row needs an id",
                self.name,
                count(rows, "value", "values"),
                if rows == 1 { "is" } else { "are" },
            ))),
            (Some(_), None) => Ok(()),
            (None, _) => {
                // Padded, so that the order of the rows is the order of the names.
                self.ids = (0..self.rows).map(|row| format!("row {row:09}")).collect();
                Ok(())
            }
        }
    }

    /// Only the rows that are kept.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        let kept = || {
            keep.iter()
                .enumerate()
                .filter(|(_, keep)| **keep)
                .map(|(row, _)| row as u32)
        };
        let order: Vec<u32> = kept().collect();
        self.rows = order.len();
        self.ids = self.ids.ordered(&order);
        if !self.scores.values.is_empty() {
            self.scores = self.scores.ordered(&order);
        }
        self.words.values_mut().for_each(|words| words.retain(keep));
    }

    /// A column of words; none when it was not wanted here, or there is no row.
    pub(super) fn words(&self, name: &str) -> Option<&Words> {
        self.words.get(name)
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
