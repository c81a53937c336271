//! Is there evidence for every gate? Asked before anything is read: a gate that nobody can judge is never skipped.

use step_runtime::StepError;

use super::cli::{GateArgs, names};
use crate::config::Gates;
use crate::config::behaviour::Test;

/// Refuses gates whose evidence was not given, with the flag to add.
pub(super) fn check(args: &GateArgs, gates: &Gates, tests: &[Test]) -> Result<(), StepError> {
    match find(args, gates, tests) {
        Some(message) => Err(StepError::usage(message)),
        None => Ok(()),
    }
}

fn find(args: &GateArgs, gates: &Gates, tests: &[Test]) -> Option<String> {
    sources(args)
        .or_else(|| records(args))
        .or_else(|| gated(args, gates, tests))
        .or_else(|| repository(args))
}

/// A name that no repository has is a wrong flag, and not a notification that failed.
fn repository(args: &GateArgs) -> Option<String> {
    let given = args.github_repository.as_deref()?;
    let valid = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let named = given.split_once('/');
    let is_one = named.is_some_and(|(owner, name)| valid(owner) && valid(name));
    (!is_one).then(|| format!("--github-repository is `{given}`: OWNER/NAME is needed"))
}

fn sources(args: &GateArgs) -> Option<String> {
    let challenger = (args.predictions.is_some(), args.endpoint.is_some());
    let champion = (
        args.champion_predictions.is_some(),
        args.champion_endpoint.is_some(),
    );
    match challenger {
        (false, false) => {
            return Some(
                "there is no challenger: add --predictions FILE, or --endpoint URL with --model and --data"
                    .into(),
            );
        }
        (true, true) => {
            return Some("--predictions and --endpoint are both given: score the challenger one way".into());
        }
        _ => {}
    }
    if champion == (true, true) {
        return Some(
            "--champion-predictions and --champion-endpoint are both given: score the champion one way"
                .into(),
        );
    }
    if challenger.1 && args.model.is_none() {
        return Some("--endpoint needs the model's name on that server: add --model NAME".into());
    }
    if champion.1 && args.champion_model.is_none() && args.model.is_none() {
        return Some(
            "--champion-endpoint needs the model's name on that server: add --champion-model NAME".into(),
        );
    }
    if (challenger.1 || champion.1) && args.data.is_none() && args.split.is_none() {
        return Some("an endpoint needs rows to score: add --data, or --dataset with --split".into());
    }
    None
}

fn records(args: &GateArgs) -> Option<String> {
    match (&args.dataset, &args.split) {
        (Some(_), None) => Some("--dataset binds the report to one split of it: add --split NAME".into()),
        (None, Some(_)) => Some("--split names a part of a dataset: add --dataset dataset.json".into()),
        _ => None,
    }
}

fn gated(args: &GateArgs, gates: &Gates, tests: &[Test]) -> Option<String> {
    let champion = args.champion_predictions.is_some() || args.champion_endpoint.is_some();
    if !gates.champion.is_empty() && !champion && gates.first_model.is_none() {
        return Some(
            "champion_improvement is gated and no champion is given: add --champion-predictions FILE or \
             --champion-endpoint URL; for the first model of its name say \
             `champion: {first_model: pass_thresholds}` (or `refuse`) in the gates file"
                .into(),
        );
    }
    if gates.latency.is_some() && args.endpoint.is_none() && args.load_report.is_none() {
        return Some(
            "latency is gated and was not measured: add --load-report load.json, or --endpoint URL".into(),
        );
    }
    if gates.latency.is_some() && args.load_report.is_some() && args.model.is_none() {
        return Some(
            "--load-report is held to be about the challenger, whose name is not known: add --model NAME, as evaluate \
             load was given it"
                .into(),
        );
    }
    let sensitive = names(&args.sensitive_columns);
    if gates
        .fairness
        .as_ref()
        .is_some_and(|fairness| fairness.columns.is_empty())
        && sensitive.is_empty()
    {
        return Some(
            "fairness is gated and no sensitive column is named: add --sensitive-columns NAMES, or \
             `columns` under fairness, or `enabled: false`"
                .into(),
        );
    }
    let sliced = gates.thresholds.iter().find(|gate| gate.on.slices);
    if let Some(gate) = sliced
        && gates.slices.columns.is_empty()
        && names(&args.slice_columns).is_empty()
    {
        return Some(format!(
            "{} is gated on every slice and no slice column is named: add --slice-columns NAMES",
            gate.metric
        ));
    }
    if !tests.is_empty() && args.endpoint.is_none() {
        return Some("behavioural tests ask the model: add --endpoint URL with --model and --data".into());
    }
    None
}
