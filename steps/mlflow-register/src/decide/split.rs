//! Whether the model was judged on rows that it had not seen. A model knows the rows that it was trained on:
//! an evaluation on those says nothing of others.

use std::collections::BTreeSet;

use provenance::{Dataset, Digest, Split};
use step_report::{Bound, Check, Report};

/// The evaluation's split against the dataset's own: known, unchanged, and without a file of the training split.
pub(super) fn check(evaluation: &Report, dataset: &Dataset, trained_on: &str) -> Check {
    let check = Check::new("evaluation:split", "evaluation")
        .bound(Bound::text(format!("a split without a file of `{trained_on}`")));
    let bound = |key: &str| evaluation.bindings.get(key).map(String::as_str);
    let (Some(name), Some(digest)) = (bound("split"), bound("split.digest")) else {
        return check.not_observed("the report has no such binding").fail(
            "the evaluation is bound to no split: it may be of the rows that the model was trained on; run evaluate with --dataset and --split",
        );
    };
    let check = check.observed(name);
    let known = || {
        let names: Vec<&str> = dataset.splits.keys().map(String::as_str).collect();
        names.join(", ")
    };
    let Some(train) = dataset.splits.get(trained_on) else {
        return check.fail(format!(
            "the dataset has no split `{trained_on}`, so which rows trained the model is not known: say it with --train-split; it has {}",
            known()
        ));
    };
    let Some(judged) = dataset.splits.get(name) else {
        return check.fail(format!(
            "the evaluation is on the split `{name}`, which the dataset does not have: it has {}",
            known()
        ));
    };
    if judged.digest.to_string() != digest {
        return check.fail(format!(
            "the evaluation's split `{name}` has {digest}, and the dataset's has {}",
            judged.digest
        ));
    }
    if name == trained_on {
        return check.fail(format!(
            "the evaluation is on the split `{name}`, which the model was trained on: judge it on rows that it has not seen"
        ));
    }
    match shared(judged, train) {
        Some(uri) => check.fail(format!(
            "{uri} of the evaluation's split `{name}` is also in `{trained_on}`, which the model was trained on"
        )),
        None => check.pass(format!(
            "it was judged on the split `{name}`, of which no file is in `{trained_on}`"
        )),
    }
}

/// A file that is in both, whatever it is called.
fn shared<'a>(judged: &'a Split, train: &Split) -> Option<&'a str> {
    let trained: BTreeSet<Digest> = train.objects.iter().map(|object| object.digest).collect();
    let in_both = judged
        .objects
        .iter()
        .find(|object| trained.contains(&object.digest))?;
    Some(&in_both.uri)
}
