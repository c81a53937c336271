//! Rows of features, and how they are put on the wire.

use std::ops::Range;

use serde_json::{Map, Value};

use crate::v1::PredictRequest;
use crate::v2::{InferRequest, Tensor, TensorData};
use crate::{InferenceError, Protocol};

/// One column of features.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Floats; NaN and `None` both mean "missing".
    Float(Vec<Option<f64>>),
    /// Integers.
    Int(Vec<Option<i64>>),
    /// Booleans.
    Bool(Vec<Option<bool>>),
    /// Text.
    Text(Vec<Option<String>>),
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Float(values) => values.len(),
            Self::Int(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// The value as a number, as a matrix needs it.
    fn number(&self, row: usize) -> Option<f64> {
        match self {
            Self::Float(values) => values[row].filter(|x| x.is_finite()),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a float matrix has no other form for an integer"
            )]
            Self::Int(values) => values[row].map(|x| x as f64),
            Self::Bool(values) => values[row].map(f64::from),
            Self::Text(_) => None,
        }
    }

    fn json(&self, row: usize) -> Value {
        match self {
            Self::Float(values) => values[row].map_or(Value::Null, Value::from),
            Self::Int(values) => values[row].map_or(Value::Null, Value::from),
            Self::Bool(values) => values[row].map_or(Value::Null, Value::from),
            Self::Text(values) => values[row].clone().map_or(Value::Null, Value::from),
        }
    }

    /// The column as a tensor of its own type. Integers and booleans have no null on the wire, so with a
    /// missing value they go as floats, as pandas does it.
    fn tensor(&self, name: &str, rows: Range<usize>) -> Tensor {
        let shape = vec![rows.len(), 1];
        match self {
            Self::Int(values) => match values[rows.clone()].iter().copied().collect::<Option<Vec<i64>>>() {
                Some(whole) => Tensor::new(name, shape, TensorData::Int64(whole)),
                None => self.as_floats(name, rows),
            },
            Self::Bool(values) => match values[rows.clone()]
                .iter()
                .copied()
                .collect::<Option<Vec<bool>>>()
            {
                Some(whole) => Tensor::new(name, shape, TensorData::Bool(whole)),
                None => self.as_floats(name, rows),
            },
            Self::Float(_) => self.as_floats(name, rows),
            Self::Text(values) => {
                Tensor::new(name, shape, TensorData::Bytes(values[rows].to_vec())).with_content_type("str")
            }
        }
    }

    fn as_floats(&self, name: &str, rows: Range<usize>) -> Tensor {
        let shape = vec![rows.len(), 1];
        Tensor::new(
            name,
            shape,
            TensorData::Fp64(rows.map(|row| self.number(row)).collect()),
        )
    }
}

/// How the features of a row travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One float matrix, columns in the table's order (V1: a list a row). Only numbers and booleans.
    Matrix,
    /// One tensor a column, by name (V1: an object a row).
    Columns,
}

/// How a request is built from rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestShape {
    /// V1 or V2.
    pub protocol: Protocol,
    /// Matrix or columns.
    pub layout: Layout,
    /// The matrix's tensor name; servers with one input mostly ignore it.
    pub input_name: String,
}

impl RequestShape {
    /// The layout that fits the table: a matrix when every column is a number, else a tensor a column.
    #[must_use]
    pub fn for_table(table: &FeatureTable, protocol: Protocol) -> Self {
        let layout = if table.first_text().is_some() {
            Layout::Columns
        } else {
            Layout::Matrix
        };
        Self {
            protocol,
            layout,
            input_name: "input-0".to_owned(),
        }
    }
}

/// Rows of named features, whole in memory: what is sent is a test set or a sample of traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureTable {
    names: Vec<String>,
    columns: Vec<Column>,
    rows: usize,
}

impl FeatureTable {
    /// A table of columns of one length.
    ///
    /// # Errors
    /// When there is no column, lengths differ or a name comes twice.
    pub fn new(columns: Vec<(String, Column)>) -> Result<Self, InferenceError> {
        let Some((_, first)) = columns.first() else {
            return Err(InferenceError::Request(
                "there is no feature column to send".to_owned(),
            ));
        };
        let rows = first.len();
        let mut seen = std::collections::BTreeSet::new();
        for (name, column) in &columns {
            if column.len() != rows {
                return Err(InferenceError::Request(format!(
                    "feature column `{name}` has {} rows, the first one has {rows}",
                    column.len()
                )));
            }
            if !seen.insert(name.as_str()) {
                return Err(InferenceError::Request(format!(
                    "feature column `{name}` is named twice"
                )));
            }
        }
        let (names, columns) = columns.into_iter().unzip();
        Ok(Self { names, columns, rows })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns' names in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The first column that no float matrix can hold.
    #[must_use]
    pub fn first_text(&self) -> Option<&str> {
        let position = self
            .columns
            .iter()
            .position(|column| matches!(column, Column::Text(_)))?;
        Some(&self.names[position])
    }

    /// The JSON body that asks for these rows.
    ///
    /// # Errors
    /// When a text column is to go into a matrix, or the rows are not there.
    ///
    /// ```
    /// use kserve_api::{Column, FeatureTable, Layout, Protocol, RequestShape};
    /// let table = FeatureTable::new(vec![
    ///     ("delay".into(), Column::Float(vec![Some(1.5), None])),
    ///     ("hour".into(), Column::Int(vec![Some(7), Some(8)])),
    /// ]).unwrap();
    /// let shape = RequestShape::for_table(&table, Protocol::V2);
    /// let body = table.body(&shape, 0..2).unwrap();
    /// assert_eq!(body, br#"{"inputs":[{"name":"input-0","shape":[2,2],"datatype":"FP64","data":[1.5,7.0,null,8.0]}]}"#);
    /// ```
    pub fn body(&self, shape: &RequestShape, rows: Range<usize>) -> Result<Vec<u8>, InferenceError> {
        if rows.start >= rows.end || rows.end > self.rows {
            return Err(InferenceError::Request(format!(
                "rows {}..{} are asked for, the table has {}",
                rows.start, rows.end, self.rows
            )));
        }
        if let (Layout::Matrix, Some(column)) = (shape.layout, self.first_text()) {
            return Err(InferenceError::Request(format!(
                "column `{column}` is text, which a float matrix cannot hold: send one tensor per column, or leave it out of the features"
            )));
        }
        let bytes = match shape.protocol {
            Protocol::V2 => serde_json::to_vec(&self.v2_request(shape, rows)),
            Protocol::V1 => serde_json::to_vec(&self.v1_request(shape.layout, rows)),
        };
        bytes.map_err(|why| InferenceError::Request(format!("the request cannot be written as JSON: {why}")))
    }

    fn v2_request(&self, shape: &RequestShape, rows: Range<usize>) -> InferRequest {
        match shape.layout {
            Layout::Matrix => {
                let size = vec![rows.len(), self.columns.len()];
                let data = rows.flat_map(|row| self.columns.iter().map(move |column| column.number(row)));
                let data = TensorData::Fp64(data.collect());
                InferRequest {
                    parameters: Map::new(),
                    inputs: vec![Tensor::new(&*shape.input_name, size, data)],
                }
            }
            Layout::Columns => {
                // MLServer's word for "these tensors are the columns of one data frame".
                let mut parameters = Map::new();
                parameters.insert("content_type".to_owned(), Value::from("pd"));
                let inputs = self
                    .names
                    .iter()
                    .zip(&self.columns)
                    .map(|(name, column)| column.tensor(name, rows.clone()))
                    .collect();
                InferRequest { parameters, inputs }
            }
        }
    }

    fn v1_request(&self, layout: Layout, rows: Range<usize>) -> PredictRequest {
        let instances = rows
            .map(|row| match layout {
                Layout::Matrix => self
                    .columns
                    .iter()
                    .map(|column| Value::from(column.number(row)))
                    .collect(),
                Layout::Columns => Value::Object(
                    self.names
                        .iter()
                        .zip(&self.columns)
                        .map(|(name, column)| (name.clone(), column.json(row)))
                        .collect(),
                ),
            })
            .collect();
        PredictRequest { instances }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> FeatureTable {
        FeatureTable::new(vec![
            ("x".into(), Column::Float(vec![Some(0.5), Some(f64::NAN)])),
            ("n".into(), Column::Int(vec![Some(3), None])),
            ("b".into(), Column::Bool(vec![Some(true), Some(false)])),
            ("c".into(), Column::Text(vec![Some("UA".into()), None])),
        ])
        .unwrap()
    }

    fn body(layout: Layout, protocol: Protocol, rows: Range<usize>) -> String {
        let shape = RequestShape {
            protocol,
            layout,
            input_name: "in".into(),
        };
        String::from_utf8(table().body(&shape, rows).unwrap()).unwrap()
    }

    #[test]
    fn columns_keep_their_types_until_a_null_needs_a_float() {
        assert_eq!(
            body(Layout::Columns, Protocol::V2, 0..1),
            r#"{"parameters":{"content_type":"pd"},"inputs":[{"name":"x","shape":[1,1],"datatype":"FP64","data":[0.5]},{"name":"n","shape":[1,1],"datatype":"INT64","data":[3]},{"name":"b","shape":[1,1],"datatype":"BOOL","data":[true]},{"name":"c","shape":[1,1],"datatype":"BYTES","parameters":{"content_type":"str"},"data":["UA"]}]}"#
        );
        assert!(body(Layout::Columns, Protocol::V2, 0..2).contains(r#""datatype":"FP64","data":[3.0,null]"#));
    }

    #[test]
    fn v1_rows_are_objects_or_lists() {
        assert_eq!(
            body(Layout::Columns, Protocol::V1, 1..2),
            r#"{"instances":[{"x":null,"n":null,"b":false,"c":null}]}"#
        );
        let numbers = FeatureTable::new(vec![("x".into(), Column::Float(vec![Some(0.5), None]))]).unwrap();
        let shape = RequestShape::for_table(&numbers, Protocol::V1);
        assert_eq!(
            numbers.body(&shape, 0..2).unwrap(),
            br#"{"instances":[[0.5],[null]]}"#
        );
    }

    #[test]
    fn text_in_a_matrix_rows_out_of_range_and_no_columns_are_refused() {
        let shape = RequestShape {
            protocol: Protocol::V2,
            layout: Layout::Matrix,
            input_name: "in".into(),
        };
        assert!(
            table()
                .body(&shape, 0..1)
                .unwrap_err()
                .to_string()
                .contains("column `c` is text")
        );
        let shape = RequestShape::for_table(&table(), Protocol::V2);
        assert_eq!(shape.layout, Layout::Columns);
        assert!(table().body(&shape, 1..1).is_err());
        assert!(table().body(&shape, 1..3).is_err());
        assert!(FeatureTable::new(vec![]).is_err());
        let uneven = vec![
            ("a".into(), Column::Int(vec![])),
            ("b".into(), Column::Int(vec![None])),
        ];
        assert!(FeatureTable::new(uneven).is_err());
        let twice = vec![
            ("a".into(), Column::Int(vec![])),
            ("a".into(), Column::Int(vec![])),
        ];
        assert!(
            FeatureTable::new(twice)
                .unwrap_err()
                .to_string()
                .contains("twice")
        );
    }
}
