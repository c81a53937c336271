//! The process of a step.
//!
//! A step's `main` is one call of [`main`]: it reads the arguments, starts the logs, runs the step under
//! SIGTERM, writes its outputs whole, and turns the end into one word on standard output, a sentence in the
//! termination log and an exit code. Steps return what they made; they do not write it.

mod args;
mod command_line;
mod context;
mod error;
mod finished;
mod logging;
mod outputs;
mod progress;

use std::ffi::OsString;
use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use artifact_store::{Store, StoreOptions};
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use step_contract::{CommandKind, Contract, Exit, StepSpec};
use step_report::Report;
use tokio_util::sync::CancellationToken;

pub use args::{CommonArgs, DecisionArgs, LogFormat, OnReject, ProcessArgs};
pub use context::Context;
pub use error::{StepError, chain};
pub use finished::Finished;
pub use progress::Progress;

use finished::Product;
use outputs::Places;

/// How long a step may flush after SIGTERM before it is left behind. Kubernetes grants 30 s.
const GRACE: Duration = Duration::from_secs(20);

/// The clap command of a step as the runtime reads it: environment names attached, process flags added.
#[must_use]
pub fn command<A: CommandFactory>(spec: &StepSpec) -> clap::Command {
    prepared(A::command(), spec)
}

fn prepared(command: clap::Command, spec: &StepSpec) -> clap::Command {
    let mut command = command_line::prepare(command, spec);
    command.build();
    command
}

/// The contract of a step.
#[must_use]
pub fn contract<A: CommandFactory>(spec: &StepSpec) -> Contract {
    Contract::read(&command::<A>(spec), spec)
}

/// Runs a step and ends with its exit code. `A` is a clap parser whose sub-commands are those of `spec`.
pub fn main<A, F, R>(spec: &'static StepSpec, run: F) -> ExitCode
where
    A: CommandFactory + FromArgMatches + 'static,
    F: FnOnce(A, Context) -> R + 'static,
    R: Future<Output = Result<Finished, StepError>> + 'static,
{
    let read = Box::new(move |matches: &ArgMatches| {
        let own = A::from_arg_matches(matches)?;
        Ok(Box::new(move |cx| run(own, cx).boxed_local()) as Run)
    });
    let exit = start(spec, A::command(), read, std::env::args_os().collect());
    ExitCode::from(exit.code())
}

/// A step with its arguments, ready to run. From here on nothing is generic: the runtime is compiled once, and
/// not in every step.
type Run = Box<dyn FnOnce(Context) -> LocalBoxFuture<'static, Result<Finished, StepError>>>;

/// Reads the step's own arguments out of what clap found.
type Read = Box<dyn FnOnce(&ArgMatches) -> Result<Run, clap::Error>>;

fn start(spec: &'static StepSpec, command: clap::Command, read: Read, raw: Vec<OsString>) -> Exit {
    let started = Timestamp::now();
    let mut command = prepared(command, spec);
    if let Some(form) = asked_to_describe(&raw, &command) {
        return describe(&Contract::read(&command, spec), &form);
    }
    // The one TLS stack of the project; a second call (in a test) finds it installed.
    _ = rustls::crypto::ring::default_provider().install_default();

    let args = command_line::normalise(raw, &command, spec);
    let parsed = command
        .try_get_matches_from_mut(&args)
        .and_then(|matches| Ok((read(&matches)?, matches)));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return last_words(
                None,
                Exit::Internal,
                &format!("cannot start the runtime: {error}"),
            );
        }
    };
    let exit = match parsed {
        Ok((run, matches)) => runtime.block_on(under_way(spec, run, &matches, &command, started)),
        Err(error) if !error.use_stderr() => say(&error.render().to_string(), Exit::Yes),
        Err(error) => runtime.block_on(bad_arguments(spec, &error, &args, &command, started)),
    };
    // A worker that did not stop in its grace must not keep the process.
    runtime.shutdown_background();
    exit
}

async fn under_way(
    spec: &'static StepSpec,
    run: Run,
    matches: &ArgMatches,
    root: &clap::Command,
    started: Timestamp,
) -> Exit {
    let (command, leaf) = leaf(matches);
    let places = Places::of(root.find_subcommand(command).unwrap_or(root), leaf);
    // A dry run that prints changes nothing; one that decides writes its report like any other, and clears before it.
    let prints = spec
        .commands
        .iter()
        .any(|known| known.name == command && known.kind == CommandKind::Prints);
    let dry = prints || matches!(leaf.try_get_one::<bool>("dry_run"), Ok(Some(true)));
    if !dry {
        places.clear();
    }
    // What only prints has no report, though it may take the flags of what has one.
    let common = CommonArgs::from_arg_matches(leaf).ok().filter(|_| !prints);
    let process =
        match ProcessArgs::from_arg_matches(leaf).or_else(|_| ProcessArgs::from_arg_matches(matches)) {
            Ok(process) => process,
            Err(error) => return last_words(None, Exit::Internal, &error.to_string()),
        };
    let termination = Some(process.termination_log.as_path());
    if let Err(message) = logging::start(process.log_format, &process.log_level) {
        return last_words(termination, Exit::Usage, &message);
    }
    let cancel = CancellationToken::new();
    let context = Context {
        store: Store::from_env(StoreOptions {
            ca_file: process.ca_file.clone(),
            stop: cancel.clone(),
            ..StoreOptions::default()
        }),
        cancel: cancel.clone(),
        started,
        progress: Arc::new(Progress::from_env()),
        spec,
        command: command.to_owned(),
        ca_file: process.ca_file.clone(),
        given: command_line::flags_given(root.find_subcommand(command).unwrap_or(root), leaf),
    };
    let (store, progress) = (context.store.clone(), Arc::clone(&context.progress));
    let ended = until_signal(run(context), &cancel).await;
    progress.finish();
    // From here on everything is written: a signal that comes now is not heard, the files are small.
    let written = match ended {
        Ok(Finished(Product::Text(text))) => return say(&text, Exit::Yes),
        Ok(Finished(Product::Decision(decision))) => match &common {
            Some(common) => {
                if dry {
                    places.clear();
                }
                outputs::decision(*decision, common, spec, command, started, &store).await
            }
            None => Err(StepError::internal(format!(
                "{command} decides and has no --report"
            ))),
        },
        Err(error) => Err(error),
    };
    match written {
        Ok(done) => {
            let exit = match leaf.try_get_one::<OnReject>("on_reject") {
                Ok(Some(OnReject::Report)) if done.exit == Exit::No => Exit::Yes,
                _ => done.exit,
            };
            tracing::info!(verdict = %done.verdict, exit = exit.code(), "{}", done.reason);
            note(termination, &format!("{}: {}", done.verdict, done.reason));
            say(&done.verdict, exit)
        }
        Err(error) => {
            let (exit, message, report) = error.into_parts();
            // What was written before the error speaks for a run that reached no decision.
            places.clear();
            if let (Some(common), true) = (&common, exit != Exit::Terminated) {
                let report = match report {
                    Some(mut report) => {
                        "ERROR".clone_into(&mut report.verdict);
                        report.reason.clone_from(&message);
                        *report
                    }
                    None => Report::error(spec.name, command, spec.version, &message, exit.name()),
                };
                outputs::error_report(report, common, started, &store).await;
            }
            last_words(termination, exit, &message)
        }
    }
}

/// Runs the step until it ends or a signal comes; then grants it the grace to flush.
async fn until_signal(
    run: LocalBoxFuture<'static, Result<Finished, StepError>>,
    cancel: &CancellationToken,
) -> Result<Finished, StepError> {
    let asked_to_stop = asked_to_stop();
    let run = AssertUnwindSafe(run).catch_unwind().map(|ended| {
        ended.unwrap_or_else(|_| Err(StepError::internal("the step panicked; its log has the place")))
    });
    tokio::pin!(run);
    tokio::select! {
        ended = &mut run => return ended,
        () = asked_to_stop => {}
    }
    tracing::warn!("asked to stop: flushing");
    cancel.cancel();
    match tokio::time::timeout(GRACE, run).await {
        Ok(Ok(finished)) => Ok(finished),
        Ok(Err(error)) if error.exit() == Exit::Terminated => Err(error),
        Ok(Err(error)) => {
            tracing::warn!(%error, "while stopping");
            Err(StepError::terminated())
        }
        Err(_) => Err(StepError::terminated()),
    }
}

/// SIGTERM or SIGINT, whichever comes first. The handlers are in place when this returns.
fn asked_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    async fn heard(signal: std::io::Result<Signal>) {
        match signal {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    }
    let terminate = signal(SignalKind::terminate());
    let interrupt = signal(SignalKind::interrupt());
    async move {
        tokio::select! {
            () = heard(terminate) => {}
            () = heard(interrupt) => {}
        }
    }
}

async fn bad_arguments(
    spec: &StepSpec,
    error: &clap::Error,
    args: &[OsString],
    root: &clap::Command,
    started: Timestamp,
) -> Exit {
    let text = error.render().to_string();
    let message = one_sentence(&text);
    let name = args
        .get(1)
        .map(|arg| arg.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut report = Report::error(spec.name, &name, spec.version, &message, Exit::Usage.name());
    report.started = started.to_string();
    report.finished = Timestamp::now().to_string();
    Places::of_raw(root.find_subcommand(&name).unwrap_or(root), args).clear();
    let store = Store::from_env(StoreOptions::default());
    if let Ok(out) = command_line::report_location(args, spec).parse()
        && let Err(error) = outputs::write(&store, &out, report.to_json().into_bytes()).await
    {
        tracing::debug!(%error, "the report of the error could not be kept");
    }
    note(Some(&PathBuf::from("/dev/termination-log")), &message);
    _ = write!(std::io::stderr(), "{text}");
    Exit::Usage
}

/// clap's message without its usage lines and its advice to read the help: a report stands alone.
fn one_sentence(text: &str) -> String {
    let ends = ["\n\nUsage:", "\n\nFor more information"];
    let end = ends.iter().filter_map(|end| text.find(end)).min();
    let body = text.get(..end.unwrap_or(text.len())).unwrap_or(text).trim();
    let body = body.strip_prefix("error: ").unwrap_or(body);
    body.split('\n')
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The name and the matches of the sub-command.
fn leaf(matches: &ArgMatches) -> (&str, &ArgMatches) {
    matches.subcommand().unwrap_or(("", matches))
}

/// The form that `--describe` asks for. It is heeded as the first argument, or the first after the sub-command:
/// further back it may be a word of somebody else's command line.
fn asked_to_describe(raw: &[OsString], command: &clap::Command) -> Option<String> {
    let mut texts = raw.iter().skip(1).map_while(|arg| arg.to_str());
    let mut first = texts.next()?;
    if command.find_subcommand(first).is_some() {
        first = texts.next()?;
    }
    match first.strip_prefix("--describe") {
        Some("") => Some(texts.next().unwrap_or("json").to_owned()),
        Some(form) => form.strip_prefix('=').map(ToOwned::to_owned),
        None => None,
    }
}

fn describe(contract: &Contract, form: &str) -> Exit {
    let text = match form {
        "json" => match contract.to_json() {
            Ok(json) => json,
            Err(error) => return last_words(None, Exit::Internal, &error.to_string()),
        },
        "template" => contract.to_template(),
        "rbac" => contract.to_rbac(),
        "markdown" => contract.to_markdown(),
        other => {
            let message = format!("--describe {other:?} is not known; use json, template, rbac or markdown");
            return last_words(None, Exit::Usage, &message);
        }
    };
    say(&text, Exit::Yes)
}

/// One answer on standard output. A reader that has gone away (`| head`) is no error.
fn say(text: &str, exit: Exit) -> Exit {
    let mut out = std::io::stdout().lock();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    _ = write!(out, "{text}{newline}").and_then(|()| out.flush());
    exit
}

/// The sentence of an end without a decision: for people, and for Kubernetes.
fn last_words(termination_log: Option<&Path>, exit: Exit, message: &str) -> Exit {
    note(termination_log, message);
    _ = writeln!(std::io::stderr(), "error: {message}");
    exit
}

/// Writes the termination message where the kubelet has made a file for it (4 KiB are read).
fn note(termination_log: Option<&Path>, message: &str) {
    let Some(path) = termination_log.filter(|path| path.exists()) else {
        return;
    };
    let end = message
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= 4000)
        .last();
    if let Err(error) = std::fs::write(path, &message[..end.unwrap_or(0)]) {
        tracing::debug!(%error, "cannot write the termination message");
    }
}
