//! Whether the chain of evidence holds: one check a link. Pure.

mod champion;
mod run;
mod split;

pub(crate) use champion::{Against, against};

use std::collections::BTreeMap;

use provenance::{Digest, FileDigest, Statement, digest_files};
use step_report::{Bound, Check, Outcome, Report, Sample};

use crate::gather::{Evidence, Given, Kept};
use crate::metadata::Metadata;

/// What the caller lets pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy<'a> {
    pub(crate) train_split: &'a str,
    pub(crate) allow_warn: bool,
    pub(crate) accept_file_predictions: bool,
    pub(crate) require_statements: bool,
}

/// Every link of the chain, in the order in which things were made.
pub(crate) fn chain(policy: Policy<'_>, evidence: &Evidence, metadata: &Metadata) -> Vec<Check> {
    let run = &evidence.run.value;
    let validation = &evidence.validation.value;
    let evaluation = &evidence.evaluation.value;
    let mut checks = Vec::new();
    checks.extend(report_checks(
        "validation",
        validation,
        "data-validate",
        &["check", "merge"],
        policy,
    ));
    checks.push(bound_to(
        "dataset:validation",
        validation,
        "dataset.digest",
        &run.dataset.digest.to_string(),
        "the dataset that the model was trained on",
    ));
    let dataset = &evidence.dataset;
    let same = dataset.value.digest == run.dataset.digest;
    checks.push(
        Check::new("dataset:record", "dataset")
            .observed(dataset.value.digest.to_string())
            .bound(Bound::equals(run.dataset.digest.to_string()))
            .judge(
                same,
                sentence(same, &dataset.uri, "the dataset that the model was trained on"),
            ),
    );
    checks.extend(run::checks(run, evidence.mlflow.run.as_ref()));
    checks.push(model_files(
        &run.model.files,
        run.model.digest,
        &evidence.mlflow.model,
    ));
    checks.extend(report_checks(
        "evaluation",
        evaluation,
        "evaluate",
        &["gate"],
        policy,
    ));
    checks.push(bound_to(
        "evaluation:model",
        evaluation,
        "model.digest",
        &run.model.digest.to_string(),
        "the model of the run",
    ));
    checks.push(bound_to(
        "evaluation:run",
        evaluation,
        "run_id",
        &run.run_id,
        "the run",
    ));
    checks.push(bound_to(
        "dataset:evaluation",
        evaluation,
        "dataset.digest",
        &run.dataset.digest.to_string(),
        "the dataset that was validated and trained on",
    ));
    checks.push(split::check(evaluation, &dataset.value, policy.train_split));
    checks.push(scored_by(evaluation, policy));
    checks.extend(champion::check(evidence));
    for (name, step, subject, digest, statement) in [
        (
            "validation",
            "data-validate",
            &evidence.validation.uri,
            evidence.validation.digest,
            &evidence.validation_statement,
        ),
        (
            "training",
            "train-launch",
            &evidence.run.uri,
            evidence.run.digest,
            &evidence.training_statement,
        ),
        (
            "evaluation",
            "evaluate",
            &evidence.evaluation.uri,
            evidence.evaluation.digest,
            &evidence.evaluation_statement,
        ),
    ] {
        checks.push(stated(name, step, subject, digest, statement.as_ref(), policy));
    }
    checks.extend(metadata.checks());
    checks
}

/// Whether a check keeps the model out.
pub(crate) fn refuses(checks: &[Check]) -> bool {
    checks
        .iter()
        .any(|check| !matches!(check.outcome, Outcome::Pass | Outcome::Warn | Outcome::Skipped))
}

fn sentence(same: bool, what: &str, of: &str) -> String {
    if same {
        format!("{what} is of {of}")
    } else {
        format!("{what} is not of {of}")
    }
}

/// The right step, a verdict that lets pass, and checks that say the same as the verdict.
fn report_checks(
    name: &str,
    report: &Report,
    step: &str,
    commands: &[&str],
    policy: Policy<'_>,
) -> [Check; 3] {
    let right = report.step == step && commands.contains(&report.command.as_str());
    let observed = format!("{} {}", report.step, report.command);
    let made_by = Check::new(format!("{name}:step"), "report")
        .observed(observed.clone())
        .bound(Bound::text(format!("{step} {}", commands.join(" or "))))
        .judge(
            right,
            if right {
                format!("the {name} report is of {observed}")
            } else {
                format!(
                    "the {name} report is of {observed}, and {step} {} is needed",
                    commands.join(" or ")
                )
            },
        );
    let allowed = if policy.allow_warn { "PASS or WARN" } else { "PASS" };
    let verdict = Check::new(format!("{name}:verdict"), "report")
        .observed(report.verdict.as_str())
        .bound(Bound::text(allowed));
    let verdict = match report.verdict.as_str() {
        "PASS" => verdict.pass(format!("{name} says PASS: {}", report.reason)),
        "WARN" if policy.allow_warn => verdict.warn(format!("{name} says WARN: {}", report.reason)),
        "WARN" => verdict.fail(format!(
            "{name} says WARN, and --allow-warn is false: {}",
            report.reason
        )),
        other => verdict.fail(format!("{name} says {other}: {}", report.reason)),
    };
    [made_by, verdict, checks_agree(name, report)]
}

/// A report whose verdict was edited gives itself away by its checks.
fn checks_agree(name: &str, report: &Report) -> Check {
    let counts = report.counts();
    let check = Check::new(format!("{name}:checks"), "report").n(counts.total as u64);
    if counts.total == 0 {
        return check.fail(format!(
            "the {name} report has no check in it: nothing was judged"
        ));
    }
    let bad: Vec<&Check> = report
        .checks
        .iter()
        .filter(|check| check.outcome.is_bad())
        .collect();
    let samples = bad
        .iter()
        .take(5)
        .map(|check| Sample::new(&check.id).detail(&check.why));
    let check = check
        .observed(bad.len())
        .bound(Bound::at_most(0.0))
        .samples(samples);
    match bad.first() {
        None => check.pass(format!("none of the {} checks of {name} failed", counts.total)),
        Some(first) => check.fail(format!(
            "{} of {} checks of {name} failed, the first `{}`, whatever the verdict says",
            bad.len(),
            counts.total,
            first.id
        )),
    }
}

/// A binding of a report to what it judged.
fn bound_to(id: &str, report: &Report, binding: &str, expected: &str, of: &str) -> Check {
    let kind = id.split(':').next().unwrap_or(id);
    let check = Check::new(id, kind).bound(Bound::equals(expected));
    match report.bindings.get(binding) {
        None => check.not_observed("the report has no such binding").fail(format!(
            "the report of {} is bound to no `{binding}`: it may be of anything; run {} with what binds it",
            report.step, report.step
        )),
        Some(found) => {
            let same = found == expected;
            check.observed(found.as_str()).judge(
                same,
                if same {
                    format!("the report of {} is of {of}", report.step)
                } else {
                    format!(
                        "the report of {} has `{binding}` {found}, not {expected} of {of}",
                        report.step
                    )
                },
            )
        }
    }
}

/// Every file that MLflow keeps against every file that training left.
fn model_files(trained: &[FileDigest], digest: Digest, kept: &Result<Kept, String>) -> Check {
    let check = Check::new("model:files", "model").bound(Bound::equals(digest.to_string()));
    let kept = match kept {
        Ok(kept) => kept,
        Err(why) => {
            return check
                .not_observed("no files")
                .fail(format!("the model is not in MLflow: {why}"));
        }
    };
    let found = match digest_files(&kept.files) {
        Ok(found) => found,
        Err(error) => {
            return check
                .not_observed("no digest")
                .fail(format!("MLflow's files: {error}"));
        }
    };
    let check = check.observed(found.to_string()).n(kept.files.len() as u64);
    if found == digest {
        return check.pass(format!(
            "the {} files in MLflow are those that training left, every byte of {}",
            kept.files.len(),
            bytes(kept.files.iter().map(|file| file.size).sum())
        ));
    }
    let differences = differences(trained, &kept.files);
    let first = differences
        .first()
        .map_or_else(String::new, |(path, how)| format!(": `{path}` {how}"));
    check
        .samples(
            differences
                .iter()
                .take(20)
                .map(|(path, how)| Sample::new(path).detail(*how)),
        )
        .fail(format!(
            "{} of the model's files in MLflow are not those of run.json{first}",
            differences.len()
        ))
}

/// Paths that differ, and how.
fn differences(trained: &[FileDigest], kept: &[FileDigest]) -> Vec<(String, &'static str)> {
    let kept: BTreeMap<&str, &FileDigest> = kept.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut found = Vec::new();
    for file in trained {
        match kept.get(file.path.as_str()) {
            None => found.push((file.path.clone(), "is gone")),
            Some(other) if other.size != file.size => found.push((file.path.clone(), "has another size")),
            Some(other) if other.digest != file.digest => found.push((file.path.clone(), "has other bytes")),
            Some(_) => {}
        }
    }
    let known: Vec<&str> = trained.iter().map(|file| file.path.as_str()).collect();
    found.extend(
        kept.keys()
            .filter(|path| !known.contains(*path))
            .map(|path| ((*path).to_owned(), "is new")),
    );
    found
}

/// Who made the predictions that were judged.
fn scored_by(evaluation: &Report, policy: Policy<'_>) -> Check {
    let allowed = if policy.accept_file_predictions {
        "endpoint or file"
    } else {
        "endpoint"
    };
    let check = Check::new("evaluation:scored_by", "evaluation").bound(Bound::text(allowed));
    match evaluation.bindings.get("scored_by").map(String::as_str) {
        Some("endpoint") => check.observed("endpoint").pass("the model itself made the predictions"),
        Some("file") if policy.accept_file_predictions => check
            .observed("file")
            .warn("the predictions are from a file, which --accept-file-predictions accepts"),
        Some("file") => check.observed("file").fail(
            "the predictions are from a file: nobody saw this model make them; evaluate with --endpoint, or accept with --accept-file-predictions",
        ),
        Some(other) => check.observed(other).fail(format!("`{other}` is no way to make predictions")),
        None => check
            .not_observed("the report has no such binding")
            .fail("the evaluation does not say who made the predictions (`scored_by`)"),
    }
}

/// A statement that names the file by its digest, and is of the step that writes such files.
fn stated(
    name: &str,
    step: &str,
    subject: &str,
    digest: Digest,
    statement: Option<&Given<Statement>>,
    policy: Policy<'_>,
) -> Check {
    let check = Check::new(format!("statement:{name}"), "statement").bound(Bound::equals(digest.to_string()));
    let Some(statement) = statement else {
        return if policy.require_statements {
            check.not_observed("not given").fail(format!(
                "no statement of {name} is given, and --require-statements is set"
            ))
        } else {
            check.skipped(format!(
                "no statement given (--{name}-statement): that {subject} is as it was written is not proven"
            ))
        };
    };
    let by = statement.value.step().unwrap_or("another builder").to_owned();
    let names_it = statement.value.has_subject(&digest);
    let good = names_it && by == step;
    let check = check.observed(if names_it {
        digest.to_string()
    } else {
        "another digest".to_owned()
    });
    check.judge(
        good,
        match (names_it, by == step) {
            (true, true) => format!("{} names {subject} as {step} wrote it", statement.uri),
            (true, false) => format!("{} is by {by}, and {step} is needed", statement.uri),
            (false, _) => format!(
                "{} does not name {subject}: the file was changed after {step} wrote it, or is of another run",
                statement.uri
            ),
        },
    )
}

/// A size for people.
pub(crate) fn bytes(size: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    let size_f = size as f64;
    match size {
        0..=9_999 => format!("{size} bytes"),
        10_000..=999_999 => format!("{:.1} kB", size_f / 1e3),
        _ => format!("{:.1} MB", size_f / 1e6),
    }
}
