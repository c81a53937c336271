//! `resolve`: which version an alias points to, and by which digest: what a pipeline holds its challenger to.

use mlflow_client::ModelVersion;
use provenance::Digest;
use step_report::{Check, Report};
use step_runtime::{Context, Finished};

use crate::cli::ResolveArgs;
use crate::error::Error;
use crate::metadata::{DIGEST_TAG, digest_of};

pub(crate) async fn run(args: ResolveArgs, cx: &Context) -> Result<Finished, Error> {
    let client = args.mlflow.client(cx.ca_file())?;
    let found = client.alias(&args.name, &args.alias).await?;
    let mut report = cx
        .report()
        .with_binding("model.name", &args.name)
        .with_parameter("alias", args.alias.as_str());
    let check = Check::new(format!("alias:{}", args.alias), "alias");
    let Some(version) = found else {
        let why = format!("no version of {} has the alias {}", args.name, args.alias);
        if args.required {
            report.checks.push(check.not_observed("no such alias").fail(why));
            return Ok(end(&args, report, cx, "REFUSED", None));
        }
        report.checks.push(check.not_observed("no such alias").pass(why));
        return Ok(end(&args, report, cx, "NONE", None));
    };
    let check = check.observed(version.version.clone());
    match digest(&version) {
        Ok(digest) => {
            report.checks.push(check.pass(format!(
                "{} of {} is version {}: {digest}",
                args.alias, args.name, version.version
            )));
            report = report
                .with_binding("model.version", &version.version)
                .with_binding("model.digest", &digest.to_string());
            Ok(end(&args, report, cx, "FOUND", Some((&version, digest))))
        }
        Err(why) => {
            report.checks.push(check.fail(why));
            Ok(end(&args, report, cx, "REFUSED", None))
        }
    }
}

/// A version without a digest is nobody's word: nothing can be held to it.
fn digest(version: &ModelVersion) -> Result<Digest, String> {
    digest_of(version)
        .map_err(|error| error.to_string())?
        .ok_or_else(|| {
            format!(
                "version {} of {} has no tag {DIGEST_TAG}: register it with `mlflow-register register`",
                version.version, version.name
            )
        })
}

fn end(
    args: &ResolveArgs,
    mut report: Report,
    cx: &Context,
    verdict: &str,
    found: Option<(&ModelVersion, Digest)>,
) -> Finished {
    report.reason = report
        .checks
        .first()
        .map(|check| check.why.clone())
        .unwrap_or_default();
    let (uri, digest, version) = match found {
        Some((version, digest)) => (
            // By number: an alias may have moved by the time that this is read.
            format!("models:/{}/{}", version.name, version.version),
            digest.to_string(),
            version.version.clone(),
        ),
        None => Default::default(),
    };
    Finished::decision(verdict, report, cx.statement())
        .with_parameter(&args.model_uri, uri)
        .with_parameter(&args.model_digest, digest)
        .with_parameter(&args.version, version)
}
