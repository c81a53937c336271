//! What a launch would read, find and make: all of `run` up to the first thing that is made.

use std::fmt::Write as _;

use mlflow_client::RunStatus;
use step_runtime::{Context, Finished, StepError};

use crate::act::or_stop;
use crate::asked::Asked;
use crate::cli::{Executor, RunArgs};
use crate::gather::{self, Data, When};
use crate::tracking::{self, Known, MODEL_DIGEST};
use crate::{job, report};

/// Prints it. Whatever `run` would refuse is refused here.
///
/// # Errors
/// See [`StepError`].
pub(crate) async fn plan(args: &RunArgs, cx: &Context) -> Result<Finished, StepError> {
    let asked = Asked::of(args, cx).await?;
    let Asked { argv, data, key, .. } = &asked;
    let key = *key;
    tracking::check(args, key, cx)?;
    or_stop(cx, gather::verify(data, When::Before, cx)).await?;
    let known = or_stop(cx, tracking::find(args, key, cx)).await?;
    let mut text = String::new();
    let mut say = |line: &str| _ = writeln!(text, "{line}");
    say(&format!("training  {key}"));
    say(&format!("run       {}", run_line(args, &known)));
    for line in data_lines(data) {
        say(&line);
    }
    let done = matches!(&known, Known::Run(run) if run.tags.contains_key(MODEL_DIGEST));
    match args.executor {
        Executor::Process => {
            say(&format!("output    {}", args.output_dir.display()));
            say("");
            say(&report::plan(args, argv, data, key));
        }
        Executor::Job => {
            let lines = job::plan(&asked, done, cx).await?;
            say(&lines);
        }
    }
    Ok(Finished::text(text.trim_end().to_owned()))
}

fn run_line(args: &RunArgs, known: &Known) -> String {
    match known {
        Known::NoExperiment => format!("experiment `{}` and a run in it would be made", args.experiment),
        Known::NoRun => format!("a run in experiment `{}` would be made", args.experiment),
        Known::Run(run) => {
            let id = &run.run_id;
            match (run.tags.get(MODEL_DIGEST), run.status) {
                (Some(digest), _) => {
                    format!(
                        "{id} has trained model {digest}: nothing would be trained, its record would be written again"
                    )
                }
                (None, RunStatus::Running | RunStatus::Scheduled) => {
                    format!("{id} is under way: it would go on")
                }
                (None, status) => format!("{id} is {}: it would go on", format!("{status:?}").to_uppercase()),
            }
        }
    }
}

fn data_lines(data: &Data) -> Vec<String> {
    let mut lines = vec![format!(
        "data      {} ({}), as it was validated",
        data.validated.version, data.training.digest
    )];
    if let Some(window) = &data.window {
        let (kept, all) = window.kept;
        lines.push(format!(
            "window    {} to {}: {kept} of {all} objects",
            window.from, window.to
        ));
    }
    for (name, split) in &data.training.splits {
        let bytes: u64 = split.objects.iter().map(|object| object.size).sum();
        lines.push(format!(
            "  {name}: {} rows, {bytes} bytes, {} objects",
            split.rows,
            split.objects.len()
        ));
        lines.extend(
            split
                .objects
                .iter()
                .map(|object| format!("    {}  {} rows  {} bytes", object.uri, object.rows, object.size)),
        );
    }
    lines
}
