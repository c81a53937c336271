//! The same training once more, from what its run says alone.

use clap::Parser as _;
use mlflow_client::Run;
use provenance::{Dataset, Digest, Record as _};
use step_report::{Bound, Check, Severity};
use step_runtime::{Context, Finished, StepError};

use crate::act::or_stop;
use crate::cli::{ReproduceArgs, RunArgs};
use crate::settings;
use crate::tracking::{MODEL_DIGEST, of_mlflow};

/// `run` as a parser of its own.
#[derive(Debug, clap::Parser)]
#[command(name = "run", no_binary_name = true)]
struct Launch {
    #[command(flatten)]
    run: RunArgs,
}

/// The tag of a run that repeats another.
const REPRODUCES: &str = "mlops.reproduces";

/// Launches the training of a run again, and compares the models.
///
/// # Errors
/// The run, its data or what it says of itself is gone; and all that `run` may end with.
pub(crate) async fn reproduce(args: &ReproduceArgs, cx: &Context) -> Result<Finished, StepError> {
    let client = args.mlflow.client(cx.ca_file()).map_err(of_mlflow)?;
    let original = or_stop(cx, async { client.run(&args.run).await.map_err(of_mlflow) })
        .await?
        .ok_or_else(|| {
            StepError::usage(format!(
                "--run {}: MLflow at {} has no such run",
                args.run,
                client.tracking_uri()
            ))
        })?;
    let (named, bytes) = or_stop(cx, settings::dataset(&client, &original, cx)).await?;
    holds(&original, &named, &bytes)?;
    let mut launch = launch(args, &original)?;
    launch.recorded = Some((named, bytes));
    launch
        .more_tags
        .insert(REPRODUCES.to_owned(), original.run_id.clone());
    let finished = crate::launch(&launch, cx).await?;
    Ok(match finished.output(&launch.run).map(model) {
        Some(model) => finished.with_check(compared(&original, model?)),
        // It failed.
        None => finished,
    })
}

/// The record must be the one that the run's tags name: what is trained on is told by digest.
fn holds(original: &Run, named: &str, bytes: &[u8]) -> Result<(), StepError> {
    let dataset = Dataset::parse(named, bytes)?;
    let observed = dataset.digest.to_string();
    match original.tags.get("data.digest") {
        Some(told) if *told == observed => Ok(()),
        Some(told) => Err(StepError::usage(format!(
            "{named} is of the data {observed}, and run {} says {told}",
            original.run_id
        ))),
        None => Err(StepError::usage(format!(
            "run {} has no tag data.digest: it is not one of train-launch",
            original.run_id
        ))),
    }
}

/// The flags of the run, those given here in their place, and what belongs to this launch.
fn launch(args: &ReproduceArgs, original: &Run) -> Result<RunArgs, StepError> {
    let replaced: Vec<&str> = args
        .flags
        .iter()
        .filter(|word| word.starts_with("--"))
        .map(|flag| settings::name(flag))
        .collect();
    let mut words: Vec<String> = settings::flags(original)?
        .into_iter()
        .filter(|flag| !replaced.contains(&settings::name(flag)))
        .collect();
    let image = ["launch.image", "launch.image.digest"].map(|tag| original.tags.get(tag));
    if let [Some(image), Some(digest)] = image
        && !replaced.contains(&"image")
    {
        words.retain(|flag| settings::name(flag) != "image");
        words.push(format!("--image={}@{digest}", repository(image)));
    }
    words.extend(args.flags.iter().cloned());
    // Apart from the original, and from other reproductions beside it.
    words.retain(|flag| settings::name(flag) != "step");
    let short: String = original.run_id.chars().take(8).collect();
    words.push(format!("--step=reproduce-{short}"));
    let kept = words.clone();
    words.push(format!("--dataset=runs:/{}/launch/dataset.json", original.run_id));
    let parsed = Launch::try_parse_from(words).map_err(|error| {
        let text = error.render().to_string();
        let sentence = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        StepError::usage(format!(
            "the flags of run {} and those given here: {sentence}",
            original.run_id
        ))
    })?;
    let mut run = parsed.run;
    run.more_tags = settings::tags(&kept);
    run.run = args.record.clone();
    run.left = args.left.clone();
    run.output_dir.clone_from(&args.output_dir);
    run.workflow_uid.clone_from(&args.workflow_uid);
    run.job.workflow_name.clone_from(&args.workflow_name);
    run.job.pod_name.clone_from(&args.pod_name);
    run.mlflow = args.mlflow.clone();
    run.common = args.common.clone();
    run.decision = args.decision;
    Ok(run)
}

/// An image without its tag and digest.
fn repository(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    match image.rsplit_once(':') {
        // A colon before a slash is a port.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

fn model(record: &[u8]) -> Result<Digest, StepError> {
    Ok(provenance::TrainingRun::parse("run.json", record)?.model.digest)
}

/// Training need not be deterministic to the bit: another model is said, and is no failure.
fn compared(original: &Run, model: Digest) -> Check {
    let check = Check::new("reproduced", "model").observed(model.to_string());
    let Some(before) = original.tags.get(MODEL_DIGEST) else {
        return check.skipped(format!("run {} left no model to compare with", original.run_id));
    };
    let mut check = check.bound(Bound::equals(before.as_str()));
    if *before == model.to_string() {
        return check.pass(format!(
            "the model is that of run {}, byte for byte",
            original.run_id
        ));
    }
    check.severity = Severity::Warn;
    check.warn(format!(
        "the model is {model}, that of run {} was {before}: the training is not deterministic, or its model holds the time or \
         the run that it was made in",
        original.run_id
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_its_tag() {
        for (image, name) in [
            ("train", "train"),
            ("docker.io/team/train:1", "docker.io/team/train"),
            ("lab.local:5000/train", "lab.local:5000/train"),
            ("lab.local:5000/train:1@sha256:ab", "lab.local:5000/train"),
        ] {
            assert_eq!(repository(image), name, "{image}");
        }
    }
}
