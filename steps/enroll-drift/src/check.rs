//! `check`: one pass over the window, a verdict, then the deeds.

use std::collections::BTreeMap;

use provenance::{DataObject, Digest, ModelVersionRecord, Record, Split, digest_bytes};
use step_contract::{Exit, nearest};
use step_report::{Input, Note, Report};
use step_runtime::{Context, Finished, StepError};
use tabular::Kind;
use tokio_util::sync::CancellationToken;

use crate::act::{Undelivered, act};
use crate::baseline::{Baseline, Bins};
use crate::cli::CheckArgs;
use crate::columns::is_pattern;
use crate::config::DriftConfig;
use crate::count::Counter;
use crate::decide::{Found, Verdict, Window, decide};
use crate::event::{Event, Subject};
use crate::gather::{self, DataFile};
use crate::report::{self, Story};
use crate::window::TimeWindow;

pub(crate) async fn run(args: CheckArgs, cx: Context) -> Result<Finished, StepError> {
    let fail_on = words(&args.fail_on)?;
    let config_text = gather::text(&cx.store, &args.config).await?;
    let config = DriftConfig::parse(args.config.as_str(), &config_text)?;
    let baseline_bytes = gather::bytes(&cx.store, &args.baseline).await?;
    let baseline = Baseline::parse(args.baseline.as_str(), &baseline_bytes)?;
    let baseline_digest = digest_bytes(&baseline_bytes);
    same_model(&cx, &args, &baseline).await?;
    let time = TimeWindow::resolve(&config, args.as_of.as_deref(), args.window.as_deref(), cx.started)
        .map_err(StepError::usage)?;
    let watched = watched(&config, &baseline).map_err(StepError::usage)?;

    let files = gather::open_all(&cx, &args.data, &kinds(&baseline, &watched)).await?;
    let cancel = cx.cancel.clone();
    let (work_baseline, work_time) = (baseline.clone(), time.clone());
    let counted =
        gather::blocking(move || count(&work_baseline, &watched, &files, work_time.as_ref(), &cancel))
            .await?;

    let decision = decide(&config, &baseline, &counted.window)
        .map_err(|error| StepError::internal(format!("the window cannot be judged: {error}")))?;
    let data = Split::new("window", counted.objects.clone())
        .map_err(|error| StepError::caused(Exit::Usage, &error))?;
    let subject = Subject {
        model: &baseline.model,
        baseline: baseline_digest,
        window: time.as_ref(),
        data: data.digest,
        rows: counted.window.rows,
    };
    let trigger = &config.retraining_trigger;
    let event = (decision.verdict == Verdict::Retrain)
        .then(|| Event::new(&subject, &decision, trigger.include_drift_report));
    let deeds = act(&cx, &args, trigger, &decision, event.as_ref()).await;

    let mut remarks = counted.remarks;
    remarks.extend(report::renamed(&decision.columns));
    remarks.extend(stale(&config, &baseline));
    let head = head(&cx, &args, &config_text, &baseline, &subject, &counted.objects);
    let story = Story {
        config: &config,
        baseline: &baseline,
        window: &counted.window,
        decision: &decision,
        event: event.as_ref(),
        deeds: &deeds,
        remarks,
    };
    let report = report::write(head, &story);
    if let Some(Undelivered { exit, why }) = deeds.undelivered {
        return Err(StepError::new(exit, why).with_report(report));
    }
    let mut statement = cx
        .statement()
        .material(args.config.as_str(), &digest_bytes(&config_text))
        .material(args.baseline.as_str(), &baseline_digest);
    for object in &counted.objects {
        statement = statement.material(&object.uri, &object.digest);
    }
    let mut finished = Finished::decision(decision.verdict.word(), report, statement);
    if let Some(event) = &event {
        finished = finished.with_output(&args.event, event.to_json());
    }
    if fail_on.contains(&decision.verdict) {
        finished = finished.with_exit(Exit::No);
    }
    Ok(finished)
}

/// Settings of the configuration that a frozen baseline no longer follows.
fn stale(config: &DriftConfig, baseline: &Baseline) -> Option<Note> {
    let frozen = &baseline.method;
    let same = (config.bins, config.top_categories) == (frozen.bins, frozen.top_categories);
    (!same).then(|| {
        Note::warn(format!(
            "drift_config asks for {} bins and {} categories, the baseline is frozen with {} and {}: enroll again",
            config.bins, config.top_categories, frozen.bins, frozen.top_categories
        ))
    })
}

/// The words of `--fail-on`.
fn words(given: &[String]) -> Result<Vec<Verdict>, StepError> {
    let known = || Verdict::ALL.into_iter().filter(|verdict| *verdict != Verdict::Ok);
    given
        .iter()
        .flat_map(|text| text.split([',', '\n']))
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(|word| {
            known().find(|verdict| verdict.word() == word).ok_or_else(|| {
                let hint = nearest(word, known().map(Verdict::word)).map(|near| format!("; did you mean {near}?"));
                StepError::usage(format!(
                    "--fail-on `{word}` is no verdict to fail on: ALERT, RETRAIN, INSUFFICIENT, DATA_QUALITY{}",
                    hint.unwrap_or_default()
                ))
            })
        })
        .collect()
}

async fn same_model(cx: &Context, args: &CheckArgs, baseline: &Baseline) -> Result<(), StepError> {
    let Some(at) = &args.model_version else {
        return Ok(());
    };
    let version = ModelVersionRecord::parse(at.as_str(), &gather::bytes(&cx.store, at).await?)?;
    match baseline.model.digest {
        Some(digest) if digest == version.digest => Ok(()),
        Some(digest) => Err(StepError::usage(format!(
            "{} is the baseline of model {}, {at} is of {}: enroll the model that serves",
            args.baseline,
            digest.short(),
            version.digest.short()
        ))),
        None => Err(StepError::usage(format!(
            "{} is bound to no model, so it cannot be held against {at}: enroll with --model-version",
            args.baseline
        ))),
    }
}

/// The columns of the baseline that the configuration watches today.
fn watched(config: &DriftConfig, baseline: &Baseline) -> Result<Vec<String>, String> {
    let known = || baseline.columns.keys().map(String::as_str);
    for name in config.columns.include.iter().filter(|name| !is_pattern(name)) {
        if !baseline.columns.contains_key(name) {
            let hint = nearest(name, known())
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            return Err(format!(
                "drift_config.columns.include: the baseline has no column `{name}`{hint} (enroll again to add one)"
            ));
        }
    }
    let prediction = config.prediction_column.as_deref();
    if let Some(name) = prediction.filter(|name| !baseline.columns.contains_key(*name)) {
        let hint = nearest(name, known())
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        return Err(format!(
            "drift_config.prediction_column: the baseline has no column `{name}`{hint} (enroll with data that has the \
             model's answers)"
        ));
    }
    let watched: Vec<String> = known()
        .filter(|name| match prediction {
            Some(prediction) if prediction == *name => true,
            // A baseline's prediction is no feature when today's configuration names another or none.
            _ => config.watches(name) && baseline.prediction_column.as_deref() != Some(name),
        })
        .map(str::to_owned)
        .collect();
    if watched.is_empty() {
        return Err("drift_config.columns leaves no column of the baseline to watch".to_owned());
    }
    Ok(watched)
}

/// What text formats shall read each column as: what it was in the baseline.
fn kinds(baseline: &Baseline, watched: &[String]) -> Vec<(String, Kind)> {
    let kind = |name: &String| match baseline
        .columns
        .get(name)
        .map(|column| (&column.bins, column.profile.kind))
    {
        Some((Bins::Category { .. }, _)) => Kind::Text,
        Some((_, Kind::Bool)) => Kind::Bool,
        _ => Kind::Float,
    };
    watched.iter().map(|name| (name.clone(), kind(name))).collect()
}

struct Counted {
    window: Window,
    objects: Vec<DataObject>,
    remarks: Vec<Note>,
}

/// A counter, and how many cells it could not read with the first of them.
type Tally<'a> = (Counter<'a>, Option<(u64, String)>);

/// The one pass. Blocking.
fn count(
    baseline: &Baseline,
    watched: &[String],
    files: &[DataFile],
    time: Option<&TimeWindow>,
    cancel: &CancellationToken,
) -> Result<Counted, StepError> {
    let mut columns: BTreeMap<String, Found> = BTreeMap::new();
    let mut counters: BTreeMap<&str, Tally<'_>> = watched
        .iter()
        .filter_map(|name| {
            let column = baseline.columns.get(name)?;
            let counter = Counter::new(&column.bins, column.grid.as_ref().map(|grid| &grid.edges));
            Some((name.as_str(), (counter, None)))
        })
        .collect();
    let (mut inside, mut timeless, mut objects) = (0, 0, Vec::new());
    for file in files {
        let takes_part = time_fits(file, time, cancel)?;
        let lost: Vec<(&String, Found)> = watched
            .iter()
            .filter_map(|name| Some((name, lost(baseline, file, name)?)))
            .collect();
        let counted: Vec<String> = watched
            .iter()
            .filter(|name| !lost.iter().any(|(gone, _)| gone == name))
            .cloned()
            .collect();
        let rows = if takes_part {
            gather::scan(file, &counted, time, cancel, |batch| {
                for column in batch.columns() {
                    if let Some((counter, _)) = counters.get_mut(column.field().name.as_str()) {
                        counter.update(column);
                    }
                }
                for cell in batch.malformed() {
                    if let Some((counter, unreadable)) = counters.get_mut(cell.column.as_str()) {
                        counter.unreadable(1);
                        unreadable
                            .get_or_insert_with(|| (0, format!("{} ({})", cell.text, cell.place)))
                            .0 += 1;
                    }
                }
            })?
        } else {
            gather::Rows::default()
        };
        // A file of another time may well be of another schema. Without a window every file is asked, an empty one too.
        if time.is_none() || rows.inside > 0 {
            for (name, lost) in lost {
                columns.entry(name.clone()).or_insert(lost);
            }
        }
        inside += rows.inside;
        timeless += rows.timeless;
        objects.push(DataObject {
            rows: rows.read,
            ..file.object.clone()
        });
    }
    counters.retain(|name, _| !columns.contains_key(*name));
    for (name, (counter, unreadable)) in counters {
        let type_name = files
            .iter()
            .find_map(|file| type_in(file, baseline, name))
            .unwrap_or_default();
        columns.insert(
            name.to_owned(),
            Found::Counted {
                seen: counter.finish(),
                type_name,
                unreadable,
            },
        );
    }
    let mut remarks = extra(files, baseline);
    if timeless > 0 {
        let column = time.map(|time| time.column.as_str()).unwrap_or_default();
        remarks.push(Note::warn(format!(
            "{timeless} rows have no {column}: they are in no window"
        )));
    }
    Ok(Counted {
        window: Window {
            rows: inside,
            columns,
        },
        objects,
        remarks,
    })
}

/// Whether the rows of a file have times. A table without a row takes no part: of text, nothing says what its columns hold.
fn time_fits(
    file: &DataFile,
    time: Option<&TimeWindow>,
    cancel: &CancellationToken,
) -> Result<bool, StepError> {
    let Some(time) = time else { return Ok(true) };
    let (uri, name) = (&file.object.uri, &time.column);
    match file.source.fields().find(|field| field.name == *name) {
        Some(field) if matches!(field.kind, Kind::Timestamp | Kind::Date) => Ok(true),
        Some(_) if gather::scan(file, &[], None, cancel, |_| {})?.read == 0 => Ok(false),
        Some(field) => Err(StepError::usage(format!(
            "drift_config.time_column: `{name}` is {} in {uri}; a timestamp or date is needed",
            field.type_name
        ))),
        None => {
            let near = nearest(name, file.source.fields().map(|field| field.name.as_str()));
            let hint = near
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            Err(StepError::usage(format!(
                "drift_config.time_column: {uri} has no column `{name}`{hint}"
            )))
        }
    }
}

/// Why a watched column cannot be counted in this file.
fn lost(baseline: &Baseline, file: &DataFile, name: &str) -> Option<Found> {
    let column = baseline.columns.get(name)?;
    let uri = file.object.uri.clone();
    match file.source.fields().find(|field| field.name == name) {
        None => {
            let near = nearest(name, file.source.fields().map(|field| field.name.as_str()));
            // A name that the baseline has too is another column, not this one under a new name.
            let nearest = near
                .filter(|near| !baseline.columns.contains_key(*near))
                .map(str::to_owned);
            Some(Found::Missing { file: uri, nearest })
        }
        Some(field) if column.takes(field.kind) => None,
        Some(field) => Some(Found::OtherType {
            type_name: field.type_name.clone(),
            file: uri,
        }),
    }
}

/// What the file calls the type; text formats were told what to read, so they say nothing of their own.
fn type_in(file: &DataFile, baseline: &Baseline, name: &str) -> Option<String> {
    let field = file.source.fields().find(|field| field.name == name)?;
    let text = [".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson"];
    let called = file.object.name().to_lowercase();
    let stem = called.trim_end_matches(".gz").trim_end_matches(".zst");
    if text.iter().any(|ending| stem.ends_with(ending)) {
        return baseline
            .columns
            .get(name)
            .map(|column| column.profile.type_name.clone());
    }
    Some(field.type_name.clone())
}

/// Columns that the baseline knows nothing of are said once: somebody may expect them to be watched.
fn extra(files: &[DataFile], baseline: &Baseline) -> Vec<Note> {
    let Some(file) = files.first() else {
        return Vec::new();
    };
    let names: Vec<&str> = file
        .source
        .fields()
        .map(|field| field.name.as_str())
        .filter(|name| !baseline.columns.contains_key(*name))
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    vec![Note::info(format!(
        "Not in the baseline, so not compared: {}.",
        names.join(", ")
    ))]
}

fn head(
    cx: &Context,
    args: &CheckArgs,
    config_text: &str,
    baseline: &Baseline,
    subject: &Subject<'_>,
    objects: &[DataObject],
) -> Report {
    let digest: Digest = digest_bytes(config_text);
    let mut report = cx
        .report()
        .with_input(Input::new("config", args.config.as_str()).digest(&digest))
        .with_input(
            Input::new("baseline", args.baseline.as_str())
                .digest(&subject.baseline)
                .rows(baseline.rows),
        )
        .with_binding("baseline.digest", &subject.baseline)
        .with_binding("window.digest", &subject.data);
    for object in objects {
        report = report.with_input(
            Input::new("data", &object.uri)
                .digest(&object.digest)
                .rows(object.rows),
        );
    }
    if let Some(digest) = &baseline.model.digest {
        report = report.with_binding("model.digest", digest);
    }
    if let Some(run_id) = &baseline.model.run_id {
        report = report.with_binding("run_id", run_id);
    }
    if let Some(window) = subject.window {
        report = report
            .with_binding("window.from", &window.from)
            .with_binding("window.to", &window.to)
            .with_parameter("time_column", window.column.as_str());
    }
    report
        .with_parameter("dry_run", args.dry_run)
        .with_parameter("fail_on", args.fail_on.join(","))
}
