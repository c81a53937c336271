//! From keys back to values: a further pass, only when a key is to be shown.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tabular::row_keys;

use super::objects::OpenedTable;
use super::scan::{Pass, visit};
use super::values::Spot;
use crate::error::ScanError;

/// A key with the rows that have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The values of the key's columns, as they are shown.
    pub value: String,
    /// Rows.
    pub rows: u64,
    /// The first row.
    pub spot: Option<Spot>,
}

/// Finds the values of keys in a table.
pub fn find(
    table: &OpenedTable,
    columns: &[String],
    keys: &[(u128, u64)],
    pass: Pass<'_>,
) -> Result<Vec<Example>, ScanError> {
    let mut found: HashMap<u128, (String, Spot)> = HashMap::new();
    if !keys.is_empty() {
        let wanted: HashMap<u128, u64> = keys.iter().copied().collect();
        for object in 0..table.objects.len() {
            visit(table, object, columns, pass, |batch| {
                let Ok(picked) = columns
                    .iter()
                    .map(|name| batch.column(name))
                    .collect::<Result<Vec<_>, _>>()
                else {
                    return false;
                };
                for (row, key) in row_keys(&picked).hashes.iter().enumerate() {
                    if wanted.contains_key(key) && !found.contains_key(key) {
                        let shown = picked
                            .iter()
                            .map(|column| column.display(row).unwrap_or_else(|| "null".to_owned()));
                        let value = shown.collect::<Vec<_>>().join(", ");
                        found.insert(
                            *key,
                            (
                                value,
                                Spot {
                                    object: table.first + object,
                                    place: batch.place(row),
                                },
                            ),
                        );
                    }
                }
                found.len() < wanted.len()
            })?;
            if found.len() == wanted.len() {
                break;
            }
        }
    }
    let mut examples: Vec<Example> = keys
        .iter()
        .map(|(key, rows)| {
            let (value, spot) = found
                .remove(key)
                .map_or(("?".to_owned(), None), |(value, spot)| (value, Some(spot)));
            Example {
                value,
                rows: *rows,
                spot,
            }
        })
        .collect();
    examples.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.value.cmp(&b.value)));
    Ok(examples)
}
