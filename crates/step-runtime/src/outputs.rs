//! Writing what a step made: everything whole, the report last, the verdict after it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use artifact_store::{Location, Store};
use bytes::Bytes;
use clap::ArgMatches;
use jiff::Timestamp;
use provenance::digest_bytes;
use step_contract::{Exit, OutArtifact, OutParameter, StepSpec};
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

/// The outputs that speak for a run: a run that is killed or fails must not leave another run's behind.
/// What a run makes (a baseline, a dataset record) is left alone until its successor is whole.
const CLAIMS: [&str; 5] = ["report", "report-md", "report-html", "report-junit", "statement"];

/// Removes the claims of an earlier run in the same place, and every value that it left for the workflow.
pub(crate) fn clear(common: &CommonArgs, leaf: &ArgMatches) {
    let claims = [
        &common.report,
        &common.report_md,
        &common.report_html,
        &common.report_junit,
        &common.statement,
    ];
    let paths = claims.into_iter().filter_map(|out| local(out.as_str()));
    for path in paths.chain(parameters(leaf)) {
        remove(&path);
    }
}

/// The files of all output parameters of a sub-command: their type says what they are.
fn parameters(leaf: &ArgMatches) -> impl Iterator<Item = PathBuf> {
    leaf.ids().filter_map(|id| {
        let found = leaf.try_get_one::<OutParameter>(id.as_str()).ok().flatten();
        found.map(|parameter| parameter.path().to_path_buf())
    })
}

/// The same for arguments that clap could not read: the outputs that every step has, and all values.
pub(crate) fn clear_raw(args: &[OsString], command: &clap::Command) {
    let values = command.get_subcommands().flat_map(clap::Command::get_arguments);
    let values = values
        .filter(|arg| arg.get_value_parser().type_id() == std::any::TypeId::of::<OutParameter>())
        .filter_map(clap::Arg::get_long);
    for flag in CLAIMS.into_iter().chain(values) {
        if let Some(path) = raw_value(args, flag).as_deref().and_then(local) {
            remove(&path);
        }
    }
}

fn local(location: &str) -> Option<PathBuf> {
    match location.parse() {
        Ok(Location::Path(path)) => Some(path),
        _ => None,
    }
}

fn remove(path: &Path) {
    if path.is_file()
        && let Err(error) = std::fs::remove_file(path)
    {
        tracing::debug!(path = %path.display(), %error, "cannot remove an earlier output");
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
