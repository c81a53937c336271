//! From an answer's bytes to one finite number a row, or the reason why not.

use serde_json::Value;

use AnswerError::{NotANumber, Shape};

use crate::Protocol;
use crate::v1::PredictResponse;
use crate::v2::{InferResponse, OutputTensor};

/// Why an answer holds no usable predictions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is not the answer to what was asked: no JSON, another output, another count, an ambiguous width.
    #[error("{0}")]
    Shape(String),
    /// It is the answer, and a prediction in it is null, NaN or a text.
    #[error("{0}")]
    NotANumber(String),
}

/// Which number of the answer is the prediction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswerShape {
    /// The V2 output to read. Without it there must be exactly one.
    pub output: Option<String>,
    /// The column of a `[n, k]` answer. Without it: the only one, or the second of two (the positive class).
    pub positive_class: Option<usize>,
}

impl AnswerShape {
    /// Reads `rows` predictions out of an answer.
    ///
    /// # Errors
    /// With the reason when the answer is not one finite number a row.
    ///
    /// ```
    /// use kserve_api::{AnswerShape, Protocol};
    /// let body = br#"{"outputs":[{"name":"predict","shape":[2,1],"datatype":"FP64","data":[0.25,0.5]}]}"#;
    /// assert_eq!(AnswerShape::default().predictions(Protocol::V2, body, 2), Ok(vec![0.25, 0.5]));
    /// assert!(AnswerShape::default().predictions(Protocol::V2, body, 3).is_err());
    /// ```
    pub fn predictions(&self, protocol: Protocol, body: &[u8], rows: usize) -> Result<Vec<f64>, AnswerError> {
        match protocol {
            Protocol::V2 => {
                let answer: InferResponse = parse(body)?;
                self.of_tensor(self.pick(&answer.outputs)?, rows)
            }
            Protocol::V1 => {
                let answer: PredictResponse = parse(body)?;
                let Value::Array(items) = &answer.predictions else {
                    return Err(Shape("`predictions` is not a list".to_owned()));
                };
                expect_rows(items.len(), rows)?;
                items
                    .iter()
                    .enumerate()
                    .map(|(row, item)| self.of_row(row, item))
                    .collect()
            }
        }
    }

    fn pick<'a>(&self, outputs: &'a [OutputTensor]) -> Result<&'a OutputTensor, AnswerError> {
        let names = || {
            outputs
                .iter()
                .map(|o| o.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match (&self.output, outputs) {
            (_, []) => Err(Shape("it has no outputs".to_owned())),
            (None, [only]) => Ok(only),
            (None, _) => Err(Shape(format!(
                "it has {} outputs ({}): name one",
                outputs.len(),
                names()
            ))),
            (Some(wanted), _) => outputs
                .iter()
                .find(|o| o.name == *wanted)
                .ok_or_else(|| Shape(format!("it has no output `{wanted}`, only: {}", names()))),
        }
    }

    fn of_tensor(&self, output: &OutputTensor, rows: usize) -> Result<Vec<f64>, AnswerError> {
        let name = &output.name;
        let mut flat = Vec::with_capacity(rows);
        flatten(&output.data, &mut flat);
        let shape = &output.shape;
        let claimed: i64 = shape.iter().product();
        if !shape.is_empty() && usize::try_from(claimed) != Ok(flat.len()) {
            return Err(Shape(format!(
                "output `{name}` claims shape {shape:?} and has {} elements",
                flat.len()
            )));
        }
        match shape.first() {
            Some(&first) => expect_rows(usize::try_from(first).unwrap_or(0), rows)?,
            None => expect_rows(flat.len(), rows)?,
        }
        let width = flat.len() / rows.max(1);
        let column = self.column(width)?;
        (0..rows)
            .map(|row| number(row, flat[row * width + column]))
            .collect()
    }

    fn of_row(&self, row: usize, item: &Value) -> Result<f64, AnswerError> {
        let mut flat = Vec::new();
        flatten(item, &mut flat);
        let column = self.column(flat.len())?;
        number(row, flat[column])
    }

    /// The element of a row of `width` elements.
    fn column(&self, width: usize) -> Result<usize, AnswerError> {
        match (self.positive_class, width) {
            (_, 0) => Err(Shape("a row has no element".to_owned())),
            // A single column is the score itself, whichever class it is of.
            (_, 1) => Ok(0),
            (None, 2) => Ok(1),
            (None, _) => Err(Shape(format!(
                "a row has {width} elements: say which one is the score (the positive class)"
            ))),
            (Some(class), _) if class < width => Ok(class),
            (Some(class), _) => Err(Shape(format!(
                "class {class} is asked for, a row has {width} elements (from 0)"
            ))),
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, AnswerError> {
    serde_json::from_slice(body).map_err(|why| {
        let text = String::from_utf8_lossy(body);
        // Python's json writes these three words, which JSON does not have.
        if ["NaN", "Infinity"].iter().any(|word| text.contains(word)) {
            NotANumber(
                "it holds NaN or Infinity, which are not JSON: the model predicts no number".to_owned(),
            )
        } else {
            let start: String = crate::error::shorten(&text).chars().take(80).collect();
            Shape(format!("{why}; it starts with `{start}`"))
        }
    })
}

fn expect_rows(found: usize, rows: usize) -> Result<(), AnswerError> {
    if found == rows {
        return Ok(());
    }
    Err(Shape(format!(
        "{rows} row(s) were asked about, {found} were answered"
    )))
}

fn flatten<'a>(value: &'a Value, flat: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| flatten(item, flat)),
        other => flat.push(other),
    }
}

fn number(row: usize, value: &Value) -> Result<f64, AnswerError> {
    let found = match value {
        Value::Number(number) => number.as_f64().filter(|x| x.is_finite()),
        Value::Bool(yes) => Some(f64::from(*yes)),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    };
    found.ok_or_else(|| {
        let shown: String = value.to_string().chars().take(40).collect();
        let why = format!("the prediction of row {row} is {shown}, not a finite number");
        // A label in words is another output than the one meant; null is a model without an answer.
        if value.is_string() {
            Shape(why)
        } else {
            NotANumber(why)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(outputs: &str, rows: usize, shape: &AnswerShape) -> Result<Vec<f64>, AnswerError> {
        shape.predictions(
            Protocol::V2,
            format!(r#"{{"outputs":[{outputs}]}}"#).as_bytes(),
            rows,
        )
    }

    fn class(class: usize) -> AnswerShape {
        AnswerShape {
            positive_class: Some(class),
            ..AnswerShape::default()
        }
    }

    #[test]
    fn every_shape_a_server_gives() {
        let any = AnswerShape::default();
        let tensor = |shape: &str, data: &str| format!(r#"{{"name":"p","shape":{shape},"data":{data}}}"#);
        assert_eq!(v2(&tensor("[2]", "[0.1,0.9]"), 2, &any), Ok(vec![0.1, 0.9]));
        assert_eq!(v2(&tensor("[2,1]", "[0.1,0.9]"), 2, &any), Ok(vec![0.1, 0.9]));
        assert_eq!(v2(&tensor("[2,1]", "[[0.1],[0.9]]"), 2, &any), Ok(vec![0.1, 0.9]));
        assert_eq!(
            v2(&tensor("[2,2]", "[0.9,0.1,0.2,0.8]"), 2, &any),
            Ok(vec![0.1, 0.8])
        );
        assert_eq!(
            v2(&tensor("[2,2]", "[0.9,0.1,0.2,0.8]"), 2, &class(0)),
            Ok(vec![0.9, 0.2])
        );
        assert_eq!(v2(&tensor("[1,3]", "[0.2,0.3,0.5]"), 1, &class(2)), Ok(vec![0.5]));
        assert_eq!(v2(&tensor("[2]", "[true,false]"), 2, &any), Ok(vec![1.0, 0.0]));
        assert_eq!(v2(&tensor("[2]", "[1,0]"), 2, &class(1)), Ok(vec![1.0, 0.0]));
        let v1 = br#"{"predictions":[0.5,[0.75],[0.9,0.1]]}"#;
        assert_eq!(any.predictions(Protocol::V1, v1, 3), Ok(vec![0.5, 0.75, 0.1]));
    }

    #[test]
    fn what_is_no_prediction_is_named() {
        let any = AnswerShape::default();
        let said = |outputs: &str, rows| v2(outputs, rows, &any).unwrap_err().to_string();
        assert!(said("", 1).contains("no outputs"));
        assert!(said(r#"{"name":"p","shape":[1],"data":[0.5]}"#, 2).contains("2 row(s) were asked about, 1"));
        assert!(said(r#"{"name":"p","shape":[3],"data":[0.5]}"#, 3).contains("claims shape [3] and has 1"));
        assert!(said(r#"{"name":"p","shape":[1],"data":[null]}"#, 1).contains("row 0 is null"));
        assert!(said(r#"{"name":"p","shape":[1],"data":["yes"]}"#, 1).contains("\"yes\""));
        assert!(said(r#"{"name":"p","shape":[1,3],"data":[1,2,3]}"#, 1).contains("3 elements"));
        assert!(said(r#"{"name":"p","shape":[0],"data":[]}"#, 1).contains("0 were answered"));
        assert!(said(r#"{"name":"p","shape":[-1],"data":[1]}"#, 1).contains("claims shape [-1]"));
        assert!(said(r#"{"name":"p","data":[1]},{"name":"q","data":[1]}"#, 1).contains("2 outputs (p, q)"));
        assert!(said(r#"{"name":"p","shape":[1],"data":[NaN]}"#, 1).contains("NaN"));
        assert!(
            any.predictions(Protocol::V2, b"<html>", 1)
                .unwrap_err()
                .to_string()
                .contains("starts with `<html>`")
        );
        assert!(
            any.predictions(Protocol::V1, br#"{"predictions":1}"#, 1)
                .unwrap_err()
                .to_string()
                .contains("not a list")
        );
        assert!(
            any.predictions(Protocol::V1, br#"{"predictions":[[]]}"#, 1)
                .unwrap_err()
                .to_string()
                .contains("no element")
        );
        let named = AnswerShape {
            output: Some("proba".into()),
            ..AnswerShape::default()
        };
        assert!(
            v2(r#"{"name":"p","data":[1]}"#, 1, &named)
                .unwrap_err()
                .to_string()
                .contains("no output `proba`, only: p")
        );
        assert!(
            v2(r#"{"name":"p","shape":[1,2],"data":[1,2]}"#, 1, &class(5))
                .unwrap_err()
                .to_string()
                .contains("class 5")
        );
    }
}
