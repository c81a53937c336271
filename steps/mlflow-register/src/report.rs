//! The report and the other texts of `register`. Assembles, never decides.

use provenance::{ModelVersionRecord, StatementBuilder};
use serde::Serialize;
use serde_json::{Value, json};
use step_report::{Check, Input, Note, Outcome, Report, Table};

use crate::act::Registered;
use crate::cli::RegisterArgs;
use crate::error::Error;
use crate::gather::Evidence;
use crate::metadata::{Deployment, Metadata};

/// What was asked and what was read.
pub(crate) fn begin(report: Report, args: &RegisterArgs, evidence: &Evidence) -> Report {
    let run = &evidence.run.value;
    let mut report = report
        .with_binding("model.name", &args.name)
        .with_binding("model.digest", &run.model.digest)
        .with_binding("dataset.digest", &run.dataset.digest)
        .with_binding("run_id", &run.run_id)
        .with_binding("validation.digest", &evidence.validation.digest)
        .with_binding("evaluation.digest", &evidence.evaluation.digest)
        .with_parameter("name", args.name.as_str())
        .with_parameter("stage", args.stage.as_str())
        .with_parameter("alias", args.alias.as_str())
        .with_parameter("champion_alias", args.champion_alias.as_str())
        .with_parameter("train_split", args.train_split.as_str())
        .with_parameter("allow_warn", args.allow_warn)
        .with_parameter("accept_file_predictions", args.accept_file_predictions)
        .with_parameter("require_statements", args.require_statements);
    for (name, uri, digest) in inputs(evidence) {
        report = report.with_input(Input::new(name, uri).digest(&digest));
    }
    report.with_input(Input::new("model", &run.model.uri).digest(&run.model.digest))
}

fn inputs(evidence: &Evidence) -> Vec<(&'static str, &str, provenance::Digest)> {
    let mut inputs = vec![
        ("run", evidence.run.uri.as_str(), evidence.run.digest),
        (
            "validation",
            evidence.validation.uri.as_str(),
            evidence.validation.digest,
        ),
        (
            "evaluation",
            evidence.evaluation.uri.as_str(),
            evidence.evaluation.digest,
        ),
        ("dataset", evidence.dataset.uri.as_str(), evidence.dataset.digest),
    ];
    inputs.extend(
        evidence
            .card
            .iter()
            .map(|given| ("card-config", given.uri.as_str(), given.digest)),
    );
    for (name, given) in [
        ("validation-statement", &evidence.validation_statement),
        ("training-statement", &evidence.training_statement),
        ("evaluation-statement", &evidence.evaluation_statement),
    ] {
        inputs.extend(given.iter().map(|given| (name, given.uri.as_str(), given.digest)));
    }
    inputs
}

/// The lineage: everything that the decision rests on, by digest.
pub(crate) fn materials(mut statement: StatementBuilder, evidence: &Evidence) -> StatementBuilder {
    let run = &evidence.run.value;
    for (_, uri, digest) in inputs(evidence) {
        statement = statement.material(uri, &digest);
    }
    statement
        .material(&run.model.uri, &run.model.digest)
        .material(&format!("dataset:{}", run.dataset.version), &run.dataset.digest)
}

/// Why nothing was registered.
pub(crate) fn refusal(checks: &[Check]) -> String {
    let bad: Vec<&Check> = checks
        .iter()
        .filter(|check| !matches!(check.outcome, Outcome::Pass | Outcome::Warn | Outcome::Skipped))
        .collect();
    match bad.as_slice() {
        [] => "the chain of evidence does not hold".to_owned(),
        [one] => one.why.clone(),
        [first, rest @ ..] => format!("{} (and {} more)", first.why, rest.len()),
    }
}

/// What was registered.
pub(crate) fn finish(
    report: &mut Report,
    record: &ModelVersionRecord,
    registered: &Registered,
    metadata: &Metadata,
) {
    let counts = report.counts();
    let warned = if counts.warn == 0 {
        String::new()
    } else {
        format!(", {} with a warning", counts.warn)
    };
    let again = if registered.was_there {
        " (it was there already)"
    } else {
        ""
    };
    report.reason = format!(
        "model {} is version {} of {}{again}: {} links of the chain hold{warned}",
        record.digest.short(),
        record.version,
        record.name,
        counts.pass + counts.warn
    );
    report
        .bindings
        .insert("model.version".to_owned(), record.version.clone());
    report
        .bindings
        .insert("model.uri".to_owned(), record.model_uri.clone());
    let previous = record.previous_champion.as_ref();
    let champion = previous.map_or_else(
        || "not known".to_owned(),
        |previous| {
            let version = previous
                .version
                .as_deref()
                .map_or("none".to_owned(), |version| format!("version {version}"));
            format!("{} (alias {})", version, previous.alias)
        },
    );
    let mut table = Table::new("Registered", ["What", "Value"]);
    let aliases = if record.aliases.is_empty() {
        "none".to_owned()
    } else {
        record.aliases.join(", ")
    };
    for (what, value) in [
        ("Model", record.model_uri.clone()),
        ("Digest", record.digest.to_string()),
        ("Stage", record.stage.clone().unwrap_or_else(|| "None".to_owned())),
        ("Aliases", aliases),
        ("Champion at registration", champion),
        ("Source", record.source.clone()),
        ("Run", record.run_id.clone()),
        ("Data", record.dataset.version.clone()),
        (
            "Flavour",
            metadata
                .deployment
                .as_ref()
                .map_or_else(String::clone, Deployment::summary),
        ),
    ] {
        table.push([what.into(), value.into()]);
    }
    report.sections.push(table.into());
    report.sections.push(packages(metadata).into());
    report.notes.extend(registered.notes.iter().map(Note::info));
    if !metadata.dependencies.unread.is_empty() {
        report.notes.push(Note::warn(format!(
            "not read as packages: {}",
            metadata.dependencies.unread.join("; ")
        )));
    }
}

fn packages(metadata: &Metadata) -> Table {
    let python = metadata.dependencies.python.as_deref().unwrap_or("not said");
    let mut table =
        Table::new("Dependencies", ["Package", "Version", "Pinned"]).note(format!("Python: {python}."));
    for package in &metadata.dependencies.packages {
        let version = package.version.as_deref().unwrap_or("any");
        let outcome = if package.pinned {
            Outcome::Pass
        } else {
            Outcome::Warn
        };
        table.push([package.name.as_str().into(), version.into(), outcome.into()]);
    }
    table
}

/// The deployment metadata with the version that they are of.
pub(crate) fn deployed(deployment: &Deployment, record: &ModelVersionRecord) -> Value {
    let mut value = json!({
        "schema": "mlops-steps/deployment/v1",
        "model": {
            "name": record.name,
            "version": record.version,
            "uri": record.model_uri,
            "digest": record.digest,
            "tracking_uri": record.tracking_uri,
        },
    });
    if let (Some(all), Ok(Value::Object(fields))) = (value.as_object_mut(), serde_json::to_value(deployment))
    {
        all.extend(fields);
    }
    value
}

/// Indented JSON with a final newline.
pub(crate) fn json(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::Internal(format!("an output cannot be written: {error}")))?;
    text.push(b'\n');
    Ok(text)
}

/// What `--dry-run` prints.
pub(crate) fn plan(args: &RegisterArgs, evidence: &Evidence, checks: &[Check], refused: bool) -> String {
    let mut lines: Vec<String> = checks
        .iter()
        .map(|check| format!("{:<12} {:<24} {}", check.outcome, check.id, check.why))
        .collect();
    lines.push(if refused {
        format!("would be REFUSED: {}", refusal(checks))
    } else {
        format!(
            "would register {} of {} as {}, stage {}, alias {}",
            evidence.run.value.model.digest, evidence.run.value.model.uri, args.name, args.stage, args.alias
        )
    });
    lines.join("\n")
}
