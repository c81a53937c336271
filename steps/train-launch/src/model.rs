//! The model that training left in TRAIN_OUTPUT: found, and named by the digest of its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use provenance::{Digest, FileDigest};
use serde::Deserialize;

use crate::process::Output;

/// The file that says which directories are models, when there is more than one.
pub(crate) const MANIFEST: &str = "models.json";
/// What makes a directory a model.
pub(crate) const MLMODEL: &str = "MLmodel";

/// A model on this disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Model {
    /// Its path below TRAIN_OUTPUT, and below the run's artifacts.
    pub name: String,
    /// Where it is.
    pub dir: PathBuf,
    /// Digest of its files.
    pub digest: Digest,
    /// The files, sorted by path.
    pub files: Vec<FileDigest>,
}

/// All that training left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Models {
    /// The one that goes on to evaluation.
    pub primary: Model,
    /// Others, stored with the run.
    pub others: Vec<Model>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    primary: String,
    models: Vec<String>,
}

/// Finds the models below TRAIN_OUTPUT. Blocking: it reads every byte of them.
///
/// # Errors
/// A sentence that says what is missing and what is there; it is training's fault, so the verdict is FAILED.
pub(crate) fn find(root: &Path) -> Result<Models, String> {
    let manifest = root.join(MANIFEST);
    let (primary, names) = match fs::read(&manifest) {
        Ok(bytes) => read_manifest(&bytes)?,
        Err(_) if root.join("model").join(MLMODEL).is_file() => {
            ("model".to_owned(), vec!["model".to_owned()])
        }
        Err(_) => return Err(missing(root)),
    };
    let mut models = BTreeMap::new();
    for name in names {
        models.insert(name.clone(), digest(root, &name)?);
    }
    let Some(chosen) = models.remove(&primary) else {
        return Err(format!(
            "TRAIN_OUTPUT/{MANIFEST}: primary `{primary}` is not among models"
        ));
    };
    Ok(Models {
        primary: chosen,
        others: models.into_values().collect(),
    })
}

fn read_manifest(bytes: &[u8]) -> Result<(String, Vec<String>), String> {
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| {
        format!(
            "TRAIN_OUTPUT/{MANIFEST}: {error}; expected {{\"primary\": \"model\", \"models\": [\"model\", \"other\"]}}"
        )
    })?;
    for name in &manifest.models {
        let plain = !name.is_empty()
            && name
                .split('/')
                .all(|part| !part.is_empty() && part != "." && part != ".." && !part.starts_with('.'));
        if !plain {
            return Err(format!(
                "TRAIN_OUTPUT/{MANIFEST}: `{name}` is not a plain path below TRAIN_OUTPUT"
            ));
        }
    }
    Ok((manifest.primary, manifest.models))
}

fn digest(root: &Path, name: &str) -> Result<Model, String> {
    let dir = root.join(name);
    let mut below = root.to_owned();
    for part in name.split('/') {
        below.push(part);
        if below.is_symlink() {
            return Err(format!(
                "TRAIN_OUTPUT/{name} leads through a symbolic link: save the model itself there, not a link to it"
            ));
        }
    }
    match fs::metadata(dir.join(MLMODEL)) {
        Ok(meta) if meta.is_file() && meta.len() > 0 => {}
        Ok(meta) if meta.is_file() => {
            return Err(format!(
                "TRAIN_OUTPUT/{name}/{MLMODEL} is empty: the model was not saved whole"
            ));
        }
        _ => {
            return Err(format!(
                "TRAIN_OUTPUT/{name}/{MLMODEL} is missing: `{name}` is not an MLflow model"
            ));
        }
    }
    let (digest, files) = provenance::tree::digest_dir(&dir)
        .map_err(|error| format!("the model cannot be digested: {error}"))?;
    Ok(Model {
        name: name.to_owned(),
        dir,
        digest,
        files,
    })
}

/// What is there instead, so that the reader need not log in to see.
fn missing(root: &Path) -> String {
    let mut there: Vec<String> = Vec::new();
    let mut models: Vec<String> = Vec::new();
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if Output::is_own(&name) {
            continue;
        }
        let shown = name.to_string_lossy().into_owned();
        if entry.path().join(MLMODEL).is_file() {
            models.push(shown);
        } else {
            there.push(shown);
        }
    }
    there.sort();
    models.sort();
    there.truncate(10);
    let hint = match (models.as_slice(), there.as_slice()) {
        ([], []) => "the directory is empty; save the model there, such as \
                     mlflow.lightgbm.save_model(model, os.environ[\"TRAIN_OUTPUT\"] + \"/model\")"
            .to_owned(),
        ([], there) => format!("there is only {}", there.join(", ")),
        ([one], _) => format!("there is a model in `{one}`: save it as `model`, or name it in {MANIFEST}"),
        (many, _) => format!(
            "there are models in {}: name the one in {MANIFEST}",
            many.join(", ")
        ),
    };
    format!("training left no model: TRAIN_OUTPUT/model/{MLMODEL} is missing; {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn finds_the_one_model() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "model/MLmodel", "flavors: {}\n");
        put(dir.path(), "model/data/x.bin", "x");
        put(dir.path(), "other/MLmodel", "flavors: {}\n");
        let found = find(dir.path()).unwrap();
        assert_eq!((found.primary.name.as_str(), found.others.len()), ("model", 0));
        assert_eq!(found.primary.files.len(), 2);
    }

    #[test]
    fn a_manifest_names_more_than_one() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "a/MLmodel", "a");
        put(dir.path(), "b/MLmodel", "b");
        put(dir.path(), MANIFEST, r#"{"primary": "b", "models": ["a", "b"]}"#);
        let found = find(dir.path()).unwrap();
        assert_eq!(
            (found.primary.name.as_str(), found.others[0].name.as_str()),
            ("b", "a")
        );
        for (text, why) in [
            (
                r#"{"primary": "c", "models": ["a"]}"#,
                "primary `c` is not among models",
            ),
            (r#"{"primary": "a", "models": ["a", "../x"]}"#, "not a plain path"),
            (
                r#"{"primary": "a", "models": ["a", "c"]}"#,
                "TRAIN_OUTPUT/c/MLmodel is missing",
            ),
            (r#"{"main": "a"}"#, "unknown field `main`"),
        ] {
            put(dir.path(), MANIFEST, text);
            let said = find(dir.path()).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn a_link_to_a_model_is_none() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "elsewhere/v1/MLmodel", "a");
        let link = |to: &str| {
            std::os::unix::fs::symlink(dir.path().join("elsewhere").join(to), dir.path().join("model"))
        };
        link("v1").unwrap();
        let said = find(dir.path()).unwrap_err();
        assert!(
            said.contains("TRAIN_OUTPUT/model leads through a symbolic link"),
            "{said}"
        );
        fs::remove_file(dir.path().join("model")).unwrap();
        link("").unwrap();
        put(
            dir.path(),
            MANIFEST,
            r#"{"primary": "model/v1", "models": ["model/v1"]}"#,
        );
        let said = find(dir.path()).unwrap_err();
        assert!(
            said.contains("TRAIN_OUTPUT/model/v1 leads through a symbolic link"),
            "{said}"
        );
    }

    #[test]
    fn says_what_is_there_instead() {
        let dir = tempfile::tempdir().unwrap();
        assert!(
            find(dir.path())
                .unwrap_err()
                .contains("the directory is empty; save the model there")
        );
        put(dir.path(), "metrics.json", "{}");
        assert!(
            find(dir.path())
                .unwrap_err()
                .contains("there is only metrics.json")
        );
        put(dir.path(), "lgbm/MLmodel", "x");
        assert!(
            find(dir.path())
                .unwrap_err()
                .contains("a model in `lgbm`: save it as `model`")
        );
        put(dir.path(), "model/MLmodel", "");
        assert!(find(dir.path()).unwrap_err().contains("MLmodel is empty"));
    }
}
