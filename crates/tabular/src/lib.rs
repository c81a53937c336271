//! Parquet, CSV, JSON lines and Arrow files as typed, projected, streaming columns; the mergeable column profile.
//!
//! A [`Source`] is one file whose footer or header has been read; [`Source::scan`] streams a [`Table`] of
//! [`Batch`]es from it, and may be called from many threads at once, each with its own columns and row groups.
//! Nulls stay nulls, NaN stays NaN, and no Arrow type is part of the interface: an upgrade of Arrow (a major
//! version every three months) is an affair of this crate alone.
//!
//! What it does not do: it opens no connection (bytes come through [`RangeRead`]) and judges nothing.
//!
//! ```
//! use tabular::{Format, Input, ReadOptions, Table};
//!
//! let input = Input::from_bytes("trips.csv", "id,delay\n1,2.5\n2,\n");
//! let mut table = Table::open(input, Format::from_name("trips.csv")?, ReadOptions::default())?;
//! let batch = table.next_batch()?.ok_or("no rows")?;
//! assert_eq!(batch.column("delay")?.numbers().collect::<Vec<_>>(), [Some(2.5), None]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod bounds;
mod cells;
mod column;
mod constants;
mod convert;
mod csv;
mod delta;
mod error;
mod format;
mod guard;
mod input;
mod ipc;
mod json_lines;
mod keys;
mod nested;
mod parquet_file;
pub mod profile;
mod rows;
mod schema;
mod shorten;
mod source;
mod views;
mod whole;

pub use batch::{Batch, Malformed, Place};
pub use bounds::{ColumnBounds, Stretches};
pub use cells::reads::reads_as;
pub use column::Column;
pub use constants::kind_of_texts;
pub use delta::{DeltaFile, DeltaLog, DeltaTable};
pub use error::TableError;
pub use format::{Compression, CsvOptions, Format, JsonOptions};
pub use input::{Input, RangeRead};
pub use keys::{KeyHasher, KeyMap, KeySet, RowKeys, decimal_key, row_keys};
pub use profile::ColumnProfile;
pub use rows::{Marks, Rows};
pub use schema::{Field, Kind, Precision, find_field};
pub use shorten::shortened;
pub use source::{ReadOptions, RowGroup, Source, Table};
pub use views::{BoolView, BytesView, Dictionary, TextView, TimeView, Validity, Values};
pub use whole::{Columns, Whole, read_columns};
