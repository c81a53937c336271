//! Features out of a table file.

use tabular::{Format, Input, Kind, ReadOptions, Source, TableError, Values};

use crate::{Column, FeatureTable, InferenceError};

/// Why features cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// The file is not sound or a column is missing.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A column cannot travel.
    #[error(
        "{file}: column `{column}` is {found}, which no inference request can carry; name the feature columns without it"
    )]
    Kind {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// The columns make no table.
    #[error("{file}: {source}")]
    Shape {
        /// The file.
        file: String,
        /// Why not.
        source: InferenceError,
    },
}

impl FeatureTable {
    /// Reads the named columns in that order, or all columns in the order of the file.
    ///
    /// # Errors
    /// When the file is not sound, a column is missing, or one is of a type that no request can carry.
    pub fn read(input: &Input, format: Format, columns: Option<&[String]>) -> Result<Self, FeatureError> {
        Self::read_if(input, format, columns, None)
    }

    /// Reads these rows only, counted from 0 and ascending: memory goes with them and not with the file.
    ///
    /// # Errors
    /// As [`FeatureTable::read`].
    pub fn read_rows(
        input: &Input,
        format: Format,
        columns: Option<&[String]>,
        rows: &[usize],
    ) -> Result<Self, FeatureError> {
        Self::read_if(input, format, columns, Some(rows))
    }

    /// Counts the rows of a file.
    ///
    /// # Errors
    /// When the file is not sound.
    pub fn count(input: &Input, format: Format) -> Result<usize, FeatureError> {
        let source = Source::open(input.clone(), format)?;
        let mut table = source.scan(&ReadOptions::columns(Vec::<String>::new()))?;
        let mut rows = 0;
        while let Some(batch) = table.next_batch()? {
            rows += batch.rows();
        }
        Ok(rows)
    }

    fn read_if(
        input: &Input,
        format: Format,
        columns: Option<&[String]>,
        rows: Option<&[usize]>,
    ) -> Result<Self, FeatureError> {
        let file = &input.name;
        let source = Source::open(input.clone(), format)?;
        let options = columns.map_or_else(ReadOptions::default, |names| {
            ReadOptions::columns(names.iter().cloned())
        });
        let mut table = source.scan(&options)?;
        let mut read = table
            .schema()
            .map(|field| {
                let empty = match field.kind {
                    Kind::Float | Kind::Decimal => Column::Float(Vec::new()),
                    Kind::Int => Column::Int(Vec::new()),
                    Kind::Bool => Column::Bool(Vec::new()),
                    Kind::Text => Column::Text(Vec::new()),
                    _ => {
                        return Err(FeatureError::Kind {
                            file: file.clone(),
                            column: field.name.clone(),
                            found: field.type_name.clone(),
                        });
                    }
                };
                Ok((field.name.clone(), empty))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut before = 0;
        while let Some(batch) = table.next_batch()? {
            let wanted = match rows {
                None => batch,
                Some(rows) => {
                    let (first, after) = (before, before + batch.rows());
                    before = after;
                    let mut mask = vec![false; batch.rows()];
                    let from = rows.partition_point(|row| *row < first);
                    for row in rows[from..].iter().take_while(|row| **row < after) {
                        mask[row - first] = true;
                    }
                    batch.filter(&mask)?
                }
            };
            for (name, values) in &mut read {
                extend(values, wanted.column(name)?);
            }
        }
        if let Some(names) = columns {
            // A tree model tells its features by place: the order asked for, not the file's.
            read.sort_by_key(|(name, _)| names.iter().position(|wanted| wanted == name));
        }
        Self::new(read).map_err(|source| FeatureError::Shape {
            file: file.clone(),
            source,
        })
    }
}

fn extend(values: &mut Column, from: &tabular::Column) {
    let valid = from.validity();
    let rows = 0..from.len();
    match (values, from.values()) {
        (Column::Int(values), Values::Int(ints)) => {
            values.extend(rows.map(|row| valid.is_valid(row).then(|| ints[row])));
        }
        (Column::Int(values), Values::Unsigned(ints)) => {
            // Beyond i64 there is no INT64 on the wire; such an identifier is no feature either.
            values.extend(rows.map(|row| {
                valid
                    .is_valid(row)
                    .then(|| i64::try_from(ints[row]).unwrap_or(i64::MAX))
            }));
        }
        (Column::Bool(values), Values::Bool(bools)) => {
            values.extend(rows.map(|row| valid.is_valid(row).then(|| bools.get(row))));
        }
        (Column::Float(values), _) => values.extend(from.numbers()),
        (Column::Text(values), _) => values.extend(from.texts().map(|text| text.map(|t| t.into_owned()))),
        (Column::Int(values), _) => values.extend(from.numbers().map(|n| n.map(|n| n as i64))),
        (Column::Bool(values), _) => values.extend(from.numbers().map(|n| n.map(|n| n != 0.0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layout, Protocol, RequestShape};

    #[test]
    fn columns_come_in_the_order_asked_for() {
        let input = Input::from_bytes(
            "r.csv",
            "a,when,c,b\n1.5,2013-07-01T00:00:00Z,UA,7\n,2013-07-01T01:00:00Z,,8\n",
        );
        let format = Format::from_name("r.csv").unwrap();
        let names = ["b".to_owned(), "a".to_owned()];
        let table = FeatureTable::read(&input, format.clone(), Some(&names)).unwrap();
        assert_eq!((table.names(), table.rows()), (&names[..], 2));
        let shape = RequestShape::for_table(&table, Protocol::V2);
        assert_eq!(shape.layout, Layout::Matrix);
        let body = String::from_utf8(table.body(&shape, 0..2).unwrap()).unwrap();
        assert!(body.ends_with(r#""data":[7.0,1.5,8.0,null]}]}"#), "{body}");

        let error = FeatureTable::read(&input, format.clone(), None)
            .unwrap_err()
            .to_string();
        assert!(error.contains("r.csv: column `when` is"), "{error}");
        assert_eq!(FeatureTable::count(&input, format.clone()).unwrap(), 2);
        let second = FeatureTable::read_rows(&input, format.clone(), Some(&names), &[1]).unwrap();
        assert_eq!(second.rows(), 1);
        let body = String::from_utf8(second.body(&shape, 0..1).unwrap()).unwrap();
        assert!(body.ends_with(r#""data":[8.0,null]}]}"#), "{body}");

        let missing = ["aa".to_owned()];
        assert!(
            FeatureTable::read(&input, format, Some(&missing))
                .unwrap_err()
                .to_string()
                .contains("aa")
        );
    }
}
