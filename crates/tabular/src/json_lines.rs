//! One JSON object a line.

mod once;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use serde_json::Value;
use serde_json::map::{Entry, Map};

use crate::cells::build::Builder;
use crate::cells::guess::Guess;
use crate::cells::{CellKind, ROWS_TO_GUESS, decompressed};
use crate::csv::wrong_kind;
use crate::rows::Verbatim;
use crate::source::Batches;
use crate::{Batch, Compression, Field, Input, JsonOptions, Malformed, Place, ReadOptions, TableError};

/// The kinds of the columns, by name.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    compression: Compression,
    kinds: HashMap<String, CellKind>,
}

pub(crate) fn open(input: &Input, options: &JsonOptions) -> Result<(Vec<Field>, Layout), TableError> {
    let mut lines = Lines::new(input, options.compression)?;
    let mut names: Vec<String> = Vec::new();
    let mut guesses: HashMap<String, Guess> = HashMap::new();
    let mut rows = 0;
    while rows < ROWS_TO_GUESS {
        let Some(object) = lines.next()? else { break };
        for (name, value) in &object {
            let guess = guesses.entry(name.clone()).or_insert_with(|| {
                names.push(name.clone());
                Guess::new()
            });
            if !value.is_null() {
                guess.see_json(value);
            }
        }
        rows += 1;
    }
    if rows == 0 {
        return Err(TableError::Empty {
            file: input.name.clone(),
            format: "JSON lines",
            needs: "one object",
        });
    }
    let kind = |name: &String| {
        let guessed = guesses.get(name).map_or(CellKind::Text, Guess::kind);
        let fixed = options.kinds.iter().find(|(column, _)| column == name);
        fixed.map_or(guessed, |(_, kind)| CellKind::fixed(*kind, guessed))
    };
    let fields = names.iter().map(|name| kind(name).field(name)).collect();
    let kinds = names.iter().map(|name| (name.clone(), kind(name))).collect();
    Ok((
        fields,
        Layout {
            compression: options.compression,
            kinds,
        },
    ))
}

/// No line of a table is longer.
const LONGEST_LINE: u64 = 64 << 20;

struct Lines {
    file: String,
    read: BufReader<Box<dyn Read + Send>>,
    buffer: Vec<u8>,
    line: u64,
}

impl Lines {
    fn new(input: &Input, compression: Compression) -> Result<Self, TableError> {
        let read = decompressed(input, compression).map_err(|error| TableError::io(&input.name, error))?;
        Ok(Self {
            file: input.name.clone(),
            read: BufReader::new(read),
            buffer: Vec::new(),
            line: 0,
        })
    }

    /// The line that was read last, as it stands.
    fn text(&self) -> Box<[u8]> {
        let text = self
            .buffer
            .strip_prefix(&[0xEF, 0xBB, 0xBF])
            .unwrap_or(&self.buffer);
        text.trim_ascii().into()
    }

    /// The next object; blank lines are passed over.
    fn next(&mut self) -> Result<Option<Map<String, Value>>, TableError> {
        loop {
            self.buffer.clear();
            let read = (&mut self.read)
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut self.buffer);
            let at = || format!("line {}", self.line + 1);
            match read {
                Ok(0) => return Ok(None),
                Ok(count) if count as u64 == LONGEST_LINE => {
                    let what = format!("longer than {LONGEST_LINE} bytes; is this one object a line?");
                    return Err(TableError::corrupt(&self.file, at(), what));
                }
                Ok(_) => {}
                Err(error) => {
                    use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
                    if matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) {
                        let what = format!("the compressed stream is truncated or corrupt ({error})");
                        return Err(TableError::corrupt(&self.file, at(), what));
                    }
                    return Err(TableError::io(&self.file, error));
                }
            }
            self.line += 1;
            let text = self
                .buffer
                .strip_prefix(&[0xEF, 0xBB, 0xBF])
                .unwrap_or(&self.buffer);
            if text.trim_ascii().is_empty() {
                continue;
            }
            return match fields(text) {
                Ok(fields) => Ok(Some(fields)),
                Err((field, what)) => {
                    let field = field.map_or_else(String::new, |name| format!(", field {name}"));
                    let at = format!("line {}{field}", self.line);
                    Err(TableError::corrupt(&self.file, at, what))
                }
            };
        }
    }
}

/// The fields of a line; or what is wrong: the field, when it is one, and a sentence.
fn fields(text: &[u8]) -> Result<Map<String, Value>, (Option<String>, String)> {
    let twice = |name| {
        let what =
            "given twice on this line; a field has one value, and `{\"a\": {\"b\": 1}}` gives the field a.b";
        (Some(name), what.to_owned())
    };
    match once::read(text) {
        Ok((Value::Object(object), None)) => flattened(object).map_err(twice),
        Ok((_, Some(name))) => Err(twice(name)),
        Ok(_) => Err((None, "not a JSON object".to_owned())),
        Err(error) => Err((None, format!("not JSON ({error}); expected one object a line"))),
    }
}

/// An object within an object as fields of the outer one: `{"a": {"b": 1}}` has the column `a.b`.
///
/// # Errors
/// The name of two columns.
fn flattened(object: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let is_nested = |value: &Value| matches!(value, Value::Object(inner) if !inner.is_empty());
    if !object.values().any(is_nested) {
        return Ok(object);
    }
    let mut flat = Map::new();
    let mut put = |name: String, value: Value| match flat.entry(name) {
        Entry::Occupied(other) => Err(other.key().clone()),
        Entry::Vacant(free) => {
            free.insert(value);
            Ok(())
        }
    };
    for (name, value) in object {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                let path = |below: String| format!("{name}.{below}");
                for (below, value) in flattened(inner).map_err(path)? {
                    put(path(below), value)?;
                }
            }
            other => put(name, other)?,
        }
    }
    Ok(flat)
}

/// Streams batches.
pub(crate) struct Reader {
    file: Arc<str>,
    lines: Lines,
    known: HashMap<String, CellKind>,
    fields: Vec<Arc<Field>>,
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
        options: &ReadOptions,
    ) -> Result<Self, TableError> {
        Ok(Self {
            file: input.name.as_str().into(),
            lines: Lines::new(input, layout.compression)?,
            known: layout.kinds.clone(),
            fields: fields.to_vec(),
            batch_rows: options.batch_rows,
            lenient: options.lenient,
            verbatim: options.verbatim,
            next_row: 0,
        })
    }

    /// A field that no row at the start had would be lost without a word.
    fn check_names(&self, object: &Map<String, Value>) -> Result<(), TableError> {
        match object.keys().find(|name| !self.known.contains_key(*name)) {
            None => Ok(()),
            Some(name) => Err(TableError::corrupt(
                &self.file,
                format!("line {}, field {name}", self.lines.line),
                format!(
                    "a field that none of the first {ROWS_TO_GUESS} rows has; write it (or null) in an early row"
                ),
            )),
        }
    }
}

impl Batches for Reader {
    fn next(&mut self) -> Result<Option<Batch>, TableError> {
        let kind = |field: &Arc<Field>| self.known.get(&field.name).copied().unwrap_or(CellKind::Text);
        let mut builders: Vec<Builder> = self
            .fields
            .iter()
            .map(|field| Builder::new(kind(field)))
            .collect();
        let mut lines = Vec::new();
        let mut malformed = Vec::new();
        let mut texts = Vec::new();
        while lines.len() < self.batch_rows {
            let Some(object) = self.lines.next()? else { break };
            self.check_names(&object)?;
            let place = Place {
                row: self.next_row + lines.len() as u64,
                line: Some(self.lines.line),
            };
            for (field, builder) in self.fields.iter().zip(&mut builders) {
                match object.get(&field.name) {
                    None => builder.push_null(),
                    Some(value) if builder.push_json(value) => {}
                    Some(value) if !self.lenient => {
                        return Err(wrong_kind(&self.file, &place, field, &value.to_string()));
                    }
                    Some(value) => malformed.push(Malformed {
                        column: field.name.clone(),
                        place,
                        text: crate::shortened(&value.to_string()).into_owned(),
                        expected: field.kind,
                    }),
                }
            }
            lines.push(self.lines.line);
            if self.verbatim {
                texts.push(self.lines.text());
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
