//! The messages of the V1 protocol: `{"instances": […]}` in, `{"predictions": […]}` out.
//!
//! <https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol>

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request: one element a row, either the list of its features or an object by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PredictRequest {
    /// The rows.
    pub instances: Vec<Value>,
}

/// The answer: one element a row, a number or the list of the classes' probabilities.
#[derive(Debug, Clone, Deserialize)]
pub struct PredictResponse {
    /// The rows.
    pub predictions: Value,
}
