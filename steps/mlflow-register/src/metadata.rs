//! What the model's own files say: what it needs and who can load it.

mod deployment;
mod requirements;

pub(crate) use deployment::Deployment;
pub(crate) use requirements::Dependencies;

use mlflow_client::ModelVersion;
use provenance::Digest;
use step_report::{Bound, Check, Sample};

use crate::cli::Runtime;
use crate::error::Error;
use crate::gather::Kept;

/// The tag of a version that holds its model's digest.
pub(crate) const DIGEST_TAG: &str = "mlops.model_digest";
/// The tag of a version that holds the digest of the data that it was trained on.
pub(crate) const DATASET_TAG: &str = "mlops.dataset_digest";
/// The tag of a version that holds the digest of the evaluation that let it in.
pub(crate) const EVALUATION_TAG: &str = "mlops.evaluation_digest";

/// The digest that a version's tag says. A tag that says something else is neither this model nor another one:
/// somebody has to look.
pub(crate) fn digest_of(version: &ModelVersion) -> Result<Option<Digest>, Error> {
    let Some(tag) = version.tags.get(DIGEST_TAG) else {
        return Ok(None);
    };
    tag.parse().map(Some).map_err(|error| {
        Error::Usage(format!(
            "tag {DIGEST_TAG} of version {} of {}: {error}; set it right in MLflow, or register the model anew",
            version.version, version.name
        ))
    })
}

/// Dependencies and deployment, read from a model's files.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    pub(crate) dependencies: Dependencies,
    /// Or why it cannot be read.
    pub(crate) deployment: Result<Deployment, String>,
    runtime: Runtime,
}

impl Metadata {
    /// Reads them. A model that is not there has none.
    pub(crate) fn of(kept: Option<&Kept>, runtime: Runtime) -> Self {
        let Some(kept) = kept else {
            let deployment = Err("the model has no files".to_owned());
            return Self {
                dependencies: Dependencies::default(),
                deployment,
                runtime,
            };
        };
        Self {
            dependencies: Dependencies::read(&kept.texts),
            deployment: Deployment::read(&kept.texts, &kept.files),
            runtime,
        }
    }

    /// That it can be loaded, and built again.
    pub(crate) fn checks(&self) -> Vec<Check> {
        let mlmodel = Check::new("model:mlmodel", "model");
        let mlmodel = match &self.deployment {
            Ok(deployment) => mlmodel
                .observed(deployment.flavour.as_str())
                .pass(format!("MLmodel is read: flavour {}", deployment.flavour)),
            Err(why) => mlmodel
                .not_observed("not read")
                .fail(format!("no server can load the model: {why}")),
        };
        let mut checks = vec![mlmodel];
        checks.extend(
            self.deployment
                .as_ref()
                .ok()
                .map(|deployment| self.loadable(deployment)),
        );
        checks.push(self.pinned());
        checks
    }

    fn loadable(&self, deployment: &Deployment) -> Check {
        let name = match self.runtime {
            Runtime::Mlserver => "mlserver",
            Runtime::Sklearnserver => "sklearnserver",
            Runtime::Other => "other",
        };
        let check = Check::new("model:runtime", "model").observed(name);
        match deployment.can_load(self.runtime) {
            Ok(why) if self.runtime == Runtime::Other => check.skipped(why),
            Ok(why) => check.pass(why),
            Err(why) => check.fail(why),
        }
    }

    fn pinned(&self) -> Check {
        let all = self.dependencies.packages.len();
        let loose: Vec<&str> = self
            .dependencies
            .packages
            .iter()
            .filter(|package| !package.pinned)
            .map(|package| package.line.as_str())
            .collect();
        let check = Check::new("dependencies:pinned", "dependencies").n(all as u64);
        if all == 0 {
            return check.not_observed("no package is named").warn(
                "the model names no packages (requirements.txt, conda.yaml): its environment cannot be built again",
            );
        }
        let check = check
            .observed(loose.len())
            .bound(Bound::at_most(0.0))
            .samples(loose.iter().take(20).map(|line| Sample::new(*line)));
        match loose.first() {
            None => check.pass(format!("all {all} packages are pinned to one version")),
            Some(first) => check.warn(format!(
                "{} of {all} packages are not pinned to one version, the first `{first}`: the environment may differ when it is built again",
                loose.len()
            )),
        }
    }
}
