//! How a training was launched, kept with its run: the flags in its tags, the record of its data among its artifacts. By them it
//! can be launched again.

use std::collections::BTreeMap;

use bytes::Bytes;
use mlflow_client::{ArtifactRoot, Client, Run};
use provenance::{Dataset, Record as _};
use step_runtime::{Context, StepError};

use crate::job::PARENT;
use crate::process::secrets_of;
use crate::publish::{Place, location};
use crate::tracking::{Server, of_mlflow};

/// The flags as a list in JSON; where that is long, more of it in `launch.flags.1` and so on.
pub(crate) const FLAGS: &str = "launch.flags";
/// Where the record of the data is, below the run's artifacts.
const DATASET: &str = "launch/dataset.json";
/// The tag that says so.
pub(crate) const DATASET_TAG: &str = "launch.dataset";
/// MLflow 2 keeps 5,000 characters of a tag.
const PART: usize = 4_000;
/// Flags that belong to one launch: where it ran, what it read and wrote there.
const OF_ONE_LAUNCH: [&str; 10] = [
    "ca-file",
    "dataset",
    "dry-run",
    "log-format",
    "log-level",
    "output-dir",
    "pod-name",
    "termination-log",
    "workflow-name",
    "workflow-uid",
];

/// The name in `--name=value`.
pub(crate) fn name(flag: &str) -> &str {
    let flag = flag.trim_start_matches("--");
    flag.split_once('=').map_or(flag, |(name, _)| name)
}

/// The tags that keep these flags, those of one launch left out.
pub(crate) fn tags(given: &[String]) -> BTreeMap<String, String> {
    let kept: Vec<&str> = given
        .iter()
        .map(String::as_str)
        .filter(|flag| !OF_ONE_LAUNCH.contains(&name(flag)) && !name(flag).starts_with("tracking-"))
        .filter(|flag| !holds_secret(flag))
        .collect();
    let text = serde_json::to_string(&kept).unwrap_or_default();
    let characters: Vec<char> = text.chars().collect();
    characters
        .chunks(PART)
        .enumerate()
        .map(|(number, part)| (tag(number), part.iter().collect()))
        .collect()
}

/// `--env=NAME=VALUE` of a variable that must not be shown, by its name or its value.
fn holds_secret(flag: &str) -> bool {
    let variable = flag
        .strip_prefix("--env=")
        .and_then(|variable| variable.split_once('='));
    variable.is_some_and(|(name, value)| {
        let variable = std::iter::once((name.to_owned(), value.to_owned()));
        !secrets_of(variable).is_empty()
    })
}

fn tag(number: usize) -> String {
    match number {
        0 => FLAGS.to_owned(),
        more => format!("{FLAGS}.{more}"),
    }
}

/// The flags that the tags of a run keep.
///
/// # Errors
/// The run has none, or they cannot be read.
pub(crate) fn flags(run: &Run) -> Result<Vec<String>, StepError> {
    let text: String = (0..)
        .map_while(|number| run.tags.get(&tag(number)))
        .map(String::as_str)
        .collect();
    if let (true, Some(parent)) = (text.is_empty(), run.tags.get(PARENT)) {
        return Err(StepError::usage(format!(
            "run {} is one index of run {parent}: reproduce that",
            run.run_id
        )));
    }
    if text.is_empty() {
        return Err(StepError::usage(format!(
            "run {} has no tag {FLAGS}: it was not launched by this version of train-launch, and does not say how",
            run.run_id
        )));
    }
    serde_json::from_str(&text)
        .map_err(|error| StepError::usage(format!("run {}: tag {FLAGS}: {error}", run.run_id)))
}

/// Keeps the record of the data with the run; the tag that names it.
///
/// # Errors
/// MLflow or the store is away, or refuses.
pub(crate) async fn keep_dataset(
    server: &Server,
    run: &Run,
    validated: &Dataset,
    cx: &Context,
) -> Result<String, StepError> {
    let bytes = Bytes::from(validated.to_json());
    let root = ArtifactRoot::parse(&run.artifact_uri)
        .map_err(of_mlflow)?
        .join(DATASET);
    Place::of(server, &cx.store).write(&root, bytes).await?;
    Ok(match server.mlflow() {
        Some(_) => format!("runs:/{}/{DATASET}", run.run_id),
        None => format!("{}/{DATASET}", run.artifact_uri),
    })
}

/// The record of the data that a run keeps, and the name that it goes by.
///
/// # Errors
/// It is not there, or MLflow or the store is away or refuses.
pub(crate) async fn dataset(
    client: &Client,
    run: &Run,
    cx: &Context,
) -> Result<(String, Vec<u8>), StepError> {
    let named = format!("runs:/{}/{DATASET}", run.run_id);
    let missing = |why: &dyn std::fmt::Display| {
        StepError::usage(format!(
            "{named} is gone ({why}): which data run {} was trained on can be told by its digest only, {}",
            run.run_id,
            run.tags
                .get("data.training_digest")
                .map_or("which it does not say", String::as_str)
        ))
    };
    let root = ArtifactRoot::parse(&run.artifact_uri)
        .map_err(of_mlflow)?
        .join(DATASET);
    let bytes = match &root {
        ArtifactRoot::Proxy(path) => match client.read_artifact(path, || Ok(Vec::new())).await {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return Err(missing(&error)),
            Err(error) => return Err(of_mlflow(error)),
        },
        ArtifactRoot::Direct(place) => match cx.store.read(&location(place)?).await {
            Ok(bytes) => bytes.to_vec(),
            Err(error @ artifact_store::StoreError::NotFound { .. }) => return Err(missing(&error)),
            Err(error) => return Err(error.into()),
        },
    };
    Ok((named, bytes))
}

#[cfg(test)]
mod tests {
    use mlflow_client::RunStatus;

    use super::*;

    #[test]
    fn flags_of_any_length_are_kept_and_read_again() {
        let long = format!("--command=echo {}", "\u{e9}\"\n".repeat(3_000));
        let given: Vec<String> = [
            "--executor=job",
            "--dataset=/in/dataset.json",
            "--tracking-uri=http://m",
            "--workflow-uid=u",
            "--gpu=1",
            "--dry-run",
            "--env=DB_PASSWORD=hunter22",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain([long.clone()])
        .collect();
        let tags = tags(&given);
        assert!(tags.len() > 2 && tags.values().all(|part| part.chars().count() <= PART));
        let mut run = Run {
            run_id: "r".to_owned(),
            run_name: String::new(),
            experiment_id: String::new(),
            status: RunStatus::Finished,
            start_time: 0,
            end_time: None,
            artifact_uri: String::new(),
            deleted: false,
            tags,
            params: BTreeMap::new(),
            metrics: BTreeMap::new(),
            models: Vec::new(),
            inputs: Vec::new(),
        };
        assert_eq!(
            flags(&run).unwrap(),
            ["--executor=job".to_owned(), "--gpu=1".to_owned(), long]
        );
        run.tags.clear();
        assert!(flags(&run).unwrap_err().message().contains("does not say how"));
    }
}
