//! Profiles of tables, or of a shard of them: `profile` makes one, `merge` puts several together, `check --profile-only` judges
//! by one.

use artifact_store::ObjectMeta;
use provenance::{Digest, Record as _};
use step_contract::{CommandKind, CommandSpec, Exit, InArtifact, TemplateSpec, VerdictSpec};
use step_report::{Cell, Input, Report, Table};
use step_runtime::{Context, Finished, StepError};

use crate::cli::{MergeArgs, ProfileArgs};
use crate::decide::say;
use crate::error::ScanError;
use crate::gather::objects::{self, OpenedTable};
use crate::gather::part::TablePart;
use crate::gather::withhold::withhold_part;
use crate::gather::{Extent, TableVersion, parts};
use crate::plan::{self, Plan};
use crate::profiles::{self, ProfileFile, Profiles};
use crate::shards::{Shards, ShardsRead};
use crate::window::Window;
use crate::{can_be_cut, location, plan_of, with_digests};

/// The part of the contract for `profile`.
pub(crate) const PROFILE: CommandSpec = CommandSpec {
    name: "profile",
    kind: CommandKind::Decides,
    verdicts: &[VerdictSpec {
        word: "PROFILED",
        exit: Exit::Yes,
        meaning: "the profile is written",
    }],
    rbac: &[],
    template: Some(TemplateSpec {
        memory: "1Gi",
        temporary: true,
        ..TemplateSpec::DEFAULT
    }),
};

/// The part of the contract for `merge`.
pub(crate) const MERGE: CommandSpec = CommandSpec {
    name: "merge",
    verdicts: &[VerdictSpec {
        word: "MERGED",
        exit: Exit::Yes,
        meaning: "every profile is in the one that is written",
    }],
    template: Some(TemplateSpec {
        memory: "1Gi",
        ..TemplateSpec::DEFAULT
    }),
    ..PROFILE
};

/// The tables and the parts of them that a profile is of.
struct Wanted {
    plan: Plan,
    suite: Option<Digest>,
    shards: Option<ShardsRead>,
    opened: Vec<OpenedTable>,
    parts: Vec<OpenedTable>,
}

/// Runs `profile`.
pub(crate) async fn run(args: &ProfileArgs, cx: &Context) -> Result<Finished, StepError> {
    let window = args.read.window().map_err(StepError::usage)?;
    let wanted = open(args, window.as_ref(), cx).await?;
    if let Some(window) = &window {
        can_be_cut(&wanted.plan, &wanted.opened, window)?;
    }
    let Wanted {
        plan,
        suite,
        shards,
        opened,
        parts,
    } = wanted;
    // Without a suite no record of the bytes is kept, so none is made.
    let digested = parts.iter().filter(|_| suite.is_some()).cloned().collect();
    let work = measure(plan.clone(), opened, parts, args, window.clone(), cx.clone());
    let (mut measured, digests) = with_digests(digested, cx, work).await?;
    for part in &mut measured {
        withhold_part(part, args.read.shown());
        part.evidence = part.evidence.take().filter(|_| suite.is_some());
    }
    for (part, digests) in measured.iter_mut().zip(digests) {
        let objects = part
            .evidence
            .iter_mut()
            .flat_map(|evidence| evidence.objects.values_mut());
        objects
            .zip(digests)
            .for_each(|(object, digest)| object.digest = Some(digest));
    }
    let names = plan.tables.iter().map(|table| table.name.clone());
    let profiles = Profiles {
        schema: Profiles::SCHEMA.to_owned(),
        window: window.as_ref().map(Window::record),
        suite,
        environment: args.read.environment.clone(),
        references: profiles::digests(&plan.profiles),
        shards,
        tables: names.zip(measured).collect(),
    };
    let reason = match &profiles.shards {
        Some(shards) => format!(
            "{} of shard {} of {}",
            say::counted(profiles.rows(), "row"),
            shards.read.first().copied().unwrap_or_default(),
            shards.count
        ),
        None => format!(
            "{} of {}",
            say::counted(profiles.rows(), "row"),
            say::counted(profiles.tables.len() as u64, "table")
        ),
    };
    finished("PROFILED", reason, &profiles, &args.output, cx.report(), cx)
}

async fn open(args: &ProfileArgs, window: Option<&Window>, cx: &Context) -> Result<Wanted, StepError> {
    let shards = match &args.shards {
        None => None,
        Some(place) => {
            let bytes = cx.store.read(&location("shards", place.as_str())?).await?;
            let shards = Shards::parse(place.as_str(), &bytes)?;
            Some((shards, provenance::digest_bytes(&bytes)))
        }
    };
    let data = match &shards {
        Some((shards, _)) => shards.data(),
        None => plan::parse_data(&args.data).map_err(StepError::usage)?,
    };
    let asked = (args.read.environment.as_deref(), args.read.reference.as_slice());
    let (suite, plan) = plan_of(args.suite.as_ref(), asked, &data, cx).await?;
    let (mut opened, mut parts) = (Vec::new(), Vec::new());
    let mut read = None;
    if let Some((shards, digest)) = shards {
        let shard = args.shard.unwrap_or_default();
        if shard >= shards.count {
            let last = shards.count - 1;
            return Err(StepError::usage(format!(
                "--shard {shard}: there are the shards 0 to {last}"
            )));
        }
        for (table, sharded) in plan.tables.iter().zip(&shards.tables) {
            if plan.is_looked_up(&table.name) && !sharded.whole {
                return Err(StepError::usage(format!(
                    "--shards {}: `{}` is cut into shards, and the suite looks it up; give `shards` the same --suite",
                    args.shards.as_ref().map_or("", InArtifact::as_str),
                    table.name
                )));
            }
            let metas = sharded.metas().map_err(StepError::usage)?;
            let recorded = (metas.as_slice(), sharded.columns.as_slice());
            let mut all =
                objects::open_recorded(&cx.store, table, recorded, sharded.opened_by(shard)).await?;
            all.passed_over.clone_from(&sharded.passed_over);
            all.version = sharded.version.as_ref().map(TableVersion::stored);
            parts.push(all.part(sharded.of_shard(shard)));
            opened.push(all);
        }
        read = Some(ShardsRead {
            digest,
            count: shards.count,
            read: vec![shard],
        });
    } else {
        for table in &plan.tables {
            opened.push(objects::open(&cx.store, table, window).await?);
        }
        parts.clone_from(&opened);
    }
    Ok(Wanted {
        plan,
        suite,
        shards: read,
        opened,
        parts,
    })
}

async fn measure(
    plan: Plan,
    opened: Vec<OpenedTable>,
    read: Vec<OpenedTable>,
    args: &ProfileArgs,
    window: Option<Window>,
    cx: Context,
) -> Result<Vec<TablePart>, StepError> {
    let extent = Extent {
        profile: true,
        samples: args.read.samples,
        now: 0,
        overlaps: false,
    };
    let (threads, memory, has_histograms) = (args.read.threads(), args.read.memory(), args.histograms);
    let work = move || {
        let cancelled = || cx.is_cancelled();
        let pass = crate::pass(window.as_ref(), threads, memory, &cancelled);
        let report_progress = |table: &str| tracing::info!(table, "reading");
        let mut measured = parts::measure(&plan, &opened, &read, extent, pass, report_progress)?;
        if has_histograms {
            parts::histograms(&plan, &opened, &mut measured, pass)?;
        }
        Ok::<_, ScanError>(measured)
    };
    Ok(tokio::task::spawn_blocking(work).await??)
}

/// Runs `merge`.
pub(crate) async fn merge(args: &MergeArgs, cx: &Context) -> Result<Finished, StepError> {
    let found = cx
        .store
        .list_data(&location("profiles", args.profiles.as_str())?)
        .await?;
    let mut report = cx.report();
    // Beside the profile of a shard lie its reports, where a workflow keeps the outputs of a step together.
    let is_profile = |meta: &&ObjectMeta| {
        let name = meta.location.file_name();
        found.len() == 1 || name.ends_with(".json") && !["report.json", "statement.json"].contains(&name)
    };
    let chosen: Vec<&ObjectMeta> = found.iter().filter(is_profile).collect();
    if chosen.is_empty() {
        let what = format!(
            "--profiles {}: no profile among the {} files found",
            args.profiles,
            found.len()
        );
        return Err(StepError::usage(what));
    }
    // One is held at a time: read once for its place among the others, and again in its turn.
    let mut all = Vec::with_capacity(chosen.len());
    for meta in &chosen {
        let file = ProfileFile::read("profiles", &meta.location.to_string(), cx).await?;
        report
            .inputs
            .push(Input::new("profile", &file.uri).digest(&file.digest));
        let is_whole = file.profiles.suite.is_some() && file.profiles.shards.is_none();
        if is_whole && chosen.len() > 1 {
            return Err(StepError::usage(format!(
                "{}: it has the answers to the rules of a suite, and is of no shard; cut the tables with `shards` first",
                file.uri
            )));
        }
        let shards = file.profiles.shards.as_ref();
        let first = shards.and_then(|shards| shards.read.first().copied());
        all.push((first, file.digest.to_string(), file.uri));
    }
    // Shards in their order, others in the order of their digests: it does not matter which was there first.
    all.sort();
    let mut merged: Option<Profiles> = None;
    for (_, digest, uri) in &all {
        let file = ProfileFile::read("profiles", uri, cx).await?;
        if file.digest.to_string() != *digest {
            return Err(StepError::usage(format!(
                "{uri}: it was replaced while it was merged"
            )));
        }
        match &mut merged {
            None => merged = Some(file.profiles),
            Some(merged) => merged.absorb(uri, file.profiles).map_err(StepError::usage)?,
        }
    }
    let merged = merged.ok_or_else(|| StepError::usage("there is no profile to merge"))?;
    let reason = format!(
        "{} of {}",
        say::counted(chosen.len() as u64, "profile"),
        say::counted(merged.rows(), "row")
    );
    finished("MERGED", reason, &merged, &args.output, report, cx)
}

fn finished(
    word: &'static str,
    reason: String,
    profiles: &Profiles,
    output: &step_contract::OutArtifact,
    report: Report,
    cx: &Context,
) -> Result<Finished, StepError> {
    let mut section = Table::new("Tables", ["table", "rows", "columns", "files"]);
    for (name, part) in &profiles.tables {
        let files = part.evidence.as_ref().map(|evidence| evidence.objects.len());
        section.push([
            Cell::text(name),
            part.rows.into(),
            part.columns.len().into(),
            files.map_or_else(|| Cell::text(""), Into::into),
        ]);
    }
    let report = report.verdict(word, reason).with_section(section);
    let json = profiles.json()?;
    Ok(Finished::decision(word, report, cx.statement()).with_output(output, json))
}
