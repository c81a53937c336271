//! Validates datasets before a GPU is spent on them.
//!
//! `check` resolves each `--data` to its objects, reads footers first and then streams the columns that the suite
//! speaks of, judges every rule, and pins what was read, by digest, in `dataset.json`.
//!
//! What it does not do: it repairs nothing, and it skips nothing silently. A rule on a column that is not there fails,
//! a rule on a table that was not given is an error of the suite, and every object that was read is listed.

pub mod cli;
pub mod config;
pub mod decide;
mod diff;
pub mod error;
pub mod expression;
pub mod gather;
mod gx_result;
pub mod import;
mod infer;
mod pattern;
pub mod plan;
mod profile;
mod profiles;
mod quarantine;
mod report;
pub mod shards;
pub mod window;

use std::collections::BTreeSet;

use artifact_store::Location;
use provenance::{Digest, Record as _};
use step_contract::{
    CommandKind, CommandSpec, ConfigError, ConfigSpec, Exit, InArtifact, OutArtifact, StepSpec, TemplateSpec,
    VerdictSpec,
};
use step_runtime::{Context, Finished, StepError};

pub use cli::{Args, CheckArgs};

use cli::Command;
use config::{Suite, environments};
use gather::footers;
use gather::memory::Memory;
use gather::objects::{self, OpenedTable};
use gather::parts::{self, Asked};
use gather::rows::{Choice, Sample};
use gather::scan::Pass;
use gather::withhold::{Show, withhold};
use gather::{Evidence, Extent};
use plan::Plan;
use profiles::ProfileFile;
use quarantine::Quarantine;
use window::Window;

/// The contract, as far as clap cannot say it.
pub static SPEC: StepSpec = StepSpec {
    name: "data-validate",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Validates datasets before a GPU is spent on them.",
    description: include_str!("../README.md"),
    commands: &[
        CHECK,
        shards::SPEC,
        profile::PROFILE,
        profile::MERGE,
        import::SPEC,
        infer::SPEC,
        diff::SPEC,
    ],
    default_command: "check",
    configs: &[ConfigSpec {
        name: "validation",
        flag: "suite",
        summary: "What the data must look like.",
        schema: || schemars::schema_for!(Suite),
    }],
};

const CHECK: CommandSpec = CommandSpec {
    name: "check",
    kind: CommandKind::Decides,
    verdicts: &[
        VerdictSpec {
            word: "PASS",
            exit: Exit::Yes,
            meaning: "every rule holds",
        },
        VerdictSpec {
            word: "WARN",
            exit: Exit::Yes,
            meaning: "only rules of severity `warn` do not hold",
        },
        VerdictSpec {
            word: "FAIL",
            exit: Exit::No,
            meaning: "a rule of severity `error` does not hold",
        },
    ],
    rbac: &[],
    template: Some(TemplateSpec {
        memory: "1Gi",
        ..TemplateSpec::DEFAULT
    }),
};

/// Runs the step.
///
/// # Errors
/// When no decision was reached; see [`StepError`].
pub async fn run(args: Args, cx: Context) -> Result<Finished, StepError> {
    match args.command {
        Command::Check(args) => check(&args, &cx).await,
        Command::Shards(args) => shards::run(&args, &cx).await,
        Command::Profile(args) => profile::run(&args, &cx).await,
        Command::Merge(args) => profile::merge(&args, &cx).await,
        Command::Import(args) => import::run(&args, &cx).await,
        Command::Infer(args) => infer::run(&args, &cx).await,
        Command::Diff(args) => diff::run(&args, &cx).await,
    }
}

async fn check(args: &CheckArgs, cx: &Context) -> Result<Finished, StepError> {
    if let Some(place) = &args.profile_only {
        return by_profile(args, place, cx).await;
    }
    let data = plan::parse_data(&args.data).map_err(StepError::usage)?;
    let window = args.read.window().map_err(StepError::usage)?;
    let quarantine = args
        .quarantine
        .as_deref()
        .map(|root| written_to("quarantine", root))
        .transpose()?;
    let gx_place = gx_place(args)?;
    let (suite_digest, plan) = read_suite(&args.suite, asked(args), &data, cx).await?;
    let mut opened = Vec::with_capacity(plan.tables.len());
    for table in &plan.tables {
        opened.push(objects::open(&cx.store, table, window.as_ref()).await?);
    }
    if let Some(window) = &window {
        can_be_cut(&plan, &opened, window)?;
    }
    if let Some(clash) = quarantine.as_ref().and_then(|_| quarantine::clash(&opened)) {
        return Err(StepError::usage(clash));
    }
    if args.sample_fraction.is_some() && !plan.tables.iter().any(|table| table.is_split) {
        return Err(StepError::usage(
            "--sample-fraction: every table is a reference, and those stay whole",
        ));
    }
    if args.fail_fast {
        let mut footers = footers::evidence(&plan, &opened, window.is_some());
        if !matches!(args.read.shown(), Show::Values(_)) {
            footers.hide_values();
        }
        if let Some(decision) = decide::by_footers(&plan, &footers) {
            let made = report::Made::new(args, &plan, &footers.evidence, window.as_ref(), suite_digest);
            let report = made.report(cx.report(), &decision)?;
            let finished = Finished::decision(decision.verdict, report, made.statement(cx.statement()));
            return Ok(match gx_place {
                Some(place) => finished.with_output(&place, gx_result::file(&made, &decision)),
                None => finished,
            });
        }
    }
    let (kept, digested) = (quarantine.map(|root| (root, opened.clone())), opened.clone());
    let work = measure(plan.clone(), opened, args, window.clone(), cx.clone());
    let (mut evidence, digests) = if args.no_digest {
        (work.await?, Vec::new())
    } else {
        with_digests(digested, cx, work).await?
    };
    for (table, digests) in evidence.tables.iter_mut().zip(digests) {
        table
            .objects
            .iter_mut()
            .zip(digests)
            .for_each(|(object, digest)| object.digest = Some(digest));
    }
    withhold(&mut evidence, args.read.shown());
    let decision = decide::decide(&plan, &evidence);
    let made = report::Made::new(args, &plan, &evidence, window.as_ref(), suite_digest);
    let mut report = made.report(cx.report(), &decision)?;
    let mut record = None;
    if let Some((root, opened)) = kept {
        let place = (root, made.digest());
        let compared = evidence
            .tables
            .iter()
            .map(|table| table.compared.clone())
            .collect();
        let done = separate(
            plan.clone(),
            (opened, compared),
            place,
            (window.clone(), args.read.memory()),
            cx.clone(),
        )
        .await?;
        report = report::quarantined(report, &done);
        record = Some(done.record()?);
    }
    let statement = made.statement(cx.statement());
    let mut done = Finished::decision(decision.verdict, report, statement);
    if let Some((place, json)) = record {
        done = done.with_output(&place, json);
    }
    finished(args, &made, &decision, gx_place, done)
}

/// The same by a profile, without the data.
async fn by_profile(args: &CheckArgs, place: &InArtifact, cx: &Context) -> Result<Finished, StepError> {
    let gx_place = gx_place(args)?;
    let file = ProfileFile::read("profile-only", place.as_str(), cx).await?;
    let profiles = &file.profiles;
    let (suite, plan) = read_suite(&args.suite, asked(args), &profiles.data(), cx).await?;
    let held = profiles::digests(&plan.profiles);
    let answered = profiles.answers(&suite, args.read.environment.as_deref(), &held);
    let window = answered.and_then(|()| profiles.window.as_ref().map(Window::of_record).transpose());
    let window = window.map_err(|why| StepError::usage(format!("--profile-only {place}: {why}")))?;
    let now = window
        .as_ref()
        .map_or_else(jiff::Timestamp::now, |window| window.to);
    let asked = Asked {
        window: window.as_ref(),
        samples: args.read.samples,
        now: now.as_nanosecond(),
    };
    let mut evidence = parts::evidence(&plan, &profiles.tables, &asked);
    withhold(&mut evidence, args.read.shown());
    let decision = decide::decide(&plan, &evidence);
    let made = report::Made::new(args, &plan, &evidence, window.as_ref(), suite);
    let report = report::by_profile(made.report(cx.report(), &decision)?, &file);
    let statement = made.statement(cx.statement()).material(&file.uri, &file.digest);
    finished(
        args,
        &made,
        &decision,
        gx_place,
        Finished::decision(decision.verdict, report, statement),
    )
}

/// With the outputs that follow from the decision.
fn finished(
    args: &CheckArgs,
    made: &report::Made<'_>,
    decision: &decide::Decision,
    gx_place: Option<OutArtifact>,
    mut finished: Finished,
) -> Result<Finished, StepError> {
    if let Some(place) = gx_place {
        finished = finished.with_output(&place, gx_result::file(made, decision));
    }
    // A record of data that were refused could be trained on by a task that looks only for the file.
    if decision.verdict != "FAIL" && !args.no_digest {
        finished = finished.with_output(&args.dataset, made.dataset()?.to_json());
    }
    if made.has_profile {
        finished = finished.with_output(&args.profile, made.profile()?);
    }
    Ok(finished)
}

/// Where the result goes as Great Expectations writes it.
fn gx_place(args: &CheckArgs) -> Result<Option<OutArtifact>, StepError> {
    let parsed = args.gx_result.as_deref().map(|place| {
        written_to("gx-result", place)?;
        place
            .parse()
            .map_err(|error| StepError::usage(format!("--gx-result: {error}")))
    });
    parsed.transpose()
}

/// The environment, and the profiles that distributions are held against.
type AskedFor<'a> = (Option<&'a str>, &'a [String]);

fn asked(args: &CheckArgs) -> AskedFor<'_> {
    (args.read.environment.as_deref(), &args.read.reference)
}

/// Everything to be measured: what a suite asks of the tables that there are, or without one nothing but the tables.
pub(crate) async fn plan_of(
    suite: Option<&InArtifact>,
    asked: AskedFor<'_>,
    data: &[(String, String)],
    cx: &Context,
) -> Result<(Option<Digest>, Plan), StepError> {
    if let Some(place) = suite {
        let (digest, plan) = read_suite(place, asked, data, cx).await?;
        return Ok((Some(digest), plan));
    }
    let plan = Plan::resolve(&Suite::default(), data);
    Ok((None, plan.map_err(|fault| StepError::internal(fault.message))?))
}

/// A suite, resolved against the tables that there are.
async fn read_suite(
    place: &InArtifact,
    (environment, references): AskedFor<'_>,
    data: &[(String, String)],
    cx: &Context,
) -> Result<(Digest, Plan), StepError> {
    let held = profiles::held(references, cx).await?;
    let location = location("suite", place.as_str())?;
    let bytes = cx.store.read(&location).await?;
    let file = location.file_name().to_owned();
    let text = String::from_utf8(bytes.to_vec())
        .map_err(|_| StepError::usage(format!("{location}: the suite is not UTF-8 text")))?;
    let mut suite = Suite::read(&file, &text)?;
    let left_out = environments::select(&mut suite, environment).map_err(StepError::usage)?;
    let mut plan = Plan::resolve_with(&suite, data, held)
        .map_err(|fault| ConfigError::at(&file, &text, &fault.field, fault.message))?;
    plan.left_out = left_out;
    Ok((provenance::digest_bytes(&bytes), plan))
}

/// A window over a column that is not there, or holds no times, would select nothing or everything.
pub(crate) fn can_be_cut(plan: &Plan, opened: &[OpenedTable], window: &Window) -> Result<(), StepError> {
    let mut cut = 0;
    for (plan, table) in plan.tables.iter().zip(opened).filter(|(plan, _)| plan.is_split) {
        cut += 1;
        let columns = table.columns();
        let fields: Vec<_> = table.fields(&window.column).collect();
        if fields.len() < table.objects.len() {
            let hint = step_contract::did_you_mean(&window.column, columns.iter().map(String::as_str));
            return Err(StepError::usage(format!(
                "--time-column {}: `{}` has no such column{hint}; the window cuts every table that is no reference",
                window.column, plan.name
            )));
        }
        if let Some((_, field)) = fields
            .iter()
            .find(|(_, field)| !matches!(field.kind, tabular::Kind::Timestamp | tabular::Kind::Date))
        {
            return Err(StepError::usage(format!(
                "--time-column {}: in `{}` it is {}; a window needs a timestamp or a date",
                window.column, plan.name, field.type_name
            )));
        }
    }
    if cut == 0 {
        return Err(StepError::usage(
            "--window: every table is a reference, so there is nothing to cut",
        ));
    }
    Ok(())
}

async fn measure(
    plan: Plan,
    opened: Vec<OpenedTable>,
    args: &CheckArgs,
    window: Option<Window>,
    cx: Context,
) -> Result<Evidence, StepError> {
    let extent = Extent {
        profile: report::is_wanted(&args.profile),
        samples: args.read.samples,
        overlaps: true,
        now: window
            .as_ref()
            .map_or_else(jiff::Timestamp::now, |window| window.to)
            .as_nanosecond(),
    };
    let (threads, memory) = (args.read.threads(), args.read.memory());
    let sample = args.sample_fraction.map(|share| Sample { share });
    let work = move || {
        let cancelled = || cx.is_cancelled();
        let mut pass = pass(window.as_ref(), threads, memory, &cancelled);
        pass.rows.sample = sample;
        let total = plan.tables.len() as u64;
        let done = std::cell::Cell::new(0);
        gather::measure(&plan, &opened, extent, pass, |table| {
            tracing::info!(table, "reading");
            cx.progress.set(done.get(), total);
            done.set(done.get() + 1);
        })
    };
    Ok(tokio::task::spawn_blocking(work).await??)
}

/// A pass over the rows of a window, or over all.
pub(crate) fn pass<'a>(
    window: Option<&'a Window>,
    threads: usize,
    memory: Memory,
    cancelled: &'a (dyn Fn() -> bool + Sync),
) -> Pass<'a> {
    let rows = Choice {
        window,
        ..Choice::default()
    };
    Pass {
        rows,
        threads,
        memory,
        cancelled,
    }
}

/// The location that a flag names.
pub(crate) fn location(flag: &str, place: &str) -> Result<Location, StepError> {
    let parsed = place.parse();
    parsed.map_err(|error| StepError::usage(format!("--{flag} {place}: {error}")))
}

/// A place that can be written to.
fn written_to(flag: &str, place: &str) -> Result<Location, StepError> {
    let at = location(flag, place)?;
    match at.read_only() {
        None => Ok(at),
        Some(what) => Err(StepError::usage(format!(
            "--{flag} {place}: {what} are read only; name a path or s3://bucket/key"
        ))),
    }
}

async fn separate(
    plan: Plan,
    (opened, compared): (Vec<OpenedTable>, Vec<BTreeSet<String>>),
    (root, digest): (Location, Digest),
    (window, memory): (Option<Window>, Memory),
    cx: Context,
) -> Result<Quarantine, StepError> {
    tracing::info!(%root, "writing the good and the bad rows apart");
    let runtime = tokio::runtime::Handle::current();
    let work = move || {
        let cancelled = || cx.is_cancelled();
        let pass = pass(window.as_ref(), 1, memory, &cancelled);
        let put = |at: &Location, bytes: Vec<u8>| Ok(runtime.block_on(cx.store.write(at, bytes.into()))?);
        let place = quarantine::Place {
            root: &root,
            digest,
            put: &put,
        };
        quarantine::separate(&plan, &opened, &compared, pass, &place)
    };
    Ok(tokio::task::spawn_blocking(work).await??)
}

/// Does work on tables, and digests their objects beside it.
pub(crate) async fn with_digests<T>(
    opened: Vec<OpenedTable>,
    cx: &Context,
    work: impl Future<Output = Result<T, StepError>>,
) -> Result<(T, Vec<Vec<Digest>>), StepError> {
    let digests = tokio::spawn(digests(opened, cx.clone()));
    match work.await {
        Ok(done) => Ok((done, digests.await??)),
        Err(error) => {
            digests.abort();
            Err(error)
        }
    }
}

/// Digests every object of tables.
async fn digests(opened: Vec<OpenedTable>, cx: Context) -> Result<Vec<Vec<Digest>>, StepError> {
    let work = move || {
        let of_table = |table: OpenedTable| -> Result<Vec<Digest>, StepError> {
            table
                .objects
                .iter()
                .map(|opened| {
                    if cx.is_cancelled() {
                        Err(StepError::terminated())
                    } else {
                        objects::digest(&opened.object)
                    }
                })
                .collect()
        };
        opened.into_iter().map(of_table).collect()
    };
    tokio::task::spawn_blocking(work).await?
}
