//! Records written so that the dialect that they come from reads them again.

use super::records::{BYTE_ORDER_MARK, Dialect, is_misread};
use super::{Layout, is_null};
use crate::{CsvOptions, Rows};

/// Delimited text in memory, in the dialect of a file.
pub(crate) struct Written {
    options: CsvOptions,
    dialect: Dialect,
    text: Vec<u8>,
}

impl Written {
    /// What comes before the first row of the file: empty lines where lines are passed over, the header as it stands.
    pub(crate) fn like(layout: &Layout, more: &[&str]) -> Self {
        let mut written = Self {
            options: layout.options.clone(),
            dialect: Dialect::of(&layout.options),
            text: vec![b'\n'; layout.options.skip_lines],
        };
        if let Some(header) = &layout.header {
            written.line(header, more);
        }
        written
    }

    /// A record as it stands, and fields after its own.
    pub(crate) fn line(&mut self, record: &[u8], more: &[&str]) {
        self.text.extend_from_slice(record);
        for field in more {
            self.text.push(self.options.delimiter);
            self.field(field);
        }
        // The reader takes one CR before a line break for a part of it.
        if self.text.last() == Some(&b'\r') {
            self.text.push(b'\r');
        }
        self.text.push(b'\n');
    }

    /// A field, in quotes when it needs them. Where there are no quotes, what would be misread is written as `%3B`.
    fn field(&mut self, value: &str) {
        let is_word = is_null(&self.options, value, false, false);
        if self.options.quote.is_none() {
            for (index, byte) in value.bytes().enumerate() {
                if byte == b'%' || self.dialect.parts(byte) || (is_word && index == 0) {
                    self.text.extend_from_slice(format!("%{byte:02X}").as_bytes());
                } else {
                    self.text.push(byte);
                }
            }
        } else if is_word || value.bytes().any(|byte| self.dialect.parts(byte)) {
            self.dialect.quote(value.as_bytes(), &mut self.text);
        } else {
            self.text.extend_from_slice(value.as_bytes());
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn is_of_tabs(&self) -> bool {
        self.options.delimiter == b'\t'
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        if is_misread(&self.text) {
            self.text.splice(..0, BYTE_ORDER_MARK);
        }
        self.text
    }
}

impl Layout {
    /// Why rows of the file cannot be marked: without quotes, a delimiter that a mark or its code has is told from nothing.
    pub(crate) fn unmarkable(&self) -> Option<String> {
        let delimiter = char::from(self.options.delimiter);
        let has = |text: &str| text.contains(delimiter);
        let is_in_marks =
            has("%0123456789ABCDEF") || self.header.is_some() && Rows::MARKS.iter().any(|name| has(name));
        (self.options.quote.is_none() && is_in_marks).then(|| {
            let [row, reasons] = Rows::MARKS;
            format!("its delimiter is `{delimiter}` and it has no quotes, so that `{row}` and `{reasons}` cannot be written beside a row")
        })
    }
}
