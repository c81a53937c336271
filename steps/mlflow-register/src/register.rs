//! `register`: gather, decide, act, report.

use provenance::{ModelVersionRecord, PreviousVersion, Record};
use step_runtime::{Context, Finished};

use crate::act::{self, Registration};
use crate::card;
use crate::cli::RegisterArgs;
use crate::decide::{self, Policy};
use crate::error::Error;
use crate::gather::{Evidence, gather};
use crate::metadata::Metadata;
use crate::report;

pub(crate) async fn run(args: RegisterArgs, cx: &Context) -> Result<Finished, Error> {
    // MLflow tells aliases apart by case, and not every database behind it does.
    if ["champion", args.champion_alias.as_str()]
        .iter()
        .any(|alias| alias.eq_ignore_ascii_case(&args.alias))
    {
        return Err(Error::Usage(format!(
            "--alias {} puts a model into service that no canary has judged: `register` gives another alias, such as challenger, and `promote` moves the champion's",
            args.alias
        )));
    }
    let client = args.mlflow.client(cx.ca_file())?;
    let evidence = gather(&args, &client, cx).await?;
    let metadata = Metadata::of(evidence.mlflow.model.as_ref().ok(), args.runtime);
    let policy = Policy {
        train_split: &args.train_split,
        allow_warn: args.allow_warn,
        accept_file_predictions: args.accept_file_predictions,
        require_statements: args.require_statements,
    };
    let checks = decide::chain(policy, &evidence, &metadata);
    let refused = decide::refuses(&checks);
    if args.dry_run {
        return Ok(Finished::text(report::plan(&args, &evidence, &checks, refused)));
    }
    let mut done = report::begin(cx.report(), &args, &evidence);
    done.checks = checks;
    let statement = report::materials(cx.statement(), &evidence);
    let deployment = match (&metadata.deployment, refused) {
        (Ok(deployment), false) => deployment,
        _ => {
            done.reason = report::refusal(&done.checks);
            return Ok(Finished::decision("REFUSED", done, statement));
        }
    };

    let card = card::render(&args.name, &evidence, deployment, &metadata.dependencies)
        .map_err(|error| Error::Internal(format!("the card cannot be written: {error}")))?;
    let dependencies = report::json(&metadata.dependencies)?;
    let registration = Registration {
        args: &args,
        evidence: &evidence,
        card: &card,
        files: [
            ("card.md", card.clone().into_bytes()),
            ("dependencies.json", dependencies.clone()),
        ],
    };
    let registered = act::register(&client, &cx.store, &registration).await?;
    let record = record(&args, &evidence, client.tracking_uri(), &registered);
    let deployment = report::json(&report::deployed(deployment, &record))?;
    report::finish(&mut done, &record, &registered, &metadata);
    let statement = statement.subject(&record.model_uri, &record.digest);
    Ok(Finished::decision("REGISTERED", done, statement)
        .with_output(&args.model_version, record.to_json())
        .with_output(&args.card, card.into_bytes())
        .with_output(&args.dependencies, dependencies)
        .with_output(&args.deployment, deployment))
}

fn record(
    args: &RegisterArgs,
    evidence: &Evidence,
    tracking_uri: &str,
    registered: &act::Registered,
) -> ModelVersionRecord {
    let run = &evidence.run.value;
    let version = &registered.version;
    ModelVersionRecord {
        schema: ModelVersionRecord::SCHEMA.to_owned(),
        name: args.name.clone(),
        version: version.version.clone(),
        model_uri: format!("models:/{}/{}", args.name, version.version),
        source: version.source.clone(),
        run_id: run.run_id.clone(),
        tracking_uri: tracking_uri.to_owned(),
        digest: run.model.digest,
        dataset: run.dataset.clone(),
        evaluation: evidence.evaluation.digest,
        aliases: version.aliases.clone(),
        stage: Some(version.current_stage.clone()).filter(|stage| stage != "None"),
        previous_champion: registered.champion.clone().map(|version| PreviousVersion {
            alias: args.champion_alias.clone(),
            version: Some(version).filter(|version| version != act::NO_VERSION),
        }),
    }
}
