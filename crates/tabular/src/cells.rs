//! Cells of text formats: what kind a column seems to be, and typed columns built cell by cell.

pub(crate) mod build;
pub(crate) mod guess;
pub(crate) mod reads;
pub(crate) mod time;

use std::io::Read;
use std::sync::Arc;

use crate::input::Cursor;
use crate::{Compression, Field, Input, Kind};

/// What the cells of a column are read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellKind {
    Bool,
    Int,
    Float,
    Text,
    Date,
    /// With a zone (an offset or Z in the text) or without.
    Timestamp {
        zoned: bool,
    },
    /// Lists and objects of JSON, as their text.
    Json,
}

impl CellKind {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Bool => Kind::Bool,
            Self::Int => Kind::Int,
            Self::Float => Kind::Float,
            Self::Text | Self::Json => Kind::Text,
            Self::Date => Kind::Date,
            Self::Timestamp { .. } => Kind::Timestamp,
        }
    }

    /// The kind that a caller fixed; kinds that text cannot hold are read as text.
    pub(crate) fn fixed(kind: Kind, guessed: Self) -> Self {
        match kind {
            Kind::Bool => Self::Bool,
            Kind::Int => Self::Int,
            Kind::Float | Kind::Decimal => Self::Float,
            Kind::Date => Self::Date,
            Kind::Timestamp => match guessed {
                Self::Timestamp { .. } => guessed,
                _ => Self::Timestamp { zoned: false },
            },
            Kind::Text | Kind::Bytes | Kind::Other => Self::Text,
        }
    }

    pub(crate) fn field(self, name: &str) -> Field {
        let type_name = match self {
            Self::Bool => "bool",
            Self::Int => "int64",
            Self::Float => "float64",
            Self::Text => "string",
            Self::Date => "date32",
            Self::Timestamp { zoned: false } => "timestamp[us]",
            Self::Timestamp { zoned: true } => "timestamp[us, UTC]",
            Self::Json => "json",
        };
        Field {
            name: name.to_owned(),
            kind: self.kind(),
            nullable: true,
            type_name: type_name.to_owned(),
        }
    }
}

/// The bytes of a text file, decompressed.
pub(crate) fn decompressed(input: &Input, compression: Compression) -> std::io::Result<Box<dyn Read + Send>> {
    let cursor = Cursor::new(Arc::clone(&input.reader), 0);
    Ok(match compression {
        Compression::None => Box::new(cursor),
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(cursor)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(cursor)?),
    })
}

/// Rows looked at before the kinds of a text file's columns are settled.
pub(crate) const ROWS_TO_GUESS: usize = 10_000;
