//! `enroll`: two passes over the data, then a frozen baseline.

use std::collections::BTreeMap;

use provenance::{DataObject, Dataset, Digest, ModelVersionRecord, Record, TrainingRun, digest_bytes};
use step_report::{Check, Format, Input, Note, Report, Table};
use step_runtime::{Context, Finished, StepError};
use tabular::{Batch, Column, ColumnProfile};
use tokio_util::sync::CancellationToken;

use crate::baseline::{Baseline, Bins, ColumnBaseline, Grid, METHOD, Method, WatchedModel};
use crate::cli::EnrollArgs;
use crate::columns::is_pattern;
use crate::config::DriftConfig;
use crate::count::Counter;
use crate::event::slug;
use crate::freeze::{DISTINCT_UP_TO, FirstPass, Frozen};
use crate::gather::{self, DataFile};
use crate::manifest::{Enrolment, cron_workflow};
use crate::schedule;
use crate::selection::Selection;
use crate::window::TimeWindow;

/// The floor of every baseline: see `drift_stats::psi`.
const FLOOR: f64 = 1e-4;

pub(crate) async fn run(args: EnrollArgs, cx: Context) -> Result<Finished, StepError> {
    let config_text = gather::text(&cx.store, &args.config).await?;
    let config = DriftConfig::parse(args.config.as_str(), &config_text)?;
    let model = model(&cx, &args).await?;
    let (files, window) = files(&cx, &args, &config).await?;

    let columns = Selection::of(&config, &files).map_err(StepError::usage)?;
    let cancel = cx.cancel.clone();
    let (work_config, names) = (config.clone(), columns.watched.clone());
    let (data, rows, frozen) = gather::blocking(move || {
        let pass = Pass {
            files,
            names,
            window,
            cancel,
        };
        pass.freeze(&work_config)
    })
    .await?;

    let baseline = Baseline {
        schema: Baseline::SCHEMA.to_owned(),
        model,
        data,
        rows,
        method: Method {
            name: METHOD.to_owned(),
            bins: config.bins,
            floor: FLOOR,
            top_categories: config.top_categories,
            distinct_up_to: DISTINCT_UP_TO,
        },
        // A column of a type that no bins fit is noted and not watched.
        prediction_column: config
            .prediction_column
            .clone()
            .filter(|name| frozen.contains_key(name)),
        columns: frozen,
    };
    let name = baseline.model.name.clone().unwrap_or_else(|| "model".to_owned());
    let key = args
        .baseline_key
        .clone()
        .unwrap_or_else(|| format!("profiles/{}/baseline.json", slug(&name)));
    let enrolment = Enrolment {
        model: &name,
        schedule: args.schedule.as_deref(),
        baseline_key: &key,
        live: args.live.as_deref().unwrap_or("s3://BUCKET/live/"),
        parameters: &args.check_parameter,
    };
    let manifest = cron_workflow(&config, &enrolment).map_err(StepError::usage)?;
    let applied = schedule::apply(&args, &name, &manifest, &cx).await?;
    let json = baseline.to_json();
    let digest = digest_bytes(&json);

    let mut report = report(&cx, &args, &config, &baseline, &columns, &digest);
    report =
        report.with_input(Input::new("config", args.config.as_str()).digest(&digest_bytes(&config_text)));
    report.notes.extend(applied.map(Note::info));
    let mut statement = cx
        .statement()
        .material(args.config.as_str(), &digest_bytes(&config_text));
    for object in &baseline.data {
        statement = statement.material(&object.uri, &object.digest);
    }
    if let Some(digest) = &baseline.model.digest {
        statement = statement.material("model", digest);
    }
    Ok(Finished::decision("ENROLLED", report, statement)
        .with_output(&args.baseline, json)
        .with_output(&args.manifest, manifest.into_bytes()))
}

/// The model that the records name; two records must name one.
async fn model(cx: &Context, args: &EnrollArgs) -> Result<WatchedModel, StepError> {
    let mut model = WatchedModel {
        name: args.model.clone(),
        ..WatchedModel::default()
    };
    if let Some(at) = &args.run {
        let run = TrainingRun::parse(at.as_str(), &gather::bytes(&cx.store, at).await?)?;
        model.digest = Some(run.model.digest);
        model.run_id = Some(run.run_id);
    }
    if let Some(at) = &args.model_version {
        let version = ModelVersionRecord::parse(at.as_str(), &gather::bytes(&cx.store, at).await?)?;
        if model.digest.is_some_and(|digest| digest != version.digest) {
            return Err(StepError::usage(format!(
                "--run and --model-version are of two models: {} and {}; pass the records of one",
                model.digest.map(|digest| digest.short()).unwrap_or_default(),
                version.digest.short()
            )));
        }
        if args.model.as_ref().is_some_and(|name| *name != version.name) {
            return Err(StepError::usage(format!(
                "--model is `{}`, --model-version is of `{}`",
                args.model.as_deref().unwrap_or_default(),
                version.name
            )));
        }
        model = WatchedModel {
            name: Some(version.name),
            version: Some(version.version),
            run_id: Some(version.run_id),
            digest: Some(version.digest),
        };
    }
    Ok(model)
}

/// The files, and the window of them that was validated.
async fn files(
    cx: &Context,
    args: &EnrollArgs,
    config: &DriftConfig,
) -> Result<(Vec<DataFile>, Option<TimeWindow>), StepError> {
    if let Some(at) = &args.dataset {
        if !args.data.is_empty() {
            return Err(StepError::usage(
                "--data and --dataset both name the baseline's data: give one",
            ));
        }
        let dataset = Dataset::parse(at.as_str(), &gather::bytes(&cx.store, at).await?)?;
        let Some(split) = dataset.splits.get(&args.split) else {
            let known: Vec<&str> = dataset.splits.keys().map(String::as_str).collect();
            return Err(StepError::usage(format!(
                "{at} has no split `{}`; it has {}",
                args.split,
                known.join(", ")
            )));
        };
        let files = gather::open_split(cx, split).await?;
        let window = dataset
            .window
            .as_ref()
            .map(|window| TimeWindow::of_dataset(at.as_str(), window))
            .transpose();
        let window = window.map_err(StepError::usage)?;
        // A window is over one column; a split without it is taken whole.
        let timed = |window: &TimeWindow| {
            files
                .iter()
                .all(|file| file.source.fields().any(|field| field.name == window.column))
        };
        let window = window.filter(timed);
        return Ok((files, window));
    }
    let files = match (&args.data[..], &config.reference_dataset) {
        ([], None) => Err(StepError::usage(
            "the baseline's data is not named: give --data or --dataset, or set drift_config.reference_dataset",
        )),
        ([], Some(reference)) => gather::open_all(cx, std::slice::from_ref(reference), &[]).await,
        (data, _) => gather::open_all(cx, data, &[]).await,
    }?;
    Ok((files, None))
}

type FrozenData = (Vec<DataObject>, u64, BTreeMap<String, ColumnBaseline>);

/// What both passes read.
struct Pass {
    files: Vec<DataFile>,
    names: Vec<String>,
    window: Option<TimeWindow>,
    cancel: CancellationToken,
}

impl Pass {
    fn scan(&self, file: &DataFile, visit: impl FnMut(&Batch)) -> Result<gather::Rows, StepError> {
        gather::scan(file, &self.names, self.window.as_ref(), &self.cancel, visit)
    }

    /// Both passes. Blocking.
    fn freeze(&self, config: &DriftConfig) -> Result<FrozenData, StepError> {
        let mut passes: BTreeMap<String, FirstPass> = BTreeMap::new();
        let (mut data, mut rows) = (Vec::new(), 0);
        for file in &self.files {
            let read = self.profile(file, &mut passes)?;
            rows += read.inside;
            data.push(DataObject {
                rows: read.read,
                ..file.object.clone()
            });
        }
        if rows == 0 {
            let uris: Vec<&str> = data.iter().map(|object| object.uri.as_str()).collect();
            return Err(StepError::usage(format!(
                "no row in {}: nothing to make a baseline of",
                uris.join(", ")
            )));
        }
        let frozen = passes
            .into_iter()
            .map(
                |(name, pass)| match pass.freeze(config.bins, config.top_categories) {
                    Ok(frozen) => Ok((name, (pass.profile, frozen))),
                    Err(error) => Err(StepError::usage(format!("column `{name}`: {error}"))),
                },
            )
            .collect::<Result<BTreeMap<_, _>, StepError>>()?;
        self.count(frozen).map(|columns| (data, rows, columns))
    }

    /// The first pass over one file. All files go into one profile value by value, so that the edges do not
    /// depend on how the rows are cut into files.
    fn profile(
        &self,
        file: &DataFile,
        passes: &mut BTreeMap<String, FirstPass>,
    ) -> Result<gather::Rows, StepError> {
        let mut bad: Option<String> = None;
        let rows = self.scan(file, |batch| {
            let watched = |column: &&Column| self.names.contains(&column.field().name);
            for column in batch.columns().iter().filter(watched) {
                let first = || FirstPass::new(ColumnProfile::new(column.field()));
                passes
                    .entry(column.field().name.clone())
                    .or_insert_with(first)
                    .update(column);
            }
            bad = bad.take().or_else(|| {
                let cell = batch.malformed().first()?;
                let (text, column, expected) = (&cell.text, &cell.column, cell.expected);
                let (uri, place) = (&file.object.uri, cell.place);
                Some(format!(
                    "{uri}: {place}: `{text}` in column `{column}` is no {expected}"
                ))
            });
        })?;
        match bad {
            Some(bad) => Err(StepError::usage(format!(
                "{bad}: a baseline must be readable; validate the data first"
            ))),
            None => Ok(rows),
        }
    }

    /// The second pass: exact counts on the frozen bins.
    fn count(
        &self,
        frozen: BTreeMap<String, (ColumnProfile, Frozen)>,
    ) -> Result<BTreeMap<String, ColumnBaseline>, StepError> {
        let mut counters: BTreeMap<&str, Counter<'_>> = frozen
            .iter()
            .map(|(name, (_, frozen))| (name.as_str(), Counter::new(&frozen.bins, frozen.grid.as_ref())))
            .collect();
        for file in &self.files {
            self.scan(file, |batch| {
                for column in batch.columns() {
                    if let Some(counter) = counters.get_mut(column.field().name.as_str()) {
                        counter.update(column);
                    }
                }
            })?;
        }
        let seen: Vec<_> = counters.into_values().map(Counter::finish).collect();
        Ok(frozen
            .into_iter()
            .zip(seen)
            .map(|((name, (profile, frozen)), seen)| {
                let grid = frozen.grid.map(|edges| Grid {
                    edges,
                    counts: seen.grid,
                });
                (
                    name,
                    ColumnBaseline {
                        bins: frozen.bins,
                        counts: seen.counts,
                        grid,
                        profile,
                    },
                )
            })
            .collect())
    }
}

fn report(
    cx: &Context,
    args: &EnrollArgs,
    config: &DriftConfig,
    baseline: &Baseline,
    columns: &Selection,
    digest: &Digest,
) -> Report {
    let mut report = cx.report().with_binding("baseline.digest", digest);
    report.reason = format!(
        "{} columns of {} rows are frozen for {}",
        baseline.columns.len(),
        Format::Count.show(baseline.rows as f64),
        baseline.model.name.as_deref().unwrap_or("a model without a name")
    );
    let model = &baseline.model;
    let bound = [
        ("model.digest", model.digest.map(|digest| digest.to_string())),
        ("run_id", model.run_id.clone()),
    ];
    for (name, value) in bound.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        report = report.with_binding(name, &value);
    }
    for object in &baseline.data {
        report = report.with_input(
            Input::new("data", &object.uri)
                .digest(&object.digest)
                .rows(object.rows),
        );
    }
    let mut table = Table::new("Columns", ["Column", "Type", "Bins", "Nulls", "Different values"]);
    for (name, column) in &baseline.columns {
        let by = match &column.bins {
            Bins::Quantile { .. } => "quantiles",
            Bins::Value { .. } => "values",
            Bins::Category { .. } => "categories",
        };
        table.push([
            name.as_str().into(),
            column.profile.type_name.as_str().into(),
            format!("{} by {by}", column.bins.len()).into(),
            Format::Percent
                .show(column.profile.null_rate().unwrap_or_default())
                .into(),
            column.profile.distinct.count().into(),
        ]);
        report = report.with_check(column_check(config, name, column));
    }
    report = report.with_section(table);
    for (name, why) in &columns.unfit {
        report = report.with_note(Note::warn(format!("{name} is not watched: {why}")));
    }
    for name in &columns.idle {
        let text = format!("drift_config.columns.exclude: no column fits {name}");
        // A pattern may be there for another table; a name that is not there is most likely misspelt.
        report = report.with_note(if is_pattern(name) {
            Note::info(text)
        } else {
            Note::warn(text)
        });
    }
    if !columns.excluded.is_empty() {
        report = report.with_note(Note::info(format!("Excluded: {}.", columns.excluded.join(", "))));
    }
    if baseline.rows < config.min_rows {
        report = report.with_note(Note::warn(format!(
            "The baseline holds {} rows, min_rows is {}: every check will say INSUFFICIENT",
            baseline.rows, config.min_rows
        )));
    }
    if model.digest.is_none() {
        report = report.with_note(Note::warn(
            "The baseline is bound to no model: give --run or --model-version".to_owned(),
        ));
    }
    if args.live.is_none() {
        report = report.with_note(Note::info(
            "The schedule has a place to fill in: give --live".to_owned(),
        ));
    }
    report
}

/// What a reader should know of a column before it is watched for months.
fn column_check(config: &DriftConfig, name: &str, column: &ColumnBaseline) -> Check {
    let check = Check::new(format!("baseline:{name}"), "baseline")
        .column(name)
        .n(column.counts.rows());
    let distinct = column.profile.distinct.count();
    let check = check.observed(distinct).detail("bins", column.bins.len());
    if column.counts.values() == 0 {
        return check.warn(format!(
            "{name} holds no value at all: the first values that come will count as drift"
        ));
    }
    let rest = match &column.bins {
        Bins::Category { .. } => column.counts.bins.last().copied().unwrap_or_default(),
        _ => 0,
    };
    if rest * 2 > column.counts.values() {
        return check.warn(format!(
            "{name} has {distinct} different values, and {} of its rows fall into OTHER: an id? exclude it, or raise \
             top_categories from {}",
            Format::Percent.show(rest as f64 / column.counts.rows() as f64),
            config.top_categories
        ));
    }
    check.pass(format!("{name} is frozen into {} bins", column.bins.len()))
}
