//! Structs as the columns that they hold: a field `b` of a struct `a` is the column `a.b`.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{is_null, nullif};
use arrow::datatypes::{DataType, Field as ArrowField, Fields, Schema};

use crate::{Column, Field, TableError, convert};

/// Where a column is in a schema with structs.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    /// The number of the root.
    pub(crate) root: usize,
    /// The names from the root's child down; empty when the column is the root.
    pub(crate) below: Vec<String>,
    /// The columns of Parquet, which are numbered through all levels, that hold it.
    pub(crate) stored: Range<usize>,
}

/// All columns of a schema, in its order.
pub(crate) fn leaves(schema: &Schema) -> Vec<(Field, Leaf)> {
    let mut found = Vec::new();
    let mut next = 0;
    for (root, field) in schema.fields().iter().enumerate() {
        let at = Leaf {
            root,
            below: Vec::new(),
            stored: next..next,
        };
        add(
            field,
            field.name(),
            field.is_nullable(),
            &at,
            &mut next,
            &mut found,
        );
    }
    found
}

fn add(
    field: &ArrowField,
    name: &str,
    nullable: bool,
    at: &Leaf,
    next: &mut usize,
    found: &mut Vec<(Field, Leaf)>,
) {
    match field.data_type() {
        DataType::Struct(children) if !children.is_empty() => {
            for child in children {
                let mut below = at.below.clone();
                below.push(child.name().clone());
                let at = Leaf { below, ..at.clone() };
                let name = format!("{name}.{}", child.name());
                add(child, &name, nullable || child.is_nullable(), &at, next, found);
            }
        }
        other => {
            let start = *next;
            *next += stored(other);
            let at = Leaf {
                stored: start..*next,
                ..at.clone()
            };
            found.push((convert::field_of(name, other, nullable), at));
        }
    }
}

/// How many columns of Parquet hold a type.
fn stored(kind: &DataType) -> usize {
    let all = |fields: &Fields| fields.iter().map(|field| stored(field.data_type())).sum();
    match kind {
        DataType::Struct(fields) => all(fields),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => stored(field.data_type()),
        DataType::Dictionary(_, value) => stored(value),
        DataType::RunEndEncoded(_, value) => stored(value.data_type()),
        _ => 1,
    }
}

/// Columns of a batch that holds some roots; each with its field and where it is.
pub(crate) fn columns<'a>(
    file: &str,
    batch: &RecordBatch,
    roots: &[usize],
    picked: impl IntoIterator<Item = (&'a Arc<Field>, &'a Leaf)>,
) -> Result<Vec<Column>, TableError> {
    let one = |(field, leaf): (&'a Arc<Field>, &'a Leaf)| {
        let root = roots
            .binary_search(&leaf.root)
            .map_err(|_| "it was not read".to_owned());
        let array = root.and_then(|root| reach(batch.column(root), &leaf.below));
        let column = array.and_then(|array| convert::column(field, &array));
        column.map_err(|what| TableError::Column {
            file: file.to_owned(),
            column: field.name.clone(),
            what,
        })
    };
    picked.into_iter().map(one).collect()
}

/// The values of a column, from its root. Where a struct is null, so is all that it holds.
fn reach(root: &ArrayRef, below: &[String]) -> Result<ArrayRef, String> {
    let mut array = Arc::clone(root);
    for name in below {
        let held = array
            .as_struct_opt()
            .and_then(|held| held.column_by_name(name).cloned());
        let child = held.ok_or_else(|| format!("no field `{name}` in it"))?;
        array = if array.null_count() == 0 {
            child
        } else {
            let nulls = is_null(&array).map_err(|error| error.to_string())?;
            nullif(&child, &nulls).map_err(|error| error.to_string())?
        };
    }
    Ok(array)
}

/// The roots of some columns, in their order, each once.
pub(crate) fn roots(leaves: &[Leaf], picked: &[usize]) -> Vec<usize> {
    let mut roots: Vec<usize> = picked.iter().map(|index| leaves[*index].root).collect();
    roots.sort_unstable();
    roots.dedup();
    roots
}
