//! File formats, and how a name tells them.

use crate::{Input, TableError};

/// How a table is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Delimited text with a header line.
    Csv(CsvOptions),
    /// One JSON object a line.
    JsonLines(JsonOptions),
    /// Apache Arrow IPC: the file form (Feather version 2) or the stream form.
    ArrowIpc,
}

/// How delimited text is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// The byte between fields.
    pub delimiter: u8,
    /// The byte around fields that hold others of these; `None` when no byte does that.
    pub quote: Option<u8>,
    /// The byte before a quote (or itself) within quotes. Without it such a quote is doubled.
    pub escape: Option<u8>,
    /// Lines that begin with this byte are no rows.
    pub comment: Option<u8>,
    /// Lines before the header, or before the first row, that are passed over.
    pub skip_lines: usize,
    /// The names of the columns, when the file has no header line.
    pub names: Option<Vec<String>>,
    /// How the whole file is compressed.
    pub compression: Compression,
    /// Unquoted fields that mean "no value", in every column. Without it an empty field is null, and in columns that
    /// are not text also `NA`, `N/A`, `null`, `NULL`, `None` and `\N`.
    pub null_values: Option<Vec<String>>,
    /// Columns whose kind is fixed instead of found from the first rows.
    pub kinds: Vec<(String, crate::Kind)>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: Some(b'"'),
            escape: None,
            comment: None,
            skip_lines: 0,
            names: None,
            compression: Compression::None,
            null_values: None,
            kinds: Vec::new(),
        }
    }
}

/// How JSON lines are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonOptions {
    /// How the whole file is compressed.
    pub compression: Compression,
    /// Columns whose kind is fixed instead of found from the first rows.
    pub kinds: Vec<(String, crate::Kind)>,
}

/// Compression of a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// None.
    #[default]
    None,
    /// gzip, also of several members.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Format {
    /// Reads the format from the ending of a path or URI; a query string is ignored.
    ///
    /// ```
    /// use tabular::{Compression, Format};
    /// assert_eq!(Format::from_name("s3://bucket/flights/part-0.parquet")?, Format::Parquet);
    /// let Format::JsonLines(options) = Format::from_name("a.jsonl.gz")? else { panic!() };
    /// assert_eq!(options.compression, Compression::Gzip);
    /// assert!(Format::from_name("model.pkl").is_err());
    /// # Ok::<(), tabular::TableError>(())
    /// ```
    ///
    /// # Errors
    /// When the ending is none that is known.
    pub fn from_name(name: &str) -> Result<Self, TableError> {
        let path = name.split(['?', '#']).next().unwrap_or(name);
        let lower = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        let (stem, compression) = if let Some(stem) = lower.strip_suffix(".gz") {
            (stem, Compression::Gzip)
        } else if let Some(stem) = lower.strip_suffix(".zst") {
            (stem, Compression::Zstd)
        } else {
            (lower.as_str(), Compression::None)
        };
        let format = match (stem.rsplit_once('.').map(|(_, ending)| ending), compression) {
            (Some("parquet" | "pq" | "parq"), Compression::None) => Self::Parquet,
            (Some("arrow" | "feather" | "ipc" | "arrows"), Compression::None) => Self::ArrowIpc,
            (Some("csv" | "txt"), _) => Self::Csv(CsvOptions {
                compression,
                ..CsvOptions::default()
            }),
            (Some("tsv" | "tab"), _) => Self::Csv(CsvOptions {
                delimiter: b'\t',
                compression,
                ..CsvOptions::default()
            }),
            (Some("jsonl" | "ndjson"), _) => Self::JsonLines(JsonOptions {
                compression,
                kinds: Vec::new(),
            }),
            _ => {
                return Err(TableError::UnknownFormat {
                    file: name.to_owned(),
                });
            }
        };
        Ok(format)
    }

    /// Reads the format from the ending of an input's name; a name without any, as an artifact of a workflow has in its
    /// pod, leaves it to the first bytes: the magic of Parquet or Arrow, a brace for JSON lines, other text for CSV.
    ///
    /// ```
    /// use tabular::{Format, Input};
    /// assert_eq!(Format::of(&Input::from_bytes("/in/data", "id,late\n1,0\n"))?.name(), "CSV");
    /// assert_eq!(Format::of(&Input::from_bytes("/in/data", "{\"id\": 1}\n"))?.name(), "JSON lines");
    /// assert!(Format::of(&Input::from_bytes("/in/model.pkl", "id,late\n")).is_err());
    /// # Ok::<(), tabular::TableError>(())
    /// ```
    ///
    /// # Errors
    /// When the ending is none that is known, or the bytes cannot be had or are no table's.
    pub fn of(input: &Input) -> Result<Self, TableError> {
        let file = input.name.rsplit('/').next().unwrap_or(&input.name);
        if file.contains('.') {
            return Self::from_name(&input.name);
        }
        let unknown = || TableError::UnknownFormat {
            file: input.name.clone(),
        };
        let head = input.reader.read_at(0, 512).map_err(|_| unknown())?;
        if head.starts_with(b"PAR1") {
            return Ok(Self::Parquet);
        }
        if head.starts_with(b"ARROW1") {
            return Ok(Self::ArrowIpc);
        }
        let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
        match first {
            Some(b'{') => Ok(Self::JsonLines(JsonOptions::default())),
            // Control characters stand in no text: this is another program's file.
            Some(_)
                if head
                    .iter()
                    .all(|byte| *byte >= b' ' || byte.is_ascii_whitespace()) =>
            {
                Ok(Self::Csv(CsvOptions::default()))
            }
            _ => Err(unknown()),
        }
    }

    /// Whether a name ends like a table, for picking the data files out of a directory.
    #[must_use]
    pub fn is_table_name(name: &str) -> bool {
        Self::from_name(name).is_ok()
    }

    /// The name of the format in messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Parquet => "Parquet",
            Self::Csv(_) => "CSV",
            Self::JsonLines(_) => "JSON lines",
            Self::ArrowIpc => "Arrow IPC",
        }
    }
}
