//! `promote` and `rollback`: an alias moves only from where it is expected to be.
//!
//! MLflow has no compare-and-set. The order is: read, decide, note what is replaced on the version, set, read
//! again. Killed between any two of these and run again, the result is the same; two pipelines that promote
//! one model at once are kept apart by the workflow's mutex, and the last read tells of what is left.

mod decide;

use mlflow_client::{Client, ModelVersion, Stage};
use provenance::{ModelVersionRecord, PreviousVersion, Record};
use step_report::{Bound, Check, Input, Report, Table};
use step_runtime::{Context, Finished};

use crate::act::{NO_VERSION, expected_tag};
use crate::cli::{Expected, PromoteArgs, RollbackArgs};
use crate::error::Error;
use crate::gather::{Given, record};
use crate::metadata::DIGEST_TAG;
use decide::{Back, Forward};

/// The tag that holds what a promotion replaced.
fn previous_tag(alias: &str) -> String {
    format!("mlops.previous.{alias}")
}

/// A version and an alias as MLflow has them now.
struct Now {
    version: Option<ModelVersion>,
    /// Where the alias points.
    alias: Option<String>,
}

impl Now {
    async fn read(client: &Client, record: &ModelVersionRecord, alias: &str) -> Result<Self, Error> {
        Ok(Self {
            version: client.model_version(&record.name, &record.version).await?,
            alias: client
                .alias(&record.name, alias)
                .await?
                .map(|version| version.version),
        })
    }

    fn tag(&self, key: &str) -> Option<Expected> {
        let value = self.version.as_ref()?.tags.get(key)?;
        Some(if value == NO_VERSION {
            Expected::Nothing
        } else {
            Expected::Version(value.clone())
        })
    }
}

pub(crate) async fn promote(args: PromoteArgs, cx: &Context) -> Result<Finished, Error> {
    let client = args.mlflow.client(cx.ca_file())?;
    let given = record::<ModelVersionRecord>(&args.model_version, cx).await?;
    let record = &given.value;
    let now = Now::read(&client, record, &args.alias).await?;
    let mut report = begin(cx, &given, &args.alias);
    let registered = same_model(record, now.version.as_ref());
    let genuine = !registered.outcome.is_bad();
    report.checks.push(registered);

    let expected = args
        .expect
        .clone()
        .or_else(|| now.tag(&expected_tag(&args.alias)))
        .or_else(|| {
            let previous = record
                .previous_champion
                .as_ref()
                .filter(|previous| previous.alias == args.alias)?;
            Some(
                previous
                    .version
                    .clone()
                    .map_or(Expected::Nothing, Expected::Version),
            )
        });
    let forward = decide::forward(&record.version, now.alias.as_deref(), expected.as_ref());
    report.checks.push(alias_check(
        &args.alias,
        now.alias.as_deref(),
        expected.as_ref(),
        &record.version,
        &forward,
    ));
    let previous = match forward {
        _ if !genuine => return Ok(refused(report, cx, &given)),
        Forward::Refuse(_) => return Ok(refused(report, cx, &given)),
        Forward::AlreadyThere => now.tag(&previous_tag(&args.alias)),
        Forward::Move => {
            let replaced = now.alias.clone().unwrap_or_else(|| NO_VERSION.to_owned());
            let key = previous_tag(&args.alias);
            client
                .set_version_tag(&record.name, &record.version, &key, &replaced)
                .await?;
            client
                .set_alias(&record.name, &args.alias, &record.version)
                .await?;
            Some(now.alias.clone().map_or(Expected::Nothing, Expected::Version))
        }
    };
    stage(
        &client,
        &record.name,
        &record.version,
        args.stage,
        args.archive_previous,
    )
    .await?;
    let after = Now::read(&client, record, &args.alias).await?;
    let held = held(&args.alias, &record.version, after.alias.as_deref());
    let lost = held.outcome.is_bad();
    report.checks.push(held);
    if lost {
        return Ok(refused(report, cx, &given));
    }

    let mut promoted = record.clone();
    promoted.aliases = after
        .version
        .as_ref()
        .map(|version| version.aliases.clone())
        .unwrap_or_default();
    promoted.aliases.sort();
    promoted.stage = after
        .version
        .map(|version| version.current_stage)
        .filter(|stage| !matches!(stage.as_str(), "None" | ""));
    promoted.previous_champion = previous.map(|previous| PreviousVersion {
        alias: args.alias.clone(),
        version: match previous {
            Expected::Nothing => None,
            Expected::Version(version) => Some(version),
        },
    });
    let replaced = match promoted
        .previous_champion
        .as_ref()
        .and_then(|previous| previous.version.as_deref())
    {
        Some(version) => format!("it replaced version {version}"),
        None => "there was no version before it".to_owned(),
    };
    let again = if matches!(forward, Forward::AlreadyThere) {
        " already"
    } else {
        ""
    };
    report.reason = format!(
        "alias {} of {} points to version {}{again}; {replaced}",
        args.alias, record.name, record.version
    );
    report
        .sections
        .push(moved(&args.alias, now.alias.as_deref(), Some(&record.version)).into());
    let statement = statement(cx, &given).subject(&record.model_uri, &record.digest);
    Ok(Finished::decision("PROMOTED", report, statement).with_output(&args.promoted, promoted.to_json()))
}

pub(crate) async fn rollback(args: RollbackArgs, cx: &Context) -> Result<Finished, Error> {
    let client = args.mlflow.client(cx.ca_file())?;
    let given = record::<ModelVersionRecord>(&args.model_version, cx).await?;
    let record = &given.value;
    let now = Now::read(&client, record, &args.alias).await?;
    let mut report = begin(cx, &given, &args.alias);
    let previous = now.tag(&previous_tag(&args.alias));
    let back = decide::back(&record.version, now.alias.as_deref(), previous.as_ref());
    let check = Check::new(format!("alias:{}", args.alias), "alias")
        .observed(shown(now.alias.as_deref()))
        .bound(Bound::text(format!(
            "version {}, or where it was before",
            record.version
        )));
    let target = match back {
        Back::Nothing => {
            let why = format!(
                "version {} was never promoted to {}: there is nothing to take back",
                record.version, args.alias
            );
            report.checks.push(check.pass(why.clone()));
            report.reason = why;
            return Ok(Finished::decision("UNCHANGED", report, statement(cx, &given)));
        }
        Back::Refuse(why) => {
            report.checks.push(check.fail(why));
            return Ok(refused(report, cx, &given));
        }
        Back::AlreadyThere(target) => {
            report
                .checks
                .push(check.pass(format!("alias {} is back already", args.alias)));
            target
        }
        Back::Move(target) => {
            if let Expected::Version(version) = &target
                && client.model_version(&record.name, version).await?.is_none()
            {
                report.checks.push(check.fail(format!(
                    "version {version}, which alias {} pointed to before, is deleted: nothing was moved",
                    args.alias
                )));
                return Ok(refused(report, cx, &given));
            }
            report.checks.push(check.pass(format!(
                "alias {} points to version {}",
                args.alias, record.version
            )));
            match &target {
                Expected::Nothing => client.delete_alias(&record.name, &args.alias).await?,
                Expected::Version(version) => client.set_alias(&record.name, &args.alias, version).await?,
            }
            target
        }
    };
    let target = match target {
        Expected::Nothing => None,
        Expected::Version(version) => Some(version),
    };
    if let Some(version) = &target {
        stage(&client, &record.name, version, args.stage, args.archive_previous).await?;
    }
    let after = client
        .alias(&record.name, &args.alias)
        .await?
        .map(|version| version.version);
    if after != target {
        let check = Check::new("alias:after", "alias").observed(shown(after.as_deref()));
        report
            .checks
            .push(check.bound(Bound::equals(shown(target.as_deref()))).fail(format!(
                "alias {} points to {} after it was moved: somebody else moves it at the same time",
                args.alias,
                shown(after.as_deref())
            )));
        return Ok(refused(report, cx, &given));
    }
    report.reason = format!(
        "alias {} of {} points to {} again",
        args.alias,
        record.name,
        shown(target.as_deref())
    );
    report
        .sections
        .push(moved(&args.alias, now.alias.as_deref(), target.as_deref()).into());
    Ok(Finished::decision("ROLLED_BACK", report, statement(cx, &given)))
}

fn begin(cx: &Context, given: &Given<ModelVersionRecord>, alias: &str) -> Report {
    let record = &given.value;
    cx.report()
        .with_input(Input::new("model-version", &given.uri).digest(&given.digest))
        .with_binding("model.name", &record.name)
        .with_binding("model.version", &record.version)
        .with_binding("model.digest", &record.digest)
        .with_binding("run_id", &record.run_id)
        .with_parameter("alias", alias)
}

fn statement(cx: &Context, given: &Given<ModelVersionRecord>) -> provenance::StatementBuilder {
    let record = &given.value;
    cx.statement()
        .material(&given.uri, &given.digest)
        .material(&record.model_uri, &record.digest)
}

fn refused(mut report: Report, cx: &Context, given: &Given<ModelVersionRecord>) -> Finished {
    report.reason = crate::report::refusal(&report.checks);
    Finished::decision("REFUSED", report, statement(cx, given))
}

/// The version in MLflow is the one of the record: same name, number and digest.
fn same_model(record: &ModelVersionRecord, version: Option<&ModelVersion>) -> Check {
    let check = Check::new("version:digest", "version").bound(Bound::equals(record.digest.to_string()));
    let Some(version) = version else {
        return check.not_observed("no such version").fail(format!(
            "MLflow has no version {} of {}: it was deleted",
            record.version, record.name
        ));
    };
    match version.tags.get(DIGEST_TAG) {
        None => check.not_observed("no tag").fail(format!(
            "version {} of {} has no tag {DIGEST_TAG}: it is not the one that was registered",
            record.version, record.name
        )),
        Some(tag) => {
            let same = *tag == record.digest.to_string();
            check.observed(tag.as_str()).judge(
                same,
                if same {
                    format!("version {} is the model that was registered", record.version)
                } else {
                    format!(
                        "version {} of {} is another model by its tag: {tag}",
                        record.version, record.name
                    )
                },
            )
        }
    }
}

fn alias_check(
    alias: &str,
    now: Option<&str>,
    expected: Option<&Expected>,
    ours: &str,
    forward: &Forward,
) -> Check {
    let bound = match expected {
        Some(Expected::Version(version)) => format!("version {version}"),
        Some(Expected::Nothing) => "no version".to_owned(),
        None => "known".to_owned(),
    };
    let check = Check::new(format!("alias:{alias}"), "alias")
        .observed(shown(now))
        .bound(Bound::text(bound));
    match forward {
        Forward::Refuse(why) => check.fail(why.clone()),
        Forward::AlreadyThere => check.pass(format!("alias {alias} points to version {ours} already")),
        Forward::Move => check.pass(format!("alias {alias} points to {}, as expected", shown(now))),
    }
}

fn held(alias: &str, ours: &str, after: Option<&str>) -> Check {
    let good = after == Some(ours);
    Check::new("alias:after", "alias").observed(shown(after)).bound(Bound::equals(shown(Some(ours)))).judge(
        good,
        if good {
            format!("alias {alias} was read again: it points to version {ours}")
        } else {
            format!(
                "alias {alias} points to {} after it was set to version {ours}: somebody else moves it at the same time",
                shown(after)
            )
        },
    )
}

fn shown(version: Option<&str>) -> String {
    version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"))
}

fn moved(alias: &str, before: Option<&str>, after: Option<&str>) -> Table {
    Table::new("Alias", ["Alias", "Before", "After"]).row([
        alias.into(),
        shown(before).into(),
        shown(after).into(),
    ])
}

async fn stage(
    client: &Client,
    name: &str,
    version: &str,
    stage: Option<Stage>,
    archive_previous: bool,
) -> Result<(), Error> {
    if let Some(stage) = stage {
        client.set_stage(name, version, stage, archive_previous).await?;
    }
    Ok(())
}
