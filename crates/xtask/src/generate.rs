//! Everything that follows from the contracts: WorkflowTemplates, RBAC, reference pages, schemas.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use step_contract::{Contract, StepSpec};

/// The contract of every step, with its spec.
fn contracts() -> Vec<(&'static StepSpec, Contract)> {
    fn of<A: clap::CommandFactory>(spec: &'static StepSpec) -> (&'static StepSpec, Contract) {
        (spec, step_runtime::contract::<A>(spec))
    }
    vec![
        of::<data_validate::Args>(&data_validate::SPEC),
        of::<train_launch::Cli>(&train_launch::SPEC),
        of::<evaluate::cli::Args>(&evaluate::SPEC),
        of::<mlflow_register::Args>(&mlflow_register::SPEC),
        of::<kserve_canary::Args>(&kserve_canary::SPEC),
        of::<enroll_drift::cli::Args>(&enroll_drift::SPEC),
    ]
}

/// Every generated file, by its path from the root.
fn files() -> Result<BTreeMap<PathBuf, String>> {
    let mut files = BTreeMap::new();
    let mut schema = |name: &str, schema: serde_json::Value| -> Result<()> {
        let text = serde_json::to_string_pretty(&schema)?;
        files.insert(
            PathBuf::from(format!("docs/schemas/{name}.schema.json")),
            text + "\n",
        );
        Ok(())
    };
    schema("report", step_report::json_schema())?;
    schema("dataset", schemars::schema_for!(provenance::Dataset).to_value())?;
    schema("run", schemars::schema_for!(provenance::TrainingRun).to_value())?;
    schema(
        "model-version",
        schemars::schema_for!(provenance::ModelVersionRecord).to_value(),
    )?;
    let contracts = contracts();
    for (spec, _) in &contracts {
        for config in spec.configs {
            schema(config.name, (config.schema)().to_value())?;
        }
    }
    for (spec, contract) in &contracts {
        files.insert(
            PathBuf::from(format!("workflows/steps/{}.yaml", spec.name)),
            contract.to_template(),
        );
        files.insert(
            PathBuf::from(format!("kustomize/base/rbac/{}.yaml", spec.name)),
            contract.to_rbac(),
        );
        files.insert(
            PathBuf::from(format!("docs/reference/{}.md", spec.name)),
            contract.to_markdown(),
        );
    }
    Ok(files)
}

/// Folders that hold nothing but generated files: what is there and not generated is left over.
const OWNED: [&str; 4] = [
    "workflows/steps",
    "kustomize/base/rbac",
    "docs/reference",
    "docs/schemas",
];

/// Writes the files, or with `check` says which of them differ.
pub(crate) fn run(check: bool) -> Result<()> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let files = files()?;
    let mut differing = Vec::new();
    for (path, text) in &files {
        let full = root.join(path);
        if std::fs::read_to_string(&full).is_ok_and(|old| old == *text) {
            continue;
        }
        if check {
            differing.push(path.display().to_string());
        } else {
            let folder = full.parent().context("a generated file has a folder")?;
            std::fs::create_dir_all(folder)?;
            std::fs::write(&full, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    for folder in OWNED {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
            continue;
        };
        for entry in entries {
            let path = Path::new(folder).join(entry?.file_name());
            if files.contains_key(&path) {
                continue;
            }
            if check {
                differing.push(format!("{} (left over)", path.display()));
            } else {
                std::fs::remove_file(root.join(&path))?;
            }
        }
    }
    if !differing.is_empty() {
        bail!(
            "these files do not follow from the contracts; run `make generate`:\n  {}",
            differing.join("\n  ")
        );
    }
    Ok(())
}
