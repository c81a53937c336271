//! What a file knows of a column before it is read, by row group or by page: how many nulls, and between which values all
//! others lie.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::Column;

/// A file, cut into stretches of rows, each in one row group.
#[derive(Debug, Clone)]
pub struct Stretches {
    /// The rows of each, numbered from 0 in the file.
    pub rows: Vec<Range<u64>>,
    /// The row group of each.
    pub groups: Vec<usize>,
    /// What is known of a column, one value a stretch.
    pub bounds: BTreeMap<String, ColumnBounds>,
}

/// A column, by row group or by stretch.
#[derive(Debug, Clone)]
pub struct ColumnBounds {
    /// One value a part that no value is below; null where the footer does not tell. NaN is not among the values.
    pub min: Column,
    /// One value a part that no value is above.
    pub max: Column,
    /// Whether `min` and `max` are values of the part, and no shortened ones.
    pub exact: Vec<(bool, bool)>,
    /// Nulls, where the footer tells.
    pub nulls: Vec<Option<u64>>,
}
