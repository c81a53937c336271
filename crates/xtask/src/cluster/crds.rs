//! Kinds of other projects that the steps speak of and that nothing here runs: their definitions alone, from their Go
//! modules, so that the API server holds what the steps send and read to what those projects say.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::install::Kubectl;
use crate::lab::tools;

/// A module, the digest of its files as Go has it, and the definitions in it.
struct Module {
    version: &'static str,
    sum: &'static str,
    files: &'static [&'static str],
}

const MODULES: [Module; 2] = [
    Module {
        version: "sigs.k8s.io/kueue@v0.17.0",
        sum: "h1:7hzb38M4eKGzYW+CFv2s1L+swzzacUCHOCXxZmAV90I=",
        files: &["config/components/crd/bases/kueue.x-k8s.io_workloads.yaml"],
    },
    Module {
        version: "github.com/kubeflow/trainer/v2@v2.0.0",
        sum: "h1:mnQSR9iPKItxyUR8mq66XsmxqKNVHwr9YYOB7BTU9dU=",
        files: &[
            "manifests/base/crds/trainer.kubeflow.org_trainingruntimes.yaml",
            "manifests/base/crds/trainer.kubeflow.org_trainjobs.yaml",
        ],
    },
];

/// What `go mod download` says of a module.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Downloaded {
    dir: PathBuf,
    sum: String,
}

/// Applies all of them; `work` is any directory that is no Go module.
pub(crate) fn apply(kubectl: &Kubectl, work: &Path) -> Result<()> {
    for module in &MODULES {
        let said = tools::run(
            Command::new("go")
                .args(["mod", "download", "-json", module.version])
                .current_dir(work),
        )?;
        let found: Downloaded = serde_json::from_str(&said).with_context(|| module.version)?;
        if found.sum != module.sum {
            bail!(
                "{} has the digest {}, and {} is pinned",
                module.version,
                found.sum,
                module.sum
            );
        }
        for file in module.files {
            kubectl.apply(&found.dir.join(file))?;
        }
    }
    Ok(())
}
