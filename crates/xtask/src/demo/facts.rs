//! Small facts that stages are told.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// The features of a model in its order, as MLflow keeps them in the example of its input.
pub(crate) fn features(folder: &Path) -> Result<Vec<String>> {
    let example = folder.join("input_example.json");
    let read = || -> Result<Vec<String>> {
        let example: Value = serde_json::from_slice(&std::fs::read(&example)?)?;
        let columns = example
            .get("columns")
            .and_then(Value::as_array)
            .context("it has no columns")?;
        Ok(columns
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect())
    };
    read().with_context(|| format!("cannot read {}", example.display()))
}

/// Several words at once.
pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The commit of this checkout; an export without git has none.
pub(crate) fn git_sha() -> String {
    let asked = std::process::Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(crate::lab::folder(""))
        .output();
    asked
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .filter(|sha| !sha.is_empty())
        .unwrap_or_else(|| "0000000000000000000000000000000000000000".to_owned())
}
