//! Writing what a step made: everything whole, the report last, the verdict after it.

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use artifact_store::{Location, Store};
use bytes::Bytes;
use clap::{Arg, ArgMatches, Command};
use jiff::Timestamp;
use provenance::digest_bytes;
use step_contract::{Exit, InArtifact, OutArtifact, OutParameter, StepSpec};
use step_report::Report;

use crate::args::CommonArgs;
use crate::command_line::raw_value;
use crate::error::StepError;
use crate::finished::Decision;

/// The default output directory. Where it is not there (a laptop), defaults are not written.
const OUT: &str = "/out/";

pub(crate) struct Written {
    pub(crate) verdict: String,
    pub(crate) exit: Exit,
    pub(crate) reason: String,
}

/// The places where a command puts what it makes, as far as they are on this machine. What is found there is of an
/// earlier run: a run that is killed or fails must leave nothing behind that a task which looks only for the file would
/// take for its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Vec<PathBuf>);

impl Places {
    /// Of arguments that were read.
    pub(crate) fn of(command: &Command, matches: &ArgMatches) -> Self {
        Self::named(command, |arg| {
            let mut values = matches.try_get_raw(arg.get_id().as_str()).ok()??;
            values.next().map(|value| value.to_string_lossy().into_owned())
        })
    }

    /// Of arguments that clap could not read: as written, from the environment, or the default.
    pub(crate) fn of_raw(command: &Command, args: &[OsString]) -> Self {
        let text = |value: &OsStr| value.to_string_lossy().into_owned();
        Self::named(command, |arg| {
            raw_value(args, arg.get_long()?)
                .or_else(|| arg.get_env().and_then(std::env::var_os).map(|value| text(&value)))
                .or_else(|| arg.get_default_values().first().map(|value| text(value)))
        })
    }

    fn named(command: &Command, value: impl Fn(&Arg) -> Option<String>) -> Self {
        let places = |kinds: &[TypeId]| -> Vec<PathBuf> {
            let of_kind = |arg: &&Arg| kinds.iter().any(|kind| arg.get_value_parser().type_id() == *kind);
            let values = command.get_arguments().filter(of_kind).filter_map(&value);
            values.filter_map(|place| local(&place)).collect()
        };
        // A record that is read and written in one place is this run's input first.
        let read = places(&[TypeId::of::<InArtifact>()]);
        let mut made = places(&[TypeId::of::<OutArtifact>(), TypeId::of::<OutParameter>()]);
        // Two spellings of one file are one file.
        let file = |place: &PathBuf| place.canonicalize().unwrap_or_else(|_| place.clone());
        let read: Vec<PathBuf> = read.iter().map(file).collect();
        made.retain(|place| !read.contains(&file(place)));
        Self(made)
    }

    /// Removes what is there.
    pub(crate) fn clear(&self) {
        for path in self.0.iter().filter(|path| path.is_file()) {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::debug!(path = %path.display(), %error, "cannot remove an earlier output");
            }
        }
    }
}

fn local(location: &str) -> Option<PathBuf> {
    match location.parse() {
        Ok(Location::Path(path)) => Some(path),
        _ => None,
    }
}

pub(crate) async fn decision(
    decision: Decision,
    common: &CommonArgs,
    spec: &StepSpec,
    command: &str,
    started: Timestamp,
    store: &Store,
) -> Result<Written, StepError> {
    let Decision {
        verdict,
        exit,
        mut report,
        mut statement,
        outputs,
        parameters,
    } = decision;
    let exit = match exit {
        Some(exit) => exit,
        None => spec
            .command(command)
            .and_then(|known| known.verdicts.iter().find(|known| known.word == verdict))
            .map(|known| known.exit)
            .ok_or_else(|| {
                StepError::internal(format!(
                    "the verdict {verdict} is not in the contract of {command}"
                ))
            })?,
    };
    let finished = Timestamp::now();
    report.verdict.clone_from(&verdict);
    stamp(&mut report, started, finished);
    for (location, bytes) in outputs {
        statement = statement.subject(base_name(location.as_str()), &digest_bytes(&bytes));
        write(store, &location, bytes).await?;
    }
    let json = report.to_json().into_bytes();
    statement = statement.subject(base_name(common.report.as_str()), &digest_bytes(&json));
    for (name, value) in &report.parameters {
        statement = statement.parameter(name, value.clone());
    }
    write(
        store,
        &common.statement,
        statement.build(started, finished).to_json(),
    )
    .await?;
    for (place, value) in &parameters {
        parameter(store, place, value).await?;
    }
    renderings(&report, common, store).await?;
    write(store, &common.report, json).await?;
    parameter(store, &common.verdict, &verdict).await?;
    Ok(Written {
        verdict,
        exit,
        reason: report.reason,
    })
}

/// The report of a step that reached no decision. What cannot be written is logged: the first error counts.
pub(crate) async fn error_report(mut report: Report, common: &CommonArgs, started: Timestamp, store: &Store) {
    stamp(&mut report, started, Timestamp::now());
    let written = async {
        renderings(&report, common, store).await?;
        write(store, &common.report, report.to_json().into_bytes()).await?;
        parameter(store, &common.verdict, &report.verdict).await
    };
    if let Err(error) = written.await {
        tracing::warn!(%error, "the report of the error could not be kept");
    }
}

fn stamp(report: &mut Report, started: Timestamp, finished: Timestamp) {
    report.started = started.to_string();
    report.finished = finished.to_string();
}

async fn renderings(report: &Report, common: &CommonArgs, store: &Store) -> Result<(), StepError> {
    write(store, &common.report_md, report.to_markdown().into_bytes()).await?;
    write(store, &common.report_html, report.to_html().into_bytes()).await?;
    write(store, &common.report_junit, report.to_junit().into_bytes()).await
}

pub(crate) async fn write(store: &Store, out: &OutArtifact, bytes: Vec<u8>) -> Result<(), StepError> {
    if is_unused_default(out.as_str()) {
        tracing::debug!(output = %out, "not written: there is no /out here, and no place was given");
        return Ok(());
    }
    let location: Location = out
        .as_str()
        .parse()
        .map_err(|error| StepError::usage(format!("cannot write {out}: {error}")))?;
    store.write(&location, Bytes::from(bytes)).await?;
    Ok(())
}

async fn parameter(store: &Store, parameter: &OutParameter, value: &str) -> Result<(), StepError> {
    let path = parameter.path();
    if is_unused_default(&path.to_string_lossy()) {
        return Ok(());
    }
    let location = Location::Path(path.to_path_buf());
    store.write(&location, Bytes::from(value.to_owned())).await?;
    Ok(())
}

fn is_unused_default(path: &str) -> bool {
    path.starts_with(OUT) && !std::path::Path::new(OUT).is_dir()
}

fn base_name(location: &str) -> &str {
    location
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(location)
}
