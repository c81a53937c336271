//! Who can load the model, and what goes in and comes out: from `MLmodel`.

use std::collections::BTreeMap;

use provenance::FileDigest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use step_contract::load_foreign_yaml;

use crate::cli::Runtime;
use crate::decide::bytes;

/// The deployment metadata, before the model has a version.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Deployment {
    /// The native flavour: `lightgbm`, `sklearn`; `python_function` when there is none.
    pub(crate) flavour: String,
    /// All flavours.
    pub(crate) flavours: Vec<String>,
    /// The file that holds the native model, when MLmodel names one.
    pub(crate) model_file: Option<String>,
    /// Version of the library that wrote it.
    pub(crate) library_version: Option<String>,
    /// Version of Python that wrote it.
    pub(crate) python: Option<String>,
    /// Version of MLflow that wrote it.
    pub(crate) mlflow: Option<String>,
    /// Columns or tensors that go in.
    pub(crate) inputs: Option<Value>,
    /// What comes out.
    pub(crate) outputs: Option<Value>,
    /// Whether there is an example that a server can be tried with.
    pub(crate) serving_example: bool,
    /// Number of files.
    pub(crate) files: usize,
    /// Bytes of all files.
    pub(crate) size: u64,
    /// Servers that can load it.
    pub(crate) runtimes: Vec<RuntimeInfo>,
}

/// A server that can load the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RuntimeInfo {
    name: &'static str,
    kserve_model_format: String,
    protocol: &'static str,
}

/// `MLmodel`, the part of it that we read.
#[derive(Deserialize)]
struct MlModel {
    flavors: BTreeMap<String, Value>,
    signature: Option<Signature>,
    mlflow_version: Option<String>,
}

#[derive(Deserialize)]
struct Signature {
    inputs: Option<String>,
    outputs: Option<String>,
}

/// Keys under which flavours name their model file.
const FILE_KEYS: [&str; 4] = ["pickled_model", "model_path", "data", "model_file"];

impl Deployment {
    /// From `MLmodel` and the list of files.
    pub(crate) fn read(texts: &BTreeMap<String, String>, files: &[FileDigest]) -> Result<Self, String> {
        let text = texts.get("MLmodel").ok_or("there is no file MLmodel in it")?;
        let mlmodel: MlModel = load_foreign_yaml("MLmodel", text).map_err(|error| error.to_string())?;
        let native = mlmodel
            .flavors
            .iter()
            .find(|(name, _)| *name != "python_function");
        let (flavour, fields) = native
            .or_else(|| mlmodel.flavors.iter().next())
            .map(|(name, fields)| (name.clone(), fields.clone()))
            .ok_or("MLmodel names no flavour")?;
        let field = |fields: &Value, key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
        let model_file = FILE_KEYS.iter().find_map(|key| field(&fields, key));
        if let Some(file) = &model_file
            && !files
                .iter()
                .any(|known| known.path == *file || known.path.starts_with(&format!("{file}/")))
        {
            return Err(format!("MLmodel names `{file}`, which is not among the files"));
        }
        let version_keys = [
            format!("{flavour}_version"),
            "lgb_version".into(),
            "xgb_version".into(),
        ];
        let parsed = |text: &Option<String>| {
            text.as_ref()
                .map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.clone().into()))
        };
        let signature = mlmodel.signature;
        let mut found = Self {
            library_version: version_keys.iter().find_map(|key| field(&fields, key)),
            python: mlmodel
                .flavors
                .get("python_function")
                .and_then(|fields| field(fields, "python_version")),
            mlflow: mlmodel.mlflow_version,
            inputs: signature.as_ref().and_then(|signature| parsed(&signature.inputs)),
            outputs: signature
                .as_ref()
                .and_then(|signature| parsed(&signature.outputs)),
            serving_example: files.iter().any(|file| file.path == "serving_input_example.json"),
            files: files.len(),
            size: files.iter().map(|file| file.size).sum(),
            flavours: mlmodel.flavors.into_keys().collect(),
            flavour,
            model_file,
            runtimes: Vec::new(),
        };
        found.runtimes = found.known_runtimes();
        Ok(found)
    }

    fn known_runtimes(&self) -> Vec<RuntimeInfo> {
        let mut runtimes = Vec::new();
        if self.can_load(Runtime::Mlserver).is_ok() {
            let kserve_model_format = "mlflow".to_owned();
            runtimes.push(RuntimeInfo {
                name: "mlserver",
                kserve_model_format,
                protocol: "v2",
            });
        }
        if self.can_load(Runtime::Sklearnserver).is_ok() {
            let kserve_model_format = "sklearn".to_owned();
            runtimes.push(RuntimeInfo {
                name: "sklearnserver",
                kserve_model_format,
                protocol: "v1",
            });
        }
        runtimes
    }

    /// Whether a server can load it, and why.
    pub(crate) fn can_load(&self, runtime: Runtime) -> Result<String, String> {
        match runtime {
            Runtime::Mlserver if self.flavours.iter().any(|name| name == "python_function") => {
                Ok("MLServer loads it by its python_function flavour".to_owned())
            }
            Runtime::Mlserver => Err(format!(
                "MLServer's MLflow runtime needs the flavour python_function, the model has {}",
                self.flavours.join(", ")
            )),
            Runtime::Sklearnserver => {
                // KServe's server looks for these endings and nothing else.
                let file = self.model_file.as_deref().unwrap_or_default();
                let ending = [".joblib", ".pkl", ".pickle"]
                    .iter()
                    .any(|ending| file.ends_with(ending));
                match (self.flavour.as_str(), ending) {
                    ("sklearn", true) => Ok(format!("KServe's scikit-learn server loads {file}")),
                    ("sklearn", false) => Err(format!(
                        "KServe's scikit-learn server loads .joblib, .pkl and .pickle, the model is `{file}`: log it with serialization_format=\"cloudpickle\", or serve it with MLServer"
                    )),
                    (other, _) => Err(format!(
                        "KServe's scikit-learn server loads the flavour sklearn, the model is {other}"
                    )),
                }
            }
            Runtime::Other => Ok("not checked: --runtime other".to_owned()),
        }
    }

    /// One line for people.
    pub(crate) fn summary(&self) -> String {
        let version = self.library_version.as_deref().unwrap_or("of unknown version");
        format!(
            "{} {version}, {} files, {}",
            self.flavour,
            self.files,
            bytes(self.size)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provenance::digest_bytes;

    const SKOPS: &str = "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    python_version: 3.11.7\n  sklearn:\n    pickled_model: model.skops\n    sklearn_version: 1.9.1\nmlflow_version: 3.18.0\nsignature:\n  inputs: '[{\"type\": \"double\", \"name\": \"x\"}]'\n  outputs: '[{\"type\": \"long\"}]'\n";

    fn read(text: &str, files: &[&str]) -> Result<Deployment, String> {
        let files: Vec<FileDigest> = files
            .iter()
            .map(|path| FileDigest {
                path: (*path).to_owned(),
                size: 10,
                digest: digest_bytes(path),
            })
            .collect();
        Deployment::read(&BTreeMap::from([("MLmodel".to_owned(), text.to_owned())]), &files)
    }

    #[test]
    fn a_scikit_learn_model_of_today_is_not_for_kserve_s_server() {
        let found = read(SKOPS, &["MLmodel", "model.skops"]).unwrap();
        assert_eq!(
            (found.flavour.as_str(), found.library_version.as_deref()),
            ("sklearn", Some("1.9.1"))
        );
        assert_eq!(found.inputs.as_ref().unwrap()[0]["name"], "x");
        assert!(found.can_load(Runtime::Mlserver).is_ok());
        assert!(
            found
                .can_load(Runtime::Sklearnserver)
                .unwrap_err()
                .contains("model.skops")
        );
        assert_eq!(found.runtimes.len(), 1);
        let pickled = SKOPS.replace("model.skops", "model.pkl");
        assert!(
            read(&pickled, &["model.pkl"])
                .unwrap()
                .can_load(Runtime::Sklearnserver)
                .is_ok()
        );
    }

    #[test]
    fn a_model_that_lacks_its_file_is_said() {
        assert!(read(SKOPS, &["MLmodel"]).unwrap_err().contains("`model.skops`"));
        assert!(
            read("flavors: {}\n", &["MLmodel"])
                .unwrap_err()
                .contains("no flavour")
        );
        assert!(
            read("flavors: [\n", &["MLmodel"])
                .unwrap_err()
                .contains("MLmodel:")
        );
        assert!(
            Deployment::read(&BTreeMap::new(), &[])
                .unwrap_err()
                .contains("no file MLmodel")
        );
    }
}
