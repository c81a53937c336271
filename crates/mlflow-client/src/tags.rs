//! MLflow's lists of keys and values, and its filter language.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::MlflowError;

/// The tag by which a run or a version that was made before is found again.
pub const IDEMPOTENCY_TAG: &str = "mlops.idempotency_key";

/// A key and its value, as the REST API lists them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pair {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
}

pub(crate) fn pairs(map: &BTreeMap<String, String>) -> Vec<Pair> {
    map.iter()
        .map(|(key, value)| Pair {
            key: key.clone(),
            value: value.clone(),
        })
        .collect()
}

pub(crate) fn map(pairs: Vec<Pair>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|pair| (pair.key, pair.value)).collect()
}

/// Map of a JSON list of keys and values, for `#[serde(deserialize_with)]`.
pub(crate) fn from_pairs<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    Vec::<Pair>::deserialize(deserializer).map(map)
}

/// A text as a value in a filter. MLflow's filters know no escapes.
///
/// ```
/// assert_eq!(mlflow_client::quoted("fraud").unwrap(), "'fraud'");
/// assert_eq!(mlflow_client::quoted("it's").unwrap(), "\"it's\"");
/// assert!(mlflow_client::quoted("'\"").is_err());
/// ```
///
/// # Errors
/// It holds both kinds of quotes.
pub fn quoted(text: &str) -> Result<String, MlflowError> {
    match (text.contains('\''), text.contains('"')) {
        (false, _) => Ok(format!("'{text}'")),
        (true, false) => Ok(format!("\"{text}\"")),
        (true, true) => Err(MlflowError::Invalid(format!(
            "`{text}` has single and double quotes in it: MLflow cannot search for it"
        ))),
    }
}
