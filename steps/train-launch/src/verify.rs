//! `verify-output`: what training has left, held to the training contract, on the machine of whoever wrote it.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;
use step_runtime::{Finished, StepError};

use crate::cli::VerifyArgs;
use crate::model::{self, MLMODEL, Model};

/// Looks at a directory as `run` does when training has ended, and says what would go on.
///
/// # Errors
/// What `run` would call FAILED, in the same words; and an `MLmodel` that MLflow itself cannot read.
pub(crate) async fn verify_output(args: &VerifyArgs) -> Result<Finished, StepError> {
    let dir = args.dir.clone();
    let text = tokio::task::spawn_blocking(move || look(&dir)).await?;
    text.map(Finished::text).map_err(StepError::usage)
}

fn look(dir: &Path) -> Result<String, String> {
    if !dir.is_dir() {
        return Err(format!("{}: there is no such directory", dir.display()));
    }
    let models = model::find(dir)?;
    let mut text = String::new();
    let primary = std::iter::once((&models.primary, "goes on to evaluation"));
    for (model, use_of) in primary.chain(
        models
            .others
            .iter()
            .map(|other| (other, "is stored with the run")),
    ) {
        let described = describe(model)?;
        // Writing to a text never fails.
        _ = write!(text, "{} ({use_of})\n{described}", model.name);
    }
    text.push_str("What is here meets the training contract.");
    Ok(text)
}

fn describe(model: &Model) -> Result<String, String> {
    let place = model.dir.join(MLMODEL);
    let shown = place.display().to_string();
    let bytes = std::fs::read_to_string(&place).map_err(|error| format!("{shown}: {error}"))?;
    let parsed: Value =
        step_contract::load_foreign_yaml(&shown, &bytes).map_err(|error| error.to_string())?;
    let flavors = parsed["flavors"].as_object().ok_or_else(|| {
        format!("{shown}: `flavors` is missing; save the model with mlflow.<flavor>.save_model")
    })?;
    let names: Vec<&str> = flavors.keys().map(String::as_str).collect();
    let size: u64 = model.files.iter().map(|file| file.size).sum();
    let mut text = format!(
        "  digest     {}\n  files      {}, {size} bytes\n  flavors    {}\n",
        model.digest,
        model.files.len(),
        names.join(", ")
    );
    let columns = |side: &str| {
        let columns: Value = serde_json::from_str(parsed["signature"][side].as_str()?).ok()?;
        Some(columns.as_array()?.len())
    };
    match (columns("inputs"), columns("outputs")) {
        (Some(inputs), Some(outputs)) => {
            _ = writeln!(text, "  signature  {inputs} inputs, {outputs} outputs");
        }
        _ => text.push_str("  signature  none: who calls the model cannot know what it takes; give `signature` or `input_example`\n"),
    }
    if !flavors.contains_key("python_function") {
        text.push_str("  no `python_function` flavor: MLServer and mlflow.pyfunc cannot load it\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn with(mlmodel: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("model")).unwrap();
        fs::write(dir.path().join("model/MLmodel"), mlmodel).unwrap();
        fs::write(dir.path().join("model/model.bin"), [7; 1000]).unwrap();
        dir
    }

    #[test]
    fn a_model_is_described() {
        let mlmodel = "flavors: {sklearn: {}, python_function: {}}\nsignature: {inputs: '[{\"name\": \"x\"}, {\"name\": \"y\"}]', outputs: '[{}]'}\n";
        let text = look(with(mlmodel).path()).unwrap();
        for part in [
            "model (goes on to evaluation)",
            "digest     sha256:",
            "files      2, ",
            "sklearn, python_function",
            "2 inputs, 1 outputs",
        ] {
            assert!(text.contains(part), "`{part}`: {text}");
        }
        let bare = look(with("flavors: {onnx: {}}\n").path()).unwrap();
        assert!(
            bare.contains("signature  none") && bare.contains("no `python_function` flavor"),
            "{bare}"
        );
    }

    #[test]
    fn what_run_would_refuse_is_refused_in_its_words() {
        assert!(
            look(with("").path())
                .unwrap_err()
                .contains("is empty: the model was not saved whole")
        );
        assert!(
            look(with("a: 1\n").path())
                .unwrap_err()
                .contains("`flavors` is missing")
        );
        assert!(look(with("flavors: [\n").path()).unwrap_err().contains("MLmodel"));
        let empty = tempfile::tempdir().unwrap();
        assert!(look(empty.path()).unwrap_err().contains("the directory is empty"));
        assert!(
            look(&empty.path().join("none"))
                .unwrap_err()
                .contains("no such directory")
        );
    }
}
