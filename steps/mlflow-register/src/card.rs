//! The model card: Markdown with Hugging Face front matter, from the evidence and the team's own words.

use std::collections::BTreeSet;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::{Value, json};
use step_report::Check;

use crate::config::CardConfig;
use crate::gather::Evidence;
use crate::metadata::{Dependencies, Deployment};

const TEMPLATE: &str = include_str!("card.md.j2");

/// Most rows of a table in the card: the report has them all.
const ROWS: usize = 60;

#[derive(Serialize)]
struct Row {
    name: String,
    metric: String,
    slice: String,
    value: String,
    interval: String,
    bound: String,
    n: String,
    outcome: &'static str,
}

/// Renders the card. The version number is not in it: the card is there before the version is.
pub(crate) fn render(
    name: &str,
    evidence: &Evidence,
    deployment: &Deployment,
    dependencies: &Dependencies,
) -> Result<String, minijinja::Error> {
    let none = CardConfig::default();
    let team = evidence.card.as_ref().map_or(&none, |given| &given.value);
    let run = &evidence.run.value;
    let evaluation = &evidence.evaluation.value;
    let validation = &evidence.validation.value;
    let checks = &evaluation.checks;
    let rows = |of: fn(&Check) -> bool| {
        checks
            .iter()
            .filter(|check| of(check))
            .map(row)
            .collect::<Vec<Row>>()
    };
    let slices = rows(|check| measures(check) && check.target.slice.is_some());
    let pinned = dependencies
        .packages
        .iter()
        .filter(|package| package.pinned)
        .count();
    let context = json!({
        "name": name,
        "front_matter": front_matter(name, evidence, team, deployment),
        "team": team,
        "missing": team.missing(),
        "metrics": rows(|check| measures(check) && check.target.slice.is_none()),
        "slices": slices.iter().take(ROWS).collect::<Vec<_>>(),
        "slices_left_out": slices.len().saturating_sub(ROWS),
        "champion": rows(|check| check.kind.starts_with("champion")).into_iter().take(ROWS).collect::<Vec<_>>(),
        "behaviour": rows(|check| check.kind == "behaviour"),
        "fairness": rows(|check| check.kind == "fairness"),
        "latency": rows(|check| check.kind == "latency"),
        "warnings": evaluation.checks.iter().chain(&validation.checks)
            .filter(|check| check.outcome.word() == "warn" || check.outcome.word() == "insufficient")
            .take(ROWS).map(|check| &check.why).collect::<Vec<_>>(),
        "run": run,
        "dataset": evidence.dataset.value,
        "deployment": deployment,
        "flavour": deployment.summary(),
        "python": dependencies.python,
        "packages": dependencies.packages,
        "pinned": pinned,
        "evaluation": { "verdict": evaluation.verdict, "reason": evaluation.reason, "digest": evidence.evaluation.digest },
        "validation": { "verdict": validation.verdict, "reason": validation.reason, "digest": evidence.validation.digest },
        "scored_by": evaluation.bindings.get("scored_by"),
    });
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    environment.add_filter("cell", |text: String| cell(&text));
    environment.add_filter("line", |text: String| line(&text));
    environment.render_str(TEMPLATE, Serde(context))
}

/// A text that stays inside of its table cell.
fn cell(text: &str) -> String {
    line(&text.replace('\\', "\\\\").replace('|', "\\|"))
}

/// A text of others that stays on its line, and is no HTML: the card is shown by MLflow, among others.
fn line(text: &str) -> String {
    text.replace(['\n', '\r'], " ").replace('<', "&lt;")
}

/// Whether a check measured how good the model is. A comparison with the champion observes a difference, a behavioural test
/// a share of its own rows, fairness a distance of groups, latency the server.
fn measures(check: &Check) -> bool {
    let other = check.kind.starts_with("champion")
        || ["behaviour", "fairness", "latency"].contains(&check.kind.as_str());
    check.target.metric.is_some() && number(check).is_some() && !other
}

fn number(check: &Check) -> Option<f64> {
    check.observed.as_ref().and_then(step_report::Observed::number)
}

fn row(check: &Check) -> Row {
    let format = check.format;
    let metric = check.target.metric.clone().unwrap_or_default();
    Row {
        // What the check is called within its kind: the name of a behavioural test.
        name: check
            .id
            .split_once(':')
            .map_or(check.id.as_str(), |(_, name)| name)
            .to_owned(),
        metric: check
            .target
            .column
            .as_ref()
            .map_or(metric.clone(), |column| format!("{metric} over {column}")),
        slice: check
            .target
            .slice
            .clone()
            .unwrap_or_else(|| "all rows".to_owned()),
        value: check
            .observed
            .as_ref()
            .map_or_else(String::new, |observed| observed.display(format)),
        interval: check
            .interval
            .as_ref()
            .map_or_else(String::new, |interval| interval.display(format)),
        bound: check.bound.as_ref().map_or_else(String::new, |bound| {
            bound
                .display(format)
                .replace(">=", "\u{2265}")
                .replace("<=", "\u{2264}")
        }),
        n: check.n.map_or_else(String::new, |n| n.to_string()),
        outcome: check.outcome.word(),
    }
}

/// The front matter of <https://github.com/huggingface/hub-docs/blob/main/modelcard.md>.
fn front_matter(name: &str, evidence: &Evidence, team: &CardConfig, deployment: &Deployment) -> String {
    let run = &evidence.run.value;
    let mut known = BTreeSet::new();
    let metrics: Vec<Value> = evidence
        .evaluation
        .value
        .checks
        .iter()
        .filter(|check| measures(check) && check.target.slice.is_none())
        // One metric may be held to a lower and an upper bound.
        .filter(|check| known.insert(&check.target))
        .map(|check| json!({ "type": check.target.metric, "value": number(check), "name": row(check).metric }))
        .collect();
    let task = team.task.as_deref().unwrap_or("tabular-classification");
    let dataset_name = team.dataset_name.as_deref().unwrap_or(&run.experiment);
    let mut tags = vec!["mlflow".to_owned()];
    tags.extend(team.tags.iter().cloned());
    let mut matter = json!({
        "library_name": deployment.flavour,
        "tags": tags,
        "model-index": [{
            "name": name,
            "results": [{
                "task": { "type": task },
                "dataset": {
                    "name": dataset_name,
                    "type": dataset_name,
                    "split": evidence.evaluation.value.bindings.get("split"),
                    "revision": run.dataset.digest,
                    "args": { "version": run.dataset.version },
                },
                "metrics": metrics,
            }],
        }],
    });
    if let Some(license) = &team.license {
        matter["license"] = json!(license);
    }
    // Maps with text keys and plain values: YAML holds them all.
    serde_yaml::to_string(&matter)
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}
