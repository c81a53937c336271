//! The Job, made once: by whom ever comes first, and found by who comes after.

use kubernetes::{Cluster, ClusterError, Created, Kind};
use serde_json::{Value, json};
use step_runtime::StepError;

use super::args::{JobArgs, OnTerminate};
use super::manifest::{KEY, Manifest, SPEC, TRAINING};
use super::objects::Job;

/// Whether this attempt made the Job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Launched {
    /// It did.
    Now,
    /// An earlier one had.
    Adopted,
    /// It did, in place of one that had failed.
    Again,
}

/// Between looks at an object that is going.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(5);

/// Has the server look at the Job before anything is made: a field that it does not know, one that is there twice or a
/// value that cannot be. One that is there already was looked at when it was made, and counts against its own quota.
///
/// # Errors
/// The cluster is away or refuses.
pub(crate) async fn validate(manifest: &Manifest, cluster: &Cluster) -> Result<(), StepError> {
    let name = text(&manifest.job, "/metadata/name");
    let there = cluster.get(manifest.kind, name).await;
    if there.map_err(|error| of_cluster(&error))?.is_some() {
        return Ok(());
    }
    let checked = cluster.check(manifest.kind, manifest.job.clone()).await;
    checked.map_err(|error| of_cluster(&error))
}

/// Makes the Job and its ConfigMap, or finds them. The Job comes first and owns the ConfigMap: whatever kills this
/// between the two, nothing is left that does not go with the Job. One that has failed is made anew when its uid
/// is the one that was `told`: who launches it again wants it trained again. Else the failure is still to be told, and it is
/// adopted for that.
///
/// # Errors
/// The cluster is away or refuses; or a Job of that name is another's, or is run otherwise.
pub(crate) async fn launch(
    manifest: &Manifest,
    told: Option<&str>,
    cluster: &Cluster,
) -> Result<(Launched, Job), StepError> {
    let name = text(&manifest.job, "/metadata/name");
    let mut made_as = Launched::Now;
    let (launched, job) = loop {
        let made = cluster.create(manifest.kind, manifest.job.clone()).await;
        let object = match made.map_err(|error| of_cluster(&error))? {
            Created::Now(object) => break (made_as, Job::of(&object).map_err(StepError::internal)?),
            Created::Existed(object) => object,
        };
        let job = Job::of(&object).map_err(StepError::internal)?;
        if !is_of_this_training(&job, manifest) {
            return Err(StepError::usage(format!(
                "there is a {} `{name}` in namespace {} that is not of this training; delete it, or give another \
                 --workflow-uid",
                manifest.kind.kind,
                cluster.namespace()
            )));
        }
        if job.is_going() {
            tracing::info!(
                job = name,
                "the Job of an earlier attempt is going; waiting for its end"
            );
            tokio::time::sleep(PAUSE).await;
        } else if job.has_failed() && told == Some(job.uid()) {
            let gone = cluster.delete_this(manifest.kind, name, job.uid()).await;
            gone.map_err(|error| of_cluster(&error))?;
            made_as = Launched::Again;
        } else {
            let differences = differences_of(&job, &object, manifest, cluster).await;
            if !differences.is_empty() {
                return Err(StepError::usage(format!(
                    "the {} `{name}` of an earlier attempt is run with other settings ({}); delete it, or give those of \
                     before",
                    manifest.kind.kind,
                    fields_of(&differences)
                )));
            }
            break (Launched::Adopted, job);
        }
    };
    keep_dataset(manifest, &job, cluster).await?;
    Ok((launched, job))
}

/// The dataset's record beside its Job. One that an earlier Job of the name owns goes with that: it is replaced.
async fn keep_dataset(manifest: &Manifest, job: &Job, cluster: &Cluster) -> Result<(), StepError> {
    let name = text(&manifest.job, "/metadata/name");
    let mut config_map = manifest.config_map.clone();
    config_map["metadata"]["ownerReferences"] = json!([{
        "apiVersion": manifest.kind.api_version(), "kind": manifest.kind.kind, "name": name, "uid": job.uid(),
        "blockOwnerDeletion": true,
    }]);
    loop {
        let made = cluster.create(Kind::CONFIG_MAP, config_map.clone()).await;
        let Created::Existed(found) = made.map_err(|error| of_cluster(&error))? else {
            return Ok(());
        };
        let owner = text(&found, "/metadata/ownerReferences/0/uid");
        if owner == job.uid() && found["metadata"]["deletionTimestamp"].is_null() {
            return Ok(());
        }
        let uid = text(&found, "/metadata/uid");
        let gone = cluster.delete_this(Kind::CONFIG_MAP, name, uid).await;
        gone.map_err(|error| of_cluster(&error))?;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether a Job bears the key and the labels of ours.
pub(crate) fn is_of_this_training(job: &Job, manifest: &Manifest) -> bool {
    let ours = &manifest.job["metadata"];
    let labels = [TRAINING, "app.kubernetes.io/name"];
    job.annotation(KEY) == ours["annotations"][KEY].as_str()
        && labels
            .iter()
            .all(|label| job.label(label) == ours["labels"][*label].as_str())
}

/// Which settings are asked for otherwise, in a sentence.
fn fields_of(differences: &[Difference]) -> String {
    let fields: Vec<&str> = differences.iter().map(|found| found.field.as_str()).collect();
    match fields.len() {
        ..=5 => fields.join(", "),
        more => format!("{}, and {} more", fields[..4].join(", "), more - 4),
    }
}

/// A setting that is asked for otherwise than it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    /// Which.
    pub field: String,
    /// As it is asked for.
    pub asked: Value,
    /// As it is; null when it is not there.
    pub live: Value,
}

/// The settings in which a Job differs from ours; none when it was asked for alike. The server says what it would make of
/// ours, so that what it adds is no difference and what is no longer asked for is one.
pub(crate) async fn differences_of(
    job: &Job,
    live: &Value,
    manifest: &Manifest,
    cluster: &Cluster,
) -> Vec<Difference> {
    if is_asked_alike(job, manifest) {
        return Vec::new();
    }
    match cluster.would_make(manifest.kind, manifest.job.clone()).await {
        Ok(made) => otherwise(&made, live, manifest, Sides::Both),
        Err(error) => {
            tracing::debug!(%error, "the server does not say what it would make of the Job");
            otherwise(&manifest.job, live, manifest, Sides::Ours)
        }
    }
}

/// Whether a Job was asked for as ours is, whatever the cluster has added.
fn is_asked_alike(job: &Job, manifest: &Manifest) -> bool {
    job.annotation(SPEC) == manifest.job["metadata"]["annotations"][SPEC].as_str()
}

/// The settings in which a Job that was not asked for alike differs: at least one, if only by the digest of all.
fn otherwise(ours: &Value, live: &Value, manifest: &Manifest, sides: Sides) -> Vec<Difference> {
    let mut found = Vec::new();
    differences("spec", &ours["spec"], &live["spec"], sides, &mut found);
    found.retain(|difference| !is_each_its_own(&difference.field));
    if found.is_empty() {
        let digest = |object: &Value| object["metadata"]["annotations"][SPEC].clone();
        found.push(Difference {
            field: "one that is no longer asked for".to_owned(),
            asked: digest(&manifest.job),
            live: digest(live),
        });
    }
    found
}

/// Whose fields count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sides {
    /// Those of ours: the other side has what the server has added.
    Ours,
    /// Those of both.
    Both,
}

/// What the server gives each Job of its own, and what a queue changes while it is there.
const EACH_ITS_OWN: [&str; 6] = [
    "spec.selector",
    "spec.suspend",
    "spec.template.metadata.labels.batch.kubernetes.io/controller-uid",
    "spec.template.metadata.labels.batch.kubernetes.io/job-name",
    "spec.template.metadata.labels.controller-uid",
    "spec.template.metadata.labels.job-name",
];

/// Whether a field is one of those, or lies below one.
fn is_each_its_own(field: &str) -> bool {
    EACH_ITS_OWN.iter().any(|own| {
        field
            .strip_prefix(own)
            .is_some_and(|below| below.is_empty() || below.starts_with('.'))
    })
}

/// The fields that have another value there.
fn differences(at: &str, ours: &Value, theirs: &Value, sides: Sides, found: &mut Vec<Difference>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let more = theirs
                .keys()
                .filter(|name| sides == Sides::Both && !ours.contains_key(*name));
            for name in ours.keys().chain(more) {
                let [ours, theirs] = [ours, theirs].map(|side| side.get(name).unwrap_or(&Value::Null));
                differences(&format!("{at}.{name}"), ours, theirs, sides, found);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (number, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                differences(&format!("{at}[{number}]"), ours, theirs, sides, found);
            }
        }
        _ if ours == theirs => {}
        _ => found.push(Difference {
            field: at.to_owned(),
            asked: ours.clone(),
            live: theirs.clone(),
        }),
    }
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
    match cluster.delete(args.kind.kind(), name).await {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(digest: &str, memory: &str) -> Manifest {
        let job = json!({
            "metadata": {"name": "train-1", "labels": {TRAINING: "1", "app.kubernetes.io/name": "train-launch"},
                         "annotations": {KEY: "k", SPEC: digest}},
            "spec": {"backoffLimit": 2, "template": {"spec": {"containers": [{"resources": {"limits": {"memory": memory}}}]}}},
        });
        Manifest {
            kind: Kind::JOB,
            job,
            config_map: Value::Null,
        }
    }

    /// As the cluster gives it back: with what it has added.
    fn live(digest: &str, memory: &str) -> (Job, Value) {
        let mut object = manifest(digest, memory).job;
        object["metadata"]["uid"] = json!("u");
        object["spec"]["suspend"] = json!(false);
        object["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
        (Job::of(&object).unwrap(), object)
    }

    #[test]
    fn a_job_that_is_run_otherwise_is_not_adopted() {
        let ours = manifest("a", "8Gi");
        let (job, _) = live("a", "8Gi");
        assert!(is_asked_alike(&job, &ours));
        let alone = |live: &Value| fields_of(&otherwise(&ours.job, live, &ours, Sides::Ours));
        let (job, object) = live("b", "4Gi");
        assert!(!is_asked_alike(&job, &ours));
        assert_eq!(
            alone(&object),
            "spec.template.spec.containers[0].resources.limits.memory"
        );
        let (_, object) = live("b", "8Gi");
        assert!(alone(&object).contains("no longer"));
    }

    #[test]
    fn what_is_no_longer_asked_for_is_named_beside_what_the_server_would_make() {
        let ours = manifest("a", "8Gi");
        let (_, mut made) = live("a", "8Gi");
        made["spec"]["suspend"] = json!(true);
        made["spec"]["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": "1"}});
        made["spec"]["template"]["metadata"] = json!({"labels": {"job-name": "train-1-x", "team": "a"}});
        let (_, mut there) = live("b", "8Gi");
        there["spec"]["template"]["metadata"] = json!({"labels": {"job-name": "train-1", "team": "a"}});
        let names = |there: &Value| fields_of(&otherwise(&made, there, &ours, Sides::Both));
        // What the server gives each Job of its own, and what a queue changes, is no difference.
        assert!(names(&there).contains("no longer"));
        there["spec"]["template"]["spec"]["nodeSelector"] = json!({"gpu": "yes"});
        assert_eq!(names(&there), "spec.template.spec.nodeSelector");
        there["spec"]["template"]["metadata"]["labels"]["job-name-of-ours"] = json!("x");
        assert_eq!(
            names(&there),
            "spec.template.spec.nodeSelector, spec.template.metadata.labels.job-name-of-ours"
        );
    }

    #[test]
    fn a_job_is_of_this_training_by_key_and_labels() {
        let ours = manifest("a", "8Gi");
        assert!(is_of_this_training(&live("b", "4Gi").0, &ours));
        for (part, name) in [("annotations", KEY), ("labels", TRAINING)] {
            let (_, mut object) = live("a", "8Gi");
            object["metadata"][part][name] = json!("other");
            assert!(!is_of_this_training(&Job::of(&object).unwrap(), &ours), "{name}");
        }
    }
}
