//! The Job, made once: by whom ever comes first, and found by who comes after.

use kubernetes::{Cluster, ClusterError, Created, Kind};
use serde_json::{Value, json};
use step_runtime::{Context, StepError};

use super::args::{JobArgs, OnTerminate};
use super::manifest::{KEY, Manifest};
use super::state::Job;

/// Whether this attempt made the Job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Launched {
    /// It did.
    Now,
    /// An earlier one had.
    Adopted,
}

/// Between looks at a Job that is going.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// Makes the Job and its ConfigMap, or finds them. The Job comes first and owns the ConfigMap: whatever kills this
/// between the two, nothing is left that does not go with the Job.
///
/// # Errors
/// The cluster is away or refuses; or a Job of that name is another's.
pub(crate) async fn launch(
    manifest: &Manifest,
    cluster: &Cluster,
    cx: &Context,
) -> Result<(Launched, Job), StepError> {
    let name = text(&manifest.job, "/metadata/name");
    let ours = text(
        &manifest.job,
        &format!("/metadata/annotations/{}", KEY.replace('/', "~1")),
    );
    let (launched, job) = loop {
        let (launched, object) = match cluster
            .create(Kind::JOB, manifest.job.clone())
            .await
            .map_err(|error| of_cluster(&error))?
        {
            Created::Now(object) => (Launched::Now, object),
            Created::Existed(object) => (Launched::Adopted, object),
        };
        let job = Job::of(&object).map_err(StepError::internal)?;
        if job.annotation(KEY) != Some(ours) {
            return Err(StepError::usage(format!(
                "there is a Job `{name}` in namespace {} that is not of this training; delete it, or give another \
                 --workflow-uid",
                cluster.namespace()
            )));
        }
        if !job.is_going() {
            break (launched, job);
        }
        tracing::info!(
            job = name,
            "the Job of an earlier attempt is going; waiting for its end"
        );
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = cx.cancel.cancelled() => return Err(StepError::terminated()),
        }
    };
    let mut config_map = manifest.config_map.clone();
    config_map["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job.uid(), "blockOwnerDeletion": true,
    }]);
    cluster
        .create(Kind::CONFIG_MAP, config_map)
        .await
        .map_err(|error| of_cluster(&error))?;
    Ok((launched, job))
}

/// The image that this very pod runs: what the job takes this program from.
///
/// # Errors
/// The pod cannot be read, or does not say.
pub(crate) async fn own_image(args: &JobArgs, cluster: &Cluster) -> Result<String, StepError> {
    let Some(name) = &args.pod_name else {
        return Err(StepError::usage(
            "--executor job needs --launcher-image outside of a pod: the image of train-launch that the job takes \
             this program from",
        ));
    };
    let pod = cluster
        .get(Kind::POD, name)
        .await
        .map_err(|error| of_cluster(&error))?;
    let containers = pod
        .as_ref()
        .and_then(|pod| pod.pointer("/spec/containers")?.as_array());
    let image = containers
        .into_iter()
        .flatten()
        .find(|container| container["name"] == "main")
        .and_then(|main| main["image"].as_str());
    image.map(str::to_owned).ok_or_else(|| {
        StepError::usage(format!(
            "pod {name} has no container `main` to take the image of train-launch from; give --launcher-image"
        ))
    })
}

/// What becomes of the Job when this process is asked to stop. True when it was deleted.
pub(crate) async fn let_go(name: &str, args: &JobArgs, uid: Option<&str>, cluster: &Cluster) -> bool {
    let stopped = match args.on_terminate {
        OnTerminate::Leave => false,
        OnTerminate::Delete => true,
        OnTerminate::Auto => match (&args.workflow_name, uid) {
            (Some(workflow), Some(uid)) => workflow_is_ending(workflow, uid, cluster).await,
            // Somebody at a terminal: their Ctrl-C means the training.
            _ => true,
        },
    };
    if !stopped {
        tracing::warn!(job = name, "leaving the Job to the retry");
        return false;
    }
    match cluster.delete(Kind::JOB, name).await {
        Ok(()) => {
            tracing::warn!(job = name, "deleted the Job");
            true
        }
        Err(error) => {
            tracing::warn!(job = name, %error, "the Job could not be deleted");
            false
        }
    }
}

/// Whether the Workflow goes with this pod: it is stopped, has ended, or is gone. When that cannot be told the Job
/// stays: it has a deadline and an owner, a training that was deleted for nothing has neither.
async fn workflow_is_ending(name: &str, uid: &str, cluster: &Cluster) -> bool {
    match cluster.get(Kind::WORKFLOW, name).await {
        Ok(None) => true,
        Ok(Some(workflow)) => {
            let field = |pointer: &str| workflow.pointer(pointer).is_some_and(|value| !value.is_null());
            text(&workflow, "/metadata/uid") != uid
                || field("/metadata/deletionTimestamp")
                || field("/spec/shutdown")
                || field("/status/finishedAt")
        }
        Err(error) => {
            tracing::warn!(workflow = name, %error, "cannot ask whether the Workflow is ending");
            false
        }
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// As a step ends.
pub(crate) fn of_cluster(error: &ClusterError) -> StepError {
    StepError::caused(error.exit(), error)
}
