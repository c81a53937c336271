//! The messages of the Open Inference Protocol (V2), JSON form.
//!
//! <https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md>

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The elements of a tensor, row-major. A missing element is `None` and goes out as JSON `null`, which
/// NumPy-based servers (MLServer) read as NaN in a float tensor.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum TensorData {
    /// 64-bit floats. NaN and infinities have no JSON form: they are sent as `null`.
    Fp64(Vec<Option<f64>>),
    /// 32-bit floats.
    Fp32(Vec<Option<f32>>),
    /// 64-bit integers.
    Int64(Vec<i64>),
    /// Booleans.
    Bool(Vec<bool>),
    /// Text, as UTF-8.
    Bytes(Vec<Option<String>>),
}

impl TensorData {
    /// The protocol's name of the type.
    #[must_use]
    pub fn datatype(&self) -> &'static str {
        match self {
            Self::Fp64(_) => "FP64",
            Self::Fp32(_) => "FP32",
            Self::Int64(_) => "INT64",
            Self::Bool(_) => "BOOL",
            Self::Bytes(_) => "BYTES",
        }
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Fp64(data) => data.len(),
            Self::Fp32(data) => data.len(),
            Self::Int64(data) => data.len(),
            Self::Bool(data) => data.len(),
            Self::Bytes(data) => data.len(),
        }
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One named input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tensor {
    /// What the model calls it.
    pub name: String,
    /// Dimensions; their product is the number of elements.
    pub shape: Vec<usize>,
    /// FP64, INT64, …
    pub datatype: &'static str,
    /// Hints to the server, such as `content_type`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// The elements.
    pub data: TensorData,
}

impl Tensor {
    /// A tensor whose datatype is that of its data.
    #[must_use]
    pub fn new(name: impl Into<String>, shape: Vec<usize>, data: TensorData) -> Self {
        Self {
            name: name.into(),
            shape,
            datatype: data.datatype(),
            parameters: Map::new(),
            data,
        }
    }

    /// Adds the server's hint how to decode it.
    #[must_use]
    pub fn with_content_type(mut self, content_type: &str) -> Self {
        self.parameters
            .insert("content_type".to_owned(), Value::from(content_type));
        self
    }
}

/// A request of one or more tensors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InferRequest {
    /// Hints for the whole request.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// The tensors.
    pub inputs: Vec<Tensor>,
}

/// One named output as it came.
#[derive(Debug, Clone, Deserialize)]
pub struct OutputTensor {
    /// What the model calls it.
    pub name: String,
    /// Dimensions as claimed.
    #[serde(default)]
    pub shape: Vec<i64>,
    /// FP64, INT64, …
    #[serde(default)]
    pub datatype: String,
    /// Flat or nested elements.
    #[serde(default)]
    pub data: Value,
}

/// The answer.
#[derive(Debug, Clone, Deserialize)]
pub struct InferResponse {
    /// Who answered.
    #[serde(default)]
    pub model_name: Option<String>,
    /// Which version answered.
    #[serde(default)]
    pub model_version: Option<String>,
    /// The outputs.
    #[serde(default)]
    pub outputs: Vec<OutputTensor>,
}

/// `GET /v2`.
#[derive(Debug, Clone, Deserialize)]
pub struct ServerMetadata {
    /// Server's name.
    #[serde(default)]
    pub name: String,
    /// Server's version.
    #[serde(default)]
    pub version: String,
    /// Protocol extensions.
    #[serde(default)]
    pub extensions: Vec<String>,
}

/// One tensor in the model's metadata.
#[derive(Debug, Clone, Deserialize)]
pub struct TensorMetadata {
    /// Name.
    pub name: String,
    /// FP64, INT64, …
    #[serde(default)]
    pub datatype: String,
    /// Dimensions, -1 where they vary.
    #[serde(default)]
    pub shape: Vec<i64>,
}

/// `GET /v2/models/NAME`. Servers often leave inputs and outputs out.
#[derive(Debug, Clone, Deserialize)]
pub struct ModelMetadata {
    /// Model's name.
    #[serde(default)]
    pub name: String,
    /// Versions served.
    #[serde(default)]
    pub versions: Option<Vec<String>>,
    /// Platform, such as `lightgbm`.
    #[serde(default)]
    pub platform: Option<String>,
    /// Tensors taken.
    #[serde(default)]
    pub inputs: Option<Vec<TensorMetadata>>,
    /// Tensors given.
    #[serde(default)]
    pub outputs: Option<Vec<TensorMetadata>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_protocols_json() {
        let request = InferRequest {
            parameters: Map::new(),
            inputs: vec![
                Tensor::new("x", vec![1, 2], TensorData::Fp64(vec![Some(1.5), None])),
                Tensor::new("c", vec![1, 1], TensorData::Bytes(vec![Some("UA".into())]))
                    .with_content_type("str"),
                Tensor::new("n", vec![1], TensorData::Int64(vec![7])),
                Tensor::new("b", vec![1], TensorData::Bool(vec![true])),
                Tensor::new("f", vec![1], TensorData::Fp32(vec![Some(0.5)])),
            ],
        };
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP64","data":[1.5,null]},{"name":"c","shape":[1,1],"datatype":"BYTES","parameters":{"content_type":"str"},"data":["UA"]},{"name":"n","shape":[1],"datatype":"INT64","data":[7]},{"name":"b","shape":[1],"datatype":"BOOL","data":[true]},{"name":"f","shape":[1],"datatype":"FP32","data":[0.5]}]}"#
        );
    }
}
