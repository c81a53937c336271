//! What a launch would do to the cluster, held against what is there.

use std::fmt::Write as _;

use kubernetes::{Cluster, Kind};
use serde_json::Value;
use step_runtime::{Context, StepError};

use super::launch::{self, Difference, of_cluster, own_image};
use super::manifest::{self, Manifest};
use super::objects::Job;
use super::state::{State, judge};
use super::trainjob::JobKind;
use super::{IMAGE_OF_THIS_POD, connect, surroundings};
use crate::act::or_stop;
use crate::asked::Asked;

/// The Job and the ConfigMap: what is there, what would be made, and in what the two differ.
///
/// # Errors
/// The cluster is away or refuses; or a flag cannot be used.
pub(crate) async fn plan(asked: &Asked<'_>, done: bool, cx: &Context) -> Result<String, StepError> {
    let (args, key) = (asked.args, asked.key);
    let cluster = &connect(args, cx).await?;
    let surroundings = surroundings(args, cx).await?;
    let image = match (&args.job.launcher_image, &args.job.pod_name) {
        (Some(image), _) => image.clone(),
        (None, Some(_)) if args.job.kind == JobKind::Job => {
            or_stop(cx, own_image(&args.job, cluster)).await?
        }
        (None, _) => IMAGE_OF_THIS_POD.to_owned(),
    };
    let manifest = manifest::build(&surroundings.plan(asked, &image, cluster.is_own_namespace()))
        .map_err(StepError::usage)?;
    // A Job that the server would not take is refused here as `run` refuses it.
    or_stop(cx, launch::validate(&manifest, cluster)).await?;
    let name = manifest::name(key);
    let live = |kind| async move {
        let name = manifest::name(key);
        cluster.get(kind, &name).await.map_err(|error| of_cluster(&error))
    };
    let job = or_stop(cx, live(manifest.kind)).await?;
    let config_map = or_stop(cx, live(Kind::CONFIG_MAP)).await?;
    let place = format!("{}/{name}", cluster.namespace());
    // As wide as `configmap`.
    let noun = format!("{:9}", manifest.kind.kind.to_lowercase());
    let mut text = String::new();
    let mut say = |line: &str| _ = writeln!(text, "{line}");
    match &job {
        None if done => say(&format!("{noun} {place}: not there, and not needed")),
        None => say(&format!("{noun} {place}: would be made")),
        Some(object) => {
            let found = Job::of(object).map_err(StepError::internal)?;
            let held = async { Ok(of_live(&found, object, &manifest, cluster).await) };
            let (what, differences) = or_stop(cx, held).await?;
            say(&format!("{noun} {place}: {what}"));
            for Difference { field, asked, live } in differences {
                say(&format!("- {field}: {live}"));
                say(&format!("+ {field}: {asked}"));
            }
        }
    }
    match &config_map {
        None if done => say(&format!("configmap {place}: not there, and not needed")),
        None => say(&format!("configmap {place}: would be made")),
        Some(live) if live["data"] == manifest.config_map["data"] => {
            say(&format!("configmap {place}: is there, and the same"));
        }
        Some(_) => say(&format!(
            "configmap {place}: is there with another record of the data; it goes with the Job that owns it"
        )),
    }
    if job.is_none() && !done {
        say("");
        say(&format!("{:#}", manifest.list()));
    }
    Ok(text)
}

/// What is there and what would become of it.
async fn of_live(
    job: &Job,
    object: &Value,
    manifest: &Manifest,
    cluster: &Cluster,
) -> (String, Vec<Difference>) {
    if !launch::is_of_this_training(job, manifest) {
        let why = "is there and not of this training: the launch would be refused".to_owned();
        return (why, Vec::new());
    }
    if job.is_going() {
        return ("is going; would be made when it is gone".to_owned(), Vec::new());
    }
    let differences = launch::differences_of(job, object, manifest, cluster).await;
    if !differences.is_empty() {
        return (
            "is there with other settings: the launch would be refused".to_owned(),
            differences,
        );
    }
    let state = match judge(job, &[]) {
        State::Complete => "is complete; would be read back",
        State::Failed(_) => "has failed; would be told, or made anew when it was told already",
        State::Queued { .. } => "is suspended; would be followed",
        State::Waiting { .. } | State::Running | State::Between(_) | State::Among(_) => {
            "is there; would be followed"
        }
    };
    (state.to_owned(), Vec::new())
}
