//! From bytes to records: quotes, line breaks inside quotes, CR LF, a byte order mark.

use std::io::Read;

use crate::{CsvOptions, TableError};

/// No record of a table is longer; a quote that is never closed would otherwise swallow the file.
const LONGEST_RECORD: usize = 64 << 20;

/// One record: its fields, unquoted.
#[derive(Debug, Default)]
pub(crate) struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    quoted: Vec<bool>,
    /// The line on which the record begins, counted from 1.
    pub(crate) line: u64,
}

impl Record {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn text(&self, index: usize) -> Result<&str, std::str::Utf8Error> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        std::str::from_utf8(&self.bytes[start..self.ends[index]])
    }

    pub(crate) fn quoted(&self, index: usize) -> bool {
        self.quoted[index]
    }

    /// A line with nothing on it.
    pub(crate) fn is_blank(&self) -> bool {
        self.len() == 1 && self.bytes.is_empty() && !self.quoted[0]
    }

    /// The record as one line again, with quotes where it had them: `NA` and `"NA"` are not the same.
    pub(crate) fn rewritten(&self, dialect: Dialect) -> Box<[u8]> {
        let mut line = Vec::with_capacity(self.bytes.len() + 2 * self.len());
        let mut start = 0;
        for (index, end) in self.ends.iter().enumerate() {
            if index > 0 {
                line.push(dialect.delimiter);
            }
            let field = &self.bytes[start..*end];
            start = *end;
            if self.quoted[index] {
                dialect.quote(field, &mut line);
            } else {
                line.extend_from_slice(field);
            }
        }
        line.into_boxed_slice()
    }

    fn clear(&mut self, line: u64) {
        self.bytes.clear();
        self.ends.clear();
        self.quoted.clear();
        self.line = line;
    }

    fn end_field(&mut self, quoted: bool) {
        self.ends.push(self.bytes.len());
        self.quoted.push(quoted);
    }
}

/// The bytes that have a meaning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    comment: Option<u8>,
}

impl Dialect {
    pub(crate) fn of(options: &CsvOptions) -> Self {
        Self {
            delimiter: options.delimiter,
            quote: options.quote,
            // A quote that is escaped by a quote is one that is doubled.
            escape: options.escape.filter(|escape| Some(*escape) != options.quote),
            comment: options.comment,
        }
    }

    /// Whether a byte ends or begins something, so that a plain field cannot hold it everywhere.
    pub(crate) fn parts(self, byte: u8) -> bool {
        byte == self.delimiter || Some(byte) == self.quote || matches!(byte, b'\n' | b'\r')
    }

    /// A field in quotes, where there are any.
    pub(crate) fn quote(self, field: &[u8], line: &mut Vec<u8>) {
        let Some(quote) = self.quote else {
            return line.extend_from_slice(field);
        };
        line.push(quote);
        for byte in field {
            if *byte == quote || Some(*byte) == self.escape {
                line.push(self.escape.unwrap_or(quote));
            }
            line.push(*byte);
        }
        line.push(quote);
    }
}

/// How text of UTF-8 may begin, which is no part of it.
pub(crate) const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];
/// How text of UTF-16 begins.
const UTF_16: [&[u8]; 2] = [&[0xFF, 0xFE], &[0xFE, 0xFF]];
/// How Parquet, Arrow and gzip begin.
const NO_TEXT: [&[u8]; 3] = [b"PAR1", b"ARROW1", &[0x1F, 0x8B]];

/// Whether a file that begins so is taken for something else than the text that it is.
pub(crate) fn is_misread(text: &[u8]) -> bool {
    let mut heads = UTF_16.iter().chain(&NO_TEXT);
    text.starts_with(&BYTE_ORDER_MARK) || heads.any(|head| text.starts_with(head))
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    /// After a quote inside a quoted field: its end, or the first half of `""`.
    QuoteSeen,
    /// The next byte stands for itself.
    Escaped,
    Comment,
}

/// Reads records from a stream.
pub(crate) struct Records {
    file: String,
    read: Box<dyn Read + Send>,
    dialect: Dialect,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    line: u64,
    started: bool,
}

impl Records {
    pub(crate) fn new(file: &str, read: Box<dyn Read + Send>, dialect: Dialect) -> Self {
        Self {
            file: file.to_owned(),
            read,
            dialect,
            buffer: vec![0; 256 << 10],
            at: 0,
            filled: 0,
            line: 1,
            started: false,
        }
    }

    /// Refills the buffer; `false` at the end of the stream.
    fn fill(&mut self) -> Result<bool, TableError> {
        self.at = 0;
        self.filled = 0;
        while self.filled == 0 {
            match self.read.read(&mut self.buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => self.filled = count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    let what = "the compressed stream ends early: the file is truncated; copy it again";
                    return Err(TableError::corrupt(
                        &self.file,
                        format!("after line {}", self.line),
                        what,
                    ));
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData
                    ) =>
                {
                    let what = format!("the compressed stream is corrupt ({error})");
                    return Err(TableError::corrupt(
                        &self.file,
                        format!("after line {}", self.line),
                        what,
                    ));
                }
                Err(error) => return Err(TableError::io(&self.file, error)),
            }
        }
        if !self.started {
            self.started = true;
            self.check_encoding()?;
        }
        Ok(self.at < self.filled || self.fill()?)
    }

    fn check_encoding(&mut self) -> Result<(), TableError> {
        let head = &self.buffer[..self.filled];
        let begins = |heads: &[&[u8]]| heads.iter().any(|bytes| head.starts_with(bytes));
        if begins(&[&BYTE_ORDER_MARK]) {
            self.at = BYTE_ORDER_MARK.len();
        } else if begins(&UTF_16) {
            return Err(TableError::corrupt(
                &self.file,
                "line 1",
                "the text is UTF-16; save the file as UTF-8",
            ));
        } else if begins(&NO_TEXT) {
            let what = "not delimited text, by its first bytes; give the file the ending of its real format";
            return Err(TableError::corrupt(&self.file, "line 1", what));
        }
        Ok(())
    }

    /// Passes over so many lines, whatever they hold.
    pub(crate) fn skip(&mut self, lines: usize) -> Result<(), TableError> {
        let end = self.line + lines as u64;
        while self.line < end && (self.at < self.filled || self.fill()?) {
            self.line += u64::from(self.buffer[self.at] == b'\n');
            self.at += 1;
        }
        Ok(())
    }

    /// Reads the next record; `false` at the end.
    pub(crate) fn next(&mut self, record: &mut Record) -> Result<bool, TableError> {
        record.clear(self.line);
        let mut state = State::FieldStart;
        let mut quoted = false;
        loop {
            if self.at == self.filled && !self.fill()? {
                return self.end(record, state, quoted);
            }
            if state == State::Plain {
                self.copy_plain(record);
                if self.at == self.filled {
                    continue;
                }
            }
            let byte = self.buffer[self.at];
            self.at += 1;
            if record.bytes.len() > LONGEST_RECORD {
                let what = format!("a record of over {LONGEST_RECORD} bytes; is a quote never closed?");
                return Err(self.corrupt(record, what));
            }
            let is_quote = Some(byte) == self.dialect.quote;
            match (state, byte) {
                (State::Quoted, _) if Some(byte) == self.dialect.escape => state = State::Escaped,
                (State::Quoted, _) if is_quote => state = State::QuoteSeen,
                (State::Quoted | State::Escaped, _) => {
                    self.line += u64::from(byte == b'\n');
                    record.bytes.push(byte);
                    state = State::Quoted;
                }
                (State::Comment, b'\n') => {
                    self.line += 1;
                    record.line = self.line;
                    state = State::FieldStart;
                }
                (State::Comment, _) => {}
                (State::FieldStart, _) if Some(byte) == self.dialect.comment && record.len() == 0 => {
                    state = State::Comment;
                }
                (State::QuoteSeen, _) if is_quote => {
                    record.bytes.push(byte);
                    state = State::Quoted;
                }
                (State::FieldStart, _) if is_quote => {
                    quoted = true;
                    state = State::Quoted;
                }
                (_, b'\n') => {
                    if !quoted && record.bytes.last() == Some(&b'\r') && state == State::Plain {
                        record.bytes.pop();
                    }
                    record.end_field(quoted);
                    self.line += 1;
                    return Ok(true);
                }
                (_, byte) if byte == self.dialect.delimiter => {
                    record.end_field(quoted);
                    quoted = false;
                    state = State::FieldStart;
                }
                // The CR of a CR LF after a closing quote.
                (State::QuoteSeen, b'\r') => {}
                (State::QuoteSeen, _) => {
                    let what = format!("text after the closing quote of field {}", record.len() + 1);
                    return Err(self.corrupt(record, what));
                }
                (State::FieldStart | State::Plain, _) => {
                    record.bytes.push(byte);
                    state = State::Plain;
                }
            }
        }
    }

    /// Copies up to the next byte that means something in a plain field.
    fn copy_plain(&mut self, record: &mut Record) {
        let rest = &self.buffer[self.at..self.filled];
        let count = rest
            .iter()
            .position(|byte| *byte == b'\n' || *byte == self.dialect.delimiter)
            .unwrap_or(rest.len());
        record.bytes.extend_from_slice(&rest[..count]);
        self.at += count;
    }

    fn end(&self, record: &mut Record, state: State, quoted: bool) -> Result<bool, TableError> {
        if matches!(state, State::Quoted | State::Escaped) {
            return Err(self.corrupt(
                record,
                "the quote that opens on this line is never closed".to_owned(),
            ));
        }
        if matches!(state, State::FieldStart | State::Comment) && record.len() == 0 {
            return Ok(false);
        }
        if state == State::Plain && record.bytes.last() == Some(&b'\r') {
            record.bytes.pop();
        }
        record.end_field(quoted);
        Ok(true)
    }

    fn corrupt(&self, record: &Record, what: String) -> TableError {
        TableError::corrupt(&self.file, format!("line {}", record.line), what)
    }
}
