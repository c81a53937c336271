//! Whether the version in MLflow is the one of the record: of the same run, data and evaluation, byte for byte.
//! A number alone says nothing: anybody can make a version, and a deleted one's number may come again.

use mlflow_client::ModelVersion;
use provenance::ModelVersionRecord;
use step_report::{Bound, Check};

use crate::error::Error;
use crate::metadata::{DATASET_TAG, DIGEST_TAG, EVALUATION_TAG, digest_of};

/// One check for each thing that ties a version to its record.
pub(super) fn checks(
    record: &ModelVersionRecord,
    version: Option<&ModelVersion>,
) -> Result<Vec<Check>, Error> {
    let Some(version) = version else {
        let check = Check::new("version:digest", "version").bound(Bound::equals(record.digest.to_string()));
        return Ok(vec![check.not_observed("no such version").fail(format!(
            "MLflow has no version {} of {}: it was deleted",
            record.version, record.name
        ))]);
    };
    let run = Some(version.run_id.clone()).filter(|run| !run.is_empty());
    let tag = |key: &str| version.tags.get(key).cloned();
    let digest = digest_of(version)?.map(|digest| digest.to_string());
    Ok(vec![
        same(
            version,
            "version:digest",
            &format!("tag {DIGEST_TAG}"),
            digest,
            &record.digest.to_string(),
        ),
        same(version, "version:run", "run", run, &record.run_id),
        same(
            version,
            "version:dataset",
            &format!("tag {DATASET_TAG}"),
            tag(DATASET_TAG),
            &record.dataset.digest.to_string(),
        ),
        same(
            version,
            "version:evaluation",
            &format!("tag {EVALUATION_TAG}"),
            tag(EVALUATION_TAG),
            &record.evaluation.to_string(),
        ),
    ])
}

fn same(version: &ModelVersion, id: &str, named: &str, found: Option<String>, said: &str) -> Check {
    let ModelVersion {
        name,
        version: number,
        ..
    } = version;
    let check = Check::new(id, "version").bound(Bound::equals(said));
    let Some(found) = found else {
        return check.not_observed("MLflow says nothing of it").fail(format!(
            "version {number} of {name} has no {named}: it is not the one that was registered"
        ));
    };
    let good = found == said;
    let why = if good {
        format!("version {number} of {name} has the {named} that was registered")
    } else {
        format!(
            "version {number} of {name} has the {named} {found}, and the one that was registered has {said}"
        )
    };
    check.observed(found).judge(good, why)
}
