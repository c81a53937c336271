//! Delimited text with a header line (RFC 4180, with any one-byte delimiter).

mod records;
mod written;

use std::sync::Arc;

use records::{Dialect, Record, Records};
pub(crate) use written::Written;

use crate::cells::build::Builder;
use crate::cells::guess::Guess;
use crate::cells::{CellKind, ROWS_TO_GUESS, decompressed};
use crate::rows::Verbatim;
use crate::source::{Batches, with_article};
use crate::{Batch, CsvOptions, Field, Input, Malformed, Place, ReadOptions, TableError};

/// The header and the kinds of the columns.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    options: CsvOptions,
    kinds: Vec<CellKind>,
    /// The line that names the columns, as it stands; `None` when the names come from elsewhere.
    header: Option<Box<[u8]>>,
}

/// Unquoted cells that mean "no value" where the column is not text.
const NOT_A_VALUE: [&str; 6] = ["NA", "N/A", "null", "NULL", "None", "\\N"];

/// The names in the first line.
fn header(input: &Input, records: &mut Records, record: &mut Record) -> Result<Vec<String>, TableError> {
    if !records.next(record)? {
        return Err(TableError::Empty {
            file: input.name.clone(),
            format: "CSV",
            needs: "a header line",
        });
    }
    (0..record.len())
        .map(|index| match record.text(index) {
            // As pandas calls the index column that `to_csv` writes without a name.
            Ok("") => Ok(format!("Unnamed: {index}")),
            Ok(name) => Ok(name.to_owned()),
            Err(_) => Err(not_utf8(
                input,
                record.line,
                &format!("header field {}", index + 1),
            )),
        })
        .collect()
}

pub(crate) fn open(input: &Input, options: &CsvOptions) -> Result<(Vec<Field>, Layout), TableError> {
    let mut records = records(input, options)?;
    let mut record = Record::default();
    let (names, header) = match &options.names {
        Some(names) => (names.clone(), None),
        None => {
            let names = header(input, &mut records, &mut record)?;
            (names, Some(record.rewritten(Dialect::of(options))))
        }
    };
    let mut guesses = vec![Guess::new(); names.len()];
    let mut rows = 0;
    while rows < ROWS_TO_GUESS && next_row(input, &mut records, &mut record, names.len())? {
        for (index, guess) in guesses.iter_mut().enumerate() {
            let Ok(cell) = record.text(index) else {
                return Err(not_utf8(input, record.line, &format!("column {}", names[index])));
            };
            if !is_null(options, cell, record.quoted(index), false) {
                guess.see(cell);
            }
        }
        rows += 1;
    }
    let kinds: Vec<CellKind> = names
        .iter()
        .zip(&guesses)
        .map(|(name, guess)| {
            let fixed = options.kinds.iter().find(|(column, _)| column == name);
            fixed.map_or(guess.kind(), |(_, kind)| CellKind::fixed(*kind, guess.kind()))
        })
        .collect();
    let fields = names
        .iter()
        .zip(&kinds)
        .map(|(name, kind)| kind.field(name))
        .collect();
    Ok((
        fields,
        Layout {
            options: options.clone(),
            kinds,
            header,
        },
    ))
}

fn records(input: &Input, options: &CsvOptions) -> Result<Records, TableError> {
    let read =
        decompressed(input, options.compression).map_err(|error| TableError::io(&input.name, error))?;
    let mut records = Records::new(&input.name, read, Dialect::of(options));
    records.skip(options.skip_lines)?;
    Ok(records)
}

/// The next record with as many fields as the header; blank lines are no rows of a table of several columns.
fn next_row(
    input: &Input,
    records: &mut Records,
    record: &mut Record,
    width: usize,
) -> Result<bool, TableError> {
    loop {
        if !records.next(record)? {
            return Ok(false);
        }
        if record.is_blank() && width > 1 {
            continue;
        }
        if record.len() != width {
            let what = format!("{} fields, but the header has {width}", record.len());
            return Err(TableError::corrupt(
                &input.name,
                format!("line {}", record.line),
                what,
            ));
        }
        return Ok(true);
    }
}

fn is_null(options: &CsvOptions, cell: &str, quoted: bool, text: bool) -> bool {
    if quoted {
        return false;
    }
    match &options.null_values {
        Some(words) => words.iter().any(|word| word == cell),
        None => cell.is_empty() || (!text && NOT_A_VALUE.contains(&cell)),
    }
}

fn not_utf8(input: &Input, line: u64, at: &str) -> TableError {
    TableError::corrupt(
        &input.name,
        format!("line {line}, {at}"),
        "the text is not UTF-8; save the file as UTF-8",
    )
}

/// Streams batches.
pub(crate) struct Reader {
    input: Input,
    file: Arc<str>,
    records: Records,
    options: CsvOptions,
    width: usize,
    fields: Vec<Arc<Field>>,
    picked: Vec<usize>,
    kinds: Vec<CellKind>,
    batch_rows: usize,
    lenient: bool,
    verbatim: bool,
    next_row: u64,
}

impl Reader {
    pub(crate) fn new(
        input: &Input,
        layout: &Layout,
        fields: &[Arc<Field>],
        picked: &[usize],
        options: &ReadOptions,
    ) -> Result<Self, TableError> {
        let mut records = records(input, &layout.options)?;
        if layout.header.is_some() {
            records.next(&mut Record::default())?;
        }
        Ok(Self {
            input: input.clone(),
            file: input.name.as_str().into(),
            records,
            options: layout.options.clone(),
            width: layout.kinds.len(),
            fields: fields.to_vec(),
            picked: picked.to_vec(),
            kinds: picked.iter().map(|index| layout.kinds[*index]).collect(),
            batch_rows: options.batch_rows,
            lenient: options.lenient,
            verbatim: options.verbatim,
            next_row: 0,
        })
    }
}

impl Batches for Reader {
    fn next(&mut self) -> Result<Option<Batch>, TableError> {
        let mut builders: Vec<Builder> = self.kinds.iter().map(|kind| Builder::new(*kind)).collect();
        let mut lines = Vec::new();
        let mut malformed = Vec::new();
        let mut texts = Vec::new();
        let mut record = Record::default();
        while lines.len() < self.batch_rows
            && next_row(&self.input, &mut self.records, &mut record, self.width)?
        {
            let place = Place {
                row: self.next_row + lines.len() as u64,
                line: Some(record.line),
            };
            for (column, (index, builder)) in self.picked.iter().zip(&mut builders).enumerate() {
                let field = &self.fields[column];
                let Ok(cell) = record.text(*index) else {
                    return Err(not_utf8(
                        &self.input,
                        record.line,
                        &format!("column {}", field.name),
                    ));
                };
                let is_text = matches!(builder.kind, CellKind::Text);
                if is_null(&self.options, cell, record.quoted(*index), is_text) {
                    builder.push_null();
                } else if !builder.push(cell) {
                    if !self.lenient {
                        return Err(wrong_kind(&self.file, &place, field, cell));
                    }
                    malformed.push(Malformed {
                        column: field.name.clone(),
                        place,
                        text: crate::shortened(cell).into_owned(),
                        expected: field.kind,
                    });
                }
            }
            lines.push(record.line);
            if self.verbatim {
                texts.push(record.rewritten(Dialect::of(&self.options)));
            }
        }
        if lines.is_empty() {
            return Ok(None);
        }
        let first_row = self.next_row;
        let rows = lines.len();
        self.next_row += rows as u64;
        let columns = builders
            .into_iter()
            .zip(&self.fields)
            .map(|(builder, field)| builder.finish(field))
            .collect();
        Ok(Some(Batch {
            file: Arc::clone(&self.file),
            rows,
            columns,
            first_row,
            lines: Some(lines),
            numbers: None,
            malformed,
            verbatim: self.verbatim.then_some(Verbatim::Lines(texts)),
        }))
    }
}

/// A cell that does not fit, when that is an error.
pub(crate) fn wrong_kind(file: &str, place: &Place, field: &Field, cell: &str) -> TableError {
    let what = format!(
        "{:?} is not {} as the rows before it are",
        crate::shortened(cell),
        with_article(field.kind)
    );
    TableError::corrupt(file, format!("{place}, column {}", field.name), what)
}
