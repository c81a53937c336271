//! What is said about a training: the record, the report, the statement, and the plan of a dry run.

use jiff::Timestamp;
use mlflow_client::Run;
use provenance::{Digest, ModelRef, Record as _, StatementBuilder, TrainingRun, digest_bytes};
use serde_json::json;
use step_report::{Bound, Cell, Check, Format, Input, Note, Report, Table, Text};
use step_runtime::{Context, Finished, StepError};

use crate::act::{Failed, Looked, Trained};
use crate::cli::RunArgs;
use crate::gather::Data;
use crate::job::Template;
use crate::tracking::Tracking;

/// What every form needs to know.
pub(crate) struct Story<'a> {
    /// The flags.
    pub args: &'a RunArgs,
    /// The command.
    pub argv: &'a [String],
    /// The data.
    pub data: &'a Data,
    /// The run and the server.
    pub tracking: &'a Tracking,
    /// The idempotency key.
    pub key: Digest,
    /// The team's own Job.
    pub template: Option<&'a Template>,
}

/// The decision TRAINED.
///
/// # Errors
/// The run has no end.
pub(crate) fn trained(
    story: &Story<'_>,
    done: &Trained,
    tables: Vec<Table>,
    run: &Run,
    cx: &Context,
) -> Result<Finished, StepError> {
    let record = record(story, done, run)?;
    let bytes = record.to_json();
    let size: u64 = record.model.files.iter().map(|file| file.size).sum();
    let mut report = common(story, run, cx);
    report.reason = format!(
        "{} trained on {} rows in {}; model {} has {} files, {size} bytes",
        story.args.experiment,
        story.data.training.splits.get("train").map_or_else(
            || story
                .data
                .training
                .splits
                .values()
                .map(|split| split.rows)
                .sum::<u64>(),
            |split| split.rows
        ),
        elapsed(run),
        done.digest.short(),
        record.model.files.len(),
    );
    let how = if done.now {
        "the command ended with exit code 0"
    } else {
        "an earlier attempt had trained; not repeated"
    };
    report.checks.push(unchanged(story, done.looked));
    report.checks.push(
        Check::new("training", "training")
            .observed(0.0)
            .bound(Bound::equals(0.0))
            .pass(how),
    );
    report.checks.push(
        Check::new("model", "model")
            .observed(done.digest.to_string())
            .pass(format!(
                "{} holds {} files with the digest of what training left",
                done.published.uri,
                record.model.files.len()
            )),
    );
    report.checks.push(finite(&record));
    report.sections.extend(took(&record).map(Into::into));
    if let Some(chosen) = &done.chosen {
        report.checks.push(chosen.check.clone());
        report = report.with_binding("parent_run_id", &chosen.record.parent_run_id);
    }
    report.sections.push(metrics(&record).into());
    report.sections.push(params(&record).into());
    report.sections.push(files(&record).into());
    for (name, digest) in &done.others {
        report.notes.push(Note::info(format!(
            "also stored with the run: `{name}`, {digest}"
        )));
    }
    report.sections.extend(tables.into_iter().map(Into::into));
    report = with_tail(report, &done.tail);
    report = report
        .with_binding("run_id", &run.run_id)
        .with_binding("model.uri", &done.published.uri)
        .with_binding("model.digest", &done.digest);
    let statement = statement(story, cx).subject(&done.published.uri, &done.digest);
    Ok(Finished::decision("TRAINED", report, statement)
        .with_output(&story.args.run, bytes)
        .with_parameter(&story.args.left.model_uri, &done.published.uri)
        .with_parameter(&story.args.left.model_digest, done.digest.to_string())
        .with_parameter(&story.args.left.run_id, &run.run_id))
}

/// The decision FAILED.
pub(crate) fn failed(
    story: &Story<'_>,
    failed: &Failed,
    tables: Vec<Table>,
    run: &Run,
    cx: &Context,
) -> Finished {
    let mut report = common(story, run, cx);
    report.reason.clone_from(&failed.why);
    report.checks.push(unchanged(story, failed.looked));
    report
        .checks
        .push(Check::new(failed.check, failed.check).fail(failed.why.clone()));
    report.sections.extend(tables.into_iter().map(Into::into));
    report = with_tail(report, &failed.tail).with_binding("run_id", &run.run_id);
    Finished::decision("FAILED", report, statement(story, cx))
}

fn common(story: &Story<'_>, run: &Run, cx: &Context) -> Report {
    let (args, data) = (story.args, story.data);
    let rows = data.training.splits.values().map(|split| split.rows).sum::<u64>();
    let mut input = Input::new("dataset", args.dataset.as_str()).digest(&data.validated.digest);
    input.rows = Some(rows);
    let mut report = cx
        .report()
        .with_input(input)
        .with_binding("dataset.digest", &data.validated.digest)
        .with_binding("dataset.training_digest", &data.training.digest)
        .with_parameter("command", story.argv.to_vec())
        .with_parameter("executor", args.executor.word())
        .with_parameter("experiment", args.experiment.clone())
        .with_parameter("git_sha", args.git_sha.clone())
        .with_parameter(
            "data_version",
            args.data_version
                .clone()
                .unwrap_or_else(|| data.validated.version.clone()),
        )
        .with_parameter("trigger", args.trigger.as_str())
        .with_parameter("key", story.key.to_string());
    if let Some(template) = story.template {
        report = report.with_input(Input::new("job-template", &template.name).digest(&template.digest));
    }
    if let Some(uid) = &args.workflow_uid {
        report = report.with_parameter("workflow_uid", uid.clone());
    }
    if story.tracking.resumed {
        report.notes.push(Note::info(format!(
            "run {} was begun by an earlier attempt and continued",
            run.run_id
        )));
    }
    if let Some(window) = &data.window {
        let (kept, all) = window.kept;
        report = report
            .with_parameter(
                "window",
                args.window.as_ref().map(ToString::to_string).unwrap_or_default(),
            )
            .with_parameter("window_from", window.from.to_string())
            .with_parameter("window_to", window.to.to_string());
        report.notes.push(Note::info(format!(
            "trained on {kept} of {all} objects of `{}`: those that reach into {} to {}",
            args.window_split, window.from, window.to
        )));
    }
    if let Some(version) = args
        .data_version
        .as_ref()
        .filter(|v| **v != data.validated.version)
    {
        report.notes.push(Note::info(format!(
            "--data-version says `{version}`, the dataset calls itself `{}`; the digest is what binds",
            data.validated.version
        )));
    }
    report
}

fn unchanged(story: &Story<'_>, looked: Looked) -> Check {
    let objects: usize = story
        .data
        .training
        .splits
        .values()
        .map(|split| split.objects.len())
        .sum();
    let check = Check::new("dataset", "dataset");
    let when = match looked {
        Looked::Before => "before training",
        Looked::After => "after training, which an earlier attempt had done",
        Looked::Around => "before training and after it",
        Looked::InPod => "before training and after it, as the program in the Job's pod saw them",
        Looked::Not => {
            return check.skipped(format!(
                "this attempt did not look at the {objects} objects: it did not train"
            ));
        }
    };
    check
        .observed(objects as f64)
        .bound(Bound::equals(objects as f64))
        .pass(format!("all {objects} objects were what was validated, {when}"))
}

/// A number that is none does not fail training: the gate of `evaluate` does. It is said, by name.
fn finite(record: &TrainingRun) -> Check {
    let odd: Vec<&str> = record
        .metrics
        .iter()
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    let check = Check::new("metrics:finite", "metrics")
        .observed(odd.len() as f64)
        .bound(Bound::equals(0.0));
    if odd.is_empty() {
        return check.pass(format!("all {} metrics are finite numbers", record.metrics.len()));
    }
    let mut check = check;
    check.severity = step_report::Severity::Warn;
    check.warn(format!(
        "not a finite number: {}; the record has null there",
        odd.join(", ")
    ))
}

fn metrics(record: &TrainingRun) -> Table {
    let mut table = Table::new("Metrics that training logged, last values", ["metric", "value"]);
    for (name, value) in &record.metrics {
        let cell = value.map_or_else(
            || Cell::text("not a finite number"),
            |v| Cell::number(v, Format::default()),
        );
        table.push([Cell::text(name.clone()), cell]);
    }
    table.note("They are the training code's own: no gate reads them. The gate is evaluate's.")
}

/// What it took; nothing when nothing is known.
fn took(record: &TrainingRun) -> Option<Table> {
    let compute = record.compute.as_ref()?;
    let mut table = Table::new("What it took", ["what", "value"]);
    let mut row = |what: &str, value: Option<f64>| {
        if let Some(value) = value {
            table.push([Cell::text(what), Cell::number(value, Format::default())]);
        }
    };
    row("seconds that the command ran", compute.train_seconds);
    row("pods", compute.pods.map(f64::from));
    row("seconds that pods held their nodes", compute.pod_seconds);
    let resource = compute.gpu_resource.as_deref().unwrap_or("GPU");
    row(&format!("{resource} of each pod"), compute.gpus.map(f64::from));
    row("GPU-hours", compute.gpu_hours);
    Some(table)
}

fn params(record: &TrainingRun) -> Table {
    let mut table = Table::new("Parameters", ["parameter", "value"]);
    for (name, value) in &record.params {
        table.push([Cell::text(name.clone()), Cell::text(value.clone())]);
    }
    table
}

fn files(record: &TrainingRun) -> Table {
    let mut table = Table::new("Files of the model", ["file", "bytes", "sha256"]);
    for file in &record.model.files {
        table.push([
            Cell::text(file.path.clone()),
            Cell::text(file.size.to_string()),
            Cell::text(file.digest.short()),
        ]);
    }
    table.note(format!("Their list has the digest {}.", record.model.digest))
}

fn with_tail(report: Report, tail: &[String]) -> Report {
    if tail.is_empty() {
        return report;
    }
    let title = format!("Last {} lines of the training command", tail.len());
    report.with_section(Text::preformatted(title, tail.join("\n")))
}

fn statement(story: &Story<'_>, cx: &Context) -> StatementBuilder {
    let (args, data) = (story.args, story.data);
    let mut statement = cx
        .statement()
        .material(args.dataset.as_str(), &digest_bytes(data.validated.to_json()))
        .material("dataset", &data.validated.digest);
    if data.training.digest != data.validated.digest {
        statement = statement.material("dataset#window", &data.training.digest);
    }
    if let Some(template) = story.template {
        statement = statement.material(&template.name, &template.digest);
    }
    match &args.workflow_uid {
        Some(uid) => statement.invocation(uid),
        None => statement,
    }
}

fn record(story: &Story<'_>, done: &Trained, run: &Run) -> Result<TrainingRun, StepError> {
    let (args, data, tracking) = (story.args, story.data, story.tracking);
    let time = |ms: i64| {
        Timestamp::from_millisecond(ms)
            .map(|at| at.to_string())
            .map_err(|e| StepError::internal(format!("MLflow's time of the run: {e}")))
    };
    let ended = run
        .end_time
        .ok_or_else(|| StepError::internal("the run was ended and has no end"))?;
    Ok(TrainingRun {
        schema: TrainingRun::SCHEMA.to_owned(),
        run_id: run.run_id.clone(),
        experiment: tracking.experiment.name.clone(),
        experiment_id: run.experiment_id.clone(),
        tracking_uri: tracking.server.tracking_uri().to_owned(),
        artifact_uri: run.artifact_uri.clone(),
        model: ModelRef {
            uri: done.published.uri.clone(),
            digest: done.digest,
            files: done.published.files.clone(),
        },
        dataset: data.validated.reference(),
        git_sha: args.git_sha.clone(),
        data_version: args
            .data_version
            .clone()
            .unwrap_or_else(|| data.validated.version.clone()),
        trigger: args.trigger,
        command: story.argv.to_vec(),
        started: time(run.start_time)?,
        finished: time(ended)?,
        tags: run.tags.clone(),
        params: run.params.clone(),
        metrics: run.metrics.clone(),
        workflow_uid: args.workflow_uid.clone(),
        compute: done
            .compute
            .clone()
            .or_else(|| crate::compute::of_tags(&run.tags)),
        indexed: done.chosen.as_ref().map(|chosen| chosen.record.clone()),
    })
}

fn elapsed(run: &Run) -> String {
    let ms = run
        .end_time
        .unwrap_or(run.start_time)
        .saturating_sub(run.start_time)
        .max(0);
    match ms / 1000 {
        0..=99 => format!("{:.1} s", ms as f64 / 1000.0),
        seconds @ 100..=7_199 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// What a dry run of the process executor prints.
pub(crate) fn plan(args: &RunArgs, argv: &[String], data: &Data, key: Digest) -> String {
    let plan = json!({
        "executor": "process",
        "command": argv,
        "workdir": args.workdir,
        "experiment": args.experiment,
        "idempotency_key": key.to_string(),
        "output_dir": args.output_dir,
        "deadline": args.deadline.as_ref().map(ToString::to_string),
        "environment": ["MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "TRAIN_DATASET", "TRAIN_OUTPUT"],
        "dataset": { "validated": data.validated.digest.to_string(), "training": data.training.digest.to_string() },
        "splits": data.training.splits.iter().map(|(name, split)| json!({
            "name": name,
            "rows": split.rows,
            "objects": split.objects.iter().map(|object| object.uri.as_str()).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    });
    format!("{plan:#}")
}
