//! `promote`: the alias to the version that was registered.

use mlflow_client::Client;
use provenance::{Digest, ModelVersionRecord, PreviousVersion, Record};
use step_report::{Bound, Check};
use step_runtime::{Context, Finished};

use super::decide::{self, Forward};
use super::{
    Now, begin, bound, moved, previous_tag, refused, rolled_back_tag, shown, stage_tag, statement, target,
};
use crate::act::{NO_VERSION, expected_tag};
use crate::cli::{Expected, PromoteArgs};
use crate::decide::refuses;
use crate::error::Error;
use crate::gather::record;

/// Whether the version is the model that was judged.
fn is_judged(record: &ModelVersionRecord, judged: &Digest) -> Check {
    let good = record.digest == *judged;
    let what = format!(
        "version {} of {} has the digest {}",
        record.version, record.name, record.digest
    );
    let why = if good {
        format!("{what}, as the model that was judged")
    } else {
        format!("{what}, and the model that was judged has {judged}")
    };
    Check::new("judged", "version")
        .observed(record.digest.to_string())
        .bound(Bound::equals(judged.to_string()))
        .judge(good, why)
}

pub(crate) async fn promote(args: PromoteArgs, cx: &Context) -> Result<Finished, Error> {
    let client = args.mlflow.client(cx.ca_file())?;
    let given = record::<ModelVersionRecord>(&args.model_version, cx).await?;
    let record = &given.value;
    let now = Now::read(&client, record, &args.alias).await?;
    let mut report = begin(cx, &given, &args.alias).with_parameter("after_rollback", args.after_rollback);
    report.checks.extend(bound::checks(record, now.version.as_ref())?);
    report.checks.push(rolled_back(&args, record, &now));
    report.checks.extend(
        args.expect_digest
            .as_ref()
            .map(|judged| is_judged(record, judged)),
    );
    let expected = expected(&args, record, &now);
    let forward = decide::forward(&record.version, now.alias.as_deref(), expected.as_ref());
    report.checks.push(alias_check(
        &args.alias,
        now.alias.as_deref(),
        expected.as_ref(),
        &record.version,
        &forward,
    ));
    if refuses(&report.checks) {
        return Ok(refused(report, cx, &given));
    }
    let already = forward == Forward::AlreadyThere;
    let previous = if already {
        now.version_tag(&previous_tag(&args.alias))
    } else {
        if let Some(lost) = move_alias(&client, &args, record, &now).await? {
            report.checks.push(lost);
            return Ok(refused(report, cx, &given));
        }
        Some(now.alias.clone().map_or(Expected::Nothing, Expected::Version))
    };
    if now.tag(&rolled_back_tag(&args.alias)).is_some() {
        client
            .delete_version_tag(&record.name, &record.version, &rolled_back_tag(&args.alias))
            .await?;
    }
    if let Some(stage) = args.stage {
        // What `rollback` takes back: noted before it is given.
        client
            .set_version_tag(
                &record.name,
                &record.version,
                &stage_tag(&args.alias),
                stage.as_str(),
            )
            .await?;
        let moved = client
            .set_stage(&record.name, &record.version, stage, args.archive_previous)
            .await;
        match moved {
            Err(error) if error.is_no_call() => {
                tracing::warn!(
                    "this server has no stages: the alias {} alone tells the version",
                    args.alias
                );
            }
            moved => _ = moved?,
        }
    }
    let after = Now::read(&client, record, &args.alias).await?;
    let held = held(&args.alias, &record.version, after.alias.as_deref());
    let lost = held.outcome.is_bad();
    report.checks.push(held);
    if lost {
        return Ok(refused(report, cx, &given));
    }

    let promoted = promoted(record, &args.alias, after, previous);
    let replaced = match promoted
        .previous_champion
        .as_ref()
        .and_then(|previous| previous.version.as_deref())
    {
        Some(version) => format!("it replaced version {version}"),
        None => "there was no version before it".to_owned(),
    };
    let again = if already { " already" } else { "" };
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

/// Where the alias has to be: as the caller says, as the version says, as the record says.
fn expected(args: &PromoteArgs, record: &ModelVersionRecord, now: &Now) -> Option<Expected> {
    args.expect
        .clone()
        .or_else(|| now.version_tag(&expected_tag(&args.alias)))
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
        })
}

/// Moves the alias, unless somebody else does so first: the check that says so then.
async fn move_alias(
    client: &Client,
    args: &PromoteArgs,
    record: &ModelVersionRecord,
    now: &Now,
) -> Result<Option<Check>, Error> {
    let ModelVersionRecord { name, version, .. } = record;
    let previous = previous_tag(&args.alias);
    let replaced = now.alias.as_deref().unwrap_or(NO_VERSION);
    client.set_version_tag(name, version, &previous, replaced).await?;
    if args.stage.is_none() && now.tag(&stage_tag(&args.alias)).is_some() {
        // Of an earlier promotion: this one gives no stage that could be taken back.
        client
            .delete_version_tag(name, version, &stage_tag(&args.alias))
            .await?;
    }
    let before = target(client, record, &args.alias).await?;
    if before != now.alias {
        client.delete_version_tag(name, version, &previous).await?;
        let check = Check::new("alias:before", "alias").observed(shown(before.as_deref()));
        return Ok(Some(check.bound(Bound::equals(shown(now.alias.as_deref()))).fail(format!(
            "alias {} points to {} by now, and to {} when this began: somebody else moves it at the same time, and it was left there",
            args.alias,
            shown(before.as_deref()),
            shown(now.alias.as_deref())
        ))));
    }
    client.set_alias(name, &args.alias, version).await?;
    // Before the stages: one who lost the alias must not archive the version that has it.
    let after = target(client, record, &args.alias).await?;
    Ok(Some(held(&args.alias, version, after.as_deref())).filter(|held| held.outcome.is_bad()))
}

fn promoted(
    record: &ModelVersionRecord,
    alias: &str,
    after: Now,
    previous: Option<Expected>,
) -> ModelVersionRecord {
    let mut promoted = record.clone();
    let (aliases, stage) = after
        .version
        .map(|version| (version.aliases, version.current_stage))
        .unwrap_or_default();
    promoted.aliases = aliases;
    promoted.aliases.sort();
    promoted.stage = Some(stage).filter(|stage| !matches!(stage.as_str(), "None" | ""));
    promoted.previous_champion = previous.map(|previous| PreviousVersion {
        alias: alias.to_owned(),
        version: match previous {
            Expected::Nothing => None,
            Expected::Version(version) => Some(version),
        },
    });
    promoted
}

/// What was taken back for a reason does not come again unseen: not by a retry, not by a pipeline that was resumed.
fn rolled_back(args: &PromoteArgs, record: &ModelVersionRecord, now: &Now) -> Check {
    let check = Check::new("version:rolled_back", "version").bound(Bound::text("never"));
    let (alias, version) = (&args.alias, &record.version);
    match now.tag(&rolled_back_tag(alias)) {
        None => check
            .observed("never")
            .pass(format!("version {version} was not rolled back from {alias}")),
        Some(at) if args.after_rollback => check.observed(at).warn(format!(
            "version {version} was rolled back from {alias} at {at}, and --after-rollback promotes it again"
        )),
        Some(at) => check.observed(at).fail(format!(
            "version {version} was rolled back from {alias} at {at}: register another version, or promote this one again with --after-rollback"
        )),
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
