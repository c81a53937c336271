//! Whether MLflow tells the same of the run as `run.json`: an edited record is caught by the server's own.

use mlflow_client::Run;
use provenance::TrainingRun;
use step_report::{Bound, Check};

/// That the run ended well, and one check for each thing that both sides say.
pub(super) fn checks(recorded: &TrainingRun, kept: Option<&Run>) -> Vec<Check> {
    let mut checks = vec![ended_well(recorded, kept)];
    let Some(kept) = kept else { return checks };
    let tag = |key: &str| kept.tags.get(key).cloned();
    let dataset = recorded.dataset.digest.to_string();
    let model = recorded.model.digest.to_string();
    // The tags are those that train-launch sets.
    for (id, named, found, said) in [
        (
            "run:git_sha",
            "tag mlflow.source.git.commit",
            tag("mlflow.source.git.commit"),
            recorded.git_sha.as_str(),
        ),
        ("run:dataset", "tag data.digest", tag("data.digest"), &dataset),
        (
            "run:data_version",
            "tag data.version",
            tag("data.version"),
            &recorded.data_version,
        ),
        (
            "run:trigger",
            "tag trigger.kind",
            tag("trigger.kind"),
            recorded.trigger.as_str(),
        ),
        ("run:model", "tag model.digest", tag("model.digest"), &model),
        (
            "run:model_uri",
            "tag model.uri",
            tag("model.uri"),
            &recorded.model.uri,
        ),
        (
            "run:experiment",
            "experiment",
            Some(kept.experiment_id.clone()),
            &recorded.experiment_id,
        ),
        (
            "run:artifacts",
            "artifact root",
            Some(kept.artifact_uri.clone()),
            &recorded.artifact_uri,
        ),
    ] {
        checks.push(same(id, named, found, said));
    }
    checks
}

fn same(id: &str, named: &str, found: Option<String>, said: &str) -> Check {
    let check = Check::new(id, "run").bound(Bound::equals(said));
    let Some(found) = found else {
        return check.not_observed("MLflow's run says nothing of it").fail(format!(
            "MLflow's run has no {named}, and run.json says {said}: the run is not one of train-launch, or did not end as one"
        ));
    };
    let good = found == said;
    let why = if good {
        format!("MLflow's run and run.json have one {named}")
    } else {
        format!("MLflow's run has the {named} {found}, and run.json says {said}")
    };
    check.observed(found).judge(good, why)
}

fn ended_well(recorded: &TrainingRun, kept: Option<&Run>) -> Check {
    let run_id = &recorded.run_id;
    let check = Check::new("run:finished", "run").bound(Bound::equals("FINISHED"));
    match kept {
        None if recorded.tracking_uri.is_empty() => {
            check.not_observed("the training had no MLflow run").fail(
                "run.json is of a training with --tracker none: MLflow has no run of it, and what is registered is a run",
            )
        }
        None => check.not_observed("MLflow does not know the run").fail(format!(
            "MLflow has no run {run_id}: it was deleted, or run.json is of another server"
        )),
        Some(run) if run.deleted => check
            .observed("deleted")
            .fail(format!("run {run_id} is deleted in MLflow")),
        Some(run) => {
            let status = format!("{:?}", run.status).to_uppercase();
            let good = status == "FINISHED";
            check
                .observed(status.as_str())
                .judge(good, format!("run {run_id} is {status} in MLflow"))
        }
    }
}
