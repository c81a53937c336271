//! `rollback`: the alias, and the stages, to where they were before the promotion.

use mlflow_client::{Client, Stage};
use provenance::ModelVersionRecord;
use step_report::{Bound, Check};
use step_runtime::{Context, Finished};

use super::decide::{self, Back};
use super::{Now, begin, moved, previous_tag, refused, rolled_back_tag, shown, stage_tag, statement, target};
use crate::cli::{Expected, RollbackArgs};
use crate::error::Error;
use crate::gather::record;

pub(crate) async fn rollback(args: RollbackArgs, cx: &Context) -> Result<Finished, Error> {
    let client = args.mlflow.client(cx.ca_file())?;
    let given = record::<ModelVersionRecord>(&args.model_version, cx).await?;
    let record = &given.value;
    let now = Now::read(&client, record, &args.alias).await?;
    let mut report = begin(cx, &given, &args.alias);
    let previous = now.version_tag(&previous_tag(&args.alias));
    let back = decide::back(&record.version, now.alias.as_deref(), previous.as_ref());
    let check = Check::new(format!("alias:{}", args.alias), "alias")
        .observed(shown(now.alias.as_deref()))
        .bound(Bound::text(format!(
            "version {}, or where it was before",
            record.version
        )));
    let target_before = match &back {
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
        Back::AlreadyThere(before) | Back::Move(before) => match before {
            Expected::Nothing => None,
            Expected::Version(version) => Some(version.as_str()),
        },
    };
    let moves = matches!(back, Back::Move(_));
    if moves
        && let Some(version) = target_before
        && client.model_version(&record.name, version).await?.is_none()
    {
        report.checks.push(check.fail(format!(
            "version {version}, which alias {} pointed to before, is deleted: nothing was moved",
            args.alias
        )));
        return Ok(refused(report, cx, &given));
    }
    report.checks.push(check.pass(if moves {
        format!("alias {} points to version {}", args.alias, record.version)
    } else {
        format!("alias {} is back already", args.alias)
    }));
    mark(&client, record, &args.alias, &now, cx).await?;
    if moves {
        match target_before {
            None => client.delete_alias(&record.name, &args.alias).await?,
            Some(version) => client.set_alias(&record.name, &args.alias, version).await?,
        }
    }
    let stages = stages(&client, record, &args, &now, target_before).await?;
    let after = target(&client, record, &args.alias).await?;
    if after.as_deref() != target_before {
        let check = Check::new("alias:after", "alias").observed(shown(after.as_deref()));
        report
            .checks
            .push(check.bound(Bound::equals(shown(target_before))).fail(format!(
                "alias {} points to {} after it was moved: somebody else moves it at the same time",
                args.alias,
                shown(after.as_deref())
            )));
        return Ok(refused(report, cx, &given));
    }
    report.reason = format!(
        "alias {} of {} points to {} again{stages}",
        args.alias,
        record.name,
        shown(target_before)
    );
    report
        .sections
        .push(moved(&args.alias, now.alias.as_deref(), target_before).into());
    Ok(Finished::decision("ROLLED_BACK", report, statement(cx, &given)))
}

/// Notes on the version that it was taken back, before it is: `promote` does not bring it again then.
async fn mark(
    client: &Client,
    record: &ModelVersionRecord,
    alias: &str,
    now: &Now,
    cx: &Context,
) -> Result<(), Error> {
    let key = rolled_back_tag(alias);
    if now.tag(&key).is_none() {
        let at = cx.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        client
            .set_version_tag(&record.name, &record.version, &key, &at)
            .await?;
    }
    Ok(())
}

/// Gives the version before its stage back, and archives the one that had it. Says what was done.
async fn stages(
    client: &Client,
    record: &ModelVersionRecord,
    args: &RollbackArgs,
    now: &Now,
    before: Option<&str>,
) -> Result<String, Error> {
    let given: Option<Stage> = now
        .tag(&stage_tag(&args.alias))
        .and_then(|stage| stage.parse().ok());
    let Some(stage) = args.stage.or(given) else {
        return Ok(String::new());
    };
    let mut said = String::new();
    if let Some(version) = before {
        client
            .set_stage(&record.name, version, stage, args.archive_previous)
            .await?;
        said.push_str(&format!("; it is in the stage {stage}"));
    }
    let ours = client.model_version(&record.name, &record.version).await?;
    if ours.is_some_and(|ours| ours.current_stage == stage.as_str()) {
        client
            .set_stage(&record.name, &record.version, Stage::Archived, false)
            .await?;
        said.push_str(&format!("; version {} is in the stage Archived", record.version));
    }
    Ok(said)
}
