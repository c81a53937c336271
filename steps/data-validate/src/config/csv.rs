//! How delimited text is written, where it is not as RFC 4180 has it.

use schemars::JsonSchema;
use serde::Deserialize;
use tabular::CsvOptions;

/// The dialect of a CSV or TSV file. Without it: double quotes, which are doubled within themselves, and a header line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvRules {
    /// The character around fields that hold a delimiter or a line break; `""` for none.
    #[serde(default)]
    pub quote: Option<String>,
    /// The character before a quote within quotes, for example `\`. Without it, a quote is doubled.
    #[serde(default)]
    pub escape: Option<String>,
    /// Lines that begin with this character are no rows, for example `#`.
    #[serde(default)]
    pub comment: Option<String>,
    /// Lines before the header, or before the first row, that are passed over.
    #[serde(default)]
    pub skip_lines: usize,
    /// The names of the columns, for a file without a header line.
    #[serde(default)]
    pub columns: Option<Vec<String>>,
}

impl CsvRules {
    /// What is wrong: the field, and a sentence. The delimiter is known when the suite names it.
    pub(super) fn faults(&self, delimiter: Option<char>) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        for (name, value) in [
            ("quote", &self.quote),
            ("escape", &self.escape),
            ("comment", &self.comment),
        ] {
            let Some(value) = value else { continue };
            if byte(value).is_none() && !(value.is_empty() && name == "quote") {
                found.push((
                    name,
                    format!("`{value}` must be one ASCII character, and no line break"),
                ));
            }
        }
        found.extend(self.clash(delimiter.and_then(|delimiter| u8::try_from(delimiter).ok())));
        if let Some(columns) = &self.columns {
            if columns.is_empty() {
                found.push(("columns", "names no columns".to_owned()));
            }
            for (index, name) in columns.iter().enumerate() {
                if columns[..index].contains(name) {
                    found.push(("columns", format!("`{name}` is there twice")));
                }
            }
        }
        found
    }

    /// Two meanings of one character: the field of the second, and a sentence.
    pub(crate) fn clash(&self, delimiter: Option<u8>) -> Option<(&'static str, String)> {
        let one = |value: &Option<String>| value.as_deref().and_then(byte);
        let quote = self
            .quote
            .as_ref()
            .map_or(CsvOptions::default().quote, |_| one(&self.quote));
        // A quote that is its own escape is doubled.
        let escape = one(&self.escape).filter(|escape| Some(*escape) != quote);
        let meanings = [
            ("delimiter", delimiter),
            ("quote", quote),
            ("escape", escape),
            ("comment", one(&self.comment)),
        ];
        let given: Vec<_> = meanings
            .into_iter()
            .filter_map(|(name, byte)| Some((name, byte?)))
            .collect();
        given.iter().enumerate().find_map(|(index, (name, byte))| {
            let (first, _) = given[..index].iter().find(|(_, other)| other == byte)?;
            let why = format!(
                "`{}` is the {first} already; each needs a character of its own",
                char::from(*byte)
            );
            Some((*name, why))
        })
    }

    /// The options of the reader.
    #[must_use]
    pub fn over(&self, options: CsvOptions) -> CsvOptions {
        let one = |value: &Option<String>| value.as_deref().and_then(byte);
        CsvOptions {
            quote: match &self.quote {
                None => options.quote,
                Some(_) => one(&self.quote),
            },
            escape: one(&self.escape),
            comment: one(&self.comment),
            skip_lines: self.skip_lines,
            names: self.columns.clone(),
            ..options
        }
    }
}

fn byte(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Some(*byte),
        _ => None,
    }
}
