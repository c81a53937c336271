//! JSON files of ours that steps hand on: read strictly, written whole.

use serde::Serialize;
use serde::de::DeserializeOwned;
use step_runtime::StepError;

/// Reads one, when it names itself by this schema.
///
/// # Errors
/// A sentence that names the file.
pub(crate) fn read<T: DeserializeOwned>(name: &str, bytes: &[u8], schema: &str) -> Result<T, String> {
    #[derive(serde::Deserialize)]
    struct Named {
        schema: String,
    }
    let named: Named =
        serde_json::from_slice(bytes).map_err(|error| format!("{name}: no {schema} ({error})"))?;
    if named.schema != schema {
        return Err(format!(
            "{name}: its schema is `{}`; it must be `{schema}`",
            named.schema
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| format!("{name}: {error}"))
}

/// As it is written.
///
/// # Errors
/// Never: numbers that JSON does not have are kept out of these files.
pub(crate) fn json(what: &str, value: &impl Serialize) -> Result<Vec<u8>, StepError> {
    let mut json = serde_json::to_vec(value)
        .map_err(|error| StepError::internal(format!("{what} cannot be written as JSON: {error}")))?;
    json.push(b'\n');
    Ok(json)
}
