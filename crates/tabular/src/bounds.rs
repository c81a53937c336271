//! What a footer knows of a column, by row group: how many nulls, and between which values all others lie.

use crate::Column;

/// A column, by row group.
#[derive(Debug, Clone)]
pub struct ColumnBounds {
    /// One value a row group that no value is below; null where the footer does not tell. NaN is not among the values.
    pub min: Column,
    /// One value a row group that no value is above.
    pub max: Column,
    /// Whether `min` and `max` are values of the row group, and no shortened ones.
    pub exact: Vec<(bool, bool)>,
    /// Nulls, where the footer tells.
    pub nulls: Vec<Option<u64>>,
}
